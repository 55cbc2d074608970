//! Which environments the edge keeps closed: an edge that is started after another has died is told again, since what is
//! behind a gate may be half changed.

use guise_api::edge::Command;
use std::collections::BTreeMap;

/// What closed each environment.
#[derive(Debug, Default)]
pub struct Closed(BTreeMap<String, Command>);

impl Closed {
    /// Notes what a command does to gates.
    pub fn note(&mut self, command: &Command) {
        let Self(closed) = self;
        match command {
            Command::Hold { environment, .. } | Command::Sleep { environment, .. } => {
                closed.insert(environment.clone(), at_once(command.clone()));
            }
            Command::Switch { environment, .. }
            | Command::Release { environment }
            | Command::Forget { environment } => drop(closed.remove(environment)),
            Command::Retain { environments } => {
                closed.retain(|environment, _| environments.contains(environment));
            }
            _ => {}
        }
    }

    /// What closes them again.
    pub fn commands(&self) -> Vec<Command> {
        self.0.values().cloned().collect()
    }
}

/// Nothing is under way in an edge that has just begun.
fn at_once(mut command: Command) -> Command {
    if let Command::Hold { drain_ms, .. } | Command::Sleep { drain_ms, .. } = &mut command {
        *drain_ms = 0;
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(environment: &str, drain_ms: u64) -> Command {
        Command::Hold {
            environment: environment.into(),
            drain_ms,
            patience_ms: 7,
        }
    }

    fn sleep(environment: &str) -> Command {
        Command::Sleep {
            environment: environment.into(),
            drain_ms: 0,
            patience_ms: 7,
            failed: false,
        }
    }

    #[test]
    fn what_is_held_or_sleeps_is_closed_until_it_is_let_go_or_forgotten() {
        let mut closed = Closed::default();
        for environment in ["a", "b", "c", "d", "e"] {
            closed.note(&hold(environment, 10_000));
        }
        closed.note(&sleep("b"));
        closed.note(&Command::Status);
        let routes = |environment: &str| Command::Routes {
            environment: environment.into(),
            routes: Vec::new(),
        };
        closed.note(&routes("a"));
        closed.note(&Command::Release {
            environment: "c".into(),
        });
        closed.note(&Command::Switch {
            environment: "d".into(),
            routes: Vec::new(),
            drain_ms: 0,
        });
        closed.note(&Command::Retain {
            environments: vec!["a".into(), "b".into()],
        });
        assert_eq!(closed.commands(), [hold("a", 0), sleep("b")]);
        closed.note(&Command::Forget {
            environment: "a".into(),
        });
        assert_eq!(closed.commands(), [sleep("b")]);
    }
}
