//! `guise environment http-access`: who may see an environment.

use crate::commands::activity::Wait;
use crate::context::Context;
use crate::error::Error;
use clap::Args;
use guise_api::{Changed, HttpAccess as Found, SetHttpAccess, paths};
use std::collections::BTreeMap;

/// Show or set who may see an environment
///
/// A visitor needs an address that is allowed or, where there are users, a login. Environments below have the same unless they
/// have a setting of their own, from their next deployment on.
#[derive(Debug, Args)]
pub struct HttpAccess {
    /// A rule by address: allow:203.0.113.0/24 or deny:any; may be repeated, the first that matches decides. Replaces those
    /// there are; 0 removes them
    #[arg(long, value_name = "RULE")]
    access: Vec<String>,
    /// A user and a password, as USER:PASSWORD; may be repeated. Replaces those there are; 0 removes them
    #[arg(long, value_name = "LOGIN")]
    auth: Vec<String>,
    /// Whether the rules count
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    enabled: Option<bool>,
    #[command(flatten)]
    wait: Wait,
}

impl HttpAccess {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let path = context.environment().await?.path(paths::HTTP_ACCESS);
        let Some(wanted) = self.to_set()? else {
            let found: Found = context.client.get(&path).await?;
            return show(context, &found);
        };
        let changed: Changed = context.client.patch(&path, &wanted).await?;
        self.wait.follow_change(context, &changed).await
    }

    /// What is to be set; nothing if it is to be shown.
    fn to_set(&self) -> Result<Option<SetHttpAccess>, Error> {
        let wanted = SetHttpAccess {
            is_enabled: self.enabled,
            addresses: given(&self.access).map(<[String]>::to_vec),
            users: given(&self.auth).map(users).transpose()?,
        };
        Ok((wanted != SetHttpAccess::default()).then_some(wanted))
    }
}

/// What an option was given; `0` stands for nothing, as on Platform.sh.
fn given(values: &[String]) -> Option<&[String]> {
    match values {
        [] => None,
        [nothing] if nothing == "0" => Some(&[]),
        values => Some(values),
    }
}

fn users(logins: &[String]) -> Result<BTreeMap<String, String>, Error> {
    let pairs = logins.iter().map(|login| {
        let pair = login.split_once(':');
        pair.map(|(name, password)| (name.into(), password.into()))
            .ok_or(Error::NoLogin)
    });
    pairs.collect()
}

fn show(context: &Context, found: &Found) -> Result<(), Error> {
    let none = || "none".to_owned();
    let listed = |words: &[String]| match words {
        [] => none(),
        words => words.join(", "),
    };
    let fields = [
        ("enabled", found.is_enabled.to_string()),
        ("addresses", listed(&found.addresses)),
        ("users", listed(&found.users)),
        ("set on", found.set_on.clone().unwrap_or_else(none)),
    ];
    Ok(context.output.record(found, &fields)?)
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::{ENVIRONMENT, FakeDaemon};

    #[test]
    fn rules_and_users_replace_those_there_are() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(r#"{"activity":null}"#)]);
        let words = "-p shop -e main environment:http-access --access allow:192.0.2.0/24 --access deny:any --auth a:b:c";
        daemon.run(words).1.unwrap();
        let request = daemon.requests().remove(0);
        assert!(
            request.starts_with("PATCH /v1/projects/shop/environments/main/http-access"),
            "{request}"
        );
        assert!(
            request.ends_with(
                r#"{"is_enabled":null,"addresses":["allow:192.0.2.0/24","deny:any"],"users":{"a":"b:c"}}"#
            ),
            "{request}"
        );
    }

    #[test]
    fn zero_removes_and_nothing_stays() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(r#"{"activity":null}"#)]);
        daemon
            .run("-p shop -e main httpaccess --auth 0 --enabled=false")
            .1
            .unwrap();
        let request = daemon.requests().remove(0);
        assert!(
            request.ends_with(r#"{"is_enabled":false,"addresses":null,"users":{}}"#),
            "{request}"
        );
    }

    #[test]
    fn a_login_without_a_password_is_a_wrong_word() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(ENVIRONMENT)]);
        let (_, code) = daemon.run("-p shop -e main environment:http-access --auth ann");
        assert_eq!(code.unwrap_err().exit_code(), 2);
    }
}
