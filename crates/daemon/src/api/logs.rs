//! Log files of containers, as events.

use super::{App, Failure, blocking};
use axum::{
    extract::{Path, Query, State},
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::Stream;
use guise_api::{LogLine, paths};
use serde::Deserialize;
use std::{
    convert::Infallible,
    fs::File,
    io::{Read, Seek, SeekFrom},
    time::Duration,
};
use tokio::sync::mpsc;
use utoipa::IntoParams;

/// How often a followed file is looked at for more.
const POLL: Duration = Duration::from_millis(200);
/// Most bytes taken from a file at one look: containers write them, so reading is bounded.
const PIECE: u64 = 64 * 1024;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    container: Option<String>,
    log: Option<String>,
    #[serde(default)]
    follow: bool,
    lines: Option<usize>,
}

/// Read log files of an environment's containers as events.
#[utoipa::path(
    get,
    path = paths::LOGS,
    operation_id = "log_follow",
    params(Which),
    responses((status = 200, content_type = "text/event-stream", body = LogLine))
)]
pub(crate) async fn follow(
    State(app): State<App>,
    Path((project, name)): Path<(String, String)>,
    Query(which): Query<Which>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    if let Some(log) = &which.log
        && !log
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        let message = format!("{log:?} is not a log's name: app, access, error, deploy, post-deploy");
        return Err(Failure::new(
            guise_api::ErrorKind::User,
            "log.invalid",
            message,
            vec![],
        ));
    }
    let (container, log) = (which.container.clone(), which.log.clone());
    let files = blocking(&app, move |platform| {
        let environment = platform.environment(&platform.project(&project)?, &name)?;
        Ok(platform.logs(&environment, container.as_deref(), log.as_deref())?)
    })
    .await?;
    let (sender, receiver) = mpsc::channel(64);
    for (source, file) in files {
        let (sender, lines, follow) = (sender.clone(), which.lines.unwrap_or(100), which.follow);
        tokio::task::spawn_blocking(move || read(&source, file, lines, follow, &sender));
    }
    let events = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let line: LogLine = receiver.recv().await?;
        Some((Ok(Event::default().json_data(line).unwrap_or_default()), receiver))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Sends the last lines of a file, then what is added to it until the client goes away.
fn read(source: &str, mut file: File, lines: usize, follow: bool, sender: &mpsc::Sender<LogLine>) {
    let send = |text: String| {
        sender
            .blocking_send(LogLine {
                source: Some(source.into()),
                text,
            })
            .is_ok()
    };
    let last = guise_platform::last_lines(&mut file, lines).unwrap_or_default();
    if !last.into_iter().all(send) || !follow {
        return;
    }
    let mut position = file.seek(SeekFrom::End(0)).unwrap_or_default();
    let mut unfinished = Vec::new();
    while !sender.is_closed() {
        std::thread::sleep(POLL);
        let length = file.metadata().map(|metadata| metadata.len()).unwrap_or(position);
        if length < position {
            // The file was cut, as its writers do at 100 MB.
            position = 0;
            unfinished.clear();
        }
        let mut piece = Vec::new();
        let read = file
            .seek(SeekFrom::Start(position))
            .and_then(|_| (&file).take(PIECE).read_to_end(&mut piece));
        position += read.unwrap_or_default() as u64;
        unfinished.extend_from_slice(&piece);
        while let Some(end) = unfinished.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = unfinished.drain(..=end).collect();
            if !send(String::from_utf8_lossy(&line[..end]).into_owned()) {
                return;
            }
        }
    }
}
