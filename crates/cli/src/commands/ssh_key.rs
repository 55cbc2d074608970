//! `guise ssh-key`: the public keys by which users are known to the SSH gateway.

use super::confirm;
use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::Subcommand;
use guise_api::{AddSshKey, SshKey as Found, User, paths};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Add, list and delete the SSH keys of users
#[derive(Debug, Subcommand)]
pub enum SshKey {
    /// Add a public key
    Add {
        /// File that ends with .pub; - for the standard input
        file: PathBuf,
        /// Whose it is [default: the only user]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// What to call it [default: its comment]
        #[arg(long)]
        title: Option<String>,
    },
    /// List keys
    List {
        /// Only those of this user
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Delete a key, which ends no session
    Delete {
        /// Its fingerprint, or a beginning of it
        fingerprint: String,
    },
}

impl SshKey {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::Add { file, user, title } => {
                let user = match user {
                    Some(user) => user,
                    None => only_user(context).await?,
                };
                let added = add(context, &user, read(&file)?, title).await?;
                show(context, &added)?;
            }
            Self::List { user } => {
                let path = with_query(paths::SSH_KEYS, &[("user", user.as_deref())]);
                let keys: Vec<Found> = context.client.get(&path).await?;
                let none = "There is no key yet: guise ssh-key add --user NAME FILE.pub";
                context.output.list(&keys, &columns(), none)?;
            }
            Self::Delete { fingerprint } => {
                let question = format!("Deleting the key {fingerprint} locks out who has no other.");
                confirm(context, &question, &fingerprint)?;
                let path = paths::fill(paths::SSH_KEY, &[&fingerprint]);
                show(context, &context.client.delete(&path).await?)?;
            }
        }
        Ok(0)
    }
}

/// Adds a key to a user's.
pub async fn add(
    context: &Context,
    user: &str,
    public_key: String,
    title: Option<String>,
) -> Result<Found, Error> {
    let wanted = AddSshKey { public_key, title };
    let path = paths::fill(paths::USER_SSH_KEYS, &[user]);
    Ok(context.client.post(&path, &wanted).await?)
}

/// The content of a file with a key.
pub fn read(file: &Path) -> Result<String, Error> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(Error::Input)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(|source| Error::Read {
        path: file.into(),
        source,
    })
}

async fn only_user(context: &Context) -> Result<String, Error> {
    let users: Vec<User> = context.client.get(paths::USERS).await?;
    match users.as_slice() {
        [only] => Ok(only.name.to_string()),
        users => Err(Error::WhichUser {
            known: users.iter().map(|user| user.name.to_string()).collect(),
        }),
    }
}

fn columns() -> Vec<Column<Found>> {
    vec![
        Column::new("FINGERPRINT", |key: &Found| key.fingerprint.clone()),
        Column::new("USER", |key: &Found| key.user.to_string()),
        Column::new("TITLE", |key: &Found| key.title.clone()),
        Column::new("ADDED", |key: &Found| key.created_at.clone()),
    ]
}

fn show(context: &Context, key: &Found) -> Result<(), Error> {
    let fields = [
        ("fingerprint", key.fingerprint.clone()),
        ("user", key.user.to_string()),
        ("title", key.title.clone()),
        ("added", key.created_at.clone()),
    ];
    Ok(context.output.record(key, &fields)?)
}
