//! A daemon for tests: answers one connection after the other with what it was told.

use crate::client::Client;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Listens until its answers are used up.
pub struct FakeDaemon {
    directory: TempDir,
    requests: Arc<Mutex<Vec<String>>>,
}

impl FakeDaemon {
    /// Gives each connection one of `answers`, bytes as they go over the wire, and closes it.
    pub fn answering(answers: Vec<String>) -> Self {
        let daemon = Self {
            directory: tempfile::tempdir().unwrap(),
            requests: Arc::default(),
        };
        let listener = UnixListener::bind(daemon.socket()).unwrap();
        let requests = daemon.requests.clone();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut connection, _) = listener.accept().unwrap();
                requests.lock().unwrap().push(read_request(&mut connection));
                let _ = connection.write_all(answer.as_bytes());
            }
        });
        daemon
    }

    /// An HTTP response that ends with the connection.
    pub fn response(status: u16, content_type: &str, body: &str) -> String {
        format!("HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n{body}")
    }

    /// A client of this daemon.
    pub fn client(&self) -> Client {
        Client::new(self.socket())
    }

    /// The requests so far, as they came over the wire.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("api.sock")
    }
}

/// Runs a future to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Head and body of a request; the body is as long as `content-length` says.
fn read_request(connection: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap() == 1 {
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    connection.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}
