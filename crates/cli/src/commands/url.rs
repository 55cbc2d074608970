//! `guise url`: where an environment is served.

use crate::context::Context;
use crate::error::Error;
use clap::Args;
use guise_api::{Environment, paths};

/// Print an environment's URLs, the primary one first
#[derive(Debug, Args)]
pub struct Url {
    /// Only the primary one
    #[arg(long)]
    primary: bool,
}

impl Url {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let environment: Environment = context.client.get(&place.path(paths::ENVIRONMENT)).await?;
        let mut routes = environment.routes;
        if routes.is_empty() {
            return Err(Error::NoUrl {
                environment: environment.name,
            });
        }
        routes.sort_by_key(|route| !route.primary);
        routes.truncate(if self.primary { 1 } else { usize::MAX });
        for route in routes {
            context.output.line(route.url)?;
        }
        Ok(0)
    }
}
