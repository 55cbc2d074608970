//! What happens to a request once its location and rule are known: index, file, refusal or passthru.

use crate::{
    block::Block,
    front::{self, Target},
    locations::prefix,
    quote::{inner_value, literal, value},
    site::Site,
};
use guise_config::{Expires, Location, RequestBuffering, Rule};
use std::collections::BTreeMap;

/// The longest time that nginx takes: ten years.
const LONGEST_EXPIRY_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;

/// A location with a rule's overrides.
pub struct Leaf<'a> {
    pub location: &'a Location,
    /// Absolute directory of files.
    pub root: Option<String>,
    pub target: Target,
    pub allow: bool,
    pub scripts: bool,
    pub expires: Expires,
    pub headers: &'a BTreeMap<String, String>,
}

impl<'a> Leaf<'a> {
    pub fn of_location(site: &Site<'_>, location: &'a Location) -> Self {
        Self {
            location,
            root: location.root.as_ref().map(|root| directory(site, root)),
            target: front::target(site, location, &location.passthru),
            allow: location.allow,
            scripts: location.scripts,
            expires: location.expires,
            headers: &location.headers,
        }
    }

    pub fn of_rule(site: &Site<'_>, location: &'a Location, rule: &'a Rule) -> Self {
        let passthru = rule.passthru.as_ref().unwrap_or(&location.passthru);
        Self {
            target: front::target(site, location, passthru),
            allow: rule.allow.unwrap_or(location.allow),
            scripts: rule.scripts.unwrap_or(location.scripts),
            expires: rule.expires.unwrap_or(location.expires),
            headers: rule.headers.as_ref().unwrap_or(&location.headers),
            ..Self::of_location(site, location)
        }
    }
}

/// A location's root as an absolute path.
pub fn directory(site: &Site<'_>, root: &str) -> String {
    let root = root.trim_matches('/');
    if root.is_empty() {
        site.app_root.to_owned()
    } else {
        format!("{}/{root}", site.app_root)
    }
}

/// The leaf for everything but scripts that are run.
pub fn write(block: &mut Block, site: &Site<'_>, leaf: &Leaf<'_>) {
    body(block, &leaf.location.request_buffering);
    let Some(root) = &leaf.root else {
        return leaf.target.here(block, site, leaf.location);
    };
    index(block, leaf, root);
    if leaf.allow {
        block.line(format!("root {}", value(root)));
        file_headers(block, leaf.expires, leaf.headers);
        block.line(format!("try_files $guise_path {}", leaf.target.name()));
    } else if leaf.target == Target::Nothing {
        // A file that is there but not allowed is forbidden; one that is not there is missing.
        let file = format!("if (-f \"{}$guise_path\")", inner_value(root));
        block.block(file, |block| block.line("return 403"));
        block.line("return 404");
    } else {
        leaf.target.here(block, site, leaf.location);
    }
}

/// The leaf for scripts that are run: `allow` does not matter for them.
pub fn script(block: &mut Block, site: &Site<'_>, leaf: &Leaf<'_>) {
    let Some(root) = &leaf.root else { return };
    body(block, &leaf.location.request_buffering);
    block.line(format!("root {}", value(root)));
    block.line(format!("try_files $guise_path {}", leaf.target.name()));
    let name = format!("{}$guise_path", inner_value(prefix(leaf.location)));
    front::fastcgi(
        block,
        site,
        root,
        &format!("{}$guise_path", inner_value(root)),
        &name,
    );
}

/// A directory's first index file that is there is asked for in its place, so that rules apply to it. What is
/// asked for is then a file, so this happens once.
fn index(block: &mut Block, leaf: &Leaf<'_>, root: &str) {
    for file in &leaf.location.index {
        let file = inner_value(file.trim_start_matches('/'));
        let head = format!("if (-f \"{}$guise_path/{file}\")", inner_value(root));
        // Without a slash at the end of the directory, whether it was asked for with one or not.
        block.block(head, |block| {
            block.line(format!(r#"rewrite "(?s)^(.*?)/*$" "$1/{file}" last"#))
        });
    }
}

/// How request bodies are taken.
pub fn body(block: &mut Block, buffering: &RequestBuffering) {
    block.line(format!("client_max_body_size {}", buffering.max_request_bytes));
    if !buffering.enabled {
        block.line("proxy_request_buffering off");
        block.line("fastcgi_request_buffering off");
    }
}

/// The headers of a file.
pub fn file_headers(block: &mut Block, expires: Expires, headers: &BTreeMap<String, String>) {
    let given = |name: &str| headers.keys().any(|key| key.eq_ignore_ascii_case(name));
    match expires {
        _ if given("Cache-Control") => block.line("expires off"),
        Expires::Never => block.line("expires -1"),
        Expires::AfterMillis(millis) => {
            let seconds = (millis / 1000).min(LONGEST_EXPIRY_SECONDS);
            block.line(format!("expires {seconds}s"));
        }
    }
    // Said in both cases: a rule's block stands in its location's, and would inherit.
    let may_be_kept = matches!(expires, Expires::AfterMillis(1000..));
    block.line(format!("gzip {}", if may_be_kept { "on" } else { "off" }));
    block.line("gzip_static on");
    if !given("Strict-Transport-Security") {
        block.line("add_header Strict-Transport-Security max-age=0");
    }
    for (name, text) in headers {
        if name.eq_ignore_ascii_case("Content-Type") {
            block.block("types", |_| {});
            block.line(format!("default_type {}", literal(text)));
        } else if name.eq_ignore_ascii_case("Access-Control-Allow-Origin") && text == "*" {
            block.line("add_header Access-Control-Allow-Origin $http_origin");
            block.line("add_header Vary Origin");
        } else {
            block.line(format!("add_header {} {}", value(name), value(text)));
        }
    }
}
