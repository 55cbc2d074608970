//! `guise truth`: what a container's inside believes, and what is so.

mod picture;

use super::ps::process_columns;
use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::output::{Column, Output, Tone};
use clap::Args;
use guise_api::{Lie, Namespace, Truth as Told, paths};
use serde::Serialize;

/// Show what a container believes, and what is so
///
/// Read from the kernel at this moment: users, network, files, limits, rights, processes by both numbers, and which
/// namespaces it has of its own. Nothing of it is read from inside.
#[derive(Debug, Args)]
pub struct Truth {
    /// The app, worker (app--worker) or service, or a container's id [default: all of the environment]
    container: Option<String>,
    /// Draw which namespaces the environment's containers share
    #[arg(long)]
    picture: bool,
}

/// A lie with the title of its chapter, as a list has it.
#[derive(Debug, Serialize)]
struct Row {
    title: String,
    #[serde(flatten)]
    lie: Lie,
}

impl Truth {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let all = fetch(context).await?;
        let chosen: Vec<&Told> = match &self.container {
            Some(name) => all
                .iter()
                .filter(|truth| truth.name == *name || truth.id.as_str() == name)
                .collect(),
            None => all.iter().collect(),
        };
        if let (Some(container), true) = (self.container, chosen.is_empty()) {
            let running = all.into_iter().map(|truth| truth.name).collect();
            return Err(Error::NoContainer { container, running });
        }
        let output = &context.output;
        if output.is_json() {
            output.list(&chosen, &[], "")?;
        } else if chosen.is_empty() {
            output.remark("No container runs.");
        } else if self.picture {
            for line in picture::draw(&chosen, output.width()) {
                output.line(line)?;
            }
        } else {
            for (position, truth) in chosen.iter().enumerate() {
                if position > 0 && output.is_table() {
                    output.line("")?;
                }
                tell(output, truth, &all)?;
            }
        }
        Ok(0)
    }
}

async fn fetch(context: &Context) -> Result<Vec<Told>, Error> {
    let project = context.project_or_all()?;
    let environment = match &project {
        Some(_) => Some(context.environment().await?.environment),
        None => None,
    };
    let of = [
        ("project", project.as_deref()),
        ("environment", environment.as_deref()),
    ];
    Ok(context.client.get(&with_query(paths::TRUTH, &of)).await?)
}

/// One container's lies, then its processes.
fn tell(output: &Output, truth: &Told, all: &[Told]) -> Result<(), Error> {
    let rows = rows(truth, all, output.is_table());
    if !output.is_table() {
        return output.list(&rows, &lie_columns(), "");
    }
    output.line(format!(
        "{} of {}, container {}",
        truth.name, truth.environment, truth.id
    ))?;
    output.line("")?;
    output.list(&rows, &lie_columns(), "It is told no lie.")?;
    output.line("")?;
    output.list(&truth.processes, &process_columns(), "It has no process.")
}

/// All lies, those of the namespaces last. With `once` a title stands only at the first of its lies, as people read it.
fn rows(truth: &Told, all: &[Told], once: bool) -> Vec<Row> {
    let namespaces = truth.namespaces.iter().map(|own| namespace(own, truth, all));
    let chapters = truth
        .chapters
        .iter()
        .map(|chapter| (chapter.title.as_str(), chapter.lies.clone()))
        .chain([("namespaces", namespaces.collect())]);
    let of_chapter = |(title, lies): (&str, Vec<Lie>)| {
        let title = title.to_owned();
        lies.into_iter().enumerate().map(move |(position, lie)| Row {
            title: if once && position > 0 {
                String::new()
            } else {
                title.clone()
            },
            lie,
        })
    };
    chapters.flat_map(of_chapter).collect()
}

/// A namespace as a lie: what is private in it, and to whom.
fn namespace(own: &Namespace, of: &Told, all: &[Told]) -> Lie {
    let others: Vec<&str> = all
        .iter()
        .filter(|other| other.id != of.id)
        .filter(|other| other.namespaces.iter().any(|theirs| same(theirs, own)))
        .map(|other| other.name.as_str())
        .collect();
    let outside = match (own.of_machine, others.as_slice()) {
        (true, _) => "the machine's: no lie is told".into(),
        (false, []) => format!("its own, number {}", own.number),
        (false, others) => format!("shared with {}, number {}", others.join(", "), own.number),
    };
    Lie {
        about: own.kind.clone(),
        inside: format!("{} are the only ones", own.hides),
        outside,
    }
}

