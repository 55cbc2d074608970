//! One edge takes the place of another: nobody who connects is refused, and what was begun is finished.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "each test program uses a part of this")]
mod site;

use guise_api::edge::{Action, Command, Reply, Scheme};
use guise_edge::{Edge, Predecessor, TableFile};
use http::Request;
use hyper::body::Incoming;
use site::{Container, ENVIRONMENT, HOST, Site, get, route, status, text};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// The directory of edges that succeed one another.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn control(&self) -> PathBuf {
        self.0.path().join("control.sock")
    }

    async fn first(&self) -> Site {
        let site = Site::with_table(Some(self.table())).await;
        let control = UnixListener::bind(self.control()).unwrap();
        tokio::spawn(Arc::clone(&site.edge).obey(control));
        site
    }

    /// As `guise edge` does it.
    async fn successor_of(&self, address: SocketAddr) -> Site {
        let control = self.control();
        let found = tokio::task::spawn_blocking(move || Predecessor::find(&control));
        let mut predecessor = found.await.unwrap().unwrap().unwrap();
        let listener = predecessor.take_listener(Scheme::Http, address).unwrap();
        let control = predecessor.take_control().unwrap();
        listener.set_nonblocking(true).unwrap();
        control.set_nonblocking(true).unwrap();
        let edge = Edge::new(Some(self.table()));
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(Arc::clone(&edge).serve(Scheme::Http, listener));
        tokio::spawn(Arc::clone(&edge).obey(UnixListener::from_std(control).unwrap()));
        edge.succeed(predecessor).await.unwrap();
        Site { edge, address }
    }

    fn table(&self) -> TableFile {
        TableFile::at(&self.0.path().join("table.json")).unwrap()
    }
}

async fn say_path(request: Request<Incoming>) -> site::Answer {
    if request.uri().path() == "/slow" {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    text(request.uri().path().to_owned())
}

async fn is_retired(site: &Site) -> bool {
    matches!(
        site.edge.carry_out(Command::Status).await,
        Reply::Status { retired: true, .. }
    )
}

/// Asks for a page over a connection of its own, again and again.
fn visitor(
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    answered: Arc<AtomicU32>,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while !ended.load(Ordering::SeqCst) {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(get("/a").as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.ends_with("/a"),
                "{answer:?}"
            );
            answered.fetch_add(1, Ordering::SeqCst);
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_is_refused_while_edges_succeed_one_another() {
    let place = Place::new();
    let container = Container::new(say_path).await;
    let mut site = place.first().await;
    site.route_to(container.address).await;
    let (ended, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let visitors: Vec<_> = (0..4)
        .map(|_| visitor(site.address, Arc::clone(&ended), Arc::clone(&answered)))
        .collect();
    for _ in 0..10 {
        let before = answered.load(Ordering::SeqCst);
        let successor = place.successor_of(site.address).await;
        assert!(is_retired(&site).await && !is_retired(&successor).await);
        site = successor;
        while answered.load(Ordering::SeqCst) < before + 20 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    ended.store(true, Ordering::SeqCst);
    for visitor in visitors {
        visitor.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_is_finished_and_the_client_told_to_connect_anew() {
    let place = Place::new();
    let container = Container::new(say_path).await;
    let old = place.first().await;
    old.route_to(container.address).await;
    let kept = || async { TcpStream::connect(old.address).await.unwrap() };
    let (mut idle, mut busy) = (kept().await, kept().await);
    let first = format!("GET /first HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    idle.write_all(first.as_bytes()).await.unwrap();
    let mut answer = [0; 512];
    let length = idle.read(&mut answer).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer[..length]).contains("connection: close"));
    busy.write_all(first.replace("first", "slow").as_bytes())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let _new = place.successor_of(old.address).await;
    // A connection that waits for its next request is not closed under it.
    idle.write_all(first.replace("first", "second").as_bytes())
        .await
        .unwrap();
    for (mut stream, path) in [(idle, "/second"), (busy, "/slow")] {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.contains("connection: close") && answer.ends_with(path),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_the_old_edge_holds_are_held_and_let_go_in_both() {
    let place = Place::new();
    let container = Container::new(say_path).await;
    let old = place.first().await;
    old.route_to(container.address).await;
    let mut commander = Commander::connect(&place.control()).await;
    old.hold(Duration::ZERO, Duration::from_secs(30)).await;
    let ask = |address| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(get("/a").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let before = tokio::spawn(ask(old.address));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let new = place.successor_of(old.address).await;
    let after = tokio::spawn(ask(new.address));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!before.is_finished() && !after.is_finished());
    new.release().await;
    assert_eq!(status(&after.await.unwrap()), "200");
    // The old edge still listens to whom it knows.
    let release = Command::Release {
        environment: ENVIRONMENT.into(),
    };
    assert_eq!(commander.tell(&release).await, Reply::Ok);
    assert_eq!(status(&before.await.unwrap()), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_was_only_asked_goes_on() {
    let place = Place::new();
    let container = Container::new(say_path).await;
    let site = place.first().await;
    site.route_to(container.address).await;
    let control = place.control();
    let asked = tokio::task::spawn_blocking(move || Predecessor::find(&control))
        .await
        .unwrap();
    // One that never serves: it does not find what it needs, or is killed.
    drop(asked.unwrap().unwrap());
    assert!(!is_retired(&site).await);
    assert_eq!(status(&site.get("/a").await), "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_edge_leaves_the_table_to_its_successor() {
    let place = Place::new();
    let container = Container::new(say_path).await;
    let old = place.first().await;
    let new = place.successor_of(old.address).await;
    new.route_to(container.address).await;
    let to = Action::Redirect {
        to: "https://old.test".into(),
    };
    old.tell(Command::Routes {
        environment: ENVIRONMENT.into(),
        routes: vec![route(HOST, "/", to)],
    })
    .await;
    let third = Site::with_table(Some(place.table())).await;
    assert_eq!(status(&third.get("/a").await), "200");
}

/// A control connection, as guised has it.
struct Commander(BufReader<UnixStream>);

impl Commander {
    async fn connect(control: &Path) -> Self {
        let mut commander = Self(BufReader::new(UnixStream::connect(control).await.unwrap()));
        commander.tell(&Command::Status).await;
        commander
    }

    async fn tell(&mut self, command: &Command) -> Reply {
        let mut line = serde_json::to_vec(command).unwrap();
        line.push(b'\n');
        self.0.write_all(&line).await.unwrap();
        let mut reply = String::new();
        self.0.read_line(&mut reply).await.unwrap();
        serde_json::from_str(&reply).unwrap()
    }
}
