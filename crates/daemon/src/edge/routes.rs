//! Routes as the platform resolves them become routes as the edge serves them.

use guise_api::edge::{
    Action, Caching, ClientAuthentication, PartialRedirect, RedirectFrom, Route, Scheme, Terms, TlsVersion,
};
use guise_platform::{ResolvedRoute, RouteCache, RouteTls, Target};
use std::{collections::BTreeMap, net::SocketAddrV4};

/// How long browsers keep to https (spec 3.6): a year, in seconds.
const STRICT_FOR: u32 = 31_536_000;

/// The hosts that are served over TLS, and what is asked of their clients.
pub type SecureHosts = BTreeMap<String, Terms>;

/// The routes; one whose app or service has no address is left out.
pub fn edge_routes(routes: &[ResolvedRoute], address: &dyn Fn(&str) -> Option<SocketAddrV4>) -> Vec<Route> {
    let served = routes.iter().filter_map(|route| edge_route(route, address));
    served.collect()
}

/// What the routes' hosts need for TLS. All routes of a host ask the same of clients: others are refused at the push.
pub fn secure_hosts(routes: &[ResolvedRoute]) -> SecureHosts {
    let https = routes.iter().filter(|route| scheme(route) == Scheme::Https);
    https
        .map(|route| (route.host.clone(), terms(&route.tls)))
        .collect()
}

/// How a route is served, which is as its final URL says.
fn scheme(route: &ResolvedRoute) -> Scheme {
    if route.url.starts_with("https://") {
        Scheme::Https
    } else {
        Scheme::Http
    }
}

fn edge_route(route: &ResolvedRoute, address: &dyn Fn(&str) -> Option<SocketAddrV4>) -> Option<Route> {
    let action = match &route.target {
        Target::Upstream { upstream, cache } => Action::Upstream {
            address: address(upstream)?,
            caching: caching(cache),
        },
        Target::Redirect { to } => Action::Redirect {
            to: to.trim_end_matches('/').into(),
        },
        Target::Proxy { to } => Action::Proxy { to: to.clone() },
    };
    Some(Route {
        scheme: scheme(route),
        host: route.host.clone(),
        path: route.path.clone(),
        action,
        original_url: route.original_url.clone(),
        restrict_robots: route.restrict_robots,
        access: route.access.clone(),
        redirects: route.redirects.iter().map(redirect).collect(),
        strict_transport_security: strict_transport_security(&route.tls),
    })
}

fn caching(cache: &RouteCache) -> Option<Caching> {
    cache.enabled.then(|| Caching {
        headers: cache.headers.clone(),
        cookies: cache.cookies.clone(),
        default_ttl: cache.default_ttl,
    })
}

fn redirect(redirect: &guise_platform::PartialRedirect) -> PartialRedirect {
    use guise_platform::RedirectFrom as From;
    PartialRedirect {
        from: match &redirect.from {
            From::Path(path) => RedirectFrom::Path(path.clone()),
            From::Below { path, append_suffix } => RedirectFrom::Below {
                path: path.clone(),
                append_suffix: *append_suffix,
            },
            From::Pattern(pattern) => RedirectFrom::Pattern(pattern.clone()),
        },
        to: redirect.to.clone(),
        code: redirect.code,
        expires: redirect.expires,
    }
}

fn strict_transport_security(tls: &RouteTls) -> Option<String> {
    let strict = tls.strict_transport_security;
    let is_on = |setting: Option<bool>| setting == Some(true);
    is_on(strict.enabled).then(|| {
        let mut value = format!("max-age={STRICT_FOR}");
        for (setting, word) in [
            (strict.include_subdomains, "; includeSubDomains"),
            (strict.preload, "; preload"),
        ] {
            if is_on(setting) {
                value.push_str(word);
            }
        }
        value
    })
}

fn terms(tls: &RouteTls) -> Terms {
    use guise_platform::{ClientAuthentication as Authentication, TlsVersion as Version};
    Terms {
        min_version: match tls.min_version {
            Some(Version::Tls13) => TlsVersion::Tls13,
            Some(Version::Tls12) | None => TlsVersion::Tls12,
        },
        client_authentication: tls.client_authentication.map(|how| match how {
            Authentication::Request => ClientAuthentication::Request,
            Authentication::Require => ClientAuthentication::Require,
        }),
        client_authorities: tls.client_certificate_authorities.clone(),
    }
}