fn same(one: &Namespace, other: &Namespace) -> bool {
    one.kind == other.kind && one.number == other.number
}

fn lie_columns() -> Vec<Column<Row>> {
    vec![
        Column::new("", |row: &Row| row.title.clone()).toned(|_| Tone::Busy),
        Column::new("ABOUT", |row: &Row| row.lie.about.clone()),
        Column::new("THE INSIDE BELIEVES", |row: &Row| row.lie.inside.clone()).toned(|_| Tone::Faint),
        Column::new("IT IS", |row: &Row| row.lie.outside.clone()).toned(|_| Tone::Good),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_daemon::FakeDaemon;
    use crate::output::{Format, tests::*};
    use guise_api::Chapter;
    use guise_model::ContainerId;

    /// A container whose namespaces have these numbers; 1 is the machine's.
    pub fn told(name: &str, numbers: &[(&str, u64)]) -> Told {
        let lie = |about: &str, inside: &str, outside: &str| Lie {
            about: about.into(),
            inside: inside.into(),
            outside: outside.into(),
        };
        let lies = vec![
            lie(
                "/",
                "the root of its own disk",
                "image 0123456789ab, shared, read-only",
            ),
            lie("/app/uploads", "a directory of its own", "volume uploads of shop"),
        ];
        Told {
            id: ContainerId::new(format!("{name:0<12}").replace('-', "1")).unwrap(),
            name: name.into(),
            environment: "main".into(),
            chapters: vec![
                Chapter {
                    title: "machine".into(),
                    lies: vec![lie("host name", "app.0", "container k3f9x2m4q8za on devbox")],
                },
                Chapter {
                    title: "files".into(),
                    lies,
                },
            ],
            processes: Vec::new(),
            namespaces: numbers
                .iter()
                .map(|(kind, number)| Namespace {
                    kind: (*kind).into(),
                    hides: format!("{kind} things"),
                    number: *number,
                    of_machine: *number == 1,
                })
                .collect(),
        }
    }

    #[test]
    fn a_truth_reads_as_two_columns_of_what_is_believed_and_what_is_so() {
        let all = [
            told("app", &[("pid", 7), ("net", 8), ("time", 1)]),
            told("db", &[("pid", 9), ("net", 8), ("time", 1)]),
        ];
        let shown = rendered(
            &output(Format::Table, None),
            &rows(&all[0], &all, true),
            &lie_columns(),
        );
        insta::assert_snapshot!(shown, @r"
                    ABOUT         THE INSIDE BELIEVES            IT IS
        machine     host name     app.0                          container k3f9x2m4q8za on devbox
        files       /             the root of its own disk       image 0123456789ab, shared, read-only
                    /app/uploads  a directory of its own         volume uploads of shop
        namespaces  pid           pid things are the only ones   its own, number 7
                    net           net things are the only ones   shared with db, number 8
                    time          time things are the only ones  the machine's: no lie is told
        ");
    }

    #[test]
    fn a_truth_fits_eighty_columns() {
        let all = [told("app", &[("pid", 7)])];
        let shown = rendered(
            &output(Format::Table, Some(80)),
            &rows(&all[0], &all, true),
            &lie_columns(),
        );
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }

    #[test]
    fn for_programs_every_line_has_its_title() {
        let all = [told("app", &[])];
        let shown = rendered(
            &output(Format::Plain, None),
            &rows(&all[0], &all, false),
            &lie_columns(),
        );
        assert_eq!(
            shown.lines().filter(|line| line.starts_with("files\t")).count(),
            2
        );
    }

    #[test]
    fn an_unknown_container_is_refused_with_those_that_run() {
        let answer = serde_json::to_string(&[told("app", &[])]).unwrap();
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(&answer)]);
        let (_, ended) = daemon.run("truth -p shop -e main nowhere");
        let refusal = ended.unwrap_err();
        assert_eq!(refusal.exit_code(), 2);
        assert!(refusal.hints()[0].contains("app"), "{:?}", refusal.hints());
    }
}
