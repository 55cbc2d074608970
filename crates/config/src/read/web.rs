//! `web`: commands, upstream, locations (spec 1.4).

use super::{Reader, instance, legacy};
use crate::{
    diagnostic::Severity,
    fields::Fields,
    model::{Expires, Location, Passthru, Protocol, RequestBuffering, SocketFamily, Upstream, Web},
    yaml::Entry,
};

const FAMILIES: [(&str, SocketFamily); 2] = [("tcp", SocketFamily::Tcp), ("unix", SocketFamily::Unix)];
const PROTOCOLS: [(&str, Protocol); 2] = [("http", Protocol::Http), ("fastcgi", Protocol::Fastcgi)];

impl Reader<'_> {
    /// How an app is served.
    pub fn web(&mut self, app: &Fields<'_>, type_name: &str) -> Web {
        let is_php = type_name == "php";
        let default = if is_php {
            Upstream {
                socket_family: SocketFamily::Unix,
                protocol: Protocol::Fastcgi,
            }
        } else {
            Upstream {
                socket_family: SocketFamily::Tcp,
                protocol: Protocol::Http,
            }
        };
        let Some(entry) = app.node().entry("web").filter(|entry| !entry.value.is_null()) else {
            let locations = Vec::new();
            return Web {
                commands: Default::default(),
                upstream: default,
                locations,
                move_to_root: false,
            };
        };
        let own = ["commands", "upstream", "locations"];
        let known: Vec<&'static str> = own
            .into_iter()
            .chain(instance::KEYS)
            .chain(legacy::WEB_KEYS)
            .collect();
        let fields = Fields::read(&entry.value, "`web`", &known, Severity::Warning, self.report);
        let commands = self.commands(&fields);
        let upstream = self.upstream(&fields, default);
        let mut locations: Vec<Location> = fields
            .mapping("locations", self.report)
            .into_iter()
            .filter_map(|entry| self.location(entry))
            .collect();
        locations.extend(self.legacy_location(&fields, !locations.is_empty()));
        if !is_php && commands.start.is_some() && locations.is_empty() && fields.get("locations").is_none() {
            locations.push(everything_to_the_app());
        }
        if !is_php && commands.start.is_none() {
            self.warn_of_missing_start(entry, &locations);
        }
        Web {
            commands,
            upstream,
            locations,
            move_to_root: false,
        }
    }

    fn warn_of_missing_start(&mut self, web: &Entry, locations: &[Location]) {
        if let Some(location) = locations
            .iter()
            .find(|location| location.passthru == Passthru::Yes)
        {
            let message = format!(
                "`{}` passes requests to the app, which has no start command",
                location.path
            );
            let finding = self.report.warning("no-start", &web.key.span, message);
            finding.help("write `commands: {start: …}` below `web`");
        }
    }

    fn upstream(&mut self, web: &Fields<'_>, default: Upstream) -> Upstream {
        let Some(node) = web.get("upstream") else {
            return default;
        };
        let known = ["socket_family", "protocol"];
        let fields = Fields::read(node, "`upstream`", &known, Severity::Warning, self.report);
        let family = fields.choice("socket_family", &FAMILIES, self.report);
        let protocol = fields.choice("protocol", &PROTOCOLS, self.report);
        Upstream {
            socket_family: family.unwrap_or(default.socket_family),
            protocol: protocol.unwrap_or(default.protocol),
        }
    }
}

/// What a start command without any `locations` means: most published templates have just that, and answer.
fn everything_to_the_app() -> Location {
    Location {
        path: "/".into(),
        root: None,
        passthru: Passthru::Yes,
        index: Vec::new(),
        expires: Expires::Never,
        allow: true,
        scripts: true,
        headers: Default::default(),
        request_buffering: RequestBuffering::default(),
        rules: Vec::new(),
    }
}
