//! A chore in stages: each is announced, timed, and counted in the end. A failed one does not keep the others
//! from being run, since who mends one thing wants to know the next.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// The stages so far.
#[derive(Default)]
pub struct Stages {
    ended: Vec<Stage>,
}

struct Stage {
    name: &'static str,
    took: Duration,
    failed: bool,
}

impl Stages {
    /// Runs a stage.
    pub fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<()>) {
        println!("\n==== {name}");
        let begun = Instant::now();
        let failed = match stage() {
            Ok(()) => false,
            Err(error) => {
                println!("{error:#}");
                true
            }
        };
        let took = begun.elapsed();
        println!(
            "---- {name}: {} in {:.1} s",
            if failed { "FAILED" } else { "ok" },
            took.as_secs_f64()
        );
        self.ended.push(Stage { name, took, failed });
    }

    /// Prints what came of them.
    ///
    /// # Errors
    /// When one failed.
    pub fn summary(self) -> Result<()> {
        println!("\n==== Summary");
        for Stage { name, took, failed } in &self.ended {
            println!(
                "{:<6} {:>7.1} s  {name}",
                if *failed { "FAILED" } else { "ok" },
                took.as_secs_f64()
            );
        }
        let failed: Vec<&str> = self
            .ended
            .iter()
            .filter(|stage| stage.failed)
            .map(|stage| stage.name)
            .collect();
        if !failed.is_empty() {
            bail!(
                "{} of {} stages failed: {}",
                failed.len(),
                self.ended.len(),
                failed.join(", ")
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_stage_fails_the_chore_but_not_the_next_stage() {
        let mut stages = Stages::default();
        let mut ran = false;
        stages.run("one", || bail!("no"));
        stages.run("two", || {
            ran = true;
            Ok(())
        });
        assert!(ran);
        assert!(
            stages
                .summary()
                .unwrap_err()
                .to_string()
                .contains("1 of 2 stages failed: one")
        );
        assert!(Stages::default().summary().is_ok());
    }
}
