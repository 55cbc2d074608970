//! Activities: queued per environment, with a log that many can follow.
//!
//! The record is in the store, the log in a file per activity, and while an activity runs its lines are in memory
//! too, so that a follower is woken by each line. One activity at a time changes an environment; the others wait
//! in the order in which they were asked for.

mod journal;
mod timings;

pub use timings::Timings;

use crate::fault::Fault;
use crate::random;
use crate::store::{ActivityRecord, ActivityState, Store, StoreError, now};
use guise_model::{ActivityId, ProjectId};
use std::{
    collections::{HashMap, VecDeque},
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// What a queued activity runs. Answers whether it succeeded.
pub type Job = Box<dyn FnOnce(&Report) -> bool + Send>;

/// All activities of this guise.
pub struct Activities {
    store: Arc<Store>,
    /// Where the logs are.
    directory: PathBuf,
    fault: Option<Fault>,
    live: Mutex<HashMap<ActivityId, Arc<Report>>>,
    queues: Arc<Mutex<HashMap<String, VecDeque<Queued>>>>,
}

struct Queued {
    report: Arc<Report>,
    job: Job,
}

/// A running activity as its job sees it: where it reports to and whether it should stop.
pub struct Report {
    id: ActivityId,
    store: Arc<Store>,
    log: Mutex<Log>,
    grown: Condvar,
    cancelled: AtomicBool,
    /// Whether it had begun when guise was stopped: then it must go its way back.
    begun: bool,
    /// How many steps have begun.
    steps: AtomicU32,
    fault: Option<Fault>,
}

struct Log {
    lines: Vec<String>,
    file: Option<File>,
    ended: bool,
}

/// Part of a log.
#[derive(Debug, PartialEq, Eq)]
pub struct LogPart {
    /// Its lines.
    pub lines: Vec<String>,
    /// Whether no more will come.
    pub ended: bool,
}

/// A poisoned lock guards nothing that a panic could have left half done here: lines are only ever appended.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Report {
    /// The activity's id.
    pub fn id(&self) -> &ActivityId {
        &self.id
    }

    /// Adds a line to the log. A text with line ends becomes several.
    pub fn line(&self, text: &str) {
        let mut log = lock(&self.log);
        for line in text.lines() {
            // A log that cannot be written (disk full) still reaches those who follow it now.
            if let Some(file) = &mut log.file
                && let Err(error) = file.write_all(format!("{line}\n").as_bytes())
            {
                tracing::warn!(activity = %self.id, %error, "cannot write the activity's log");
                log.file = None;
            }
            log.lines.push(line.into());
        }
        self.grown.notify_all();
    }

    /// Says how much is done, in percent.
    pub fn progress(&self, percent: u8) {
        if let Err(error) = self.store.advance_activity(&self.id, percent) {
            tracing::warn!(activity = %self.id, %error, "cannot record progress");
        }
    }

    /// Says that so many parts of all are done.
    pub(crate) fn progress_of(&self, done: usize, all: usize) {
        let percent = done * 100 / all.max(1);
        self.progress(u8::try_from(percent).unwrap_or(100).min(99));
    }

    /// Set when somebody wants the activity to stop.
    pub fn cancelled(&self) -> &AtomicBool {
        &self.cancelled
    }

    /// Lines from number `from` on; waits up to `patience` for the first one.
    fn after(&self, from: usize, patience: Duration) -> LogPart {
        let log = lock(&self.log);
        let (log, _) = self
            .grown
            .wait_timeout_while(log, patience, |log| log.lines.len() <= from && !log.ended)
            .unwrap_or_else(PoisonError::into_inner);
        LogPart {
            lines: log.lines.get(from..).unwrap_or_default().to_vec(),
            ended: log.ended,
        }
    }

    fn end(&self) {
        lock(&self.log).ended = true;
        self.grown.notify_all();
    }
}

