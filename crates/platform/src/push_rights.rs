//! What of a push its user may not do (spec 5.5): push takes a contributor, deleting and rewriting an admin.

use crate::{
    Platform, PlatformError,
    git::Repository,
    push::{RefUpdate, Verdict},
    right::{Rights, Role},
    store::{EnvironmentType, ProjectRecord},
};
use guise_model::{ProjectId, UserName};

/// Who pushes, and what they may in the project.
pub(crate) struct Pusher {
    user: UserName,
    rights: Rights,
}

impl Platform {
    /// Who pushes; `None` for the machine's root, who may everything.
    pub(crate) fn pusher(
        &self,
        user: Option<&UserName>,
        project: &ProjectId,
    ) -> Result<Option<Pusher>, PlatformError> {
        let pusher = |user: &UserName| {
            Ok(Pusher {
                user: user.clone(),
                rights: self.rights(Some(user), project)?,
            })
        };
        user.map(pusher).transpose()
    }

    /// The type of the environment that a branch has, or would have.
    pub(crate) fn type_of_branch(
        &self,
        project: &ProjectRecord,
        branch: &str,
        wished: Option<EnvironmentType>,
    ) -> Result<EnvironmentType, PlatformError> {
        if let Some(known) = self.store().environment(&project.id, branch)? {
            return Ok(known.kind);
        }
        Ok(if branch == project.default_branch {
            EnvironmentType::Production
        } else {
            wished.unwrap_or(EnvironmentType::Development)
        })
    }
}

impl Pusher {
    /// Refuses an update of a branch of an environment of this type, if its user may not do it.
    pub(crate) fn check_branch(
        &self,
        repository: &Repository,
        update: &RefUpdate,
        branch: &str,
        kind: EnvironmentType,
        verdict: &mut Verdict,
    ) -> Result<(), PlatformError> {
        let (needed, what) = match (&update.old, &update.new) {
            (_, None) => (Role::Admin, "delete"),
            (Some(old), Some(new)) if !repository.is_ancestor(old, new)? => {
                (Role::Admin, "rewrite the history of")
            }
            _ => (Role::Contributor, "push to"),
        };
        if !self.rights.include(needed, kind) {
            verdict.refuse(&format!(
                "{} may not {what} {branch}: for {} environments that takes the role {}",
                self.user,
                kind.as_str(),
                needed.as_str()
            ));
        }
        Ok(())
    }

    /// Refuses what is no branch and no tag; tags move for admins only.
    pub(crate) fn check_other(&self, update: &RefUpdate, verdict: &mut Verdict) {
        let is_tag = update.name.starts_with("refs/tags/");
        let is_admin = self.rights.include(Role::Admin, EnvironmentType::Production);
        let may = is_tag && (update.old.is_none() || is_admin);
        if !may {
            verdict.refuse(&format!(
                "{} may not change {}: branches and new tags can be pushed, other tags by admins of production",
                self.user, update.name
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// A repository with the commits a ← b, and c beside b.
    fn repository(directory: &std::path::Path) -> (Repository, [String; 3]) {
        let path = directory.join("repository.git");
        let repository = Repository::at(path.clone());
        repository.create("main").unwrap();
        let git = |arguments: &[&str]| {
            let output = Command::new("git")
                .arg("-C")
                .arg(&path)
                .args(["-c", "user.name=T", "-c", "user.email=t@example.org"])
                .args(arguments)
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap().trim().to_string()
        };
        let tree = git(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
        let a = git(&["commit-tree", "-m", "a", &tree]);
        let b = git(&["commit-tree", "-m", "b", "-p", &a, &tree]);
        let c = git(&["commit-tree", "-m", "c", "-p", &a, &tree]);
        (repository, [a, b, c])
    }

    #[test]
    fn each_kind_of_update_takes_its_role() {
        let directory = tempfile::tempdir().unwrap();
        let (repository, [a, b, c]) = repository(directory.path());
        let accepted = |role: &str, old: Option<&String>, new: Option<&String>| {
            let pusher = Pusher {
                user: UserName::new("ada").unwrap(),
                rights: Rights {
                    is_admin: false,
                    grants: vec![role.parse().unwrap()],
                },
            };
            let update = RefUpdate {
                old: old.cloned(),
                new: new.cloned(),
                name: "refs/heads/x".into(),
            };
            let mut verdict = Verdict {
                accepted: true,
                output: String::new(),
            };
            let kind = EnvironmentType::Development;
            pusher
                .check_branch(&repository, &update, "x", kind, &mut verdict)
                .unwrap();
            assert_eq!(verdict.accepted, verdict.output.is_empty());
            verdict.accepted
        };
        let (a, b, c) = (Some(&a), Some(&b), Some(&c));
        for (old, new) in [(None, a), (a, b), (a, c)] {
            assert!(accepted("development:contributor", old, new));
            assert!(!accepted("viewer", old, new) && !accepted("production:admin", old, new));
        }
        for (old, new) in [(b, c), (b, a), (a, None)] {
            assert!(accepted("development:admin", old, new));
            assert!(!accepted("development:contributor", old, new));
        }
    }
}
