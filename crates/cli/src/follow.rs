//! Following logs: event streams of the daemon, over restarts of the daemon.

use crate::client::{Client, ClientError, boolean, with_query};
use crate::error::Error;
use crate::events::{Event, Parser};
use guise_api::{Activity, LogLine, paths};
use guise_model::ActivityId;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// How long a daemon may be away before following it ends: an upgrade takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);

/// An open event stream.
struct Stream {
    body: Incoming,
    parser: Parser,
    ready: VecDeque<Event>,
}

impl Stream {
    fn new(body: Incoming) -> Self {
        Self {
            body,
            parser: Parser::default(),
            ready: VecDeque::new(),
        }
    }

    /// The next event; `None` when the stream ended or broke, which looks the same after a SIGKILL of the daemon.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(chunk) = frame.into_data() {
                self.ready.extend(self.parser.push(&chunk));
            }
        }
    }
}

/// Hands each line of an activity's log to `line`, once, and answers the activity as it ended. With `wait` the
/// log is followed until then; otherwise the answer is `None` when the activity still runs.
///
/// A connection that breaks is opened anew behind the last line that arrived.
pub async fn activity_log(
    client: &Client,
    id: &ActivityId,
    wait: bool,
    mut line: impl FnMut(&LogLine) -> io::Result<()>,
) -> Result<Option<Activity>, Error> {
    let path = paths::fill(paths::ACTIVITY_LOG, &[id.as_str()]);
    let path = with_query(&path, &[("follow", boolean(wait))]);
    let mut last_id: Option<String> = None;
    let mut lost_since: Option<Instant> = None;
    loop {
        let opened = client.events(&path, last_id.as_deref()).await;
        match opened {
            Ok(body) => {
                let mut stream = Stream::new(body);
                while let Some(event) = stream.next().await {
                    lost_since = None;
                    if event.kind == "end" {
                        return Ok(Some(parsed(&path, &event.data)?));
                    }
                    last_id = event.id;
                    line(&parsed(&path, &event.data)?)?;
                }
                if !wait {
                    return Ok(None);
                }
            }
            Err(error) if lost_since.is_none() && last_id.is_none() => return Err(error.into()),
            Err(error @ (ClientError::NotRunning { .. } | ClientError::Exchange { .. })) => {
                if lost_since.is_some_and(|since| since.elapsed() > PATIENCE) {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        lost_since.get_or_insert_with(Instant::now);
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hands each line of a log of containers to `line`, until the stream ends.
pub async fn container_log(
    client: &Client,
    path: &str,
    mut line: impl FnMut(&LogLine) -> io::Result<()>,
) -> Result<(), Error> {
    let mut stream = Stream::new(client.events(path, None).await?);
    while let Some(event) = stream.next().await {
        line(&parsed(path, &event.data)?)?;
    }
    Ok(())
}

fn parsed<T: serde::de::DeserializeOwned>(path: &str, data: &str) -> Result<T, ClientError> {
    serde_json::from_str(data).map_err(|source| ClientError::Answer {
        method: http::Method::GET,
        path: path.into(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_daemon::{FakeDaemon, activity, block_on};
    use guise_api::ActivityResult;

    fn stream(body: &str) -> String {
        FakeDaemon::response(200, "text/event-stream", body)
    }

    fn line(id: u32, text: &str) -> String {
        format!("id: {id}\ndata: {{\"text\":\"{text}\"}}\n\n")
    }

    #[test]
    fn a_log_goes_on_behind_the_last_line_when_the_daemon_was_away() {
        let end = format!("event: end\ndata: {}\n\n", activity("complete", Some("success")));
        let daemon = FakeDaemon::answering(vec![
            stream(&(line(1, "one") + &line(2, "two") + "id: 3\ndata: {\"te")),
            String::new(),
            stream(&(line(3, "three") + &end)),
        ]);
        let id = ActivityId::new("abcdefgh12345").unwrap();
        let mut lines = Vec::new();
        let ended = block_on(activity_log(&daemon.client(), &id, true, |line| {
            lines.push(line.text.clone());
            Ok(())
        }));
        assert_eq!(lines, ["one", "two", "three"]);
        assert_eq!(ended.unwrap().unwrap().result, Some(ActivityResult::Success));
        let requests = daemon.requests();
        assert!(!requests[0].contains("last-event-id"), "{}", requests[0]);
        assert!(requests[2].contains("last-event-id: 2\r\n"), "{}", requests[2]);
    }

    #[test]
    fn without_waiting_the_end_of_the_stream_is_the_end() {
        let daemon = FakeDaemon::answering(vec![stream(&line(1, "one"))]);
        let id = ActivityId::new("abcdefgh12345").unwrap();
        let ended = block_on(activity_log(&daemon.client(), &id, false, |_| Ok(())));
        assert_eq!(ended.unwrap(), None);
    }
}
