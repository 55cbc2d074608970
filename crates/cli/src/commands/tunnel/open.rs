//! Opening tunnels, and where relationships are through them.

use super::record::{Record, Records};
use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use crate::ssh_address::{self, SshAddress};
use base64::{Engine, prelude::BASE64_STANDARD};
use guise_api::App;
use serde_json::{Map, Value, json};
use std::net::{Ipv4Addr, TcpListener};

/// The first local port, as on Platform.sh.
const FIRST_PORT: u16 = 30000;

/// Which relationships.
pub enum Wanted {
    All,
    One {
        relationship: Option<String>,
        port: Option<u16>,
    },
}

/// One endpoint of a relationship.
#[derive(Debug, Clone, PartialEq)]
struct Endpoint {
    relationship: String,
    index: usize,
    host: String,
    port: u16,
    object: Value,
}

/// The environment meant.
pub async fn place(context: &Context) -> Result<Place, Error> {
    Ok(context.environment().await?)
}

/// Opens tunnels to the endpoints that have none, and prints where they are.
pub async fn open(
    context: &Context,
    records: &Records,
    app: Option<String>,
    wanted: Wanted,
) -> Result<(), Error> {
    let place = place(context).await?;
    let (app, address) = ssh_address::find(context, &place, app.as_deref(), None).await?;
    let (endpoints, port) = chosen(&app, wanted)?;
    let open = records.list()?;
    let mut next = port.unwrap_or(FIRST_PORT);
    for endpoint in endpoints {
        let same = |record: &&Record| {
            record.is_of(&place)
                && (record.app == app.name)
                && (&record.relationship, record.index) == (&endpoint.relationship, endpoint.index)
        };
        if let Some(record) = open.iter().find(same) {
            context
                .output
                .remark(format!("{} is open already.", record.relationship));
            context.output.line(&record.url)?;
            continue;
        }
        let local = match port {
            Some(port) => port,
            None => free_port(next)?,
        };
        next = local.saturating_add(1);
        connect(&address, records, local, &endpoint)?;
        let record = Record {
            port: local,
            project: place.project.clone(),
            environment: place.environment.clone(),
            app: app.name.clone(),
            url: url(&endpoint.object, local),
            relationship: endpoint.relationship,
            index: endpoint.index,
        };
        records.add(&record)?;
        context.output.remark(format!(
            "Opened a tunnel to {} on port {local}.",
            record.relationship
        ));
        context.output.line(&record.url)?;
    }
    Ok(())
}

/// Prints where an app's relationships are through open tunnels.
pub async fn info(
    context: &Context,
    records: &Records,
    app: Option<String>,
    encode: bool,
) -> Result<(), Error> {
    let place = place(context).await?;
    let (app, _) = ssh_address::find(context, &place, app.as_deref(), None).await?;
    let mut open = records.list()?;
    open.retain(|record| record.is_of(&place) && record.app == app.name);
    if open.is_empty() {
        return Err(Error::NoTunnel { app: app.name });
    }
    if !encode {
        for record in &open {
            context
                .output
                .line(format!("{}\t{}", record.relationship, record.url))?;
        }
        return Ok(());
    }
    let mut relationships = Map::new();
    for endpoint in endpoints(&app) {
        let through = |record: &&Record| {
            (&record.relationship, record.index) == (&endpoint.relationship, endpoint.index)
        };
        if let Some(record) = open.iter().find(through) {
            let list = relationships
                .entry(&endpoint.relationship)
                .or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(moved(&endpoint.object, record.port));
            }
        }
    }
    let text = Value::Object(relationships).to_string();
    Ok(context.output.line(BASE64_STANDARD.encode(text))?)
}

fn chosen(app: &App, wanted: Wanted) -> Result<(Vec<Endpoint>, Option<u16>), Error> {
    let mut all = endpoints(app);
    let names = || app.relationships.keys().cloned().collect::<Vec<_>>();
    let (name, port) = match wanted {
        Wanted::All if all.is_empty() => (None, None),
        Wanted::All => return Ok((all, None)),
        Wanted::One { relationship, port } => (relationship, port),
    };
    match name {
        Some(name) => all.retain(|endpoint| endpoint.relationship == name),
        None if all.len() > 1 => all.clear(),
        None => {}
    }
    // A port is one endpoint's.
    all.truncate(if port.is_some() { 1 } else { usize::MAX });
    match all.is_empty() {
        true => Err(Error::NoRelationship {
            app: app.name.clone(),
            known: names(),
        }),
        false => Ok((all, port)),
    }
}