impl Activities {
    /// Keeps logs in `directory`, which is made if missing.
    pub fn open(store: Arc<Store>, directory: PathBuf) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self {
            store,
            directory,
            fault: Fault::ordered(),
            live: Mutex::default(),
            queues: Arc::default(),
        })
    }

    /// Records an activity and queues its job behind those of the same `queue`.
    ///
    /// # Errors
    /// When it cannot be recorded; then nothing is queued.
    pub fn submit(
        self: &Arc<Self>,
        queue: &str,
        kind: &str,
        target: Option<(&ProjectId, Option<&str>)>,
        description: &str,
        parameters: serde_json::Value,
        job: Job,
    ) -> Result<ActivityRecord, StoreError> {
        let record = ActivityRecord {
            id: ActivityId::new(random::letters(13)).expect("13 random letters are an activity id"),
            kind: kind.into(),
            project: target.map(|(project, _)| project.clone()),
            environment: target.and_then(|(_, environment)| environment.map(String::from)),
            description: description.into(),
            parameters,
            state: ActivityState::Pending,
            success: None,
            percent: 0,
            created_at: now(),
            started_at: None,
            completed_at: None,
            cancelled_at: None,
        };
        self.store.create_activity(&record)?;
        self.enqueue(queue, &record, job);
        Ok(record)
    }

    /// Queues an activity that a stopped daemon left unfinished.
    pub fn resume(self: &Arc<Self>, queue: &str, activity: &ActivityRecord, job: Job) {
        self.enqueue(queue, activity, job);
    }

    fn enqueue(self: &Arc<Self>, queue: &str, activity: &ActivityRecord, job: Job) {
        let id = &activity.id;
        let report = Arc::new(Report {
            id: id.clone(),
            store: self.store.clone(),
            log: Mutex::new(self.reopen_log(id)),
            grown: Condvar::new(),
            cancelled: AtomicBool::new(activity.cancelled_at.is_some()),
            begun: activity.state == ActivityState::InProgress,
            steps: AtomicU32::new(0),
            fault: self.fault,
        });
        lock(&self.live).insert(id.clone(), report.clone());
        let mut queues = lock(&self.queues);
        let queued = Queued { report, job };
        if let Some(waiting) = queues.get_mut(queue) {
            waiting.push_back(queued);
            return;
        }
        queues.insert(queue.into(), VecDeque::new());
        let (activities, name) = (self.clone(), queue.to_string());
        std::thread::spawn(move || activities.work(&name, queued));
    }

    /// Runs one activity after the other until the queue is empty.
    fn work(&self, queue: &str, first: Queued) {
        let mut next = Some(first);
        while let Some(queued) = next {
            self.run(queued);
            let mut queues = lock(&self.queues);
            next = queues.get_mut(queue).and_then(VecDeque::pop_front);
            if next.is_none() {
                queues.remove(queue);
            }
        }
    }

    fn run(&self, Queued { report, job }: Queued) {
        let id = &report.id;
        if report.cancelled.load(Ordering::Relaxed) && !report.begun {
            report.line("Cancelled before it began.");
            self.finish(&report, ActivityState::Cancelled, false);
            return;
        }
        if let Err(error) = self.store.begin_activity(id) {
            tracing::error!(activity = %id, %error, "cannot record that the activity began");
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(&report)));
        let success = outcome.unwrap_or_else(|_| {
            report.line("E: guise failed in a way it should not have. The daemon's log says where.");
            false
        });
        let cancelled = !success && report.cancelled.load(Ordering::Relaxed);
        self.finish(
            &report,
            if cancelled {
                ActivityState::Cancelled
            } else {
                ActivityState::Complete
            },
            success,
        );
    }

    fn finish(&self, report: &Report, state: ActivityState, success: bool) {
        if let Err(error) = self.store.end_activity(&report.id, state, success) {
            tracing::error!(activity = %report.id, %error, "cannot record how the activity ended");
        }
        report.end();
        lock(&self.live).remove(&report.id);
    }

    /// Asks an activity to stop. False when it has ended.
    ///
    /// # Errors
    /// When it cannot be recorded that somebody asked; then nobody has.
    pub fn cancel(&self, id: &ActivityId) -> Result<bool, StoreError> {
        let live = lock(&self.live);
        let Some(report) = live.get(id) else {
            return Ok(false);
        };
        self.store.cancel_activity(id)?;
        report.cancelled.store(true, Ordering::Relaxed);
        Ok(true)
    }

    /// Whether any activity waits or runs.
    pub fn busy(&self) -> bool {
        !lock(&self.live).is_empty()
    }

    /// Lines of a log from number `from` on; of a running activity, waits up to `patience` for the first one.
    pub fn log(&self, id: &ActivityId, from: usize, patience: Duration) -> io::Result<LogPart> {
        let live = lock(&self.live).get(id).cloned();
        match live {
            Some(report) => Ok(report.after(from, patience)),
            None => {
                let mut lines = self.stored_log(id)?;
                Ok(LogPart {
                    lines: lines.split_off(from.min(lines.len())),
                    ended: true,
                })
            }
        }
    }

    fn log_path(&self, id: &ActivityId) -> PathBuf {
        self.directory.join(format!("{id}.log"))
    }

    fn stored_log(&self, id: &ActivityId) -> io::Result<Vec<String>> {
        match File::open(self.log_path(id)) {
            Ok(file) => BufReader::new(file).lines().collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The log of an activity that is about to run: empty, or what it wrote before the daemon stopped.
    fn reopen_log(&self, id: &ActivityId) -> Log {
        let lines = self.stored_log(id).unwrap_or_default();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path(id));
        if let Err(error) = &file {
            tracing::warn!(activity = %id, %error, "cannot open the activity's log");
        }
        Log {
            lines,
            file: file.ok(),
            ended: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn activities() -> (tempfile::TempDir, Arc<Activities>, Arc<Store>) {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&directory.path().join("guise.db")).unwrap());
        let activities = Activities::open(store.clone(), directory.path().join("activities")).unwrap();
        (directory, Arc::new(activities), store)
    }

    fn submit(activities: &Arc<Activities>, queue: &str, job: Job) -> ActivityId {
        activities
            .submit(queue, "test", None, "Test", serde_json::json!({}), job)
            .unwrap()
            .id
    }

    fn wait_for_end(activities: &Activities, id: &ActivityId) -> Vec<String> {
        for _ in 0..2000 {
            let part = activities.log(id, 0, Duration::ZERO).unwrap();
            if part.ended {
                return part.lines;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{id} does not end");
    }

    #[test]
    fn one_queue_runs_one_at_a_time_in_order() {
        let (_directory, activities, _store) = activities();
        let (sender, receiver) = mpsc::channel();
        let ids: Vec<_> = (0..5)
            .map(|number| {
                let sender = sender.clone();
                let job: Job = Box::new(move |_| {
                    sender.send((number, "begin")).unwrap();
                    std::thread::sleep(Duration::from_millis(3));
                    sender.send((number, "end")).unwrap();
                    true
                });
                submit(&activities, "q", job)
            })
            .collect();
        ids.iter().for_each(|id| drop(wait_for_end(&activities, id)));
        drop(sender);
        let seen: Vec<_> = receiver.iter().collect();
        let expected: Vec<_> = (0..5).flat_map(|n| [(n, "begin"), (n, "end")]).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_log_is_followed_while_it_grows_and_kept_afterwards() {
        let (_directory, activities, store) = activities();
        let (go, wait) = mpsc::channel::<()>();
        let job: Job = Box::new(move |report| {
            report.line("one");
            wait.recv().unwrap();
            report.line("two\nthree");
            true
        });
        let id = submit(&activities, "q", job);
        let first = activities.log(&id, 0, Duration::from_secs(5)).unwrap();
        assert_eq!(
            first,
            LogPart {
                lines: vec!["one".into()],
                ended: false
            }
        );
        go.send(()).unwrap();
        let more = activities.log(&id, 1, Duration::from_secs(5)).unwrap();
        assert_eq!(more.lines, ["two", "three"]);
        assert_eq!(wait_for_end(&activities, &id), ["one", "two", "three"]);
        assert_eq!(store.activity(&id).unwrap().unwrap().success, Some(true));
    }

    #[test]
    fn a_job_that_panics_is_a_failure_and_the_queue_goes_on() {
        let (_directory, activities, store) = activities();
        let broken = submit(&activities, "q", Box::new(|_| panic!("as the test wants")));
        let fine = submit(&activities, "q", Box::new(|_| true));
        wait_for_end(&activities, &broken);
        wait_for_end(&activities, &fine);
        assert_eq!(store.activity(&broken).unwrap().unwrap().success, Some(false));
        assert_eq!(store.activity(&fine).unwrap().unwrap().success, Some(true));
    }

    #[test]
    fn a_waiting_activity_that_is_cancelled_does_not_run() {
        let (_directory, activities, store) = activities();
        let (go, wait) = mpsc::channel::<()>();
        let first = submit(&activities, "q", Box::new(move |_| wait.recv().is_ok()));
        let second = submit(&activities, "q", Box::new(|_| unreachable!("it was cancelled")));
        assert!(activities.cancel(&second).unwrap());
        go.send(()).unwrap();
        wait_for_end(&activities, &first);
        wait_for_end(&activities, &second);
        let ended = store.activity(&second).unwrap().unwrap();
        assert_eq!(ended.state, ActivityState::Cancelled);
        assert!(ended.cancelled_at.is_some() && ended.started_at.is_none());
        assert!(!activities.cancel(&second).unwrap());
    }

    #[test]
    fn what_was_cancelled_before_a_restart_stays_so_and_goes_its_way_back() {
        let (_directory, activities, store) = activities();
        let (waiting, begun) = (ActivityState::Pending, ActivityState::InProgress);
        let ends = [waiting, begun].map(|state| {
            let activity = crate::store::activity_for_tests(state);
            store.create_activity(&activity).unwrap();
            store.cancel_activity(&activity.id).unwrap();
            let activity = store.activity(&activity.id).unwrap().unwrap();
            let job: Job = Box::new(|report| {
                report.line("back");
                !report.cancelled().load(Ordering::Relaxed)
            });
            activities.resume("q", &activity, job);
            let lines = wait_for_end(&activities, &activity.id);
            let state = store.activity(&activity.id).unwrap().unwrap().state;
            assert_eq!(state, ActivityState::Cancelled);
            lines
        });
        assert_eq!(ends[0], ["Cancelled before it began."]);
        assert_eq!(ends[1], ["back"]);
    }
}
