//! Talking to the daemon: HTTP/1.1 over its unix socket, or over TLS to another machine; one connection per request.

use crate::remote::Remote;
use bytes::Bytes;
use guise_api::{ApiError, exec};
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

/// Why the daemon did not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum ClientError {
    #[error("the daemon is not running: nobody listens on {}", socket.display())]
    NotRunning { socket: PathBuf },
    #[error("the daemon's socket {} may not be opened by this user", socket.display())]
    Denied { socket: PathBuf },
    #[error("cannot connect to {}: {source}", socket.display())]
    Connect { socket: PathBuf, source: io::Error },
    #[error("cannot reach the daemon {url}: {source}")]
    Unreachable { url: String, source: io::Error },
    #[error("the daemon {url} shows a certificate that this machine does not trust: {source}")]
    Untrusted { url: String, source: io::Error },
    #[error("the connection to the daemon broke during {method} {path}: {source}")]
    Exchange {
        method: Method,
        path: String,
        source: hyper::Error,
    },
    #[error("{method} {path} cannot be written as a request: {source}")]
    Request {
        method: Method,
        path: String,
        source: http::Error,
    },
    #[error("the daemon's answer to {method} {path} is not understood (is it of another version?): {source}")]
    Answer {
        method: Method,
        path: String,
        source: serde_json::Error,
    },
    #[error("the daemon answered {method} {path} with {status}")]
    Status {
        method: Method,
        path: String,
        status: StatusCode,
    },
    #[error("{0}")]
    Refused(ApiError),
}

/// Where a daemon listens.
#[derive(Debug, Clone)]
enum Place {
    /// On this machine.
    Socket(PathBuf),
    /// Anywhere.
    Remote(Arc<Remote>),
}

/// One daemon.
#[derive(Debug, Clone)]
pub struct Client {
    place: Place,
}

/// A connection of either kind.
trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Client {
    /// The daemon that listens on `socket`. Connects at the first request.
    pub fn new(socket: PathBuf) -> Self {
        Self {
            place: Place::Socket(socket),
        }
    }

    /// The daemon of another machine. Connects at the first request.
    pub fn remote(remote: Remote) -> Self {
        Self {
            place: Place::Remote(Arc::new(remote)),
        }
    }

    /// Whether it is a daemon of another machine.
    pub fn is_remote(&self) -> bool {
        matches!(self.place, Place::Remote(_))
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let call = Call::new(Method::GET, path);
        call.json(self.send(&call, Bytes::new()).await?).await
    }

    /// Asks for something, with a body.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.with_body(Call::new(Method::POST, path), body).await
    }

    /// Changes something.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.with_body(Call::new(Method::PATCH, path), body).await
    }

    /// Asks for something that needs no body.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let call = Call::new(Method::POST, path);
        call.json(self.send(&call, Bytes::new()).await?).await
    }

    /// Deletes something.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let call = Call::new(Method::DELETE, path);
        call.json(self.send(&call, Bytes::new()).await?).await
    }

    /// Opens an event stream, after the event `last_id` if given.
    pub async fn events(&self, path: &str, last_id: Option<&str>) -> Result<Incoming, ClientError> {
        let mut call = Call::new(Method::GET, path);
        call.headers
            .push((header::ACCEPT.as_str(), "text/event-stream".into()));
        if let Some(id) = last_id {
            call.headers.push(("last-event-id", id.into()));
        }
        Ok(self.send(&call, Bytes::new()).await?.into_body())
    }

    /// Opens the frame stream of [`exec`].
    pub async fn upgrade(
        &self,
        path: &str,
        body: &exec::Exec,
    ) -> Result<TokioIo<hyper::upgrade::Upgraded>, ClientError> {
        let mut call = Call::new(Method::POST, path);
        call.headers.push((header::CONNECTION.as_str(), "upgrade".into()));
        call.headers
            .push((header::UPGRADE.as_str(), exec::PROTOCOL.into()));
        let body = call.body(body)?;
        let response = self.send(&call, body).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(call.unexpected(response.status()));
        }
        hyper::upgrade::on(response)
            .await
            .map(TokioIo::new)
            .map_err(|source| call.broken(source))
    }

    async fn with_body<T: DeserializeOwned>(
        &self,
        call: Call,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = call.body(body)?;
        call.json(self.send(&call, body).await?).await
    }

    async fn connect(&self) -> Result<Box<dyn Connection>, ClientError> {
        match &self.place {
            Place::Socket(socket) => match UnixStream::connect(socket).await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(source) => Err(refused_socket(socket.clone(), source)),
            },
            Place::Remote(remote) => match remote.connect().await {
                Ok(stream) => Ok(Box::new(stream)),
                Err(source) => Err(refused_remote(remote.url(), source)),
            },
        }
    }

    /// The headers that say where a request goes, and who comes.
    fn address(&self, request: request::Builder) -> request::Builder {
        match &self.place {
            Place::Socket(_) => request.header(header::HOST, HeaderValue::from_static("guise")),
            Place::Remote(remote) => request
                .header(header::HOST, format!("{}:{}", remote.host, remote.port))
                .header(header::AUTHORIZATION, format!("Bearer {}", remote.token)),
        }
    }

    async fn send(&self, call: &Call, body: Bytes) -> Result<Response<Incoming>, ClientError> {
        let stream = TokioIo::new(self.connect().await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(|source| call.broken(source))?;
        tokio::spawn(connection.with_upgrades());
        let response = sender
            .send_request(call.request(body, |request| self.address(request))?)
            .await
            .map_err(|source| call.broken(source))?;
        if response.status().is_success() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|source| call.broken(source))?
            .to_bytes();
        Err(serde_json::from_slice(&body).map_or_else(|_| call.unexpected(status), ClientError::Refused))
    }
}

