//! `guise relationships`: what an app was given to reach its services.

use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::Args;
use guise_api::{App, paths};
use serde_json::{Map, Value};

/// Show the relationships of an app, with their credentials
///
/// With `--format json` as in PLATFORM_RELATIONSHIPS, and a `url` besides.
#[derive(Debug, Args)]
pub struct Relationships {
    /// The app, or a worker as app--worker [default: the first app]
    #[arg(short = 'A', long)]
    app: Option<String>,
    /// Only this property: database.0.host
    #[arg(short = 'P', long, value_name = "PROPERTY")]
    property: Option<String>,
}

impl Relationships {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let path = with_query(&place.path(paths::APP), &[("container", self.app.as_deref())]);
        let app: App = context.client.get(&path).await?;
        let relationships = with_urls(app.relationships);
        if let Some(property) = &self.property {
            let value = named(&relationships, property)?;
            let text = value.as_str().map_or_else(|| value.to_string(), String::from);
            context.output.line(text)?;
        } else if context.output.is_json() {
            context
                .output
                .line(format!("{:#}", Value::Object(relationships)))?;
        } else {
            let rows: Vec<(&String, &Value)> = relationships
                .iter()
                .flat_map(|(name, ends)| ends.as_array().into_iter().flatten().map(move |end| (name, end)))
                .collect();
            let none = format!("{} has no relationships.", app.name);
            context.output.list(&rows, &columns(), &none)?;
        }
        Ok(0)
    }
}

fn columns<'a>() -> [Column<(&'a String, &'a Value)>; 4] {
    [
        Column::new("RELATIONSHIP", |row: &(&String, &Value)| row.0.clone()),
        Column::new("SERVICE", |row: &(&String, &Value)| text(row.1, "service").into()),
        Column::new("TYPE", |row: &(&String, &Value)| text(row.1, "type").into()),
        Column::new("URL", |row: &(&String, &Value)| text(row.1, "url").into()),
    ]
}

fn text<'a>(end: &'a Value, field: &str) -> &'a str {
    end[field].as_str().unwrap_or_default()
}

fn with_urls(mut relationships: Map<String, Value>) -> Map<String, Value> {
    for end in relationships
        .values_mut()
        .filter_map(Value::as_array_mut)
        .flatten()
    {
        end["url"] = url(end).into();
    }
    relationships
}

/// `scheme://username:password@host:port/path`, without what there is not (spec 2.2).
fn url(end: &Value) -> String {
    let user = match (text(end, "username"), text(end, "password")) {
        ("", "") => String::new(),
        (user, password) => paths::fill("{}:{}@", &[user, password]),
    };
    let path = text(end, "path");
    let slash = if path.is_empty() { "" } else { "/" };
    let (scheme, host, port) = (text(end, "scheme"), text(end, "host"), &end["port"]);
    format!(
        "{scheme}://{user}{host}:{port}{slash}{}",
        paths::fill("{}", &[path])
    )
}

/// The value at `relationship.index.field`, or above.
fn named<'a>(relationships: &'a Map<String, Value>, property: &str) -> Result<&'a Value, Error> {
    let (name, below) = property.split_once('.').unwrap_or((property, ""));
    let found =
        below
            .split('.')
            .filter(|part| !part.is_empty())
            .try_fold(relationships.get(name), |value, part| {
                let value = value?;
                let index = part.parse::<usize>().ok();
                Some(value.get(part).or_else(|| value.get(index?)))
            });
    found.flatten().ok_or_else(|| Error::NoProperty {
        property: property.into(),
        known: relationships.keys().cloned().collect(),
    })
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    const APP: &str = r#"{"name":"app","mounts":{},"relationships":{
        "database":[{"service":"db","type":"postgresql:17","scheme":"pgsql","username":"main","password":"p@:/",
            "host":"database.internal","port":5432,"path":"main"}],
        "cache":[{"service":"cache","type":"redis:8.0","scheme":"redis","username":null,"password":null,
            "host":"cache.internal","port":6379,"path":null}]}}"#;

    fn printed(line: &str) -> Result<String, crate::error::Error> {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(APP)]);
        let (printed, code) = daemon.run(&format!("-p shop -e main {line}"));
        code.map(|_| printed)
    }

    #[test]
    fn each_has_a_url_with_what_must_be_quoted() {
        insta::assert_snapshot!(printed("relationships").unwrap(), @r"
        RELATIONSHIP  SERVICE  TYPE           URL
        database      db       postgresql:17  pgsql://main:p%40%3A%2F@database.internal:5432/main
        cache         cache    redis:8.0      redis://cache.internal:6379
        ");
    }

    #[test]
    fn one_property_is_printed_alone() {
        assert_eq!(
            printed("environment:relationships -P database.0.port").unwrap(),
            "5432\n"
        );
        assert_eq!(
            printed("relationships -P cache.0.host").unwrap(),
            "cache.internal\n"
        );
        assert_eq!(printed("relationships -P cache.0.username").unwrap(), "null\n");
        assert_eq!(
            printed("relationships -P cache.1.host").unwrap_err().exit_code(),
            2
        );
        assert_eq!(printed("relationships -P nothing").unwrap_err().exit_code(), 2);
    }
}
