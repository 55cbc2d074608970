//! A fault on order, for the crash test: the daemon kills itself at a chosen step of an activity.
//!
//! `GUISE_FAULT=kill:NUMBER:MOMENT` in the daemon's environment: the number of the step in the journal, and `before`
//! its effect, `during` it (after `kill:NUMBER:during:MILLISECONDS`), or `after` it and before the journal says so.
//! Without it nothing here does anything.

use std::{str::FromStr, time::Duration};

const VARIABLE: &str = "GUISE_FAULT";

/// A point in a step's way through the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It is journaled that it begins; nothing is done.
    Before,
    /// All is done; that is not journaled.
    After,
}

/// When to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    number: u32,
    moment: Moment,
    /// How long after that moment, while the step goes on.
    delay: Option<Duration>,
}

impl Fault {
    /// The fault that is ordered, if one is.
    pub(crate) fn ordered() -> Option<Self> {
        let order = std::env::var(VARIABLE).ok()?;
        let fault = order.parse();
        if fault.is_err() {
            tracing::error!("{VARIABLE}={order} is not understood: no fault will happen");
        }
        let fault = fault.ok()?;
        tracing::warn!(?fault, "{VARIABLE} is set: the daemon will kill itself");
        Some(fault)
    }

    /// Dies at once, if this is the step and the moment.
    pub(crate) fn strike(&self, number: u32, moment: Moment) {
        if (number, moment) != (self.number, self.moment) {
            return;
        }
        match self.delay {
            // Nothing is flushed and no destructor runs: to all others this is a SIGKILL.
            None => std::process::abort(),
            Some(delay) => drop(std::thread::spawn(move || {
                std::thread::sleep(delay);
                std::process::abort();
            })),
        }
    }
}

/// An order that is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotUnderstood;

impl FromStr for Fault {
    type Err = NotUnderstood;

    fn from_str(order: &str) -> Result<Self, NotUnderstood> {
        let words: Vec<&str> = order.split(':').collect();
        let (number, moment, delay) = match words[..] {
            ["kill", number, "before"] => (number, Moment::Before, None),
            ["kill", number, "after"] => (number, Moment::After, None),
            ["kill", number, "during", delay] => {
                let delay = delay.parse().map_err(|_| NotUnderstood)?;
                (number, Moment::Before, Some(Duration::from_millis(delay)))
            }
            _ => return Err(NotUnderstood),
        };
        let number = number.parse().map_err(|_| NotUnderstood)?;
        Ok(Self {
            number,
            moment,
            delay,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_names_a_step_and_a_moment() {
        let fault = |number, moment, delay| {
            Ok(Fault {
                number,
                moment,
                delay,
            })
        };
        assert_eq!("kill:3:before".parse(), fault(3, Moment::Before, None));
        assert_eq!("kill:12:after".parse(), fault(12, Moment::After, None));
        let half_a_second = Some(Duration::from_millis(500));
        assert_eq!(
            "kill:1:during:500".parse(),
            fault(1, Moment::Before, half_a_second)
        );
        for wrong in [
            "",
            "kill",
            "kill:3",
            "kill:x:before",
            "kill:3:during",
            "stop:3:before",
        ] {
            assert_eq!(wrong.parse::<Fault>(), Err(NotUnderstood), "{wrong}");
        }
    }
}
