//! Routes as they are served: templates with their placeholders filled in (spec 3.2), and `PLATFORM_ROUTES`
//! (spec 3.9).

use guise_access::HttpAccess;
use guise_config::{PartialRedirect, Route, RouteCache, RouteKind, RouteTls, Scheme, TlsVersion};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A route as it is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResolvedRoute {
    /// Final URL, always with a path.
    pub url: String,
    /// URL as written, with placeholders.
    pub original_url: String,
    /// Host, lower case, without port.
    pub host: String,
    /// Path prefix, starting and ending with `/`.
    pub path: String,
    /// Whether it is the primary one.
    pub primary: bool,
    /// Lookup key.
    pub id: Option<String>,
    /// Free attributes.
    pub attributes: Map<String, Value>,
    /// Whether answers ask search engines to stay away.
    #[serde(default = "yes")]
    pub restrict_robots: bool,
    /// Where it leads.
    pub target: Target,
    /// Paths that lead elsewhere.
    #[serde(default)]
    pub redirects: Vec<PartialRedirect>,
    /// What is asked of TLS.
    #[serde(default)]
    pub tls: RouteTls,
    /// Who may see it; `None` for everybody.
    #[serde(default)]
    pub access: Option<HttpAccess>,
}

/// Deployments recorded before there was a choice restrict robots.
fn yes() -> bool {
    true
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "target")]
pub enum Target {
    /// To an app (or a routable service).
    Upstream {
        /// Its name.
        upstream: String,
        /// How its answers are kept.
        cache: RouteCache,
    },
    /// To another URL.
    Redirect {
        /// The URL.
        to: String,
    },
    /// To a site outside of the project.
    Proxy {
        /// Its URL.
        to: String,
    },
}

/// The ports that the edge serves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// For `http`.
    pub http: u16,
    /// For `https`; `None` if the edge does not speak TLS. Then an `https` route is served as `http`.
    pub https: Option<u16>,
}

impl Ports {
    /// The port in a URL; nothing where it is the scheme's own.
    fn suffix(self, scheme: Scheme) -> String {
        match (scheme, self.https) {
            (Scheme::Https, Some(443)) => String::new(),
            (Scheme::Https, Some(port)) => format!(":{port}"),
            (Scheme::Http, _) | (Scheme::Https, None) if self.http == 80 => String::new(),
            (Scheme::Http, _) | (Scheme::Https, None) => format!(":{}", self.http),
        }
    }
}

/// The host under which an environment is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its generated host: `main-bvxea6i-abcdefgh12345.localhost`.
    pub host: String,
    /// Where the edge listens.
    pub ports: Ports,
    /// Whether search engines shall stay away from it.
    pub restrict_robots: bool,
    /// Who may see it; `None` for everybody.
    pub access: Option<HttpAccess>,
}

impl Site {
    /// `scheme` as it is served here.
    fn scheme(&self, scheme: Scheme) -> &'static str {
        match scheme {
            Scheme::Https if self.ports.https.is_some() => "https",
            Scheme::Https | Scheme::Http => "http",
        }
    }

    /// A URL template with its placeholders filled in.
    fn host_of(&self, template: &str) -> String {
        if template.contains("{default}") || template.contains("{all}") {
            return template
                .replace("{default}", &self.host)
                .replace("{all}", &self.host)
                .to_lowercase();
        }
        // A literal host belongs to production's domain; here it becomes a label before ours (spec 3.2, 3).
        format!("{template}.{}", self.host).to_lowercase()
    }

    fn url(&self, scheme: Scheme, template: &str, path: &str) -> String {
        let port = self.ports.suffix(scheme);
        format!("{}://{}{port}{path}", self.scheme(scheme), self.host_of(template))
    }

    /// The final URL of an absolute URL template. One that names no placeholder leads outside and stays as it is.
    fn resolve(&self, template: &str) -> String {
        let Some((scheme, rest)) = template.split_once("://") else {
            return template.into();
        };
        if !rest.contains("{default}") && !rest.contains("{all}") {
            return template.into();
        }
        let scheme = if scheme == "https" {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        self.url(scheme, host, &format!("/{path}"))
    }
}

/// The routes of an environment, the primary one first, then in file order.
///
/// `http` twins that redirect to `https` are added only where the edge speaks TLS; without TLS, of an `http` and
/// an `https` route for the same place the `https` one is served.
pub fn expand(routes: &[Route], site: &Site) -> Vec<ResolvedRoute> {
    let mut resolved: Vec<ResolvedRoute> = Vec::new();
    let by_preference = {
        let https = routes.iter().filter(|route| route.url.scheme == Scheme::Https);
        https.chain(routes.iter().filter(|route| route.url.scheme == Scheme::Http))
    };
    for route in by_preference {
        let candidate = resolve(route, site);
        if !resolved.iter().any(|known| known.url == candidate.url) {
            resolved.push(candidate);
        }
    }
    let order = |url: &str| {
        routes
            .iter()
            .position(|route| resolve(route, site).original_url == url)
    };
    resolved.sort_by_key(|route| order(&route.original_url));
    if site.ports.https.is_some() {
        add_redirects_to_https(&mut resolved, site.ports);
    }
    if !resolved.iter().any(|route| route.primary)
        && let Some(first) = resolved
            .iter_mut()
            .find(|route| matches!(route.target, Target::Upstream { .. }))
    {
        first.primary = true;
    }
    resolved.sort_by_key(|route| !route.primary);
    resolved
}

