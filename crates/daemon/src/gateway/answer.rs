//! What the gateway asks (`guise_api::gateway`): one thread per question, which ends with its connection.

use guise_api::gateway::{Answer, Control, LONGEST, Program, Question, Wish};
use guise_platform::{ExecSession, ExecStdio, GitSession, Opened, Platform, Visitor, Wanted, on_behalf_of};
use guise_sys::{Errno, socket};
use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Questions at a time. Each takes a thread, and one more while a process runs.
const MOST: usize = 1024;
const STACK: usize = 512 << 10;

/// Answers from now on, for as long as the process lives. Only user `id` and root are answered.
pub fn serve(listener: OwnedFd, platform: Platform, id: u32) {
    let under_way = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        loop {
            let line = match socket::accept(listener.as_fd()) {
                Ok(line) => line,
                Err(error) => {
                    // Out of descriptors, say: they come back as sessions end.
                    tracing::warn!(%error, "cannot take a question of the gateway");
                    thread::sleep(Duration::from_millis(100));
                    continue;
                }
            };
            if !socket::peer_user(line.as_fd()).is_ok_and(|user| user == id || user == 0) {
                continue;
            }
            let (platform, place) = (platform.clone(), Place::take(&under_way));
            let Some(place) = place else {
                say(
                    line.as_fd(),
                    &refused("there are too many sessions on this machine"),
                );
                continue;
            };
            let answering = move || {
                let _place = place;
                answer(&platform, line);
            };
            if let Err(error) = thread::Builder::new().stack_size(STACK).spawn(answering) {
                tracing::warn!(%error, "cannot answer the gateway");
            }
        }
    });
}

/// One of so many questions under way.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(under_way: &Arc<AtomicUsize>) -> Option<Self> {
        let place = Self(under_way.clone());
        (place.0.fetch_add(1, Ordering::Relaxed) < MOST).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(platform: &Platform, line: OwnedFd) {
    let Some(Question { caller, wish }) = hear(line.as_fd()) else {
        return;
    };
    let visitor = match platform.admit(&caller.key, &caller.login, caller.from) {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return say(line.as_fd(), &refused("this key and name lead nowhere")),
        Err(error) => {
            tracing::error!(%error, "nobody is let in");
            return say(line.as_fd(), &refused("guised cannot read its users"));
        }
    };
    let user = visitor.user.clone();
    on_behalf_of(user.as_str(), || match wish {
        Wish::Enter => say(line.as_fd(), &Answer::Welcome),
        Wish::Run { program, tty, env } => run(platform, &visitor, line, program, tty, &env),
        Wish::Connect { host, port } => match platform.forward(&visitor, &host, port) {
            Ok((connection, awake)) => {
                let opened = Answer::Opened { greeting: None };
                hand_over(line.as_fd(), &opened, &[connection.into()]);
                until_closed(line.as_fd());
                drop(awake);
            }
            Err(error) => say(line.as_fd(), &refused(&error.to_string())),
        },
    });
}

fn run(
    platform: &Platform,
    visitor: &Visitor,
    line: OwnedFd,
    program: Program,
    tty: Option<(u16, u16)>,
    env: &[(String, String)],
) {
    let wanted = match program {
        Program::Shell => Wanted::Shell,
        Program::Command { line } => Wanted::Command(line),
        Program::Sftp => Wanted::Sftp,
    };
    match platform.receive(visitor, &wanted, tty, env) {
        Ok(Opened::Process {
            session,
            greeting,
            awake,
        }) => {
            attend(line, session, greeting);
            drop(awake);
        }
        Ok(Opened::Git(session)) => attend_git(line, session),
        Err(error) => say(line.as_fd(), &refused(&error.to_string())),
    }
}

/// Hands a process over, passes on what is said to it, and tells how it ends. It is killed when the connection closes.
fn attend(line: OwnedFd, mut session: ExecSession, greeting: Option<String>) {
    let fds = match session.take_stdio() {
        Some(ExecStdio::Pipes {
            stdin,
            stdout,
            stderr,
        }) => vec![stdin, stdout, stderr],
        Some(ExecStdio::Terminal(terminal)) => vec![terminal],
        None => return,
    };
    hand_over(line.as_fd(), &Answer::Opened { greeting }, &fds);
    // The gateway's are the only ones from here on, or an end of input would be none.
    drop(fds);
    thread::scope(|scope| {
        scope.spawn(|| {
            let answer = match session.wait() {
                Ok(status) => ended(status),
                Err(error) => refused(&error.to_string()),
            };
            say(line.as_fd(), &answer);
        });
        while let Some(control) = hear(line.as_fd()) {
            let done = match control {
                Control::Resize { columns, rows } => session.resize(columns, rows),
                Control::Signal { number } => session.signal(number),
            };
            if let Err(error) = done {
                tracing::debug!(%error, "what a visitor said to a process did not arrive");
            }
        }
        if let Err(error) = session.kill() {
            tracing::warn!(%error, "a process of a visitor who has gone goes on");
        }
    });
}

/// Hands git over and tells how it ends, which it does by itself when its pipes are closed.
fn attend_git(line: OwnedFd, mut session: GitSession) {
    let Some(fds) = session.take_stdio() else { return };
    hand_over(line.as_fd(), &Answer::Opened { greeting: None }, &fds);
    drop(fds);
    match session.wait() {
        Ok(status) => say(line.as_fd(), &ended(status)),
        Err(error) => tracing::warn!(%error, "cannot wait for git"),
    }
}

fn ended(status: i32) -> Answer {
    Answer::Ended {
        status: status.try_into().unwrap_or(1),
    }
}

fn refused(message: &str) -> Answer {
    Answer::Refused {
        message: message.into(),
    }
}

fn until_closed(line: BorrowedFd<'_>) {
    while hear::<Control>(line).is_some() {}
}

/// The next message; `None` when the connection is closed or what comes is none.
fn hear<T: serde::de::DeserializeOwned>(line: BorrowedFd<'_>) -> Option<T> {
    let mut buffer = vec![0; LONGEST];
    let length = socket::receive(line, &mut buffer)
        .ok()
        .filter(|length| *length > 0)?;
    serde_json::from_slice(&buffer[..length]).ok()
}

/// Says something to a gateway, which may have gone.
fn say(line: BorrowedFd<'_>, answer: &Answer) {
    hand_over(line, answer, &[]);
}

fn hand_over(line: BorrowedFd<'_>, answer: &Answer, fds: &[OwnedFd]) {
    let fds: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
    let said = serde_json::to_vec(answer)
        .map_err(|_| Errno::INVAL)
        .and_then(|text| socket::send_with_fds(line, &text, &fds));
    if let Err(error) = said {
        tracing::debug!(%error, "the gateway has gone");
    }
}
