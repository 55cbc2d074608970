//! A route (spec 3).

use super::shape::{any_of, anything, map_of, number, object, one_of, text, texts, truth, with_required};
use crate::read::{
    route::TYPES,
    tls::{AUTHENTICATION, VERSIONS},
};
use serde_json::Value;

pub fn route() -> Value {
    let fields = object(&[
        ("type", one_of(TYPES), "What happens to a request."),
        ("upstream", text(), "`app:http`, or a service's endpoint."),
        ("to", text(), "Where a redirect or a proxy leads."),
        ("id", text(), "A name that code can find the route by."),
        ("primary", truth(), "Whether it is the site's main URL."),
        (
            "attributes",
            map_of(text()),
            "Words of your own for code that reads PLATFORM_ROUTES.",
        ),
        ("cache", any_of(&[truth(), cache()]), "Which answers are kept."),
        ("ssi", any_of(&[truth(), anything()]), "Server-side includes."),
        ("redirects", redirects(), "Redirects of single paths."),
        ("tls", tls(), "Versions, client certificates and HSTS."),
        (
            "sticky",
            anything(),
            "Whether a visitor stays with one container.",
        ),
        ("http_access", anything(), "Who may see it."),
    ]);
    with_required(fields, &["type"])
}

fn redirects() -> Value {
    let redirect = object(&[
        ("to", text(), "A path of the same host, or an absolute URL."),
        ("regexp", truth(), "Whether the key is a regular expression."),
        ("prefix", truth(), "Whether all below the path is meant, too."),
        (
            "append_suffix",
            truth(),
            "Whether what follows the path is appended.",
        ),
        ("code", number(), "301, 302, 307 or 308."),
        (
            "expires",
            any_of(&[text(), number()]),
            "How long clients may keep it.",
        ),
    ]);
    object(&[
        (
            "expires",
            any_of(&[text(), number()]),
            "How long clients may keep them.",
        ),
        (
            "paths",
            map_of(with_required(redirect, &["to"])),
            "Redirects by path.",
        ),
    ])
}

fn tls() -> Value {
    let strict_transport_security = object(&[
        (
            "enabled",
            truth(),
            "Whether browsers ask by https only from then on.",
        ),
        (
            "include_subdomains",
            truth(),
            "Whether hosts below are meant, too.",
        ),
        ("preload", truth(), "Whether browsers may know it beforehand."),
    ]);
    object(&[
        (
            "min_version",
            one_of(VERSIONS.map(|(word, _)| word)),
            "The oldest version that is spoken.",
        ),
        (
            "strict_transport_security",
            strict_transport_security,
            "The header of that name.",
        ),
        (
            "client_authentication",
            one_of(AUTHENTICATION.map(|(word, _)| word)),
            "Whether clients show a certificate.",
        ),
        (
            "client_certificate_authorities",
            texts(),
            "Who may have issued it, as PEM.",
        ),
    ])
}

fn cache() -> Value {
    object(&[
        ("enabled", truth(), "Whether answers are kept."),
        ("headers", texts(), "Request headers that make another answer."),
        ("cookies", texts(), "Cookies that make another answer."),
        ("default_ttl", number(), "Seconds for answers that do not say."),
    ])
}
