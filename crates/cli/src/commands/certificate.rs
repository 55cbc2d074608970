//! `guise certificate`: certificates that people bring for a project's hosts.

use super::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::Subcommand;
use guise_api::{AddCertificate, Certificate as Found, paths};
use std::fs;
use std::path::{Path, PathBuf};

/// List, show, add and delete certificates of a project
///
/// A host that none is for is served with one of the authority that the daemon's configuration names ([acme]), or of the
/// local authority: see guise tls trust.
#[derive(Debug, Subcommand)]
pub enum Certificate {
    /// List a project's certificates
    List,
    /// Show a certificate
    Get {
        /// Its id, see guise certificate list
        id: String,
    },
    /// Add a certificate, which is served at once
    ///
    /// It is for those of the project's hosts that it names.
    Add {
        /// File with the certificate, as PEM
        certificate: PathBuf,
        /// File with its key, as PEM
        key: PathBuf,
        /// File with the certificates of its issuers, as PEM, if they are not in the first
        #[arg(long)]
        chain: Option<PathBuf>,
    },
    /// Delete a certificate
    Delete {
        /// Its id, see guise certificate list
        id: String,
    },
}

impl Certificate {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let project = context.project()?;
        let all = paths::fill(paths::CERTIFICATES, &[&project]);
        let one = |id: &str| paths::fill(paths::CERTIFICATE, &[&project, id]);
        match self {
            Self::List => {
                let found: Vec<Found> = context.client.get(&all).await?;
                let none = "There is no certificate yet: guise certificate add CERTIFICATE KEY";
                context.output.list(&found, &columns(), none)?;
            }
            Self::Get { id } => show(context, &context.client.get(&one(&id)).await?)?,
            Self::Add {
                certificate,
                key,
                chain,
            } => {
                let mut whole = read(&certificate)?;
                if let Some(chain) = chain {
                    whole = format!("{}\n{}", whole.trim_end(), read(&chain)?);
                }
                let wanted = AddCertificate {
                    chain: whole,
                    key: read(&key)?,
                };
                show(context, &context.client.post(&all, &wanted).await?)?;
            }
            Self::Delete { id } => {
                let question = format!("Deleting the certificate {id} deletes its key too.");
                confirm(context, &question, &id)?;
                context.client.delete::<Found>(&one(&id)).await?;
            }
        }
        Ok(0)
    }
}

fn columns() -> Vec<Column<Found>> {
    vec![
        Column::new("ID", |found: &Found| found.id.clone()),
        Column::new("HOSTS", |found: &Found| found.hosts.join(", ")),
        Column::new("SOURCE", |found: &Found| found.source.as_str().into()),
        Column::new("EXPIRES", |found: &Found| found.expires_at.clone()),
        Column::new("ISSUER", |found: &Found| found.issuer.clone()),
        Column::new("PROBLEM", |found: &Found| {
            found.problem.clone().unwrap_or_default()
        }),
    ]
}

fn show(context: &Context, found: &Found) -> Result<(), Error> {
    let fields = [
        ("id", found.id.clone()),
        ("hosts", found.hosts.join(", ")),
        ("expires_at", found.expires_at.clone()),
        ("issuer", found.issuer.clone()),
    ];
    Ok(context.output.record(found, &fields)?)
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.into(),
        source,
    })
}
