//! `guise login`, `guise logout`: the daemon of another machine.

use crate::client::Client;
use crate::context::Context;
use crate::error::Error;
use crate::login;
use crate::remote::Remote;
use crate::terminal::RawMode;
use clap::Args;
use guise_api::{Status, paths};
use std::io::{self, Read};
use std::path::PathBuf;

/// Log in to the daemon of another machine
///
/// A token is made there: guise token create --user NAME. All commands go to that daemon from then on, until guise logout;
/// with --state they go to the one of this machine. Scripts set GUISE_URL, GUISE_TOKEN and, for a certificate of the
/// daemon's own authority, GUISE_CA.
#[derive(Debug, Args)]
pub struct Login {
    /// Where it serves its API: https://guise.example.org:8443
    url: String,
    /// File with the token, - for standard input [default: it is asked for]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// File with certificates to trust, as PEM: guise tls authority prints the daemon's own
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Login {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let token = match &self.token_file {
            Some(path) if path.as_os_str() == "-" => io::read_to_string(io::stdin()).map_err(Error::Input)?,
            Some(path) => login::read(path)?,
            None if context.can_ask => asked()?,
            None => return Err(Error::NoToken),
        };
        let authority = self.ca.map(login::read).transpose()?;
        let remote = Remote::at(&self.url, token.trim().to_owned(), authority)
            .ok_or(Error::BadUrl { url: self.url })?;
        let status: Status = Client::remote(remote.clone()).get(paths::STATUS).await?;
        login::remember(&remote)?;
        context.output.remark(format!(
            "Logged in to {}, which runs guise {}.",
            remote.url(),
            status.version
        ));
        Ok(0)
    }
}

/// Log out of the daemon of another machine
///
/// The token stays good: guise token revoke.
#[derive(Debug, Args)]
pub struct Logout {}

impl Logout {
    pub fn run(self, context: &Context) -> Result<u8, Error> {
        context.output.remark(if login::forget()? {
            "Logged out."
        } else {
            "You were not logged in."
        });
        Ok(0)
    }
}

/// Asks for the token without showing it.
fn asked() -> Result<String, Error> {
    const BACKSPACE: u8 = 0x7f;
    const INTERRUPT: u8 = 0x03;
    eprint!("Token: ");
    let raw = RawMode::enter().map_err(Error::Input)?;
    let mut typed = Vec::new();
    for byte in io::stdin().lock().bytes() {
        match byte.map_err(Error::Input)? {
            b'\r' | b'\n' => break,
            INTERRUPT => return Err(Error::NoToken),
            BACKSPACE => drop(typed.pop()),
            byte => typed.push(byte),
        }
    }
    drop(raw);
    eprintln!();
    Ok(String::from_utf8_lossy(&typed).into_owned())
}
