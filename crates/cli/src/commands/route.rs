//! `guise route`: the routes of an environment.

use super::property;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::Subcommand;
use guise_api::{Environment, Route as Found, paths};

/// List and show an environment's routes
#[derive(Debug, Subcommand)]
pub enum Route {
    /// List them, the primary one first
    List,
    /// Show a route, or one property of it
    Get {
        /// Its URL, as it is served or as it is written [default: the primary one]
        route: Option<String>,
        /// Only this property: url, original_url, type, to, primary
        #[arg(short = 'P', long, value_name = "PROPERTY")]
        property: Option<String>,
    },
}

impl Route {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let environment: Environment = context.client.get(&place.path(paths::ENVIRONMENT)).await?;
        let mut routes = environment.routes;
        routes.sort_by_key(|route| !route.primary);
        match self {
            Self::List => context
                .output
                .list(&routes, &columns(), "There is no route yet.")?,
            Self::Get { route, property } => {
                let found = find(routes, route)?;
                property::show(context, property, &found, &fields(&found))?;
            }
        }
        Ok(0)
    }
}

fn find(routes: Vec<Found>, wanted: Option<String>) -> Result<Found, Error> {
    let known = routes.iter().map(|route| route.url.clone()).collect();
    let is_wanted = |route: &Found| match &wanted {
        Some(wanted) => [&route.url, &route.original_url]
            .iter()
            .any(|url| url.trim_end_matches('/') == wanted.trim_end_matches('/')),
        None => true,
    };
    match routes.into_iter().find(is_wanted) {
        Some(found) => Ok(found),
        None => Err(Error::NoRoute {
            route: wanted.unwrap_or_else(|| "of the environment".into()),
            known,
        }),
    }
}

fn columns() -> Vec<Column<Found>> {
    vec![
        Column::new("ROUTE", |route: &Found| route.url.clone()),
        Column::new("TYPE", |route: &Found| route.kind.clone()),
        Column::new("TO", |route: &Found| route.to.clone()),
    ]
}

fn fields(route: &Found) -> Vec<(&'static str, String)> {
    vec![
        ("url", route.url.clone()),
        ("original url", route.original_url.clone()),
        ("type", route.kind.clone()),
        ("to", route.to.clone()),
        ("primary", route.primary.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::{ENVIRONMENT, FakeDaemon};

    fn run(line: &str) -> (String, Result<u8, crate::error::Error>) {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(ENVIRONMENT)]);
        daemon.run(&format!("-p shop -e feature/a {line}"))
    }

    #[test]
    fn the_primary_route_comes_first() {
        let (printed, _) = run("routes");
        insta::assert_snapshot!(printed, @r"
        ROUTE                             TYPE      TO
        https://feature-a.localhost/      upstream  app
        https://www.feature-a.localhost/  redirect  https://feature-a.localhost/
        ");
    }

    #[test]
    fn a_route_is_found_as_it_is_written_too() {
        let (printed, _) = run("route:get https://www.{default} -P to");
        assert_eq!(printed, "https://feature-a.localhost/\n");
        let (_, code) = run("route get https://example.com/");
        assert_eq!(code.unwrap_err().exit_code(), 2);
    }
}
