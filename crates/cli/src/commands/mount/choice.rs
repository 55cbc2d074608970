//! Which mounts are copied, and from or to which local directories.

use crate::error::Error;
use guise_api::App;
use std::path::PathBuf;

/// What was typed.
#[derive(Debug, Default)]
pub struct Choice {
    /// One mount.
    pub mount: Option<String>,
    /// All of them.
    pub all: bool,
    /// The local directory; with `all`, the one that has a directory for each mount.
    pub directory: Option<PathBuf>,
}

impl Choice {
    /// Each mount with its directory. Mounts of `tmp` are nobody's to keep, and left out of all.
    ///
    /// # Errors
    /// A mount that is not there, or none named of several.
    pub fn copies(&self, app: &App) -> Result<Vec<(String, PathBuf)>, Error> {
        let known: Vec<&str> = app.mounts.keys().map(|path| path.trim_matches('/')).collect();
        let kept = |mount: &&str| app.mounts[&format!("/{mount}")]["source"] != "tmp";
        let no_mount = |wanted: Option<&str>| Error::NoMount {
            app: app.name.clone(),
            wanted: wanted.map(String::from),
            known: known.iter().map(ToString::to_string).collect(),
        };
        if self.all {
            let within = self.directory.clone().unwrap_or_default();
            let all = known.iter().copied().filter(kept);
            return Ok(all.map(|mount| (mount.to_owned(), within.join(mount))).collect());
        }
        let mount = match &self.mount {
            Some(wanted) => {
                let name = wanted.trim_matches('/');
                let found = known.iter().find(|known| **known == name);
                *found.ok_or_else(|| no_mount(Some(wanted)))?
            }
            None if known.len() == 1 => known[0],
            None => return Err(no_mount(None)),
        };
        let directory = self.directory.clone().unwrap_or_else(|| mount.into());
        Ok(vec![(mount.into(), directory)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn app() -> App {
        let mounts = json!({"/web/files": {"source": "local"}, "/cache": {"source": "tmp"}});
        serde_json::from_value(json!({"name": "app", "relationships": {}, "mounts": mounts})).unwrap()
    }

    #[test]
    fn a_mount_is_named_with_or_without_slashes() {
        for name in ["web/files", "/web/files/"] {
            let choice = Choice {
                mount: Some(name.into()),
                directory: Some("here".into()),
                ..Choice::default()
            };
            assert_eq!(
                choice.copies(&app()).unwrap(),
                [("web/files".into(), "here".into())]
            );
        }
    }

    #[test]
    fn all_are_those_that_are_kept_each_in_a_directory_of_its_own() {
        let choice = Choice {
            all: true,
            directory: Some("/backup".into()),
            ..Choice::default()
        };
        assert_eq!(
            choice.copies(&app()).unwrap(),
            [("web/files".into(), "/backup/web/files".into())]
        );
    }

    #[test]
    fn of_several_one_must_be_named_and_be_there() {
        for mount in [None, Some("web")] {
            let choice = Choice {
                mount: mount.map(String::from),
                ..Choice::default()
            };
            let error = choice.copies(&app()).unwrap_err();
            assert!(error.hints()[0].contains("web/files"), "{:?}", error.hints());
            assert_eq!(error.exit_code(), 2);
        }
    }
}