fn resolve(route: &Route, site: &Site) -> ResolvedRoute {
    let url = &route.url;
    let target = match &route.kind {
        RouteKind::Upstream { name, .. } => Target::Upstream {
            upstream: name.to_string(),
            cache: route.cache.clone(),
        },
        RouteKind::Redirect { to } => Target::Redirect { to: site.resolve(to) },
        RouteKind::Proxy { to } => Target::Proxy { to: site.resolve(to) },
    };
    let redirects = route.redirects.iter().map(|redirect| PartialRedirect {
        to: site.resolve(&redirect.to),
        ..redirect.clone()
    });
    ResolvedRoute {
        url: site.url(url.scheme, &url.host, &url.path),
        original_url: route.original.clone(),
        host: site.host_of(&url.host),
        path: url.path.clone(),
        primary: route.primary == Some(true),
        id: route.id.clone(),
        attributes: route
            .attributes
            .iter()
            .map(|(key, value)| (key.clone(), json!(value)))
            .collect(),
        restrict_robots: site.restrict_robots,
        target,
        access: site.access.clone(),
        redirects: redirects.collect(),
        tls: route.tls.clone(),
    }
}

/// Adds for every `https` route without an `http` twin one that redirects (spec 3.2, 5).
fn add_redirects_to_https(routes: &mut Vec<ResolvedRoute>, ports: Ports) {
    let twins: Vec<ResolvedRoute> = routes
        .iter()
        .filter_map(|route| {
            let is_https = route.url.starts_with("https://");
            let url = is_https.then(|| {
                format!(
                    "http://{}{}{}",
                    route.host,
                    ports.suffix(Scheme::Http),
                    route.path
                )
            })?;
            if routes.iter().any(|known| known.url == url) {
                return None;
            }
            Some(ResolvedRoute {
                url,
                original_url: route.original_url.replacen("https://", "http://", 1),
                primary: false,
                id: None,
                attributes: Map::new(),
                target: Target::Redirect {
                    to: route.url.clone(),
                },
                redirects: Vec::new(),
                tls: RouteTls::default(),
                ..route.clone()
            })
        })
        .collect();
    routes.extend(twins);
}

impl ResolvedRoute {
    /// A route to an app with everything else at its default.
    #[cfg(test)]
    pub fn upstream(original_url: &str, url: &str, app: &str) -> Self {
        let host = url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_string();
        Self {
            url: url.into(),
            original_url: original_url.into(),
            host,
            path: "/".into(),
            primary: true,
            id: None,
            attributes: Map::new(),
            restrict_robots: true,
            target: Target::Upstream {
                upstream: app.into(),
                cache: RouteCache::default(),
            },
            redirects: Vec::new(),
            access: None,
            tls: RouteTls::default(),
        }
    }

    /// The route's value in `PLATFORM_ROUTES`, in the published shape.
    fn value(&self) -> Value {
        let access = access_value(self.access.as_ref());
        match &self.target {
            Target::Upstream { upstream, cache } => json!({
                "primary": self.primary,
                "id": self.id,
                "attributes": self.attributes,
                "type": "upstream",
                "upstream": upstream,
                "original_url": self.original_url,
                "production_url": self.url,
                "restrict_robots": self.restrict_robots,
                "http_access": access,
                "tls": tls_value(&self.tls),
                "cache": cache,
                "ssi": {"enabled": false},
            }),
            Target::Redirect { to } | Target::Proxy { to } => json!({
                "type": self.target.kind(),
                "to": to,
                "original_url": self.original_url,
                "primary": false,
                "id": self.id,
                "attributes": self.attributes,
                "restrict_robots": self.restrict_robots,
                "http_access": access,
            }),
        }
    }
}

impl Target {
    /// The route's type, as it is written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Upstream { .. } => "upstream",
            Self::Redirect { .. } => "redirect",
            Self::Proxy { .. } => "proxy",
        }
    }
}

/// Users without what they log in with.
fn access_value(access: Option<&HttpAccess>) -> Value {
    let access = access.filter(|access| access.restricts());
    let addresses = access
        .map(|access| access.addresses.as_slice())
        .unwrap_or_default();
    let users = access.into_iter().flat_map(|access| access.basic_auth.keys());
    json!({
        "addresses": addresses,
        "basic_auth": users.map(|name| (name.clone(), Value::Null)).collect::<Map<_, _>>(),
    })
}

fn tls_value(tls: &RouteTls) -> Value {
    json!({
        "client_authentication": tls.client_authentication,
        "min_version": tls.min_version.unwrap_or(TlsVersion::Tls12).number(),
        "client_certificate_authorities": tls.client_certificate_authorities,
        "strict_transport_security": tls.strict_transport_security,
    })
}

/// `PLATFORM_ROUTES` before base64: final URL to route, in order.
pub fn platform_routes(routes: &[ResolvedRoute]) -> Value {
    Value::Object(
        routes
            .iter()
            .map(|route| (route.url.clone(), route.value()))
            .collect(),
    )
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
