//! Variables as they are shown: what is sensitive is not.

use super::{Level, fetch};
use crate::context::Context;
use crate::error::Error;
use crate::output::{Column, Tone};
use crate::place::Place;
use guise_api::Variable;

/// Lists the variables of a level, or of the project and the environment.
pub async fn list(context: &Context, place: &Place, level: Option<Level>) -> Result<(), Error> {
    let levels = level.map_or(vec![Level::Project, Level::Environment], |level| vec![level]);
    let mut variables = Vec::new();
    for level in levels {
        variables.extend(fetch(context, place, level).await?);
    }
    let none = "There is no variable yet: guise variable create --level project env:NAME --value VALUE";
    context
        .output
        .list(&variables, &columns(place.environment.clone()), none)
}

fn columns(here: String) -> Vec<Column<Variable>> {
    vec![
        Column::new("NAME", |variable: &Variable| variable.name.clone()),
        Column::new("OF", move |variable: &Variable| match &variable.environment {
            None => "project".into(),
            Some(environment) if *environment == here => "environment".into(),
            Some(environment) => format!("parent {environment}"),
        }),
        Column::new("VALUE", value).toned(|variable| {
            if variable.is_sensitive || !variable.is_enabled {
                Tone::Faint
            } else {
                Tone::Even
            }
        }),
        Column::new("SEEN BY", seen_by),
    ]
}

fn value(variable: &Variable) -> String {
    match &variable.value {
        Some(value) => value.clone(),
        None => "(sensitive)".into(),
    }
}

/// Who sees it: `builds and apps`, of some apps only, or nobody.
fn seen_by(variable: &Variable) -> String {
    let who = match (
        variable.is_enabled,
        variable.visible_build,
        variable.visible_runtime,
    ) {
        (false, _, _) | (true, false, false) => return "nobody".into(),
        (true, true, true) => "builds and apps",
        (true, true, false) => "builds",
        (true, false, true) => "apps",
    };
    if variable.application_scope.is_empty() {
        who.into()
    } else {
        format!("{who} of {}", variable.application_scope.join(", "))
    }
}

/// Shows one variable, or one property of it.
pub fn show(context: &Context, variable: &Variable, property: Option<&str>) -> Result<(), Error> {
    let level = variable.environment.as_deref().unwrap_or("project");
    let fields = [
        ("name", variable.name.clone()),
        (
            "level",
            if level == "project" { level } else { "environment" }.into(),
        ),
        ("environment", variable.environment.clone().unwrap_or_default()),
        ("value", value(variable)),
        ("is_json", variable.is_json.to_string()),
        ("is_sensitive", variable.is_sensitive.to_string()),
        ("visible_build", variable.visible_build.to_string()),
        ("visible_runtime", variable.visible_runtime.to_string()),
        ("is_inheritable", variable.is_inheritable.to_string()),
        ("is_enabled", variable.is_enabled.to_string()),
        ("application_scope", variable.application_scope.join(", ")),
        ("created_at", variable.created_at.clone()),
        ("updated_at", variable.updated_at.clone()),
    ];
    let Some(property) = property else {
        return Ok(context.output.record(variable, &fields)?);
    };
    match fields.iter().find(|(name, _)| *name == property) {
        Some((_, value)) => Ok(context.output.line(value)?),
        None => Err(Error::NoProperty {
            property: property.into(),
            known: fields.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};

    fn variable(name: &str, environment: Option<&str>, value: Option<&str>) -> Variable {
        Variable {
            name: name.into(),
            environment: environment.map(String::from),
            value: value.map(String::from),
            is_json: false,
            is_sensitive: value.is_none(),
            visible_build: environment.is_none(),
            visible_runtime: true,
            is_inheritable: true,
            is_enabled: true,
            application_scope: vec![],
            created_at: String::new(),
            updated_at: String::new(),
        }
    }

    #[test]
    fn variables_are_listed_by_level_and_sensitive_ones_without_value() {
        let mut scoped = variable("env:TOKEN", Some("feature"), None);
        scoped.application_scope = vec!["api".into(), "web".into()];
        let mut off = variable("env:DEBUG", Some("main"), Some("1"));
        off.is_enabled = false;
        let variables = [variable("env:COLOUR", None, Some("blue")), off, scoped];
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &variables, &columns("feature".into())), @r"
        NAME        OF           VALUE        SEEN BY
        env:COLOUR  project      blue         builds and apps
        env:DEBUG   parent main  1            nobody
        env:TOKEN   environment  (sensitive)  apps of api, web
        ");
    }
}
