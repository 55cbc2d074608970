//! An edge in this process, a small container behind it, and clients that say exactly what they mean.

use bytes::Bytes;
use guise_api::edge::{Action, Command, Reply, Route, Scheme};
use guise_edge::{Edge, TableFile};
use http::{Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    net::{SocketAddr, SocketAddrV4},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The environment of most tests and its host.
pub const ENVIRONMENT: &str = "abcdefgh12345/main";
pub const HOST: &str = "main.test";

/// Memory for kept answers.
const CACHE_BYTES: usize = 1 << 20;

/// A running edge.
pub struct Site {
    pub edge: Arc<Edge>,
    pub address: SocketAddr,
}

impl Site {
    pub async fn new() -> Self {
        Self::with_table(None).await
    }

    pub async fn with_table(file: Option<TableFile>) -> Self {
        let edge = Edge::within(CACHE_BYTES, Vec::new(), file);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(Arc::clone(&edge).serve(Scheme::Http, listener));
        Self { edge, address }
    }

    /// Routes the host to `upstream`.
    pub async fn route_to(&self, upstream: SocketAddrV4) {
        self.tell(Command::Routes {
            environment: ENVIRONMENT.into(),
            routes: vec![route(HOST, "/", upstream_at(upstream))],
        })
        .await;
    }

    /// Routes the host to `upstream`; answers how many did not end by the old route.
    #[allow(dead_code, reason = "each test program uses a part of this")]
    pub async fn switch_to(&self, upstream: SocketAddrV4, drain: Duration) -> u32 {
        let command = Command::Switch {
            environment: ENVIRONMENT.into(),
            routes: vec![route(HOST, "/", upstream_at(upstream))],
            drain_ms: drain.as_millis() as u64,
        };
        match self.edge.carry_out(command).await {
            Reply::Held { under_way } => under_way,
            other => panic!("{other:?}"),
        }
    }

    pub async fn hold(&self, drain: Duration, patience: Duration) -> u32 {
        let command = Command::Hold {
            environment: ENVIRONMENT.into(),
            drain_ms: drain.as_millis() as u64,
            patience_ms: patience.as_millis() as u64,
        };
        match self.edge.carry_out(command).await {
            Reply::Held { under_way } => under_way,
            other => panic!("{other:?}"),
        }
    }

    pub async fn release(&self) {
        self.tell(Command::Release {
            environment: ENVIRONMENT.into(),
        })
        .await;
    }

    pub async fn tell(&self, command: Command) {
        assert_eq!(self.edge.carry_out(command).await, Reply::Ok);
    }

    /// Sends bytes and reads until the edge closes.
    pub async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes.as_ref()).await.unwrap();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(ended.is_ok(), "still open after {answer:?}");
        answer
    }

    pub async fn get(&self, path: &str) -> String {
        self.say(get(path)).await
    }
}

/// A container whose answers are not kept.
pub fn upstream_at(address: SocketAddrV4) -> Action {
    Action::Upstream {
        address,
        caching: None,
    }
}

pub fn route(host: &str, path: &str, action: Action) -> Route {
    Route {
        scheme: Scheme::Http,
        host: host.into(),
        path: path.into(),
        action,
        original_url: format!("https://{{default}}{path}"),
        restrict_robots: true,
        access: None,
        redirects: Vec::new(),
        strict_transport_security: None,
    }
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n")
}

/// The three digits of an answer.
pub fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

pub type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// A body of one piece.
pub fn text(text: impl Into<Bytes>) -> Answer {
    Response::new(
        Full::new(text.into())
            .map_err(|never: Infallible| match never {})
            .boxed(),
    )
}

/// A container's nginx, as far as the edge can tell. Its connections end when it is dropped.
pub struct Container {
    pub address: SocketAddrV4,
    pub requests: Arc<AtomicU32>,
    _tasks: JoinSet<()>,
}

impl Container {
    pub async fn new<F, R>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        Self::at("127.0.0.1:0", answer).await
    }

    pub async fn at<F, R>(address: &str, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        let listener = bind(address).await;
        let SocketAddr::V4(address) = listener.local_addr().unwrap() else {
            panic!("not IPv4")
        };
        let requests = Arc::new(AtomicU32::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, answer, Arc::clone(&requests)));
        Self {
            address,
            requests,
            _tasks: tasks,
        }
    }
}

/// A former container's listener may live for a moment after it was dropped.
async fn bind(address: &str) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => tokio::task::yield_now().await,
            bound => return bound.unwrap(),
        }
    }
}

async fn accept<F, R>(listener: TcpListener, answer: F, requests: Arc<AtomicU32>)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, requests) = (answer.clone(), Arc::clone(&requests));
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let (answer, requests) = (answer.clone(), Arc::clone(&requests));
                async move {
                    requests.fetch_add(1, Ordering::SeqCst);
                    Ok::<_, Infallible>(answer(request).await)
                }
            });
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
