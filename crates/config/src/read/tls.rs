//! What a route asks of TLS (spec 3.6).

use super::Reader;
use crate::{
    diagnostic::Severity,
    fields::Fields,
    model::{ClientAuthentication, RouteTls, StrictTransportSecurity, TlsVersion},
};

pub const KEYS: [&str; 4] = [
    "min_version",
    "strict_transport_security",
    "client_authentication",
    "client_certificate_authorities",
];
pub const VERSIONS: [(&str, TlsVersion); 2] =
    [("TLSv1.2", TlsVersion::Tls12), ("TLSv1.3", TlsVersion::Tls13)];
pub const AUTHENTICATION: [(&str, ClientAuthentication); 2] = [
    ("request", ClientAuthentication::Request),
    ("require", ClientAuthentication::Require),
];

impl Reader<'_> {
    /// `tls` of a route.
    pub fn tls(&mut self, route: &Fields<'_>) -> RouteTls {
        let Some(node) = route.get("tls") else {
            return RouteTls::default();
        };
        let fields = Fields::read(node, "`tls`", &KEYS, Severity::Warning, self.report);
        let authorities = fields.texts("client_certificate_authorities", self.report);
        let tls = RouteTls {
            min_version: fields.choice("min_version", &VERSIONS, self.report),
            strict_transport_security: self.strict_transport_security(&fields),
            client_authentication: fields.choice("client_authentication", &AUTHENTICATION, self.report),
            client_certificate_authorities: authorities,
        };
        self.check_authorities(&fields, &tls);
        tls
    }

    fn strict_transport_security(&mut self, tls: &Fields<'_>) -> StrictTransportSecurity {
        let Some(node) = tls.get("strict_transport_security") else {
            return StrictTransportSecurity::default();
        };
        let known = ["enabled", "include_subdomains", "preload"];
        let what = "`strict_transport_security`";
        let fields = Fields::read(node, what, &known, Severity::Warning, self.report);
        StrictTransportSecurity {
            enabled: fields.truth("enabled", self.report),
            include_subdomains: fields.truth("include_subdomains", self.report),
            preload: fields.truth("preload", self.report),
        }
    }

    fn check_authorities(&mut self, fields: &Fields<'_>, tls: &RouteTls) {
        if let Some(node) = fields.get("client_certificate_authorities")
            && let Some(other) = tls
                .client_certificate_authorities
                .iter()
                .find(|text| !text.contains("-----BEGIN CERTIFICATE-----"))
        {
            let begin: String = other.chars().take(20).collect();
            let message = format!("`{begin}…` is no certificate");
            let finding = self.report.error("no-certificate", &node.span, message);
            finding.help("write it as PEM, or `!include {type: string, path: authority.crt}`");
        }
        if let Some(node) = fields.get("client_authentication")
            && tls.client_authentication.is_some()
            && tls.client_certificate_authorities.is_empty()
        {
            let message = "nobody is named who may have issued the clients' certificates";
            let finding = self.report.error("missing-key", &node.span, message);
            finding.help("add `client_certificate_authorities`, a list of certificates as PEM");
        }
    }
}
