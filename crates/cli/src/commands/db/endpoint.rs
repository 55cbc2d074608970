//! Which service a relationship of an app leads to.

use super::{Database, dialect::Dialect};
use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use guise_api::{App, paths};
use serde::Deserialize;

/// One end of a relationship, as `PLATFORM_RELATIONSHIPS` has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    /// The service's name.
    pub service: String,
    /// What is spoken there: `mysql`.
    pub scheme: String,
    /// The user.
    pub username: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// The database, if the endpoint has one by default.
    pub path: Option<String>,
}

/// The SQL database meant, and how its client is spoken to.
pub(super) async fn database(
    context: &Context,
    place: &Place,
    wanted: &Database,
) -> Result<(Endpoint, Dialect), Error> {
    find(context, place, wanted, |endpoint| Dialect::of(&endpoint.scheme)).await
}

/// The Redis meant.
pub(super) async fn redis(context: &Context, place: &Place, wanted: &Database) -> Result<Endpoint, Error> {
    let is_redis = |endpoint: &Endpoint| (endpoint.scheme == "redis").then_some(());
    find(context, place, wanted, is_redis).await.map(|found| found.0)
}

async fn find<T>(
    context: &Context,
    place: &Place,
    wanted: &Database,
    accept: impl Fn(&Endpoint) -> Option<T>,
) -> Result<(Endpoint, T), Error> {
    let path = with_query(&place.path(paths::APP), &[("container", wanted.app.as_deref())]);
    let app: App = context.client.get(&path).await?;
    choose(app, wanted.relationship.as_deref(), accept)
}

/// The relationship of that name, or the only one that is accepted.
fn choose<T>(
    app: App,
    wanted: Option<&str>,
    accept: impl Fn(&Endpoint) -> Option<T>,
) -> Result<(Endpoint, T), Error> {
    let mut fitting: Vec<(String, (Endpoint, T))> = Vec::new();
    for (name, endpoints) in app.relationships {
        let first = endpoints.get(0).cloned().unwrap_or_default();
        let Ok(endpoint) = serde_json::from_value::<Endpoint>(first) else {
            continue;
        };
        if let Some(accepted) = accept(&endpoint) {
            fitting.push((name, (endpoint, accepted)));
        }
    }
    let known: Vec<String> = fitting.iter().map(|(name, _)| name.clone()).collect();
    let app = app.name;
    match (wanted, fitting.len()) {
        (Some(wanted), _) => match fitting.into_iter().find(|(name, _)| name == wanted) {
            Some((_, found)) => Ok(found),
            None => Err(Error::NoDatabase {
                app,
                wanted: Some(wanted.into()),
                known,
            }),
        },
        (None, 2..) => Err(Error::WhichDatabase { app, known }),
        (None, _) => match fitting.pop() {
            Some((_, found)) => Ok(found),
            None => Err(Error::NoDatabase {
                app,
                wanted: None,
                known,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn app(relationships: serde_json::Value) -> App {
        serde_json::from_value(json!({"name": "app", "relationships": relationships, "mounts": {}})).unwrap()
    }

    fn end(service: &str, scheme: &str) -> serde_json::Value {
        json!([{"service": service, "scheme": scheme, "username": "u", "path": "main", "password": "p"}])
    }

    fn accept(endpoint: &Endpoint) -> Option<Dialect> {
        Dialect::of(&endpoint.scheme)
    }

    #[test]
    fn the_only_database_needs_no_name() {
        let app = app(json!({"cache": end("redis", "redis"), "database": end("db", "mysql")}));
        assert_eq!(choose(app, None, accept).unwrap().0.service, "db");
    }

    #[test]
    fn of_several_databases_one_must_be_named() {
        let both = json!({"a": end("db1", "mysql"), "b": end("db2", "pgsql")});
        let error = choose(app(both.clone()), None, accept).unwrap_err();
        assert!(error.hints()[0].contains("a, b"), "{:?}", error.hints());
        assert_eq!(choose(app(both), Some("b"), accept).unwrap().0.service, "db2");
    }

    #[test]
    fn a_relationship_to_something_else_is_no_database() {
        let cache = json!({"cache": end("redis", "redis")});
        assert!(matches!(
            choose(app(cache.clone()), Some("cache"), accept).unwrap_err(),
            Error::NoDatabase { .. }
        ));
        assert_eq!(choose(app(cache), None, accept).unwrap_err().exit_code(), 2);
    }
}
