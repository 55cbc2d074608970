//! Requests over TLS: which host is served with what, what is asked of clients, and HTTP/2.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "each test program uses a part of this")]
mod site;

use bytes::Bytes;
use guise_api::edge::{
    Action, ClientAuthentication, Command, Proof, Reply, Scheme, SecureHost, Shown, Terms, TlsVersion,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};
use site::{Container, ENVIRONMENT, HOST, Site, route, text};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const OTHER: &str = "other.test";

/// Who signs for all hosts and clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
struct Certified {
    chain: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    fn certificate(&self) -> String {
        self.0.pem()
    }

    fn certify(&self, name: &str) -> Certified {
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        Certified {
            chain: parameters.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// An edge that serves two hosts over TLS, with an authority for both.
struct Secure {
    site: Site,
    authority: Authority,
    address: SocketAddr,
    _container: Container,
}

async fn say_head(request: Request<Incoming>) -> site::Answer {
    let lines = request.headers().iter();
    let lines = lines.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
    text(format!("{}\n{}", request.uri(), lines.collect::<String>()))
}

impl Secure {
    /// `terms` are those of the first host; the other has none.
    async fn new(terms: impl FnOnce(&Authority) -> Terms) -> Self {
        let authority = Authority::new();
        let site = Site::new().await;
        let container = Container::new(say_head).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Arc::clone(&site.edge).serve(Scheme::Https, listener));
        let upstream = Action::Upstream {
            address: container.address,
            caching: None,
        };
        let routes = [HOST, OTHER].map(|host| guise_api::edge::Route {
            scheme: Scheme::Https,
            ..route(host, "/", upstream.clone())
        });
        site.tell(Command::Routes {
            environment: ENVIRONMENT.into(),
            routes: routes.into(),
        })
        .await;
        let secure = Self {
            site,
            authority,
            address,
            _container: container,
        };
        let terms = terms(&secure.authority);
        secure.secure([(HOST, terms), (OTHER, Terms::default())]).await;
        secure
    }

    async fn secure<const N: usize>(&self, hosts: [(&str, Terms); N]) {
        let hosts = hosts.map(|(host, terms)| {
            let certified = self.authority.certify(host);
            SecureHost {
                host: host.into(),
                chain: certified.chain,
                key: certified.key,
                terms,
            }
        });
        self.site
            .tell(Command::Secure {
                environment: ENVIRONMENT.into(),
                hosts: hosts.into(),
            })
            .await;
    }

    /// A client that trusts the authority, speaks `version` and shows a certificate for `own`.
    fn client(&self, version: &'static rustls::SupportedProtocolVersion, own: Option<&str>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.certificate().as_bytes()).unwrap())
            .unwrap();
        let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let own = self.authority.certify(own);
                let chain = CertificateDer::pem_slice_iter(own.chain.as_bytes()).map(Result::unwrap);
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain.collect(), key).unwrap()
            }
        }
    }

    async fn connect(&self, client: ClientConfig, host: &str) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(host.to_owned()).unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, stream).await
    }

    /// What `asked` is answered over a connection that was made for `host`.
    async fn get(&self, client: ClientConfig, host: &str, asked: &str) -> io::Result<String> {
        let mut stream = self.connect(client, host).await?;
        let request = format!(
            "GET /a HTTP/1.1\r\nHost: {asked}\r\nX-Client-SSL: no\r\nX-Client-DN: me\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_told_that_the_client_came_over_tls() {
    let secure = Secure::new(|_| Terms::default()).await;
    for version in [&TLS12, &TLS13] {
        let answer = secure
            .get(secure.client(version, None), HOST, HOST)
            .await
            .unwrap();
        for line in ["HTTP/1.1 200", "x-forwarded-proto: https\n", "x-client-ssl: on\n"] {
            assert!(answer.contains(line), "{line} is missing in {answer}");
        }
        assert!(!answer.contains("x-client-dn"), "{answer}");
    }
    // The same host over plain HTTP has no route.
    assert_eq!(site::status(&secure.site.get("/a").await), "404");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_is_told_so_in_the_handshake() {
    let secure = Secure::new(|_| Terms::default()).await;
    let refused = secure
        .connect(secure.client(&TLS13, None), "unknown.test")
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("UnrecognisedName"), "{refused}");
}

/// Our client does not understand a proof, and says so: it has seen it.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_authority_sees_its_proof_for_as_long_as_there_is_one() {
    let secure = Secure::new(|_| Terms::default()).await;
    let look = async |host: &str, protocols: &[&str]| {
        let mut client = secure.client(&TLS13, None);
        client.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        match secure.connect(client, host).await {
            Ok(_) => "served".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    assert!(look(HOST, &["acme-tls/1"]).await.contains("UnrecognisedName"));
    let mut parameters = CertificateParams::new([HOST.to_owned()]).unwrap();
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(&[7; 32])];
    let key = KeyPair::generate().unwrap();
    let shown = Shown::Tls {
        chain: parameters.signed_by(&key, &secure.authority.0).unwrap().pem(),
        key: key.serialize_pem(),
    };
    let host = HOST.into();
    let proofs = vec![Proof { host, shown }];
    secure.site.tell(Command::Prove { proofs }).await;
    let seen = look(HOST, &["acme-tls/1"]).await;
    assert!(seen.contains("UnsupportedCriticalExtension"), "{seen}");
    assert!(look(OTHER, &["acme-tls/1"]).await.contains("UnrecognisedName"));
    assert_eq!(look(HOST, &["acme-tls/1", "http/1.1"]).await, "served");
    assert_eq!(look(HOST, &[]).await, "served");
    secure.site.tell(Command::Prove { proofs: Vec::new() }).await;
    assert!(look(HOST, &["acme-tls/1"]).await.contains("UnrecognisedName"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_wants_tls_1_3_speaks_nothing_older() {
    let secure = Secure::new(|_| Terms {
        min_version: TlsVersion::Tls13,
        ..Terms::default()
    })
    .await;
    let refused = secure
        .connect(secure.client(&TLS12, None), HOST)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("ProtocolVersion"), "{refused}");
    assert!(secure.connect(secure.client(&TLS13, None), HOST).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_shows_a_certificate_where_one_is_required_and_nowhere_past_that() {
    let secure = Secure::new(|authority| Terms {
        client_authentication: Some(ClientAuthentication::Require),
        client_authorities: vec![authority.certificate()],
        ..Terms::default()
    })
    .await;
    // In TLS 1.3 a client believes that all is well before the server has looked at its certificate.
    let refused = secure
        .get(secure.client(&TLS13, None), HOST, HOST)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("CertificateRequired"), "{refused}");
    let known = secure.client(&TLS13, Some("alice.test"));
    let answer = secure.get(known, HOST, HOST).await.unwrap();
    for line in [
        "x-client-verify: SUCCESS\n",
        "x-client-dn: CN=alice.test\n",
        "x-client-cert: -----BEGIN%20CERT",
    ] {
        assert!(answer.contains(line), "{line} is missing in {answer}");
    }
    // A connection that was made for the open host does not lead to the closed one.
    let around = secure
        .get(secure.client(&TLS13, None), OTHER, HOST)
        .await
        .unwrap();
    assert_eq!(site::status(&around), "421");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_carries_many_requests_and_one_cookie_header() {
    let secure = Secure::new(|_| Terms::default()).await;
    let mut client = secure.client(&TLS13, None);
    client.alpn_protocols = vec![b"h2".to_vec()];
    let stream = secure.connect(client, HOST).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let asked = (0..50).map(|number| {
        let mut sender = sender.clone();
        async move {
            let request = Request::get(format!("https://{HOST}/{number}?x"))
                .header("cookie", "a=1")
                .header("cookie", "b=2")
                .body(Empty::<Bytes>::new())
                .unwrap();
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.into()).unwrap();
            assert!(body.starts_with(&format!("/{number}?x\n")), "{body}");
            assert!(body.contains("cookie: a=1; b=2\n"), "{body}");
            assert!(body.contains(&format!("host: {HOST}\n")), "{body}");
        }
    });
    futures_util::future::join_all(asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_cannot_be_used_changes_nothing() {
    let secure = Secure::new(|_| Terms::default()).await;
    let (one, other) = (secure.authority.certify(HOST), secure.authority.certify(OTHER));
    let reply = secure
        .site
        .edge
        .carry_out(Command::Secure {
            environment: ENVIRONMENT.into(),
            hosts: vec![SecureHost {
                host: HOST.into(),
                chain: one.chain,
                key: other.key,
                terms: Terms::default(),
            }],
        })
        .await;
    assert!(matches!(reply, Reply::Error { .. }), "{reply:?}");
    assert!(
        secure
            .get(secure.client(&TLS13, None), OTHER, OTHER)
            .await
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_that_is_forgotten_is_served_no_more() {
    let secure = Secure::new(|_| Terms::default()).await;
    secure
        .site
        .tell(Command::Forget {
            environment: ENVIRONMENT.into(),
        })
        .await;
    assert!(secure.connect(secure.client(&TLS13, None), HOST).await.is_err());
}
