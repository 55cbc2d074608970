//! `guise url`: where an environment is served.

use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
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
        let most = if self.primary { 1 } else { usize::MAX };
        if print(context, &place, most).await? == 0 {
            return Err(Error::NoUrl {
                environment: place.environment,
            });
        }
        Ok(0)
    }
}

/// Prints the primary URL of an environment, if it has one: not every project is for browsers.
pub async fn print_primary(context: &Context, place: &Place) -> Result<(), Error> {
    print(context, place, 1).await.map(drop)
}

/// Prints an environment's first URLs, the primary one first; answers how many.
async fn print(context: &Context, place: &Place, most: usize) -> Result<usize, Error> {
    let environment: Environment = context.client.get(&place.path(paths::ENVIRONMENT)).await?;
    let mut routes = environment.routes;
    routes.sort_by_key(|route| !route.primary);
    routes.truncate(most);
    for route in &routes {
        context.output.line(&route.url)?;
    }
    Ok(routes.len())
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::{ENVIRONMENT, FakeDaemon};

    #[test]
    fn the_primary_url_comes_first() {
        let both = "https://feature-a.localhost/\nhttps://www.feature-a.localhost/\n";
        for (line, expected) in [("url", both), ("url --primary", &both[..29])] {
            let daemon = FakeDaemon::answering(vec![FakeDaemon::json(ENVIRONMENT)]);
            let (printed, code) = daemon.run(&format!("-p shop -e feature/a {line}"));
            assert_eq!((printed.as_str(), code.unwrap()), (expected, 0));
        }
    }
}
