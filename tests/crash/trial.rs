//! An operation, undisturbed once and then with the daemon killed at each of its steps.

use crate::{
    inventory::{self, Inventory},
    journal::{Journal, Step},
    operations::{Operation, Pair, Scene},
};
use anyhow::{Context, Result, bail, ensure};
use journeys::{Guise, http};
use std::{
    fmt,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(10);
/// A shorter step is not killed in its middle: before and after it are as near.
const MIDDLE_MS: u32 = 20;
/// Unless all are tried, every this manieth kill is.
const QUICK_STRIDE: usize = 9;

/// When the daemon is killed.
#[derive(Debug, Clone)]
struct Kill {
    number: u32,
    step: String,
    moment: Moment,
}

#[derive(Debug, Clone, Copy)]
enum Moment {
    Before,
    During { milliseconds: u32 },
    After,
}

impl Kill {
    /// As the daemon understands it.
    fn order(&self) -> String {
        let number = self.number;
        match self.moment {
            Moment::Before => format!("kill:{number}:before"),
            Moment::During { milliseconds } => format!("kill:{number}:during:{milliseconds}"),
            Moment::After => format!("kill:{number}:after"),
        }
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, step, moment } = self;
        match moment {
            Moment::Before => write!(f, "before step {number} ({step})"),
            Moment::During { milliseconds } => write!(f, "{milliseconds} ms into step {number} ({step})"),
            Moment::After => write!(f, "after step {number} ({step})"),
        }
    }
}

/// What an undisturbed run showed.
struct Undisturbed {
    kills: Vec<Kill>,
    inventory: Inventory,
}

pub struct Trial<'a> {
    guise: &'a Guise,
    scene: Scene<'a>,
    journal: Journal,
    all: bool,
}

impl<'a> Trial<'a> {
    /// Deploys the site that is looked at meanwhile, and a branch of it.
    pub fn begin(guise: &'a Guise, all: bool) -> Result<Self> {
        let scene = Scene::set(guise, all)?;
        let journal = Journal::open(guise.state())?;
        Ok(Self {
            guise,
            scene,
            journal,
            all,
        })
    }

    /// Tries both operations of a pair by turns: each undoes the other. Answers how often the daemon was killed.
    pub fn run(&self, pair: &Pair) -> Result<usize> {
        let operations = pair.operations;
        let undisturbed = operations.iter().map(|operation| self.undisturbed(operation));
        let undisturbed = undisturbed.collect::<Result<Vec<_>>>()?;
        let rounds = undisturbed.iter().map(|run| run.kills.len()).max().unwrap_or(0);
        let mut kills = 0;
        for round in 0..rounds {
            for (operation, run) in operations.iter().zip(&undisturbed) {
                let Some(kill) = run.kills.get(round) else {
                    self.act(operation)?;
                    continue;
                };
                self.disturbed(operation, kill, &run.inventory)
                    .with_context(|| format!("{}, killed {kill}", operation.name))?;
                kills += 1;
            }
        }
        Ok(kills)
    }

    fn undisturbed(&self, operation: &Operation) -> Result<Undisturbed> {
        self.act(operation)
            .with_context(|| format!("{}, undisturbed", operation.name))?;
        let activity = self.journal.newest()?;
        let steps = self.journal.steps(&activity.id)?;
        ensure!(
            !steps.is_empty(),
            "{} has no steps in the journal",
            operation.name
        );
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        println!("    {}: {}", operation.name, names.join(", "));
        let inventory = inventory::settled(self.guise, &self.journal)?;
        let mut kills = kills(&steps);
        if !self.all {
            let every = kills.into_iter().skip(1).step_by(QUICK_STRIDE);
            kills = every.collect();
        }
        Ok(Undisturbed { kills, inventory })
    }

    /// An operation from its preparation to what it must have brought about.
    fn act(&self, operation: &Operation) -> Result<()> {
        (operation.prepare)(&self.scene)?;
        let output = (operation.command)(&self.scene)?.output()?;
        self.ended(operation)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        (operation.arrived)(&self.scene)
    }

    fn disturbed(&self, operation: &Operation, kill: &Kill, expected: &Inventory) -> Result<()> {
        (operation.prepare)(&self.scene)?;
        let production = self.scene.site.containers("main")?;
        self.guise.kill_daemon()?;
        self.guise.start_with(&[("GUISE_FAULT", &kill.order())])?;
        let daemon = self.guise.daemon_pid()?;
        let mut command = (operation.command)(&self.scene)?;
        // Who waits for the activity waits for the next daemon.
        let mut waiting = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        died(daemon)?;
        if operation.spares_production {
            let page = http::get(&self.scene.production)?;
            ensure!(
                page.status == 200,
                "without a daemon production answers {}",
                page.status
            );
        }
        self.guise.start()?;
        waiting.wait()?;
        self.ended(operation)?;
        (operation.arrived)(&self.scene)?;
        if operation.spares_production {
            let now = self.scene.site.containers("main")?;
            ensure!(
                now == production,
                "production's containers were {production:?} and are {now:?}"
            );
        }
        inventory::becomes(self.guise, &self.journal, expected)
    }

    /// Waits until nothing is under way, and looks how the last activity ended.
    fn ended(&self, operation: &Operation) -> Result<()> {
        let begun = Instant::now();
        while self.journal.unfinished()? > 0 {
            ensure!(begun.elapsed() < PATIENCE, "it does not end");
            sleep(PAUSE);
        }
        let activity = self.journal.newest()?;
        ensure!(
            activity.kind == operation.activity,
            "the last activity is {} instead of {}",
            activity.kind,
            operation.activity
        );
        if activity.success == Some(operation.succeeds) {
            return Ok(());
        }
        let log = self.guise.state().join(format!("activities/{}.log", activity.id));
        let log = std::fs::read_to_string(log).unwrap_or_default();
        bail!("it ended with success {:?}:\n{log}", activity.success)
    }
}

fn kills(steps: &[Step]) -> Vec<Kill> {
    let of_step = |step: &Step| {
        let half = step.milliseconds.unwrap_or_default() / 2;
        let middle = (half >= MIDDLE_MS / 2).then_some(Moment::During { milliseconds: half });
        // A step that failed has no moment after its effect.
        let after = step.milliseconds.is_some().then_some(Moment::After);
        let moments = [Some(Moment::Before), middle, after];
        let (number, step) = (step.number, step.name.clone());
        moments.into_iter().flatten().map(move |moment| Kill {
            number,
            step: step.clone(),
            moment,
        })
    };
    steps.iter().flat_map(of_step).collect()
}

fn died(daemon: u64) -> Result<()> {
    let begun = Instant::now();
    while Path::new(&format!("/proc/{daemon}")).exists() {
        ensure!(begun.elapsed() < PATIENCE, "the daemon is not killed");
        sleep(PAUSE);
    }
    Ok(())
}
