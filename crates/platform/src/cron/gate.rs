//! Who waits for whom: crons do not start while an environment is changed, and who changes it can see which ones run.

use guise_model::ActivityId;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often a waiting cron looks whether somebody cancelled it.
const LOOK: Duration = Duration::from_millis(200);

/// The app of an environment that a cron runs in. One cron at a time does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Key of the environment.
    pub(crate) environment: String,
    /// The app.
    pub(crate) app: String,
}

/// A cron that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Running {
    /// Its name.
    pub(crate) cron: String,
    /// The activity that runs it.
    pub(crate) activity: ActivityId,
    /// How long it may take to stop.
    pub(crate) shutdown: Duration,
}

/// What is changed, what waits and what runs.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    inside: Mutex<Inside>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    /// Keys of environments, and how many change each.
    changing: HashMap<String, usize>,
    waiting: HashSet<(Place, String)>,
    running: HashMap<Place, Running>,
}

impl Gate {
    /// No cron of the environment starts as long as the value lives.
    pub(crate) fn change(self: &Arc<Self>, environment: &str) -> Changing {
        *self.lock().changing.entry(environment.into()).or_default() += 1;
        Changing {
            gate: self.clone(),
            environment: environment.into(),
        }
    }

    /// Lines a cron up; `None` when the same one waits already: it will not be late twice.
    pub(crate) fn line_up(self: &Arc<Self>, place: Place, cron: &str) -> Option<Waiting> {
        let entry = (place, cron.to_string());
        self.lock().waiting.insert(entry.clone()).then(|| Waiting {
            gate: self.clone(),
            entry,
        })
    }

    /// The cron that runs at a place.
    pub(crate) fn running(&self, place: &Place) -> Option<Running> {
        self.lock().running.get(place).cloned()
    }

    /// Waits until a run has ended. Answers whether it has.
    pub(crate) fn await_end(&self, place: &Place, activity: &ActivityId, patience: Duration) -> bool {
        let begun = Instant::now();
        let mut inside = self.lock();
        while inside
            .running
            .get(place)
            .is_some_and(|running| running.activity == *activity)
        {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return false;
            }
            inside = self.sleep(inside, left);
        }
        true
    }

    /// A poisoned lock guards sets that are whole after each statement.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep<'a>(&self, inside: MutexGuard<'a, Inside>, patience: Duration) -> MutexGuard<'a, Inside> {
        let woken = self.moved.wait_timeout(inside, patience);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// An environment is being changed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Changing {
    gate: Arc<Gate>,
    environment: String,
}

impl Drop for Changing {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        if let Some(count) = inside.changing.get_mut(&self.environment) {
            *count -= 1;
            if *count == 0 {
                inside.changing.remove(&self.environment);
            }
        }
        self.gate.moved.notify_all();
    }
}

/// A cron is lined up.
#[derive(Debug)]
pub(crate) struct Waiting {
    gate: Arc<Gate>,
    entry: (Place, String),
}

impl Waiting {
    /// Waits until nobody changes the environment; `None` once `cancelled`. `hold_up` is called if there is a wait.
    pub(crate) fn enter(
        self,
        running: Running,
        cancelled: &AtomicBool,
        hold_up: impl FnOnce(),
    ) -> Option<Entered> {
        let place = self.entry.0.clone();
        let mut hold_up = Some(hold_up);
        let mut inside = self.gate.lock();
        while inside.changing.contains_key(&place.environment) {
            if let Some(hold_up) = hold_up.take() {
                hold_up();
            }
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            inside = self.gate.sleep(inside, LOOK);
        }
        inside.running.insert(place.clone(), running);
        drop(inside);
        Some(Entered {
            gate: self.gate.clone(),
            place,
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.gate.lock().waiting.remove(&self.entry);
    }
}

/// A cron runs.
#[derive(Debug)]
#[must_use]
pub(crate) struct Entered {
    gate: Arc<Gate>,
    place: Place,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.gate.lock().running.remove(&self.place);
        self.gate.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn place() -> Place {
        Place {
            environment: "p/main".into(),
            app: "app".into(),
        }
    }

    fn running() -> Running {
        Running {
            cron: "clean".into(),
            activity: ActivityId::new("abcdefgh12345").unwrap(),
            shutdown: Duration::from_secs(10),
        }
    }

    fn enter(gate: &Arc<Gate>) -> Option<Entered> {
        let waiting = gate.line_up(place(), "clean").unwrap();
        waiting.enter(running(), &AtomicBool::new(false), || ())
    }

    #[test]
    fn a_cron_waits_until_the_last_change_of_its_environment_ends() {
        let gate = Arc::new(Gate::default());
        let (first, second) = (gate.change("p/main"), gate.change("p/main"));
        let (said, held_up) = mpsc::channel();
        let (entered, has_entered) = mpsc::channel();
        let waiting = gate.line_up(place(), "clean").unwrap();
        let thread = std::thread::spawn(move || {
            let inside = waiting.enter(running(), &AtomicBool::new(false), || said.send(()).unwrap());
            entered.send(()).unwrap();
            inside
        });
        held_up.recv_timeout(Duration::from_secs(5)).unwrap();
        drop(first);
        assert!(has_entered.recv_timeout(Duration::from_millis(300)).is_err());
        assert_eq!(gate.running(&place()), None);
        drop(second);
        has_entered.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(gate.running(&place()), Some(running()));
        drop(thread.join().unwrap());
        assert_eq!(gate.running(&place()), None);
    }

    #[test]
    fn changes_of_other_environments_hold_nothing_up() {
        let gate = Arc::new(Gate::default());
        let _other = gate.change("p/other");
        assert!(enter(&gate).is_some());
    }

    #[test]
    fn a_waiting_cron_can_be_cancelled() {
        let gate = Arc::new(Gate::default());
        let _changing = gate.change("p/main");
        let waiting = gate.line_up(place(), "clean").unwrap();
        assert!(waiting.enter(running(), &AtomicBool::new(true), || ()).is_none());
        assert!(gate.line_up(place(), "clean").is_some());
    }

    #[test]
    fn the_same_cron_is_lined_up_once_also_while_it_runs() {
        let gate = Arc::new(Gate::default());
        let runs = enter(&gate);
        let waiting = gate.line_up(place(), "clean");
        assert!(runs.is_some() && waiting.is_some());
        assert!(gate.line_up(place(), "clean").is_none());
        assert!(gate.line_up(place(), "other").is_some());
        drop(waiting);
        assert!(gate.line_up(place(), "clean").is_some());
    }

    #[test]
    fn the_end_of_a_run_is_waited_for_as_long_as_patience_lasts() {
        let gate = Arc::new(Gate::default());
        let runs = enter(&gate);
        let activity = running().activity;
        assert!(!gate.await_end(&place(), &activity, Duration::from_millis(50)));
        let waits = gate.clone();
        let thread = std::thread::spawn(move || waits.await_end(&place(), &activity, Duration::from_secs(5)));
        drop(runs);
        assert!(thread.join().unwrap());
    }
}
