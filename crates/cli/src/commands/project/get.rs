//! `guise project get`: a work tree of a project.

use crate::context::Context;
use crate::error::Error;
use crate::{git, names};
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use guise_api::{Project, paths};

/// Clone a project's repository
#[derive(Debug, Args)]
pub struct Get {
    /// The project, by id or title
    #[arg(add = ArgValueCandidates::new(names::projects))]
    project: String,
    /// The directory to make [default: the project's title]
    directory: Option<String>,
}

impl Get {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let path = paths::fill(paths::PROJECT, &[&self.project]);
        let project: Project = context.client.get(&path).await?;
        let directory = self.directory.unwrap_or_else(|| directory_for(&project.title));
        let branch = context.named_environment().unwrap_or(&project.default_branch);
        Ok(if git::clone(context.git_url(&project), &directory, branch)? {
            0
        } else {
            1
        })
    }
}

/// A title as a directory's name: it must not lead elsewhere.
fn directory_for(title: &str) -> String {
    let name: String = title
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    name.trim_start_matches(['.', '-']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_that_leads_elsewhere_becomes_a_directory_here() {
        assert_eq!(directory_for("Guest book"), "Guest-book");
        assert_eq!(directory_for("/etc"), "etc");
        assert_eq!(directory_for("../../etc"), "etc");
        assert_eq!(directory_for("--upload-pack=x"), "upload-pack-x");
    }
}
