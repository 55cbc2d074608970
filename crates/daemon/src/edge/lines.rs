//! Connections to edges: the one that serves, and those that it succeeded. Commands go to all of them, since those may
//! still hold requests or have some under way.

use guise_api::edge::{Command, Reply};
use std::{
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write},
    os::unix::net::UnixStream,
    path::Path,
};

type Line = BufReader<UnixStream>;

/// The connections.
#[derive(Debug, Default)]
pub struct Lines {
    serving: Option<Line>,
    retired: Vec<Line>,
}

impl Lines {
    /// Tells all edges; answers what they say together.
    pub fn tell(&mut self, control: &Path, command: &Command) -> Result<Reply> {
        if *command == Command::Status {
            return self.ask(control, command);
        }
        // All at once: waiting for what is under way takes no longer for two than for one.
        self.retired.retain_mut(|line| send(line, command).is_ok());
        let mut answer = self.ask(control, command)?;
        self.retired.retain_mut(|line| match receive(line) {
            Ok(reply) => {
                answer.add(reply);
                true
            }
            Err(_) => false,
        });
        Ok(answer)
    }

    /// Asks the edge that serves; connects anew once when the connection has broken.
    pub fn ask(&mut self, control: &Path, command: &Command) -> Result<Reply> {
        if let Some(open) = &mut self.serving {
            match exchange(open, command) {
                Ok(reply) => return Ok(reply),
                Err(_) => self.serving = None,
            }
        }
        let mut fresh = BufReader::new(UnixStream::connect(control)?);
        let reply = exchange(&mut fresh, command)?;
        self.serving = Some(fresh);
        Ok(reply)
    }

    /// Whether the edge that served has a successor, which is the one that serves from now on. One that had nothing to
    /// finish may be gone: then it is whoever answers instead.
    pub fn pass_on(&mut self, control: &Path) -> bool {
        match self.serving.as_mut().map(|line| exchange(line, &Command::Status)) {
            Some(Ok(Reply::Status { retired: true, .. })) => {
                self.retired.extend(self.serving.take());
                true
            }
            Some(Ok(_)) => false,
            _ => {
                self.serving = None;
                self.ask(control, &Command::Status).is_ok()
            }
        }
    }

    /// Ends those that were succeeded, and waits until they are gone.
    pub fn stop_retired(&mut self) {
        for mut line in self.retired.drain(..) {
            // One that is gone already is what is wanted.
            let _ = exchange(&mut line, &Command::Stop).and_then(|_| line.read(&mut [0]));
        }
    }
}

/// What edges answer together.
trait Together {
    fn add(&mut self, other: Self);
}

impl Together for Reply {
    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Held { under_way }, Self::Held { under_way: more }) => *under_way += more,
            (Self::Idle { environments }, Self::Idle { environments: others }) => {
                for (key, idle) in others {
                    environments
                        .entry(key)
                        .and_modify(|known| *known = idle.min(*known));
                }
            }
            _ => {}
        }
    }
}

/// Sends a command and waits for the reply.
pub fn exchange(line: &mut Line, command: &Command) -> Result<Reply> {
    send(line, command)?;
    receive(line)
}

fn send(line: &mut Line, command: &Command) -> Result<()> {
    let mut text = serde_json::to_vec(command)?;
    text.push(b'\n');
    line.get_mut().write_all(&text)
}

fn receive(line: &mut Line) -> Result<Reply> {
    let mut answer = String::new();
    if line.read_line(&mut answer)? == 0 {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    Ok(serde_json::from_str(&answer)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_under_way_are_counted_in_all_edges() {
        let mut reply = Reply::Held { under_way: 1 };
        reply.add(Reply::Held { under_way: 2 });
        assert_eq!(reply, Reply::Held { under_way: 3 });
    }

    #[test]
    fn an_environment_is_idle_that_is_idle_in_all_edges() {
        let idle = |pairs: &[(&str, u64)]| Reply::Idle {
            environments: pairs.iter().map(|(key, idle)| ((*key).into(), *idle)).collect(),
        };
        let mut reply = idle(&[("a", 5), ("b", 5)]);
        reply.add(idle(&[("a", 0), ("b", 9), ("gone", 1)]));
        assert_eq!(reply, idle(&[("a", 0), ("b", 5)]));
    }

    /// An edge that answers one command for each of these states, a connection each, and is gone then.
    fn edges(directory: &Path, states: &'static [bool]) -> std::thread::JoinHandle<()> {
        let listener = std::os::unix::net::UnixListener::bind(directory.join("control.sock")).unwrap();
        std::thread::spawn(move || {
            for retired in states {
                let mut line = BufReader::new(listener.accept().unwrap().0);
                line.read_line(&mut String::new()).unwrap();
                let status = format!(
                    r#"{{"reply": "status", "pid": 1, "version": "1", "environments": 0, "retired": {retired}}}"#
                );
                line.get_mut()
                    .write_all(format!("{status}\n").as_bytes())
                    .unwrap();
            }
        })
    }

    #[test]
    fn an_edge_that_is_gone_once_another_serves_was_succeeded() {
        let directory = tempfile::tempdir().unwrap();
        let control = directory.path().join("control.sock");
        let edges = edges(directory.path(), &[false, false]);
        let mut lines = Lines::default();
        lines.ask(&control, &Command::Status).unwrap();
        assert!(lines.pass_on(&control));
        assert!(lines.retired.is_empty());
        edges.join().unwrap();
    }

    #[test]
    fn an_edge_that_says_it_retired_is_still_told() {
        let directory = tempfile::tempdir().unwrap();
        let control = directory.path().join("control.sock");
        let edges = edges(directory.path(), &[true]);
        let mut lines = Lines {
            serving: Some(BufReader::new(UnixStream::connect(&control).unwrap())),
            retired: Vec::new(),
        };
        assert!(lines.pass_on(&control));
        assert_eq!(lines.retired.len(), 1);
        edges.join().unwrap();
    }
}
