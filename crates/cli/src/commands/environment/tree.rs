//! `guise environment list`: a project's environments, children below their parents.

use super::{kind, status};
use crate::context::Context;
use crate::error::Error;
use crate::human;
use crate::output::{Column, Tone};
use clap::Args;
use guise_api::{Environment, EnvironmentStatus, paths};
use jiff::Timestamp;
use serde::Serialize;

/// List a project's environments as a tree
#[derive(Debug, Args)]
pub struct List {
    /// Leave out those that are inactive
    #[arg(short = 'I', long)]
    no_inactive: bool,
    /// Only those with this status: active, inactive, paused
    #[arg(long, value_delimiter = ',')]
    status: Vec<String>,
    /// Only those of this type: production, staging, development
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    kinds: Vec<String>,
    /// Print names only
    #[arg(long)]
    pipe: bool,
}

impl List {
    pub async fn run(self, context: &Context) -> Result<(), Error> {
        let path = paths::fill(paths::ENVIRONMENTS, &[&context.project()?]);
        let mut environments: Vec<Environment> = context.client.get(&path).await?;
        environments.retain(|environment| self.wants(environment));
        if self.pipe {
            for environment in environments {
                context.output.line(environment.name)?;
            }
            return Ok(());
        }
        list(context, environments)
    }

    fn wants(&self, environment: &Environment) -> bool {
        let among = |wanted: &[String], word: &str| wanted.is_empty() || wanted.iter().any(|one| one == word);
        !(self.no_inactive && environment.status == EnvironmentStatus::Inactive)
            && among(&self.status, status(environment))
            && among(&self.kinds, kind(environment.kind))
    }
}

fn list(context: &Context, environments: Vec<Environment>) -> Result<(), Error> {
    let mut branches = tree(environments);
    if !context.output.is_table() {
        branches.iter_mut().for_each(|branch| branch.indent.clear());
    }
    context.output.list(
        &branches,
        &columns(Timestamp::now()),
        "There is no such environment: `guise up` makes the first one.",
    )
}

/// An environment and its place in the tree.
#[derive(Serialize)]
#[serde(transparent)]
struct Branch {
    found: Environment,
    #[serde(skip)]
    indent: String,
}

/// Parents before children, siblings by name. An environment whose parent is not there is a root.
fn tree(mut environments: Vec<Environment>) -> Vec<Branch> {
    environments.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<String> = environments
        .iter()
        .map(|environment| environment.name.clone())
        .collect();
    let is_root = |environment: &Environment| {
        environment
            .parent
            .as_ref()
            .is_none_or(|parent| *parent == environment.name || !names.contains(parent))
    };
    let (roots, mut rest): (Vec<_>, Vec<_>) = environments.into_iter().partition(is_root);
    let mut branches = Vec::new();
    for root in roots {
        grow(root, String::new(), "", &mut rest, &mut branches);
    }
    // Parents in a circle have no root; nothing is hidden all the same.
    branches.extend(rest.into_iter().map(|found| Branch {
        found,
        indent: String::new(),
    }));
    branches
}

fn grow(
    found: Environment,
    indent: String,
    below: &str,
    rest: &mut Vec<Environment>,
    branches: &mut Vec<Branch>,
) {
    let (children, others) = std::mem::take(rest)
        .into_iter()
        .partition::<Vec<_>, _>(|environment| environment.parent.as_deref() == Some(&found.name));
    *rest = others;
    branches.push(Branch { found, indent });
    let last = children.len().saturating_sub(1);
    for (position, child) in children.into_iter().enumerate() {
        let (mark, next) = if position == last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        grow(
            child,
            format!("{below}{mark}"),
            &format!("{below}{next}"),
            rest,
            branches,
        );
    }
}

