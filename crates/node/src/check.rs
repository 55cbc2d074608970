//! Refusal of specs that would reach outside of their container. The layers above make no such specs; what they
//! make them from is written by strangers, so this is checked again where it would hurt.

use crate::{ContainerSpec, RunFile};
use std::path::{Component, Path};

/// A part of a container spec that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part} {given:?} is refused: it must be {must_be}")]
pub struct InvalidSpec {
    /// Which part.
    pub part: &'static str,
    /// What it says.
    pub given: String,
    /// What is allowed.
    pub must_be: &'static str,
}

/// Checks every path of a spec.
pub(crate) fn spec(spec: &ContainerSpec) -> Result<(), InvalidSpec> {
    for mount in &spec.mounts {
        target(&mount.target)?;
        let relative = Path::new(&mount.source_path).components().all(is_normal);
        demand(relative, "directory of a volume", &mount.source_path, RELATIVE)?;
    }
    for scratch in &spec.scratch {
        target(&scratch.target)?;
        let mut components = Path::new(&scratch.name).components();
        let one = components.next().is_some_and(is_normal) && components.next().is_none();
        demand(
            one,
            "name of a scratch directory",
            &scratch.name,
            "one name without slashes",
        )?;
    }
    files(&spec.files)?;
    demand(
        !spec.process.argv.is_empty(),
        "command",
        "",
        "a program and its arguments",
    )
}

/// Checks the paths of generated files.
pub(crate) fn files(files: &[RunFile]) -> Result<(), InvalidSpec> {
    files.iter().try_for_each(|file| run_path(&file.path))
}

/// Checks a path below `/run`.
pub(crate) fn run_path(path: &str) -> Result<(), InvalidSpec> {
    let below = !path.is_empty() && !path.ends_with('/') && Path::new(path).components().all(is_normal);
    demand(below, "path below /run", path, RELATIVE)
}

fn target(path: &str) -> Result<(), InvalidSpec> {
    let mut components = Path::new(path).components();
    let absolute = components.next() == Some(Component::RootDir);
    let inside = absolute && components.clone().count() > 0 && components.all(is_normal);
    demand(
        inside,
        "place of a mount",
        path,
        "an absolute path below / without `..`",
    )
}

const RELATIVE: &str = "a relative path without `..`";

fn is_normal(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(_))
}

fn demand(holds: bool, part: &'static str, given: &str, must_be: &'static str) -> Result<(), InvalidSpec> {
    if holds {
        Ok(())
    } else {
        Err(InvalidSpec {
            part,
            given: given.into(),
            must_be,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_ordinary_spec_passes() {
        spec(&testing::spec()).unwrap();
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["", "/", "app", "/app/../etc", "/.."] {
            let mut broken = testing::spec();
            broken.mounts[0].target = path.into();
            assert!(spec(&broken).is_err(), "{path:?}");
        }
        for path in ["/etc", "..", "a/../b"] {
            let mut broken = testing::spec();
            broken.mounts[0].source_path = path.into();
            assert!(spec(&broken).is_err(), "{path:?}");
        }
        for name in ["", "a/b", "..", "/"] {
            let mut broken = testing::spec();
            broken.scratch[0].name = name.into();
            assert!(spec(&broken).is_err(), "{name:?}");
        }
        for path in ["", "/etc/passwd", "../etc", "a/../../b", "a/"] {
            assert!(run_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_refusal_names_what_is_allowed() {
        let refusal = run_path("../x").unwrap_err().to_string();
        assert_eq!(
            refusal,
            r#"path below /run "../x" is refused: it must be a relative path without `..`"#
        );
    }
}
