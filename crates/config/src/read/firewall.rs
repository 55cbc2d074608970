//! Whom a container may talk to outside (spec 1.16).

use super::Reader;
use crate::{
    diagnostic::Severity,
    fields::Fields,
    model::Firewall,
    yaml::{Node, Value},
};
use guise_model::{AddressRange, Outbound};
use std::net::Ipv4Addr;

impl Reader<'_> {
    /// `firewall`; wrong rules are reported and left out.
    pub fn firewall(&mut self, node: &Node) -> Option<Firewall> {
        let fields = Fields::read(node, "`firewall`", &["outbound"], Severity::Error, self.report);
        let rules = fields.get("outbound")?;
        let Value::Sequence(rules) = &rules.value else {
            let message = format!("`outbound` must be a list of rules, not {}", rules.kind());
            self.report.error("wrong-kind", &rules.span, message);
            return None;
        };
        Some(Firewall {
            outbound: rules.iter().filter_map(|rule| self.outbound(rule)).collect(),
        })
    }

    fn outbound(&mut self, rule: &Node) -> Option<Outbound> {
        let known = ["protocol", "ips", "domains", "ports"];
        let fields = Fields::read(rule, "an outbound rule", &known, Severity::Error, self.report);
        let _only_one = fields.choice("protocol", &[("tcp", ())], self.report);
        if ["ips", "domains", "ports"]
            .iter()
            .all(|key| fields.get(key).is_none())
        {
            let message = "an outbound rule needs `ips`, `domains` or `ports`";
            self.report.error("empty-rule", &rule.span, message);
            return None;
        }
        if let (Some(_), Some(domains)) = (fields.get("ips"), fields.get("domains")) {
            let message = "an outbound rule has either `ips` or `domains`";
            let finding = self.report.error("exclusive-keys", &domains.span, message);
            finding.help("write two rules: a connection is allowed if any of them matches");
            return None;
        }
        let domains = self.each(&fields, "domains", "a complete host name", host_name);
        let mut ips = self.each(&fields, "ips", "an IPv4 address range", range);
        if fields.get("ips").is_none() && fields.get("domains").is_none() {
            ips.extend(AddressRange::new(Ipv4Addr::UNSPECIFIED, 0));
        }
        let ports = self.each(&fields, "ports", "a port from 1 to 65535", port);
        Some(Outbound { ips, domains, ports })
    }

    /// The items of a list, those reported that `read` does not take.
    fn each<T>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let items = match &node.value {
            Value::Sequence(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut all = Vec::new();
        for item in items {
            let text = item.as_text().map(str::to_owned);
            let text = text.or_else(|| item.as_integer().map(|number| number.to_string()));
            let text = text.unwrap_or_else(|| item.kind().to_string());
            match read(&text) {
                Some(value) => all.push(value),
                None => {
                    let message = format!("`{text}` is not {wanted}");
                    self.report.error("wrong-value", &item.span, message);
                }
            }
        }
        all
    }
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port != 0)
}

/// `192.0.2.0/24`, or one address. Bits beyond the prefix are taken as zeros.
fn range(text: &str) -> Option<AddressRange> {
    let (network, bits) = text.split_once('/').unwrap_or((text, "32"));
    AddressRange::new(network.parse().ok()?, bits.parse().ok()?)
}

/// A host name with at least one dot, as DNS knows it (RFC 1123), without the dot at its end.
fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let is_name = name.len() <= 253 && name.contains('.') && name.split('.').all(is_label);
    (is_name && name.parse::<Ipv4Addr>().is_err()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_with_and_without_a_prefix() {
        let read = |text| range(text).map(|range| range.to_string());
        assert_eq!(read("192.0.2.77/24"), Some("192.0.2.0/24".into()));
        assert_eq!(read("192.0.2.77"), Some("192.0.2.77/32".into()));
        assert_eq!(read("1.2.3.4/0"), Some("0.0.0.0/0".into()));
        for text in ["192.0.2.0/33", "192.0.2.0/", "::1/64", "all", "/24"] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn host_names_are_complete() {
        assert_eq!(host_name("API.Example.com.").as_deref(), Some("api.example.com"));
        for text in [
            "localhost",
            "*.example.com",
            "a..b",
            "1.2.3.4",
            "exa mple.com",
            "",
        ] {
            assert_eq!(host_name(text), None, "{text}");
        }
    }
}
