//! `guise integration`: who is told of a project's activities.

use super::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Column, Tone};
use clap::{Args, Subcommand, ValueEnum};
use guise_api::{CreateWebhook, CreatedWebhook, Webhook, paths};

/// Add, list and delete webhooks
///
/// Each activity of the project that ends is posted as JSON. The header X-Guise-Signature has `sha256=` and the body's
/// HMAC-SHA256 in hexadecimal, as GitHub signs. Who does not answer with 200 to 299 is told again, eight times in a day.
#[derive(Debug, Subcommand)]
pub enum Integration {
    Add(Add),
    /// List a project's webhooks, and what keeps them from arriving
    List,
    /// Delete a webhook
    Delete {
        /// Its id, see guise integration list
        id: String,
    },
}

/// Add a webhook, and print the key that its messages are signed with
#[derive(Debug, Args)]
pub struct Add {
    /// What kind of integration
    #[arg(long = "type", value_name = "TYPE", default_value = "webhook")]
    kind: Kind,
    /// Where to post
    #[arg(long)]
    url: String,
    /// Types of activities: environment.push [default: all]
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    events: Vec<String>,
    /// The key to sign with [default: a random one]
    #[arg(long, value_name = "KEY")]
    shared_key: Option<String>,
}

/// Kinds of integrations.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Posts activities
    Webhook,
}

impl Integration {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let project = context.project()?;
        let all = paths::fill(paths::WEBHOOKS, &[&project]);
        match self {
            Self::Add(add) => add.run(context, &all).await?,
            Self::List => {
                let webhooks: Vec<Webhook> = context.client.get(&all).await?;
                context
                    .output
                    .list(&webhooks, &columns(), "There is no webhook yet.")?;
            }
            Self::Delete { id } => {
                confirm(context, "Nobody is told by this webhook any more.", &id)?;
                let () = context
                    .client
                    .delete(&paths::fill(paths::WEBHOOK, &[&project, &id]))
                    .await?;
            }
        }
        Ok(0)
    }
}

impl Add {
    async fn run(self, context: &Context, path: &str) -> Result<(), Error> {
        let Kind::Webhook = self.kind;
        let wanted = CreateWebhook {
            url: self.url,
            events: self.events,
            key: self.shared_key,
        };
        let made: CreatedWebhook = context.client.post(path, &wanted).await?;
        if context.output.is_json() {
            return Ok(context.output.record(&made, &[])?);
        }
        context.output.line(&made.key)?;
        context.output.remark(format!(
            "Webhook {} signs with this key, which is shown only now.",
            made.webhook.id
        ));
        Ok(())
    }
}

fn columns() -> Vec<Column<Webhook>> {
    vec![
        Column::new("ID", |webhook: &Webhook| webhook.id.clone()),
        Column::new("TYPE", |_| "webhook".into()),
        Column::new("URL", |webhook: &Webhook| webhook.url.clone()),
        Column::new("EVENTS", |webhook: &Webhook| match webhook.events.as_slice() {
            [] => "all".into(),
            events => events.join(" "),
        }),
        Column::new("PROBLEM", |webhook: &Webhook| {
            webhook.problem.clone().unwrap_or_default()
        })
        .toned(|_| Tone::Bad),
    ]
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn a_webhook_is_made_as_it_is_told_and_its_key_printed() {
        let made = r#"{"webhook":{"id":"abc","project":"abcdefgh12345","url":"https://a/","events":[],
            "created_at":"2026-11-24T12:00:00Z","failures":0,"problem":null},"key":"k"}"#;
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(made)]);
        let (printed, code) =
            daemon.run("-p shop integration:add --type webhook --url https://a/ --events environment.push,environment.merge");
        assert_eq!((printed.as_str(), code.unwrap()), ("k\n", 0));
        let request = daemon.requests().remove(0);
        let body = r#"{"url":"https://a/","events":["environment.push","environment.merge"],"key":null}"#;
        assert!(request.ends_with(body), "{request}");
    }
}
