//! Forms of former years that projects still use (spec 0.2).

use super::Reader;
use crate::{
    fields::Fields,
    model::{Expires, Location, Passthru, RequestBuffering, Rule},
    source::{Span, join},
    yaml::{Node, Value},
};

/// Keys that stood directly below `web` before there were locations.
pub const WEB_KEYS: [&str; 7] = [
    "document_root",
    "passthru",
    "index_files",
    "whitelist",
    "blacklist",
    "expires",
    "move_to_root",
];

impl Reader<'_> {
    /// The location `/` that the legacy keys of `web` stand for, if there are any.
    pub fn legacy_location(&mut self, web: &Fields<'_>, has_locations: bool) -> Option<Location> {
        let entries = || WEB_KEYS.iter().filter_map(|key| web.node().entry(key));
        let first = entries().find(|entry| !entry.value.is_null())?;
        if has_locations {
            let message = format!("`{}` and `locations` exclude each other", first.key.text);
            let finding = self
                .report
                .error("legacy-and-locations", &first.key.span, message);
            finding.help("move it into the location `/`");
            return None;
        }
        let root = web.text("document_root", self.report).unwrap_or_default();
        let allow = web.get("whitelist").is_none();
        let denied = web
            .texts("blacklist", self.report)
            .into_iter()
            .map(|pattern| rule(pattern, false));
        let allowed = web
            .texts("whitelist", self.report)
            .into_iter()
            .map(|pattern| rule(pattern, true));
        Some(Location {
            path: "/".into(),
            root: join("", &root),
            passthru: self.former_passthru(web).unwrap_or(Passthru::No),
            index: web.texts("index_files", self.report),
            expires: self.expires(web).unwrap_or(Expires::Never),
            allow,
            scripts: true,
            headers: Default::default(),
            request_buffering: RequestBuffering::default(),
            rules: denied.chain(allowed).collect(),
        })
    }

    /// `toolstack: "php:drupal"` as the type it stands for, and the flavor.
    pub fn toolstack(&mut self, node: &Node) -> (Node, Option<String>) {
        let text = node.as_text().unwrap_or_default();
        let (type_name, flavor) = text.split_once(':').unwrap_or((text, ""));
        let value = Value::Scalar {
            text: type_name.into(),
            plain: false,
        };
        let span: Span = node.span.clone();
        (
            Node {
                span,
                tag: None,
                value,
            },
            (!flavor.is_empty()).then(|| flavor.to_owned()),
        )
    }
    /// The front controller was a file of the document root: `index.php`.
    fn former_passthru(&mut self, web: &Fields<'_>) -> Option<Passthru> {
        let node = web.get("passthru")?;
        match node
            .as_text()
            .filter(|text| node.as_bool().is_none() && !text.starts_with('/'))
        {
            Some(file) => {
                let clean = self.is_one_line(file, &node.span, "`passthru`");
                clean.then(|| Passthru::To(format!("/{file}")))
            }
            None => self.passthru(web),
        }
    }
}

fn rule(pattern: String, allow: bool) -> Rule {
    Rule {
        pattern,
        allow: Some(allow),
        passthru: None,
        expires: None,
        scripts: None,
        headers: None,
    }
}
