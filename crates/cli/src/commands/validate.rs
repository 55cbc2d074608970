//! `guise validate`: are the configuration files of a directory right?

use crate::context::Context;
use crate::error::Error;
use clap::Args;
use guise_config::{Colour, Diagnostic, Severity, Tree, TypeList, load, render, sarif};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Check the configuration files of a directory, without deploying
///
/// Needs no daemon. Exit code 3 when something is wrong; with --format json or sarif every finding with its
/// position.
#[derive(Debug, Args)]
pub struct Validate {
    /// The directory that is the repository's root
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

impl Validate {
    pub fn run(self, context: &Context, types: fn(&Path) -> Result<TypeList, String>) -> Result<u8, Error> {
        let types = types(context.state()).map_err(|cause| Error::Types { cause })?;
        let findings = match load(&Directory::open(&self.directory)?, &types) {
            Ok(loaded) => loaded.warnings,
            Err(findings) => findings,
        };
        print(context, &findings)?;
        let errors = findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
            .count();
        if errors > 0 {
            return Err(Error::Configuration { errors });
        }
        context.output.remark("The configuration is right.");
        Ok(0)
    }
}

fn print(context: &Context, findings: &[Diagnostic]) -> Result<(), Error> {
    if context.output.is_json() {
        let findings: Vec<_> = findings.iter().map(Diagnostic::to_json).collect();
        let text = serde_json::to_string_pretty(&findings).map_err(io::Error::from)?;
        return Ok(context.output.line(text)?);
    }
    if context.output.is_sarif() {
        let log = sarif(findings, env!("CARGO_PKG_VERSION"));
        return Ok(context.output.line(format!("{log:#}"))?);
    }
    if findings.is_empty() {
        return Ok(());
    }
    let colour = if context.output.colour() {
        Colour::Always
    } else {
        Colour::Never
    };
    Ok(context.output.line(render(findings, colour).trim_end())?)
}

/// The files below a directory. Symbolic links are not followed, as in a commit.
struct Directory {
    files: BTreeMap<String, PathBuf>,
}

impl Directory {
    fn open(root: &Path) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        let mut waiting = vec![(String::new(), root.to_owned())];
        while let Some((prefix, directory)) = waiting.pop() {
            let unreadable = |source| Error::Read {
                path: directory.clone(),
                source,
            };
            for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let kind = entry.file_type().map_err(unreadable)?;
                if kind.is_dir() && name != ".git" {
                    waiting.push((format!("{prefix}{name}/"), entry.path()));
                } else if kind.is_file() {
                    files.insert(format!("{prefix}{name}"), entry.path());
                }
            }
        }
        Ok(Self { files })
    }
}

impl Tree for Directory {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.files.get(path)?).ok()
    }

    fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_read_like_a_commit() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join(".git/refs")).unwrap();
        std::fs::create_dir_all(root.path().join("api")).unwrap();
        std::fs::write(root.path().join("api/.platform.app.yaml"), "name: api").unwrap();
        std::fs::write(root.path().join(".git/refs/x"), "").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("link")).unwrap();
        let directory = Directory::open(root.path()).unwrap();
        assert_eq!(directory.paths(), ["api/.platform.app.yaml"]);
        assert_eq!(
            directory.read("api/.platform.app.yaml").as_deref(),
            Some(&b"name: api"[..])
        );
        assert_eq!(directory.read("link"), None);
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = Directory::open(Path::new("/nonexistent")).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("/nonexistent"));
    }
}
