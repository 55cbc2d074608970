//! A daemon for tests: answers one connection after the other with what it was told.

use crate::arguments::Arguments;
use crate::client::Client;
use crate::context::Context;
use crate::error::Error;
use crate::output::tests::Printed;
use crate::{alias, commands};
use clap::Parser;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// An environment below `main` with two URLs.
pub const ENVIRONMENT: &str = r#"{"name":"feature/a","machine_name":"feature-a-abcdefg","project":"abcdefgh12345",
    "type":"development","status":"active","parent":"main","head_commit":null,"deployed_at":null,"routes":[
    {"url":"https://www.feature-a.localhost/","original_url":"https://www.{default}/","primary":false,
     "type":"redirect","to":"https://feature-a.localhost/"},
    {"url":"https://feature-a.localhost/","original_url":"https://{default}/","primary":true,
     "type":"upstream","to":"app"}]}"#;

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
        std::fs::create_dir(daemon.directory.path().join("run")).unwrap();
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

    /// A JSON answer.
    pub fn json(body: &str) -> String {
        Self::response(200, "application/json", body)
    }

    /// An answer with an activity.
    pub fn activity(state: &str, result: Option<&str>) -> String {
        Self::json(&activity(state, result))
    }

    /// An answer with the log of an activity that has ended.
    pub fn log(state: &str, result: Option<&str>) -> String {
        let end = activity(state, result);
        Self::response(
            200,
            "text/event-stream",
            &format!("id: 1\ndata: {{\"text\":\"one\"}}\n\nevent: end\ndata: {end}\n\n"),
        )
    }

    /// An answer with the containers `app` and `db` of [`ENVIRONMENT`].
    pub fn containers() -> String {
        Self::json(&format!(
            "[{},{}]",
            container("app", "app"),
            container("db", "service")
        ))
    }

    /// Runs a command line against this daemon, with nobody to ask; answers what it printed and how it ended.
    pub fn run(&self, line: &str) -> (String, Result<u8, Error>) {
        let mut args: Vec<OsString> = vec!["guise".into(), "--state".into(), self.directory.path().into()];
        args.extend(line.split(' ').map(OsString::from));
        let arguments = Arguments::parse_from(alias::expand(&crate::command(), args));
        let printed = Printed::default();
        let output = printed.output(arguments.global.columns.clone());
        let mut context = Context::new(arguments.global).unwrap();
        context.output = output;
        context.can_ask = false;
        let ended = block_on(commands::talk(arguments.command, &context));
        (printed.text(), ended)
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
        self.directory.path().join("run/api.sock")
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

/// An activity as JSON.
pub fn activity(state: &str, result: Option<&str>) -> String {
    serde_json::json!({
        "id": "abcdefgh12345", "type": "environment.push", "project": null, "environments": [],
        "description": "Push", "state": state, "result": result, "completion_percent": 0,
        "created_at": "2026-11-24T12:00:00Z", "started_at": null, "completed_at": null,
    })
    .to_string()
}

fn container(name: &str, kind: &str) -> String {
    serde_json::json!({
        "id": "k3f9x2m4q8za", "project": "abcdefgh12345", "environment": "feature/a", "name": name, "kind": kind,
        "type": "any:1", "running": true, "pid": 1, "memory_bytes": 0, "memory_limit_bytes": 0,
        "created_at": "2026-11-24T12:00:00Z", "lies": [], "processes": [],
    })
    .to_string()
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
