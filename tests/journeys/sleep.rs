//! Environments that nobody asks for sleep, and wake for the first visitor.

use crate::echo_site::write_echo_site;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Repository, WebSocket, http};
use std::{
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(200);
/// More than the setting, and what stopping takes on a busy machine.
const FALLS_ASLEEP: Duration = Duration::from_secs(40);
const VISITORS: usize = 20;

/// The sleeping environment, and how it is looked at.
struct Sleeper<'a> {
    guise: &'a Guise,
    repository: Repository,
    url: String,
}

pub fn sleeps_and_wakes(guise: &Guise) -> Result<()> {
    let repository = Repository::create(&guise.directory().join("sleep"))?;
    write_echo_site(&repository)?;
    repository.commit("Begin")?;
    let root = repository.root().to_path_buf();
    let said = |arguments: &[&str]| guise.run(&root, arguments)?.ok();
    said(&["up"])?;
    said(&["environment", "branch", "drowsy", "main"])?;
    let url = said(&["--environment", "drowsy", "url", "--primary"])?
        .trim()
        .to_string();
    let sleeper = Sleeper {
        guise,
        repository,
        url,
    };
    said(&[
        "--environment",
        "drowsy",
        "environment",
        "info",
        "sleep_after",
        "3s",
    ])?;

    sleeper.falls_asleep()?;
    let after = said(&["--environment", "main", "environment", "info", "sleep_after"])?;
    ensure!(after.trim() == "off", "production sleeps after {after}");
    ensure!(guise.page(&root)?.contains("page 0"), "production is gone");

    let longest = sleeper.visitors_come_at_once()?;
    println!("    of {VISITORS} visitors at once the last was answered after {longest:.2?}");
    let deployed = guise.json(&root, &["--environment", "drowsy", "deployment", "list"])?;
    ensure!(
        deployed.as_array().is_some_and(|list| list.len() == 1),
        "waking is no deployment: {deployed}"
    );

    said(&["environment", "sleep", "drowsy"])?;
    sleeper.falls_asleep()?;
    sleeper.a_websocket_wakes_and_keeps_awake()?;

    sleeper.falls_asleep()?;
    guise.kill_daemon()?;
    guise.start()?;
    sleeper.falls_asleep()?;
    let (_, path) = http::parts(&sleeper.url)?;
    let answer = post(&sleeper.url, path).context("a POST that wakes")?;
    ensure!(answer == "hello", "a POST is answered {answer:?}");

    said(&["environment", "sleep", "drowsy"])?;
    let shell = said(&["--environment", "drowsy", "exec", "--", "echo", "awake"])?;
    ensure!(shell.trim() == "awake", "a command says {shell:?}");

    said(&["environment", "sleep", "drowsy"])?;
    let operation = ["--environment", "drowsy", "operation", "run", "read-page"];
    let told = guise.run(&root, &operation)?;
    ensure!(
        told.stderr.contains("page 0"),
        "an operation does not wake it: {told:?}"
    );
    said(&["--yes", "environment", "delete", "drowsy"]).map(drop)
}

impl Sleeper<'_> {
    fn json(&self, arguments: &[&str]) -> Result<serde_json::Value> {
        let mut words = vec!["--environment", "drowsy"];
        words.extend(arguments);
        self.guise.json(self.repository.root(), &words)
    }

    /// Waits until it sleeps and nothing of it runs.
    fn falls_asleep(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let sleeps = self.json(&["environment", "info"])?["asleep"] == true;
            let containers = self.json(&["ps"])?;
            if sleeps && containers.as_array().is_some_and(Vec::is_empty) {
                return Ok(());
            }
            ensure!(begun.elapsed() < FALLS_ASLEEP, "it stays awake: {containers}");
            thread::sleep(PAUSE);
        }
    }

    /// Answers how long the longest waited.
    fn visitors_come_at_once(&self) -> Result<Duration> {
        let begun = Instant::now();
        let visitors = (0..VISITORS).map(|_| {
            let url = self.url.clone();
            thread::spawn(move || http::get(&url))
        });
        for visitor in visitors.collect::<Vec<_>>() {
            let answer = visitor.join().ok().context("a visitor panicked")??;
            ensure!(
                answer.status == 200,
                "a visitor gets {}: {}",
                answer.status,
                answer.text()
            );
        }
        Ok(begun.elapsed())
    }

    fn a_websocket_wakes_and_keeps_awake(&self) -> Result<()> {
        let (authority, path) = http::parts(&self.url)?;
        let mut socket = WebSocket::open(authority, path).context("a WebSocket that wakes")?;
        thread::sleep(Duration::from_secs(6));
        let awake = self.json(&["environment", "info"])?;
        ensure!(awake["asleep"] == false, "it sleeps although a WebSocket is open");
        socket.send(b"still there")?;
        let echoed = socket.receive().context("an idle WebSocket breaks")?;
        ensure!(echoed == b"still there", "the WebSocket is not what it was");
        Ok(())
    }
}

fn post(url: &str, path: &str) -> Result<String> {
    let (authority, _) = http::parts(url)?;
    let mut connection = http::Connection::open(authority)?;
    connection.send("POST", path, &[], Some(("text/plain", b"hello")))?;
    Ok(connection.answer()?.text())
}
