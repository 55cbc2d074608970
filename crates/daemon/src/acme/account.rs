//! The account with the authority: made once, and again when another authority is named.

use crate::config::AcmeConfig;
use anyhow::{Context, Result};
use guise_certificate::Issued;
use instant_acme::{Account, AccountBuilder, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};

const NOTE: &str = "account";

#[derive(Serialize, Deserialize)]
struct Kept {
    directory: String,
    credentials: AccountCredentials,
}

/// The account that is kept, or a new one.
pub async fn open(config: &AcmeConfig, issued: &Issued) -> Result<Account> {
    let kept = issued.note(NOTE)?.map(|text| serde_json::from_str::<Kept>(&text));
    let kept = kept
        .transpose()
        .context("reading the account with the authority")?;
    let speaking = || format!("speaking to the authority {}", config.directory);
    if let Some(kept) = kept.filter(|kept| kept.directory == config.directory) {
        let account = builder(config)?.from_credentials(kept.credentials).await;
        return account.with_context(speaking);
    }
    let contact = config.email.iter().map(|email| format!("mailto:{email}"));
    let contact: Vec<String> = contact.collect();
    let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
    let wanted = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let directory = config.directory.clone();
    let made = builder(config)?.create(&wanted, directory.clone(), None).await;
    let (account, credentials) = made.with_context(speaking)?;
    let kept = Kept {
        directory,
        credentials,
    };
    issued.keep_note(NOTE, &serde_json::to_string(&kept)?)?;
    Ok(account)
}

fn builder(config: &AcmeConfig) -> Result<AccountBuilder> {
    match &config.ca {
        Some(path) => Account::builder_with_root(path)
            .with_context(|| format!("reading the authority's own certificate {}", path.display())),
        None => Account::builder().context("reading the certificates that this machine trusts"),
    }
}
