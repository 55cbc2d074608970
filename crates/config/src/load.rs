//! The whole way from a commit's files to its project.

use crate::{
    diagnostic::{Diagnostic, Report},
    files,
    model::Project,
    read,
    source::Tree,
    types::Types,
};

/// A project that can be deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// What its people should know.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a commit's configuration.
///
/// # Errors
/// All that is wrong with it, in the order of files and lines, warnings included.
pub fn load(tree: &dyn Tree, types: &dyn Types) -> Result<Loaded, Vec<Diagnostic>> {
    let mut report = Report::default();
    let written = files::read(tree, &mut report);
    let project = read::project(&written, types, &mut report);
    if report.has_errors() {
        return Err(report.finish());
    }
    Ok(Loaded {
        project,
        warnings: report.finish(),
    })
}
