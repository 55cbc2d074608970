//! A route (spec 3).

use super::shape::{any_of, anything, map_of, number, object, one_of, text, texts, truth, with_required};
use crate::read::route::TYPES;
use serde_json::Value;

pub fn route() -> Value {
    let fields = object(&[
        ("type", one_of(TYPES), "What happens to a request."),
        ("upstream", text(), "`app:http`, or a service's endpoint."),
        ("to", text(), "Where a redirect leads."),
        ("id", text(), "A name that code can find the route by."),
        ("primary", truth(), "Whether it is the site's main URL."),
        (
            "attributes",
            map_of(text()),
            "Words of your own for code that reads PLATFORM_ROUTES.",
        ),
        ("cache", any_of(&[truth(), cache()]), "Which answers are kept."),
        ("ssi", any_of(&[truth(), anything()]), "Server-side includes."),
        ("redirects", anything(), "Redirects of single paths."),
        ("tls", anything(), "Versions, client certificates and HSTS."),
        (
            "sticky",
            anything(),
            "Whether a visitor stays with one container.",
        ),
        ("http_access", anything(), "Who may see it."),
    ]);
    with_required(fields, &["type"])
}

fn cache() -> Value {
    object(&[
        ("enabled", truth(), "Whether answers are kept."),
        ("headers", texts(), "Request headers that make another answer."),
        ("cookies", texts(), "Cookies that make another answer."),
        ("default_ttl", number(), "Seconds for answers that do not say."),
    ])
}
