//! Telling webhooks: what has ended is posted, signed, to whoever wants to know.

use crate::view;
use futures_util::StreamExt;
use guise_platform::{Delivery, Platform};
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use ring::hmac;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// How often it is looked for something to tell.
const EVERY: Duration = Duration::from_secs(2);
/// How long a server may take for its answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How many are told at once.
const AT_ONCE: usize = 8;

/// Tells for as long as guised runs.
pub async fn keep_telling(platform: Platform) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        let asked = platform.clone();
        let due = match tokio::task::spawn_blocking(move || asked.due_deliveries()).await {
            Ok(Ok(due)) => due,
            Ok(Err(error)) => {
                tracing::error!(%error, "cannot look for webhooks");
                continue;
            }
            Err(panic) => {
                tracing::error!(%panic, "cannot look for webhooks");
                continue;
            }
        };
        futures_util::stream::iter(due)
            .for_each_concurrent(AT_ONCE, |delivery| tell(&platform, delivery))
            .await;
    }
}

async fn tell(platform: &Platform, delivery: Delivery) {
    let problem = match timeout(PATIENCE, post(&delivery)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(format!("{error:#}")),
        Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    if let Some(problem) = &problem {
        tracing::info!(webhook = delivery.webhook.id, problem, "a webhook was not told");
    }
    let platform = platform.clone();
    let noted = tokio::task::spawn_blocking(move || platform.note_delivery(&delivery, problem.as_deref()));
    if let Ok(Err(error)) = noted.await {
        tracing::error!(%error, "cannot record how a webhook went");
    }
}

/// Posts once, and follows no redirect: where to, somebody with the right to has said.
async fn post(delivery: &Delivery) -> anyhow::Result<()> {
    let uri: Uri = delivery.webhook.url.parse()?;
    let body = serde_json::to_vec(&view::activity(delivery.activity.clone()))?;
    let request = Request::post(uri.path_and_query().map_or("/", |target| target.as_str()))
        .header(
            header::HOST,
            uri.authority().map_or("", |authority| authority.as_str()),
        )
        .header(header::USER_AGENT, concat!("guise/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-guise-event", &delivery.activity.kind)
        .header("x-guise-delivery", delivery.activity.id.as_str())
        .header("x-guise-signature", signature(&delivery.key, &body))
        .body(Full::new(bytes::Bytes::from(body)))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(connect(&uri).await?)).await?;
    tokio::spawn(connection);
    let status = sender.send_request(request).await?.status();
    anyhow::ensure!(status.is_success(), "the server answered {status}");
    Ok(())
}

/// `sha256=` and the HMAC-SHA256 of the body, as GitHub signs (`X-Hub-Signature-256`).
fn signature(key: &[u8], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), body);
    let hexadecimal: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hexadecimal}")
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(uri: &Uri) -> anyhow::Result<Box<dyn Stream>> {
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let secure = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((bare.as_str(), port)).await?;
    if !secure {
        return Ok(Box::new(stream));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    Ok(Box::new(
        connector.connect(ServerName::try_from(bare)?, stream).await?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of GitHub's documentation ("Validating webhook deliveries").
    #[test]
    fn bodies_are_signed_as_githubs_are() {
        assert_eq!(
            signature(b"It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
