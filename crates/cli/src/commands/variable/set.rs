//! What is set of a variable.

use crate::error::Error;
use clap::{ArgAction, Args};
use guise_api::SetVariable;
use std::io::Read;

/// The value and who sees it.
#[derive(Args)]
pub struct Settings {
    /// The value; `-` reads it from standard input, where no list of processes shows it
    #[arg(long, allow_hyphen_values = true)]
    value: Option<String>,
    /// Whether the value is JSON
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    json: Option<bool>,
    /// Whether the value is never shown again
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    sensitive: Option<bool>,
    /// Whether builds see it [default: true for the project's, false for an environment's]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    visible_build: Option<bool>,
    /// Whether running apps see it [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    visible_runtime: Option<bool>,
    /// Whether the environment's children see it [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    inheritable: Option<bool>,
    /// Whether it is seen at all; one that is not hides the project's or the parent's [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", action = ArgAction::Set)]
    enabled: Option<bool>,
    /// Only this app sees it; may be given again, an empty one means all
    #[arg(long, value_name = "APP")]
    app_scope: Vec<String>,
}

/// Without the value.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// Whether a value was given.
    pub fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// What is asked of the daemon; a value from standard input is read now, without the end of its last line.
    pub fn read(self) -> Result<SetVariable, Error> {
        let value = match self.value.as_deref() {
            Some("-") => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(Error::Input)?;
                if text.ends_with('\n') {
                    text.pop();
                }
                Some(text)
            }
            _ => self.value,
        };
        let names_apps = !self.app_scope.is_empty();
        let scope = self.app_scope.into_iter().filter(|app| !app.is_empty());
        Ok(SetVariable {
            value,
            is_json: self.json,
            is_sensitive: self.sensitive,
            visible_build: self.visible_build,
            visible_runtime: self.visible_runtime,
            is_inheritable: self.inheritable,
            is_enabled: self.enabled,
            application_scope: names_apps.then(|| scope.collect()),
        })
    }
}
