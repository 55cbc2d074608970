//! `guise init`: the first user.

use super::ssh_key;
use crate::context::Context;
use crate::error::Error;
use crate::launch;
use clap::Args;
use guise_api::{CreateUser, User, paths};
use std::path::{Path, PathBuf};

/// Make the first user, who administers every project
///
/// Starts the daemon if it does not run. Takes the public SSH keys from ~/.ssh, so that git push and ssh work over the
/// network. Once there is a user nothing is changed.
#[derive(Debug, Args)]
pub struct Init {
    /// The user's name [default: yours]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Public SSH key to take instead of those in ~/.ssh; may be repeated
    #[arg(long = "ssh-key", value_name = "FILE")]
    ssh_keys: Vec<PathBuf>,
}

impl Init {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        launch::ensure(&context.client, context.state(), context.output.quiet()).await?;
        let users: Vec<User> = context.client.get(paths::USERS).await?;
        if let Some(first) = users.first() {
            context.output.remark(format!(
                "There are users already, {} first: guise user add NAME",
                first.name
            ));
            return Ok(0);
        }
        let wanted = CreateUser {
            name: self.user.unwrap_or_else(own_name),
            is_admin: true,
            roles: None,
        };
        let made: User = context.client.post(paths::USERS, &wanted).await?;
        context
            .output
            .remark(format!("Made user {}, admin of all projects.", made.name));
        let files = if self.ssh_keys.is_empty() {
            own_keys()
        } else {
            self.ssh_keys
        };
        for file in &files {
            let added = ssh_key::add(context, made.name.as_str(), ssh_key::read(file)?, None).await?;
            context.output.remark(format!(
                "Added the key {} ({}).",
                file.display(),
                added.fingerprint
            ));
        }
        if files.is_empty() {
            context.output.remark(
                "No SSH key was found: ssh-keygen -t ed25519 makes one, guise ssh-key add FILE.pub adds it.",
            );
        }
        Ok(0)
    }
}

/// The person's name: whoever used sudo is not root.
fn own_name() -> String {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty() && value != "root")
    };
    variable("SUDO_USER")
        .or_else(|| variable("USER"))
        .map_or_else(|| "admin".into(), |name| name.to_lowercase())
}

/// The public keys in the person's directory.
fn own_keys() -> Vec<PathBuf> {
    let home = match std::env::var("SUDO_USER") {
        Ok(user) if user != "root" => Path::new("/home").join(user),
        _ => std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default(),
    };
    let Ok(entries) = std::fs::read_dir(home.join(".ssh")) else {
        return Vec::new();
    };
    let mut keys: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pub"))
        // Certificates have this name beside their key (ssh-keygen(1)).
        .filter(|path| !path.to_string_lossy().ends_with("-cert.pub"))
        .collect();
    keys.sort();
    keys
}
