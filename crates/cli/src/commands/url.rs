//! `guise url`: where an environment is served.

use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use clap::Args;
use guise_api::{Environment, paths};
use std::process::Command;

/// Print an environment's URLs, the primary one first
#[derive(Debug, Args)]
pub struct Url {
    /// Only the primary one
    #[arg(long)]
    primary: bool,
    /// Open the primary one in a browser
    #[arg(long, conflicts_with = "pipe")]
    browser: bool,
    /// Print, and open nothing, as is done anyway
    #[arg(long, hide = true)]
    pipe: bool,
}

impl Url {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let most = if self.primary || self.browser {
            1
        } else {
            usize::MAX
        };
        let urls = print(context, &place, most).await?;
        let Some(first) = urls.first() else {
            return Err(Error::NoUrl {
                environment: place.environment,
            });
        };
        if self.browser {
            open(first)?;
        }
        Ok(0)
    }
}

/// Opens a URL in the person's browser, by the desktop's own means (xdg-open(1)).
fn open(url: &str) -> Result<(), Error> {
    const OPENER: &str = "xdg-open";
    Command::new(OPENER)
        .arg(url)
        .status()
        .map(drop)
        .map_err(|source| Error::LocalProgram {
            program: OPENER,
            package: "xdg-utils",
            source,
        })
}

/// Prints the primary URL of an environment, if it has one: not every project is for browsers.
pub async fn print_primary(context: &Context, place: &Place) -> Result<(), Error> {
    print(context, place, 1).await.map(drop)
}

/// Prints an environment's first URLs, the primary one first; answers them.
async fn print(context: &Context, place: &Place, most: usize) -> Result<Vec<String>, Error> {
    let environment: Environment = context.client.get(&place.path(paths::ENVIRONMENT)).await?;
    let mut routes = environment.routes;
    routes.sort_by_key(|route| !route.primary);
    routes.truncate(most);
    let urls: Vec<String> = routes.into_iter().map(|route| route.url).collect();
    for url in &urls {
        context.output.line(url)?;
    }
    Ok(urls)
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
