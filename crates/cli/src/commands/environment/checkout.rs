//! `guise environment checkout`: an environment's branch, to work on it.

use crate::commands::up;
use crate::context::Context;
use crate::error::Error;
use crate::names;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;

/// Check out the branch of an environment
#[derive(Debug, Args)]
pub struct Checkout {
    /// The environment's branch
    #[arg(add = ArgValueCandidates::new(names::environments))]
    branch: String,
}

impl Checkout {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        up::repository()?.checkout(&self.branch)?;
        context.output.remark(format!("You are on {} now.", self.branch));
        Ok(())
    }
}
