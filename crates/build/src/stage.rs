//! The scripts that a build consists of: global dependencies, the flavor's commands, the build hook (spec 1.3).

use guise_config::App;
use guise_image::{Recipe, RecipeError};
use std::path::Path;

/// One script of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Its name, part of a file name: `flavor`.
    pub name: String,
    /// What is said when it begins.
    pub announcement: String,
    /// For dash.
    pub script: String,
}

/// The stages of an app's build, in order; none when there is nothing to run. `tree` is the checkout.
pub(crate) fn stages(app: &App, recipe: &Recipe, tree: &Path) -> Result<Vec<Stage>, RecipeError> {
    let mut stages = Vec::new();
    // Dependencies come first: they may bring another version of what the flavor runs.
    for (language, packages) in &app.dependencies {
        stages.push(Stage {
            name: format!("dependencies-{language}"),
            announcement: format!("Installing build dependencies ({language})..."),
            script: recipe.dependency_script(language, packages)?,
        });
    }
    stages.extend(flavor(app, recipe, tree));
    if let Some(hook) = app.hooks.build.as_deref().filter(|hook| does_something(hook)) {
        stages.push(Stage {
            name: "hook".into(),
            announcement: "Executing build hook...".into(),
            script: hook.into(),
        });
    }
    Ok(stages)
}

fn flavor(app: &App, recipe: &Recipe, tree: &Path) -> Option<Stage> {
    let name = app.build.flavor.as_deref().unwrap_or(recipe.default_flavor());
    let flavor = recipe.flavor(name)?;
    // The marker may be a link; what it leads to is the flavor's business, inside the container.
    tree.join(&flavor.marker).symlink_metadata().ok()?;
    Some(Stage {
        name: "flavor".into(),
        announcement: format!("Installing the packages of {} (flavor {name})...", flavor.marker),
        script: flavor.script.clone(),
    })
}

/// Whether a script has a line that is neither empty nor a comment.
fn does_something(script: &str) -> bool {
    script
        .lines()
        .map(str::trim)
        .any(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_of_comments_does_nothing() {
        assert!(!does_something("\n  # nothing yet\n"));
        assert!(!does_something("# set -e"));
        assert!(does_something("# set -e\nmake"));
    }
}
