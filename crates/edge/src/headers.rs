//! What is added to and taken from headers on the way in and out (spec 3.8).

use base64::{Engine, engine::general_purpose::STANDARD};
use guise_api::edge::{Scheme, Terms};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, COOKIE, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SERVER, TE,
        TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
};
use std::net::IpAddr;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

/// Meant for the next hop only (RFC 9110, 7.6.1), besides what `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Nobody but the platform may say these, and it has nothing to say.
const RESERVED: [HeaderName; 11] = [
    // httpoxy: CGI programs take it for the variable HTTP_PROXY.
    HeaderName::from_static("proxy"),
    HeaderName::from_static("x-client-ssl"),
    HeaderName::from_static("x-client-verify"),
    HeaderName::from_static("x-client-dn"),
    HeaderName::from_static("x-client-cert"),
    HeaderName::from_static("client-cdn"),
    HeaderName::from_static("client-country"),
    HeaderName::from_static("client-abuse-score"),
    HeaderName::from_static("client-asn"),
    FORWARDED,
    // Answered here: the body is asked for as soon as the container wants it.
    EXPECT,
];

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who sends requests over a connection, and how they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The other end of the connection.
    client: IpAddr,
    /// What TLS told of it; `None` for plain HTTP.
    session: Option<Session>,
}

/// What a connection over TLS is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The terms of the host that it was made for.
    pub terms: Terms,
    /// What the client has shown of itself.
    pub certificate: Option<ClientCertificate>,
}

/// A certificate that the host's authorities have issued to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Whose it is.
    name: String,
    /// As PEM, percent-encoded: a header has no line breaks.
    encoded: String,
}

impl ClientCertificate {
    /// Reads one that was verified.
    pub fn read(certificate: &[u8]) -> Self {
        let name = X509Certificate::from_der(certificate)
            .map(|(_, parsed)| parsed.subject().to_string())
            .unwrap_or_default();
        let lines: Vec<String> = STANDARD
            .encode(certificate)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let text = lines.join("\n").replace('+', "%2B");
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        Self {
            name,
            encoded: pem.replace(' ', "%20").replace('\n', "%0A"),
        }
    }
}

impl Origin {
    /// One who speaks plain HTTP.
    pub fn plain(client: IpAddr) -> Self {
        Self {
            client,
            session: None,
        }
    }

    /// One who speaks over TLS.
    pub fn secure(client: IpAddr, session: Session) -> Self {
        let session = Some(session);
        Self { client, session }
    }

    /// The client's address.
    pub fn client(&self) -> IpAddr {
        self.client
    }

    /// How the client asks.
    pub fn scheme(&self) -> Scheme {
        match self.session {
            None => Scheme::Http,
            Some(_) => Scheme::Https,
        }
    }

    /// Whether the client has shown who it is.
    pub fn is_known(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.certificate.is_some())
    }

    /// Whether the connection may carry requests for a host of these terms. `None`: one that has no certificate.
    pub fn fulfils(&self, terms: Option<&Terms>) -> bool {
        match (&self.session, terms) {
            (Some(session), Some(terms)) => session.terms == *terms,
            (None, _) | (_, None) => true,
        }
    }
}

/// The host that a request names, as it was written. `None` if it names none, or several.
pub fn authority<B>(request: &http::Request<B>) -> Option<HeaderValue> {
    // An absolute target goes before the header (RFC 9112, 3.2.2).
    if let Some(authority) = request.uri().authority() {
        return HeaderValue::from_str(authority.as_str()).ok();
    }
    let mut named = request.headers().get_all(HOST).into_iter();
    named.next().filter(|_| named.next().is_none()).cloned()
}

/// Whether the length of a request's body can be told in one way only. hyper has refused what contradicts itself and
/// drops a length beside a transfer coding, but knows no coding except `chunked`, so no other may pass.
pub fn is_framed_plainly(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).into_iter();
    match codings.next() {
        None => true,
        Some(coding) => coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none(),
    }
}

/// Makes a client's headers those that a container gets.
pub fn towards_container(headers: &mut HeaderMap, host: HeaderValue, original_url: &str, origin: &Origin) {
    remove_hop_by_hop(headers);
    for name in RESERVED {
        headers.remove(name);
    }
    let client = text(&origin.client.to_string());
    append_forwarded_for(headers, origin.client);
    headers.insert("x-client-ip", client);
    headers.insert(
        "x-forwarded-proto",
        HeaderValue::from_static(origin.scheme().as_str()),
    );
    if let Some(session) = &origin.session {
        tell_of(headers, session);
    }
    join_cookies(headers);
    headers.insert("x-forwarded-host", host.clone());
    headers.insert("x-original-route", text(original_url));
    headers.insert(HOST, host);
}

