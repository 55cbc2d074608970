//! The nft program: one atomic transaction in, one table's listing out, both as JSON (libnftables-json(5)).

use serde_json::{Value, json};
use std::{
    io::{self, Write},
    process::{Command, Output, Stdio},
};

/// The packet filter could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// The program could not be run.
    #[error("running nft: {source}{}", if source.kind() == io::ErrorKind::NotFound { "; install the package nftables" } else { "" })]
    Run {
        /// Why.
        source: io::Error,
    },
    /// A transaction was refused; nothing of it was done.
    #[error("nft refuses to {operation} table {table}: {}{}", message.trim(), remedy(message))]
    Refused {
        /// What was being done: `change`, `list`.
        operation: &'static str,
        /// The table's name.
        table: String,
        /// What nft said.
        message: String,
    },
    /// The listing is not JSON.
    #[error("reading nft's listing of table {table}: {source}")]
    Listing {
        /// The table's name.
        table: String,
        /// Why.
        source: serde_json::Error,
    },
}

fn remedy(message: &str) -> &'static str {
    if message.contains("Operation not permitted") {
        "; root is needed"
    } else {
        ""
    }
}

/// Runs the commands as one transaction: all or nothing.
pub fn apply(table: &str, commands: &[Value]) -> Result<(), NftError> {
    let script = json!({"nftables": commands}).to_string();
    let output = run(&["-j", "-f", "-"], &script)?;
    if output.status.success() {
        return Ok(());
    }
    Err(refused("change", table, &output))
}

/// The table with its sets and their elements; `None` if there is no such table.
pub fn list(table: &str) -> Result<Option<Value>, NftError> {
    let output = run(&["-j", "list", "table", "inet", table], "")?;
    if output.status.success() {
        let listing = serde_json::from_slice(&output.stdout);
        return listing.map(Some).map_err(|source| NftError::Listing {
            table: table.into(),
            source,
        });
    }
    if String::from_utf8_lossy(&output.stderr).contains("No such file or directory") {
        return Ok(None);
    }
    Err(refused("list", table, &output))
}

fn run(arguments: &[&str], input: &str) -> Result<Output, NftError> {
    let failed = |source| NftError::Run { source };
    let mut child = Command::new("nft")
        .args(arguments)
        // Messages are matched against, so they must be the untranslated ones.
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // nft reads its whole input before it writes, and a child that died early says why on its error output.
        match stdin.write_all(input.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed(error)),
            _ => {}
        }
    }
    child.wait_with_output().map_err(failed)
}

fn refused(operation: &'static str, table: &str, output: &Output) -> NftError {
    NftError::Refused {
        operation,
        table: table.into(),
        message: String::from_utf8_lossy(&output.stderr)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}
