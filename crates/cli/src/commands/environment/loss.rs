//! What a person loses with an environment's data.

use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use guise_api::{Container, Environment, paths};

/// The environment, and in words whose data it has: `the data of app and db`.
pub async fn of(context: &Context, place: &Place) -> Result<(Environment, String), Error> {
    let environment: Environment = context.client.get(&place.path(paths::ENVIRONMENT)).await?;
    let path = with_query(
        paths::CONTAINERS,
        &[
            ("project", Some(place.project.as_str())),
            ("environment", Some(environment.name.as_str())),
        ],
    );
    let containers: Vec<Container> = context.client.get(&path).await?;
    let names: Vec<&str> = containers
        .iter()
        .map(|container| container.name.as_str())
        .collect();
    Ok((environment, data_of(&names)))
}

/// One that is paused has data too, but no container that could name it.
fn data_of(names: &[&str]) -> String {
    match names {
        [] => "all its data".into(),
        [only] => format!("the data of {only}"),
        [first @ .., last] => format!("the data of {} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_named_by_its_containers() {
        assert_eq!(data_of(&[]), "all its data");
        assert_eq!(data_of(&["app"]), "the data of app");
        assert_eq!(data_of(&["app", "cache", "db"]), "the data of app, cache and db");
    }
}
