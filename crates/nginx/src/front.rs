//! Where requests go for which there is no allowed file: the app, or a front controller.

use crate::{
    block::Block,
    leaf::{body, directory, file_headers},
    locations::find,
    quote::{inner_value, value},
    site::Site,
};
use guise_config::{Location, Passthru, Protocol};

/// The server that runs scripts.
pub const SCRIPTS: &str = "guise_app";
/// As that, or the debugger's where a request asks for it.
pub const SCRIPTS_BY_KEY: &str = "$guise_scripts";

/// Where such a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nowhere: it is refused.
    Nothing,
    /// To the app, with the body limits of the location with this index.
    App(usize),
    /// To a front controller.
    Front(Front),
}

/// A front controller: a script or file that answers in place of what was asked for. Rules and `allow` of its own
/// location do not apply to it (spec 1.5, step 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// The nginx location that holds it.
    pub name: String,
    /// The URL path it has.
    uri: String,
    /// Index of the location that passes requests to it.
    from: usize,
}

/// Where a location's `passthru` leads.
pub fn target(site: &Site<'_>, location: &Location, passthru: &Passthru) -> Target {
    let index = site
        .locations
        .iter()
        .position(|known| std::ptr::eq(known, location))
        .unwrap_or(0);
    match passthru {
        Passthru::No => Target::Nothing,
        Passthru::Yes => Target::App(index),
        Passthru::To(uri) => {
            let uri = uri.split('?').next().unwrap_or_default().to_owned();
            let name = all(site)
                .into_iter()
                .find(|front| front.from == index && front.uri == uri);
            name.map_or(Target::Nothing, Target::Front)
        }
    }
}

/// All front controllers of a site, each once per location.
pub fn all(site: &Site<'_>) -> Vec<Front> {
    let mut fronts: Vec<Front> = Vec::new();
    for (from, location) in site.locations.iter().enumerate() {
        let rules = location.rules.iter().filter_map(|rule| rule.passthru.as_ref());
        for passthru in std::iter::once(&location.passthru).chain(rules) {
            let Passthru::To(uri) = passthru else { continue };
            let uri = uri.split('?').next().unwrap_or_default().to_owned();
            if !fronts.iter().any(|known| known.from == from && known.uri == uri) {
                fronts.push(Front {
                    name: format!("@guise_front_{}", fronts.len()),
                    uri,
                    from,
                });
            }
        }
    }
    fronts
}

/// The nginx location that passes requests on to the app.
pub fn app_name(index: usize) -> String {
    format!("@guise_app_{index}")
}

impl Target {
    /// The last parameter of `try_files`.
    pub fn name(&self) -> String {
        match self {
            Self::Nothing => "=404".into(),
            Self::App(index) => app_name(*index),
            Self::Front(front) => front.name.clone(),
        }
    }

    /// The target's directives, for a block in which nothing else can answer.
    pub fn here(&self, block: &mut Block, site: &Site<'_>, location: &Location) {
        match self {
            Self::Nothing => block.line("return 404"),
            Self::App(_) => pass(block, site, location),
            Self::Front(front) => front.content(block, site),
        }
    }
}

impl Front {
    /// The content of its nginx location.
    pub fn write(&self, block: &mut Block, site: &Site<'_>) {
        body(block, &site.locations[self.from].request_buffering);
        self.content(block, site);
    }

    fn content(&self, block: &mut Block, site: &Site<'_>) {
        let found = find(site.locations, &self.uri)
            .and_then(|(location, rest)| Some((location, directory(site, location.root.as_deref()?), rest)));
        let Some((location, root, rest)) = found else {
            // No files are served there: only the app can know it.
            return pass(block, site, &site.locations[self.from]);
        };
        block.line(format!("root {}", value(&root)));
        if site.protocol == Protocol::Fastcgi && self.uri.ends_with(".php") {
            block.line(format!("try_files {} =404", value(rest)));
            let file = inner_value(&format!("{root}{rest}"));
            return fastcgi(block, site, &root, &file, &inner_value(&self.uri));
        }
        let missing = match (&site.upstream, site.protocol) {
            (Some(_), Protocol::Http) => app_name(self.from),
            _ => "=404".into(),
        };
        file_headers(block, location.expires, &location.headers);
        block.line(format!("try_files {} {missing}", value(rest)));
    }
}

/// The content of the nginx location that passes requests on to the app.
pub fn app(block: &mut Block, site: &Site<'_>, location: &Location) {
    body(block, &location.request_buffering);
    pass(block, site, location);
}

/// Passes the request on as it came.
fn pass(block: &mut Block, site: &Site<'_>, location: &Location) {
    match (&site.upstream, site.protocol) {
        (None, _) => block.line("return 502"),
        (Some(_), Protocol::Http) => block.line("proxy_pass http://guise_app$request_uri"),
        (Some(_), Protocol::Fastcgi) => {
            let root = directory(site, location.root.as_deref().unwrap_or_default());
            fastcgi(block, site, &root, &format!("{}$uri", inner_value(&root)), "$uri");
        }
    }
}

/// Runs a script. `file` and `name` are parts of nginx values.
pub fn fastcgi(block: &mut Block, site: &Site<'_>, root: &str, file: &str, name: &str) {
    if site.upstream.is_none() {
        return block.line("return 502");
    }
    let server = match site.debugger {
        Some(_) => SCRIPTS_BY_KEY,
        None => SCRIPTS,
    };
    block.line(format!("fastcgi_pass {server}"));
    let parameters = [
        ("SCRIPT_FILENAME", format!("\"{file}\"")),
        ("SCRIPT_NAME", format!("\"{name}\"")),
        ("DOCUMENT_URI", format!("\"{name}\"")),
        ("DOCUMENT_ROOT", value(root)),
        ("REQUEST_URI", "$request_uri".into()),
        ("QUERY_STRING", "$query_string".into()),
        ("REQUEST_METHOD", "$request_method".into()),
        ("REQUEST_SCHEME", "$http_x_forwarded_proto if_not_empty".into()),
        ("CONTENT_TYPE", "$content_type".into()),
        ("CONTENT_LENGTH", "$content_length".into()),
        ("SERVER_PROTOCOL", "$server_protocol".into()),
        ("SERVER_SOFTWARE", "nginx".into()),
        ("SERVER_NAME", "$host".into()),
        ("SERVER_ADDR", "$server_addr".into()),
        ("SERVER_PORT", "$server_port".into()),
        ("REMOTE_ADDR", "$guise_client".into()),
        ("REMOTE_PORT", "$remote_port".into()),
        ("GATEWAY_INTERFACE", "CGI/1.1".into()),
        ("HTTPS", "$guise_https if_not_empty".into()),
        // PHP itself refuses to run without it when built with force-cgi-redirect.
        ("REDIRECT_STATUS", "200".into()),
        // "httpoxy", CVE-2016-5385.
        ("HTTP_PROXY", "''".into()),
    ];
    for (parameter, value) in parameters {
        block.line(format!("fastcgi_param {parameter} {value}"));
    }
}