/// All endpoints that have a host and a port.
fn endpoints(app: &App) -> Vec<Endpoint> {
    let each = app.relationships.iter().flat_map(|(name, list)| {
        let list = list.as_array().into_iter().flatten().enumerate();
        list.filter_map(|(index, object)| {
            Some(Endpoint {
                relationship: name.clone(),
                index,
                host: object["host"].as_str()?.into(),
                port: u16::try_from(object["port"].as_u64()?).ok()?,
                object: object.clone(),
            })
        })
    });
    each.collect()
}

/// Starts an `ssh` that stays in the background once the port is open.
fn connect(address: &SshAddress, records: &Records, port: u16, endpoint: &Endpoint) -> Result<(), Error> {
    let socket = records.socket(port);
    let forward = format!("127.0.0.1:{port}:{}:{}", endpoint.host, endpoint.port);
    let mut options: Vec<String> = ["-f", "-N", "-M", "-S"].map(String::from).into();
    options.push(socket.to_string_lossy().into_owned());
    for option in [
        "ExitOnForwardFailure=yes",
        "ServerAliveInterval=30",
        "ControlPersist=no",
    ] {
        options.extend(["-o".into(), option.into()]);
    }
    options.extend(["-L".into(), forward]);
    let status = address
        .command(&options)
        .status()
        .map_err(|source| Error::LocalProgram {
            program: "ssh",
            package: "openssh-client",
            source,
        })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::TunnelRefused {
        relationship: endpoint.relationship.clone(),
        port,
    })
}

/// The first port from `first` on that nobody listens on.
fn free_port(first: u16) -> Result<u16, Error> {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (first..=u16::MAX).find(is_free).ok_or(Error::NoPort)
}

/// A relationship's object with the tunnel's end in place of its own.
fn moved(object: &Value, port: u16) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        for key in ["host", "hostname", "ip"] {
            if let Some(value) = map.get_mut(key) {
                *value = json!("127.0.0.1");
            }
        }
        map.insert("port".into(), json!(port));
    }
    object
}

/// A relationship as a URL at the tunnel's end.
fn url(object: &Value, port: u16) -> String {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let encoded = |key: &str| guise_api::paths::fill("{}", &[text(key)]);
    let credentials = match (text("username"), text("password")) {
        ("", "") => String::new(),
        (_, "") => format!("{}@", encoded("username")),
        _ => format!("{}:{}@", encoded("username"), encoded("password")),
    };
    let path = match text("path") {
        "" => String::new(),
        path => format!("/{path}"),
    };
    format!("{}://{credentials}127.0.0.1:{port}{path}", text("scheme"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app() -> App {
        let relationships = json!({
            "database": [{"host": "database.internal", "port": 3306, "scheme": "mysql", "username": "user",
                "password": "p@ss/1", "path": "main", "ip": "169.254.0.7"}],
            "cache": [{"host": "cache.internal", "port": 6379, "scheme": "redis"}],
            "other": [{"scheme": "http"}],
        });
        serde_json::from_value(json!({"name": "app", "relationships": relationships, "mounts": {}})).unwrap()
    }

    #[test]
    fn one_relationship_is_chosen_by_name_and_all_without() {
        let one = |name: Option<&str>| {
            let wanted = Wanted::One {
                relationship: name.map(String::from),
                port: None,
            };
            chosen(&app(), wanted).map(|(endpoints, _)| endpoints.len())
        };
        assert_eq!(chosen(&app(), Wanted::All).unwrap().0.len(), 2);
        assert_eq!(one(Some("cache")).unwrap(), 1);
        for nothing in [Some("none"), Some("other"), None] {
            assert!(
                matches!(one(nothing), Err(Error::NoRelationship { .. })),
                "{nothing:?}"
            );
        }
    }

    #[test]
    fn a_url_leads_to_the_tunnel_whatever_is_in_the_password() {
        let all = endpoints(&app());
        let of = |name: &str| all.iter().find(|endpoint| endpoint.relationship == name).unwrap();
        assert_eq!(
            url(&of("database").object, 30000),
            "mysql://user:p%40ss%2F1@127.0.0.1:30000/main"
        );
        assert_eq!(url(&of("cache").object, 30001), "redis://127.0.0.1:30001");
        let moved = moved(&of("database").object, 30000);
        assert_eq!(
            (&moved["host"], &moved["ip"], &moved["port"]),
            (&json!("127.0.0.1"), &json!("127.0.0.1"), &json!(30000))
        );
    }
}
