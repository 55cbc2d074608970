//! What certificate authorities see that look whether a host is ours (ACME): a text at a path (RFC 8555, 8.3), or a
//! certificate to one who speaks a protocol of its own (RFC 8737).

use crate::secured::ready;
use bytes::Bytes;
use guise_api::edge::{Proof, Shown};
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use http_body_util::Full;
use rustls::{ServerConfig, server::ClientHello};
use std::sync::{Arc, PoisonError, RwLock};

/// The protocol that an authority speaks and nobody else.
const PROTOCOL: &[u8] = b"acme-tls/1";
const PATH: &str = "/.well-known/acme-challenge/";

/// What is shown now.
#[derive(Debug, Default)]
pub struct Proofs(RwLock<Vec<Ready>>);

#[derive(Debug)]
enum Ready {
    Text {
        host: String,
        token: String,
        text: String,
    },
    Certificate {
        host: String,
        config: Arc<ServerConfig>,
    },
}

impl Proofs {
    /// Shows these and no others.
    ///
    /// # Errors
    /// A certificate or key that cannot be used.
    pub fn set(&self, proofs: Vec<Proof>) -> Result<(), rustls::Error> {
        let ready: Vec<Ready> = proofs.into_iter().map(Ready::new).collect::<Result<_, _>>()?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ready;
        Ok(())
    }

    /// The answer to an authority's request; `None` if it is not one.
    pub fn answer(&self, host: &str, path: &str) -> Option<Response<Full<Bytes>>> {
        let asked = path.strip_prefix(PATH)?;
        let ready = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let text = ready.iter().find_map(|ready| match ready {
            Ready::Text {
                host: known,
                token,
                text,
            } if known == host && token == asked => Some(text.clone()),
            _ => None,
        })?;
        let mut response = Response::new(Full::from(text));
        let kind = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        Some(response)
    }

    /// How to shake hands with an authority that looks for a host.
    pub fn config(&self, host: &str) -> Option<Arc<ServerConfig>> {
        let ready = self.0.read().unwrap_or_else(PoisonError::into_inner);
        ready.iter().find_map(|ready| match ready {
            Ready::Certificate { host: known, config } if known == host => Some(Arc::clone(config)),
            _ => None,
        })
    }
}

impl Ready {
    fn new(proof: Proof) -> Result<Self, rustls::Error> {
        let host = proof.host;
        Ok(match proof.shown {
            Shown::Http { token, text } => Self::Text { host, token, text },
            Shown::Tls { chain, key } => {
                let mut config = ready(&chain, &key)?;
                config.alpn_protocols = vec![PROTOCOL.to_vec()];
                Self::Certificate {
                    host,
                    config: Arc::new(config),
                }
            }
        })
    }
}

/// Whether it is an authority that begins a connection: one that speaks its protocol and no other.
pub fn is_authority(hello: &ClientHello<'_>) -> bool {
    hello
        .alpn()
        .is_some_and(|mut protocols| protocols.next() == Some(PROTOCOL) && protocols.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_at_its_path_of_its_host_only() {
        let proofs = Proofs::default();
        let shown = Shown::Http {
            token: "abc".into(),
            text: "abc.def".into(),
        };
        let host = "a.test".into();
        proofs.set(vec![Proof { host, shown }]).unwrap();
        let path = "/.well-known/acme-challenge/abc";
        assert!(proofs.answer("a.test", path).is_some());
        assert!(proofs.answer("b.test", path).is_none());
        assert!(
            proofs
                .answer("a.test", "/.well-known/acme-challenge/ab")
                .is_none()
        );
        assert!(proofs.answer("a.test", "/abc").is_none());
        proofs.set(Vec::new()).unwrap();
        assert!(proofs.answer("a.test", path).is_none());
    }
}
