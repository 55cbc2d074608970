//! A pushed commit as the configuration reader sees it.

use crate::git::{GitError, Repository};
use std::sync::Mutex;

/// The files of one commit.
pub struct CommitTree<'a> {
    repository: &'a Repository,
    commit: &'a str,
    paths: Vec<String>,
    /// The first thing that went wrong while reading, since a reader of configuration knows no such errors.
    failure: Mutex<Option<GitError>>,
}

impl<'a> CommitTree<'a> {
    /// Lists a commit's files.
    pub fn of(repository: &'a Repository, commit: &'a str) -> Result<Self, GitError> {
        let paths = repository.paths(commit)?;
        Ok(Self {
            repository,
            commit,
            paths,
            failure: Mutex::new(None),
        })
    }

    /// What went wrong while reading, if anything.
    pub fn failure(self) -> Option<GitError> {
        self.failure
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl guise_config::Tree for CommitTree<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self.repository.file(self.commit, path) {
            Ok(content) => content,
            Err(error) => {
                let mut failure = self
                    .failure
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                failure.get_or_insert(error);
                None
            }
        }
    }

    fn paths(&self) -> Vec<String> {
        self.paths.clone()
    }
}
