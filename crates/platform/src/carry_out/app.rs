//! Starting apps: when is a start command up, and when has it failed?

use super::{CarryOut, StepError};
use crate::desired::{Component, Life};
use guise_model::ContainerId;
use guise_node::{Listen, Process, STOP_GRACE_SECONDS};
use std::time::{Duration, Instant};

/// How long a start command may take until it listens. After that the deployment goes on with a warning, since
/// the command lives: it may be slow, or listen elsewhere (spec 1.4: 502 then). A rolling one does not.
const PATIENCE: Duration = Duration::from_secs(60);
/// When a process that ignores the TERM of its restart is killed, by the container's own `app.control`.
const STOP_GRACE: Duration = Duration::from_secs(STOP_GRACE_SECONDS as u64);
/// How long nginx may take.
const NGINX_PATIENCE: Duration = Duration::from_secs(10);
/// How often the sockets are looked at. Reading /proc/PID/net/tcp walks the kernel's whole hash table (10 ms and more
/// on a machine with much memory), which must not take the processor from what is being waited for.
const POLL: Duration = Duration::from_millis(20);
/// How often the record of the start command's ends is looked at: running a process inside.
const LOOK_AT_ENDS: Duration = Duration::from_millis(250);
/// The runit finish script's record of how the start command ended, a line each.
const ENDS: &str = "/run/guise/app.exits";
/// A start command that ended this often before it listened does not come up. runit waits a second before it
/// starts a command again that lived for less.
const ENDS_UNTIL_FAILED: usize = 2;

impl CarryOut<'_> {
    /// Restarts the start command, remembering the socket it listens on now.
    pub(super) fn restart_app(&mut self, name: &str, container: &ContainerId) -> Result<(), StepError> {
        let Some(component) = self.component(name) else {
            return Ok(());
        };
        let listener = match listen(component) {
            Some(listen) => self.node.listener(container, listen)?,
            None => None,
        };
        self.restarted.insert(name.into(), listener);
        // Whatever runs beside nginx runs the app's code.
        let script = format!(
            ": > {ENDS}; cd /run/service; for it in *; do [ $it = nginx ] || sv term ./$it > /dev/null; done"
        );
        self.node.exec(
            container,
            &shell(component, &script),
            b"",
            Duration::from_secs(10),
        )?;
        Ok(())
    }

    /// Waits until nginx and the start command listen.
    ///
    /// # Errors
    /// [`StepError::StartFailed`] when the start command ends again and again before it does.
    pub(super) fn await_app(&mut self, name: &str, container: &ContainerId) -> Result<(), StepError> {
        let Some(component) = self.component(name) else {
            return Ok(());
        };
        self.await_nginx(component, container)?;
        let Life::App {
            listen: Some(listen),
            has_start: true,
            ..
        } = &component.life
        else {
            return Ok(());
        };
        let restarted = self.restarted.remove(name);
        // The end that the restart itself caused is no failure.
        let ends_until_failed = ENDS_UNTIL_FAILED + usize::from(restarted.is_some());
        let before = restarted.flatten();
        let begun = Instant::now();
        let mut looked_at_ends = begun;
        let mut killed = false;
        while begun.elapsed() < PATIENCE {
            let now = self.node.listener(container, listen)?;
            if now.is_some() && now != before {
                return self.post_start(component, container);
            }
            if now.is_some() && begun.elapsed() > STOP_GRACE && !killed {
                killed = true;
                self.report.line(&format!(
                    "W: the start command of {name} did not stop within {STOP_GRACE_SECONDS} s and is killed"
                ));
            }
            if looked_at_ends.elapsed() >= LOOK_AT_ENDS {
                looked_at_ends = Instant::now();
                self.fail_if_it_keeps_ending(component, container, ends_until_failed)?;
            }
            std::thread::sleep(POLL);
        }
        let place = match listen {
            Listen::Tcp(port) => format!("port {port} ($PORT)"),
            Listen::Unix(path) => format!("{path} ($SOCKET)"),
        };
        if self.rolling {
            return Err(StepError::AppSilent {
                component: name.into(),
                place,
                patience: PATIENCE,
                log: self.log_tail(container, "app.log"),
            });
        }
        self.report.line(&format!(
            "W: {name} runs but does not listen on {place} after {} s; until it does, requests get a 502",
            PATIENCE.as_secs()
        ));
        Ok(())
    }

    fn await_nginx(&self, component: &Component, container: &ContainerId) -> Result<(), StepError> {
        let begun = Instant::now();
        while self.node.listener(container, &Listen::Tcp(80))?.is_none() {
            if begun.elapsed() > NGINX_PATIENCE {
                let log = self.log_tail(container, "error.log");
                return Err(StepError::NginxSilent {
                    component: component.name.clone(),
                    log,
                });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn fail_if_it_keeps_ending(
        &self,
        component: &Component,
        container: &ContainerId,
        ends_until_failed: usize,
    ) -> Result<(), StepError> {
        let script = format!("cat {ENDS} 2> /dev/null || true");
        let output = self.node.exec(
            container,
            &shell(component, &script),
            b"",
            Duration::from_secs(10),
        )?;
        let ends = String::from_utf8_lossy(&output.stdout).into_owned();
        let times = ends.lines().count();
        if times < ends_until_failed {
            return Ok(());
        }
        Err(StepError::StartFailed {
            component: component.name.clone(),
            times,
            last: in_words(ends.lines().last().unwrap_or_default()),
            log: self.log_tail(container, "app.log"),
        })
    }

    /// The post_start command gates the release of requests (spec 1.4).
    fn post_start(&self, component: &Component, container: &ContainerId) -> Result<(), StepError> {
        let Life::App {
            post_start: Some(command),
            ..
        } = &component.life
        else {
            return Ok(());
        };
        let process = super::hook::process(component, command);
        let mut line = |line: &str| self.report.line(&format!("    {line}"));
        let status = self.node.exec_stream(
            container,
            &process,
            b"",
            Some(PATIENCE),
            self.report.cancelled(),
            &mut line,
        )?;
        if status != 0 {
            self.report.line(&format!(
                "W: the post_start command of {} failed with status {status}",
                component.name
            ));
        }
        Ok(())
    }
}

fn listen(component: &Component) -> Option<&Listen> {
    match &component.life {
        Life::App {
            listen,
            has_start: true,
            ..
        } => listen.as_ref(),
        _ => None,
    }
}

/// A shell command of guise's own, run as the container's user.
fn shell(component: &Component, script: &str) -> Process {
    let process = &component.spec.process;
    Process {
        argv: ["/bin/sh", "-c", script].map(String::from).to_vec(),
        ..process.clone()
    }
}

/// `<unix seconds> <exit code> <signal>` in words; runit gives -1 as exit code of a process that a signal ended.
fn in_words(end: &str) -> String {
    let mut parts = end.split_whitespace().skip(1);
    match (parts.next(), parts.next()) {
        (Some("-1"), Some(signal)) => format!("signal {signal}"),
        (Some(status), _) => format!("status {status}"),
        _ => "an unknown status".into(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ends_are_told_in_words() {
        assert_eq!(super::in_words("1700000000 1 0"), "status 1");
        assert_eq!(super::in_words("1700000000 -1 9"), "signal 9");
        assert_eq!(super::in_words("x"), "an unknown status");
    }
}
