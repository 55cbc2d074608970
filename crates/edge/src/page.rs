//! What the edge itself answers: short pages that say what happened and what to do, and nothing of the inside.

use crate::redirects::Sent;
use bytes::Bytes;
use guise_api::edge::Scheme;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::Full;

/// Why there is no answer of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The request makes no sense.
    BadRequest,
    /// The connection was made for another host, which asks something else of its clients.
    Misdirected,
    /// The client's address may not see the site.
    Denied,
    /// The client may see the site with a password.
    LoginNeeded,
    /// No environment has this host or path.
    NotFound,
    /// The app's container does not answer.
    Unreachable,
    /// The site that a proxy route leads to does not answer.
    OutsideUnreachable,
    /// The app's container does not answer in time.
    TooSlow,
    /// A deployment took longer than the request could wait.
    Deploying,
    /// The environment sleeps, and nobody is there to wake it.
    Sleeping,
    /// The environment sleeps and has failed to wake.
    WakeFailed,
}

impl Page {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::LoginNeeded => StatusCode::UNAUTHORIZED,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unreachable | Self::OutsideUnreachable => StatusCode::BAD_GATEWAY,
            Self::TooSlow => StatusCode::GATEWAY_TIMEOUT,
            Self::Deploying | Self::Sleeping | Self::WakeFailed => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "This request cannot be understood",
            Self::Misdirected => "This connection is for another host",
            Self::NotFound => "No site is here",
            Self::Denied => "This site is not open to you",
            Self::LoginNeeded => "This site takes a login",
            Self::Unreachable => "The application does not answer",
            Self::OutsideUnreachable => "The site behind this address does not answer",
            Self::TooSlow => "The application takes too long",
            Self::Deploying => "A deployment is under way",
            Self::Sleeping => "This environment sleeps, and nobody wakes it",
            Self::WakeFailed => "This environment sleeps and does not wake",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::BadRequest => "It breaks the rules of HTTP, so it was not passed on.",
            Self::Misdirected => {
                "The host asks for another version of TLS or for a certificate. Connect to it anew."
            }
            Self::Denied => {
                "Its owner has closed it to your address. `guise environment http-access` in the project's repository shows and changes who may see it."
            }
            Self::LoginNeeded => {
                "Its owner asks for a name and a password. `guise environment http-access` in the project's repository shows and changes who may see it."
            }
            Self::NotFound => {
                "No environment has a route for this address. `guise url` in the project's repository prints the addresses it has."
            }
            Self::Unreachable => {
                "Its container is stopped or has just failed. `guise logs` shows why; `guise ps` shows what runs."
            }
            Self::OutsideUnreachable => {
                "The route leads to a site outside of the project, which cannot be reached. `edge.log` in the daemon's state directory says why."
            }
            Self::TooSlow => "It has not begun to answer in time. `guise logs` shows what it was doing.",
            Self::Deploying => {
                "Requests wait while a deployment is finished, and this one has waited as long as it could. Try again in a moment; `guise activity list` shows how far it is."
            }
            Self::Sleeping => {
                "It was stopped because nobody asked for it, and the daemon that would start it does not run. Its data is safe. `guise daemon` starts the daemon; then ask again."
            }
            Self::WakeFailed => {
                "It was stopped because nobody asked for it, and starting it has failed. Its data is safe. `guise activity log` shows why; a request after some seconds tries again, and so does `guise environment redeploy`."
            }
        }
    }

    /// The answer for `host`, in the form that the request's headers ask for.
    pub fn response(self, host: &str, request: &HeaderMap) -> Response<Full<Bytes>> {
        let (kind, body) = match form(request) {
            Form::Html => ("text/html; charset=utf-8", self.html(host)),
            Form::Json => ("application/json", self.json(host)),
            Form::Text => (
                "text/plain; charset=utf-8",
                format!("{}: {host}\n{}\n", self.title(), self.advice()),
            ),
        };
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
        if self == Self::LoginNeeded {
            let login = HeaderValue::from_static("Basic realm=\"guise\", charset=\"UTF-8\"");
            headers.insert(WWW_AUTHENTICATE, login);
        }
        if self == Self::BadRequest {
            // Who knows where the next request begins.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status() == StatusCode::SERVICE_UNAVAILABLE {
            let seconds = if self == Self::Deploying { "5" } else { "20" };
            headers.insert(RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        response
    }

    fn html(self, host: &str) -> String {
        let (title, host, advice) = (self.title(), escape(host), escape(self.advice()));
        let (status, style) = (self.status().as_u16(), STYLE);
        format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{style}</style>\n<main><small>{status}</small><h1>{title}</h1><p><b>{host}</b></p><p>{advice}</p></main>\n</html>\n"
        )
    }

    fn json(self, host: &str) -> String {
        let page = serde_json::json!({
            "status": self.status().as_u16(),
            "title": self.title(),
            "host": host,
            "detail": self.advice(),
        });
        format!("{page}\n")
    }
}

const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;margin:0;display:grid;place-items:center;min-height:100vh;background:#f6f5f1;color:#222}main{max-width:34rem;padding:2rem}small{color:#767}h1{font-size:1.5rem;line-height:1.2;margin:.2em 0 1em}@media(prefers-color-scheme:dark){body{background:#191a1c;color:#ddd}}";

/// Sends a client where a path leads. A path of the same host becomes an absolute URL: `//other.test/` in it must not
/// become another host.
pub fn sent(sent: &Sent, scheme: Scheme, authority: &HeaderValue) -> Response<Full<Bytes>> {
    let mut location = Vec::new();
    if sent.to.starts_with('/') {
        location.extend_from_slice(scheme.as_str().as_bytes());
        location.extend_from_slice(b"://");
        location.extend_from_slice(authority.as_bytes());
    }
    location.extend_from_slice(sent.to.as_bytes());
    let mut response = Response::new(Full::default());
    *response.status_mut() = sent.code;
    if let Ok(location) = HeaderValue::from_bytes(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    if let Some(caching) = &sent.caching {
        response.headers_mut().insert(CACHE_CONTROL, caching.clone());
    }
    response
}

/// A redirect for good.
pub fn redirect(to: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    // A target that is no header value is one that nobody could follow.
    if let Ok(target) = HeaderValue::from_str(to) {
        response.headers_mut().insert(LOCATION, target);
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Text,
}

/// The first of the accepted types that is known; a browser lists HTML first, curl accepts anything and reads text.
fn form(request: &HeaderMap) -> Form {
    let accepted = request
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let known =
        accepted
            .split(',')
            .find_map(|range| match range.split(';').next().unwrap_or_default().trim() {
                "text/html" | "application/xhtml+xml" => Some(Form::Html),
                "application/json" => Some(Form::Json),
                "text/plain" => Some(Form::Text),
                _ => None,
            });
    known.unwrap_or(Form::Text)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_form_is_the_first_that_is_known() {
        assert_eq!(form(&HeaderMap::new()), Form::Text);
        assert_eq!(form(&accept("*/*")), Form::Text);
        assert_eq!(
            form(&accept("text/html,application/xhtml+xml,*/*;q=0.8")),
            Form::Html
        );
        assert_eq!(form(&accept("application/json, text/plain, */*")), Form::Json);
    }

    #[test]
    fn a_host_cannot_put_markup_into_a_page() {
        assert!(Page::NotFound.html("<script>").contains("<b>&lt;script&gt;</b>"));
    }

    #[test]
    fn one_who_waited_in_vain_is_told_when_to_come_back() {
        let response = Page::Deploying.response("a.test", &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[RETRY_AFTER], "5");
    }
}
