//! `guise token`: what programs and other machines show at the API.

use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::names;
use crate::output::Column;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCandidates;
use guise_api::{CreateToken, CreatedToken, Token as Found, paths};
use jiff::Timestamp;

/// Make, list and revoke API tokens
///
/// A token stands for a user. It is shown to the API in the header `Authorization: Bearer TOKEN`, and by guise login.
#[derive(Debug, Subcommand)]
pub enum Token {
    Create(Create),
    /// List tokens: your own, or everybody's if you are an admin
    List,
    /// Make a token good for nothing
    Revoke {
        /// Its id, see guise token list
        id: String,
    },
}

/// Make a token and print it, this once
#[derive(Debug, Args)]
pub struct Create {
    /// The user it stands for [default: yourself]
    #[arg(long)]
    user: Option<String>,
    /// What it is called: where it is used
    #[arg(long, default_value = "", hide_default_value = true)]
    title: String,
    /// It may change nothing
    #[arg(long)]
    read_only: bool,
    /// It is good for this project only
    #[arg(long, value_name = "PROJECT", add = ArgValueCandidates::new(names::projects))]
    only: Option<String>,
    /// How long it is good: 12h, 90d [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
}

impl Token {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List => list(context).await,
            Self::Revoke { id } => Ok(context.client.delete(&paths::fill(paths::TOKEN, &[&id])).await?),
        }?;
        Ok(0)
    }
}

impl Create {
    async fn run(self, context: &Context) -> Result<(), Error> {
        let wanted = CreateToken {
            user: self.user,
            title: self.title,
            read_only: self.read_only,
            project: self.only,
            life: self.expires,
        };
        let made: CreatedToken = context.client.post(paths::TOKENS, &wanted).await?;
        if context.output.is_json() {
            return Ok(context.output.record(&made, &[])?);
        }
        context.output.line(&made.secret)?;
        context.output.remark(format!(
            "This is the only time it is shown. To take it back: guise token revoke {}",
            made.token.id
        ));
        Ok(())
    }
}

async fn list(context: &Context) -> Result<(), Error> {
    let tokens: Vec<Found> = context.client.get(paths::TOKENS).await?;
    context.output.list(
        &tokens,
        &columns(Timestamp::now()),
        "There is no token: guise token create.",
    )
}

fn columns(now: Timestamp) -> Vec<Column<Found>> {
    let day = |time: &String| time.split('T').next().unwrap_or(time).to_owned();
    vec![
        Column::new("ID", |token: &Found| token.id.clone()),
        Column::new("USER", |token: &Found| token.user.to_string()),
        Column::new("TITLE", |token: &Found| token.title.clone()),
        Column::new("MAY", |token: &Found| may(token)),
        Column::new("EXPIRES", move |token: &Found| {
            token.expires_at.as_ref().map_or_else(|| "never".into(), day)
        }),
        Column::new("USED", move |token: &Found| {
            let ago = |time: &String| format!("{} ago", human::age(time, now));
            token.used_at.as_ref().map_or_else(|| "never".into(), ago)
        }),
    ]
}

fn may(token: &Found) -> String {
    let what = if token.read_only { "read" } else { "all" };
    match &token.project {
        Some(project) => format!("{what} in {project}"),
        None => what.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    const TOKEN: &str = r#"{"id":"abc","user":"ada","title":"ci","read_only":true,"project":null,
        "created_at":"2026-11-24T12:00:00Z","expires_at":"2027-01-01T00:00:00Z","used_at":null}"#;

    #[test]
    fn a_new_token_is_printed_alone() {
        let made = format!(r#"{{"token":{TOKEN},"secret":"guise_x"}}"#);
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(&made)]);
        let (printed, code) = daemon.run("token create --user ada --title ci --read-only --expires 90d");
        assert_eq!((printed.as_str(), code.unwrap()), ("guise_x\n", 0));
        let request = daemon.requests().remove(0);
        let body = r#"{"user":"ada","title":"ci","read_only":true,"project":null,"life":"90d"}"#;
        assert!(request.ends_with(body), "{request}");
    }

    #[test]
    fn tokens_are_listed_without_their_secrets() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(&format!("[{TOKEN}]"))]);
        let (printed, _) = daemon.run("token:list");
        insta::assert_snapshot!(printed, @r"
        ID   USER  TITLE  MAY   EXPIRES     USED
        abc  ada   ci     read  2027-01-01  never
        ");
    }
}