fn tell_of(headers: &mut HeaderMap, session: &Session) {
    headers.insert("x-client-ssl", HeaderValue::from_static("on"));
    match &session.certificate {
        Some(certificate) => {
            headers.insert("x-client-verify", HeaderValue::from_static("SUCCESS"));
            headers.insert("x-client-dn", text(&certificate.name));
            headers.insert("x-client-cert", text(&certificate.encoded));
        }
        None if session.terms.client_authentication.is_some() => {
            headers.insert("x-client-verify", HeaderValue::from_static("NONE"));
        }
        None => {}
    }
}

/// HTTP/2 lets a client send its cookies one by one; a container must get them as one (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let crumbs: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if crumbs.len() > 1
        && let Ok(whole) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..]))
    {
        headers.insert(COOKIE, whole);
    }
}

/// Makes a container's headers those that a client gets.
pub fn towards_client(headers: &mut HeaderMap, restrict_robots: bool) {
    remove_hop_by_hop(headers);
    headers.remove(SERVER);
    // nginx's orders to a proxy in front of the app, which nginx itself has obeyed.
    let internal: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-accel-"))
        .cloned()
        .collect();
    for name in internal {
        headers.remove(name);
    }
    if restrict_robots {
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    }
    headers.insert("x-platform-cache", HeaderValue::from_static("BYPASS"));
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A client must not be able to take away what a container relies on.
        .filter(|name| *name != HOST && *name != http::header::CONTENT_LENGTH)
        .collect();
    for name in named.into_iter().chain(HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn append_forwarded_for(headers: &mut HeaderMap, client: IpAddr) {
    let mut chain: Vec<u8> = Vec::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        chain.extend_from_slice(value.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(client.to_string().as_bytes());
    headers.insert(
        X_FORWARDED_FOR,
        HeaderValue::from_bytes(&chain).unwrap_or_else(|_| text(&client.to_string())),
    );
}

/// Addresses and URLs are visible ASCII; what is not would be left out.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin = Origin {
        client: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7)),
        session: None,
    };

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn lines(headers: &HeaderMap) -> Vec<String> {
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_container_learns_who_asked_and_nothing_that_was_made_up() {
        let mut given = headers(&[
            ("host", "ignored"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-client-ip", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
            ("x-client-ssl", "on"),
            ("proxy", "http://evil.test"),
            ("connection", "keep-alive, X-Secret, Host"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("cookie", "a=1"),
        ]);
        towards_container(
            &mut given,
            HeaderValue::from_static("a.test:8080"),
            "https://{default}/",
            &ORIGIN,
        );
        assert_eq!(
            lines(&given),
            [
                "cookie: a=1",
                "host: a.test:8080",
                "x-client-ip: 192.0.2.7",
                "x-forwarded-for: 203.0.113.9, 192.0.2.7",
                "x-forwarded-host: a.test:8080",
                "x-forwarded-proto: http",
                "x-original-route: https://{default}/",
            ]
        );
    }

    #[test]
    fn a_client_does_not_see_what_serves_it() {
        let mut given = headers(&[
            ("server", "nginx"),
            ("x-accel-expires", "5"),
            ("keep-alive", "timeout=5"),
            ("content-type", "text/plain"),
        ]);
        towards_client(&mut given, true);
        assert_eq!(
            lines(&given),
            [
                "content-type: text/plain",
                "x-platform-cache: BYPASS",
                "x-robots-tag: noindex, nofollow"
            ]
        );
    }

    #[test]
    fn search_engines_are_asked_to_stay_away_only_where_that_is_wanted() {
        let mut given = headers(&[]);
        towards_client(&mut given, false);
        assert_eq!(lines(&given), ["x-platform-cache: BYPASS"]);
    }

    #[test]
    fn only_the_chunked_coding_passes() {
        for (lines, plain) in [
            (headers(&[]), true),
            (headers(&[("transfer-encoding", "Chunked")]), true),
            (headers(&[("transfer-encoding", "gzip, chunked")]), false),
            (headers(&[("transfer-encoding", "chunked, chunked")]), false),
            (
                headers(&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")]),
                false,
            ),
            (headers(&[("transfer-encoding", "xchunked")]), false),
        ] {
            assert_eq!(is_framed_plainly(&lines), plain, "{lines:?}");
        }
    }
}
