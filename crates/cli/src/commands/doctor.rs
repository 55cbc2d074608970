//! `guise doctor`: what the machine can do and what it lacks.

use crate::context::Context;
use crate::error::Error;
use crate::output::{Column, Tone};
use clap::Args;
use guise_api::Check;

/// Check the kernel's features and the host's tools
///
/// Works without the daemon. Says what is missing and how to get it; exit code 5 when something is.
#[derive(Debug, Args)]
pub struct Doctor {}

impl Doctor {
    pub fn run(self, context: &Context, look: fn() -> Vec<Check>) -> Result<u8, Error> {
        let checks = look();
        context.output.list(&checks, &columns(), "Nothing was checked.")?;
        if checks.iter().all(|check| check.ok) {
            Ok(0)
        } else {
            Err(Error::MachineLacks)
        }
    }
}

fn columns() -> Vec<Column<Check>> {
    vec![
        Column::new("CHECK", |check: &Check| check.name.clone()),
        Column::new("OK", |check: &Check| if check.ok { "yes" } else { "no" }.into())
            .toned(|check| if check.ok { Tone::Good } else { Tone::Bad }),
        Column::new("FOUND", |check: &Check| match &check.remedy {
            Some(remedy) => format!("{}\n→ {remedy}", check.found),
            None => check.found.clone(),
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, tests::*};

    #[test]
    fn a_remedy_stands_below_what_was_found() {
        let check = |name: &str, ok, found: &str, remedy: Option<&str>| Check {
            name: name.into(),
            ok,
            found: found.into(),
            remedy: remedy.map(str::to_owned),
        };
        let checks = [
            check("kernel", true, "6.18.0", None),
            check(
                "mksquashfs",
                false,
                "not on PATH",
                Some("apt-get install squashfs-tools"),
            ),
        ];
        insta::assert_snapshot!(rendered(&output(Format::Table, Some(80)), &checks, &columns()), @r"
        CHECK       OK   FOUND
        kernel      yes  6.18.0
        mksquashfs  no   not on PATH
                         → apt-get install squashfs-tools
        ");
    }
}
