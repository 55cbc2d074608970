//! `info [PROPERTY [VALUE]]`: one property of a project or an environment, shown or set.

use crate::commands::activity::Wait;
use crate::context::Context;
use crate::error::Error;
use clap::Args;
use guise_api::{Changed, SetProperty};
use serde::Serialize;

/// The property meant.
#[derive(Debug, Args)]
pub struct Property {
    /// Only this property
    #[arg(value_name = "PROPERTY")]
    name: Option<String>,
    /// Set it to this value
    #[arg(allow_hyphen_values = true)]
    value: Option<String>,
    #[command(flatten)]
    wait: Wait,
}

impl Property {
    /// What is to be set, if anything is.
    pub fn to_set(&self) -> Option<SetProperty> {
        Some(SetProperty {
            property: self.name.clone()?,
            value: self.value.clone()?,
        })
    }

    /// Sets the property of what `path` stands for, and follows the deployment that applies it.
    pub async fn set(self, context: &Context, path: &str, wanted: &SetProperty) -> Result<(), Error> {
        let changed: Changed = context.client.patch(path, wanted).await?;
        self.wait.follow_change(context, &changed).await
    }

    /// Shows the property, or all when none is named.
    pub fn show<T: Serialize>(
        self,
        context: &Context,
        item: &T,
        fields: &[(&str, String)],
    ) -> Result<(), Error> {
        show(context, self.name, item, fields)
    }
}

/// Shows one property of a thing, or all when none is named.
pub fn show<T: Serialize>(
    context: &Context,
    property: Option<String>,
    item: &T,
    fields: &[(&str, String)],
) -> Result<(), Error> {
    let Some(property) = property else {
        return Ok(context.output.record(item, fields)?);
    };
    let named = |field: &str| field.replace(' ', "_") == property.replace(['-', ' '], "_");
    match fields.iter().find(|(field, _)| named(field)) {
        Some((_, value)) => Ok(context.output.line(value)?),
        None => Err(Error::NoProperty {
            property,
            known: fields.iter().map(|(field, _)| field.replace(' ', "_")).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::{ENVIRONMENT, FakeDaemon};

    #[test]
    fn one_property_is_printed_alone() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(ENVIRONMENT)]);
        let (printed, code) = daemon.run("-p shop -e feature/a environment:info machine_name");
        assert_eq!((printed.as_str(), code.unwrap()), ("feature-a-abcdefg\n", 0));
    }

    #[test]
    fn an_unknown_property_is_a_wrong_word() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(ENVIRONMENT)]);
        let (_, code) = daemon.run("-p shop -e feature/a environment info colour");
        let error = code.unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(
            error.hints()[0].contains("restrict_robots"),
            "{:?}",
            error.hints()
        );
    }

    #[test]
    fn a_value_is_set_and_the_deployment_followed() {
        let changed = format!(
            r#"{{"activity":{}}}"#,
            crate::fake_daemon::activity("pending", None)
        );
        let daemon = FakeDaemon::answering(vec![
            FakeDaemon::json(&changed),
            FakeDaemon::log("complete", Some("failure")),
        ]);
        let (_, code) = daemon.run("-p shop -e feature/a environment info parent -");
        assert_eq!(code.unwrap_err().exit_code(), 1);
        let request = daemon.requests().remove(0);
        assert!(
            request.starts_with("PATCH /v1/projects/shop/environments/feature%2Fa HTTP"),
            "{request}"
        );
        assert!(
            request.ends_with(r#"{"property":"parent","value":"-"}"#),
            "{request}"
        );
    }

    #[test]
    fn a_setting_that_needs_no_deployment_is_done_at_once() {
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(r#"{"activity":null}"#)]);
        let (printed, code) = daemon.run("-p shop project:info title Books");
        assert_eq!((printed.as_str(), code.unwrap()), ("", 0));
    }
}