fn refused_socket(socket: PathBuf, source: io::Error) -> ClientError {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning { socket },
        io::ErrorKind::PermissionDenied => ClientError::Denied { socket },
        _ => ClientError::Connect { socket, source },
    }
}

fn refused_remote(url: String, source: io::Error) -> ClientError {
    match source.kind() {
        // So says rustls of a certificate that it does not take.
        io::ErrorKind::InvalidData => ClientError::Untrusted { url, source },
        _ => ClientError::Unreachable { url, source },
    }
}

/// One request, kept for the errors that may follow.
struct Call {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
}

impl Call {
    fn new(method: Method, path: &str) -> Self {
        Self {
            method,
            path: path.into(),
            headers: Vec::new(),
        }
    }

    fn request(
        &self,
        body: Bytes,
        address: impl FnOnce(request::Builder) -> request::Builder,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = address(Request::builder().method(&self.method).uri(&self.path));
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request
            .body(Full::new(body))
            .map_err(|source| ClientError::Request {
                method: self.method.clone(),
                path: self.path.clone(),
                source,
            })
    }

    fn body(&self, body: &impl Serialize) -> Result<Bytes, ClientError> {
        serde_json::to_vec(body)
            .map(Bytes::from)
            .map_err(|source| self.garbled(source))
    }

    async fn json<T: DeserializeOwned>(&self, response: Response<Incoming>) -> Result<T, ClientError> {
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|source| self.broken(source))?;
        serde_json::from_slice(&body.to_bytes()).map_err(|source| self.garbled(source))
    }

    fn broken(&self, source: hyper::Error) -> ClientError {
        ClientError::Exchange {
            method: self.method.clone(),
            path: self.path.clone(),
            source,
        }
    }

    fn garbled(&self, source: serde_json::Error) -> ClientError {
        ClientError::Answer {
            method: self.method.clone(),
            path: self.path.clone(),
            source,
        }
    }

    fn unexpected(&self, status: StatusCode) -> ClientError {
        ClientError::Status {
            method: self.method.clone(),
            path: self.path.clone(),
            status,
        }
    }
}

/// Puts a query behind a path; parameters without a value are left out.
pub fn with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut target = path.to_owned();
    for (name, value) in parameters {
        if let Some(value) = value {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push('=');
            target.push_str(&guise_api::paths::fill("{}", &[value]));
        }
    }
    target
}

/// A truth as the value of a parameter.
pub fn boolean(value: bool) -> Option<&'static str> {
    Some(if value { "true" } else { "false" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::fake_daemon::{FakeDaemon, block_on};
    use guise_api::{ErrorKind, Status, paths};

    #[test]
    fn a_daemon_that_does_not_run_is_exit_code_5_and_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let client = Client::new(directory.path().join("api.sock"));
        let error = Error::from(block_on(client.get::<Status>(paths::STATUS)).unwrap_err());
        assert_eq!(error.exit_code(), 5);
        assert!(error.to_string().contains("not running"), "{error}");
        assert!(
            error.hints().iter().any(|hint| hint.contains("guise up")),
            "{:?}",
            error.hints()
        );
    }

    #[test]
    fn a_refusal_keeps_its_kind_message_and_hints() {
        let body =
            r#"{"kind":"user","code":"project.unknown","message":"no project x","hints":["list them"]}"#;
        let daemon = FakeDaemon::answering(vec![FakeDaemon::response(404, "application/json", body)]);
        let error = block_on(async { daemon.client().get::<Status>(paths::STATUS).await.unwrap_err() });
        let ClientError::Refused(refusal) = &error else {
            panic!("{error}")
        };
        assert_eq!(
            (refusal.kind, refusal.message.as_str()),
            (ErrorKind::User, "no project x")
        );
        assert_eq!(Error::from(error).hints(), ["list them"]);
    }

    #[test]
    fn an_answer_of_another_version_names_the_request() {
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::response(200, "application/json", "{}"),
            FakeDaemon::response(502, "text/html", "<p>"),
        ]);
        let client = daemon.client();
        let strange = block_on(client.get::<Status>("/v1/status")).unwrap_err();
        assert!(strange.to_string().contains("GET /v1/status"), "{strange}");
        let status = block_on(client.get::<Status>("/v1/status")).unwrap_err();
        assert!(status.to_string().contains("502"), "{status}");
    }

    #[test]
    fn a_body_is_json() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::response(200, "application/json", "7")]);
        let answer: u32 = block_on(daemon.client().post("/v1/projects", &["a"])).unwrap();
        assert_eq!(answer, 7);
        let request = daemon.requests().remove(0);
        assert!(request.starts_with("POST /v1/projects HTTP/1.1\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n[\"a\"]"), "{request}");
    }

    #[test]
    fn a_query_is_percent_encoded_and_leaves_out_what_is_absent() {
        assert_eq!(
            with_query(
                "/v1/containers",
                &[
                    ("project", None),
                    ("environment", Some("a&b=ü c")),
                    ("n", Some("1"))
                ]
            ),
            "/v1/containers?environment=a%26b%3D%C3%BC%20c&n=1"
        );
    }
}