fn columns(now: Timestamp) -> Vec<Column<Branch>> {
    vec![
        Column::new("NAME", |branch: &Branch| {
            format!("{}{}", branch.indent, branch.found.name)
        }),
        Column::new("TYPE", |branch: &Branch| kind(branch.found.kind).into()),
        Column::new("STATUS", |branch: &Branch| status(&branch.found).into())
            .toned(|branch| tone(&branch.found)),
        Column::new("COMMIT", |branch: &Branch| commit(&branch.found)),
        // A URL would be broken over lines, and then nobody can click on it: `guise url` prints it.
        Column::new("DEPLOYED", move |branch: &Branch| {
            branch
                .found
                .deployed_at
                .as_ref()
                .map(|time| format!("{} ago", human::age(time, now)))
                .unwrap_or_default()
        }),
    ]
}

fn commit(environment: &Environment) -> String {
    environment
        .head_commit
        .as_deref()
        .map(|commit| commit.chars().take(8).collect())
        .unwrap_or_default()
}

fn tone(environment: &Environment) -> Tone {
    match environment.status {
        EnvironmentStatus::Active if environment.asleep => Tone::Faint,
        EnvironmentStatus::Active => Tone::Good,
        EnvironmentStatus::Dirty | EnvironmentStatus::Deleting => Tone::Busy,
        EnvironmentStatus::Inactive | EnvironmentStatus::Paused => Tone::Faint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_daemon::FakeDaemon;
    use crate::output::{Format, tests::*};
    use guise_api::EnvironmentType;
    use guise_model::ProjectId;

    fn environment(name: &str, parent: Option<&str>) -> Environment {
        Environment {
            name: name.into(),
            title: String::new(),
            machine_name: format!("{name}-abcdefg"),
            project: ProjectId::new("abcdefgh12345").unwrap(),
            kind: EnvironmentType::Development,
            status: EnvironmentStatus::Active,
            parent: parent.map(str::to_owned),
            head_commit: Some("0123456789abcdef".into()),
            deployed_at: Some("2026-11-24T10:00:00Z".into()),
            restrict_robots: true,
            enable_smtp: false,
            asleep: false,
            sleep_after: "2h".into(),
            deployment_strategy: "stopstart".into(),
            routes: vec![],
        }
    }

    #[test]
    fn environments_form_a_tree() {
        let environments = vec![
            environment("feature/b", Some("staging")),
            environment("main", None),
            environment("feature/a", Some("staging")),
            environment("staging", Some("main")),
            environment("old", Some("deleted")),
            environment("zebra", Some("main")),
        ];
        let columns = columns("2026-11-24T12:00:00Z".parse().unwrap());
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &tree(environments), &columns), @r"
        NAME             TYPE         STATUS  COMMIT    DEPLOYED
        main             development  active  01234567  2 h ago
        ├─ staging       development  active  01234567  2 h ago
        │  ├─ feature/a  development  active  01234567  2 h ago
        │  └─ feature/b  development  active  01234567  2 h ago
        └─ zebra         development  active  01234567  2 h ago
        old              development  active  01234567  2 h ago
        ");
    }

    #[test]
    fn environments_are_chosen_by_status_and_type() {
        let found = format!("[{}]", crate::fake_daemon::ENVIRONMENT);
        for (line, expected) in [
            ("environments --pipe", "feature/a\n"),
            (
                "environments --pipe --no-inactive --type development --status active,paused",
                "feature/a\n",
            ),
            ("environments --pipe --status paused", ""),
            ("environments --pipe --type production", ""),
        ] {
            let daemon = FakeDaemon::answering(vec![FakeDaemon::json(&found)]);
            let (printed, code) = daemon.run(&format!("-p shop {line}"));
            assert_eq!((printed.as_str(), code.unwrap()), (expected, 0), "{line}");
        }
    }

    #[test]
    fn parents_in_a_circle_are_listed_too() {
        let listed = tree(vec![
            environment("a", Some("b")),
            environment("b", Some("a")),
            environment("c", Some("c")),
        ]);
        let names: Vec<&str> = listed.iter().map(|branch| branch.found.name.as_str()).collect();
        assert_eq!(names, ["c", "a", "b"]);
    }
}
