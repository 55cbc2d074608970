//! What decides whether two builds would make the same image (spec 1.2).

use crate::checkout::{self, CheckoutError};
use guise_config::App;
use guise_model::ImageDigest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt, path::Path};

/// Raised when guise itself starts to build differently from the same input.
const FORMAT: u32 = 1;

/// A build's identity: 64 lower-case hexadecimal digits. The same id, the same image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuildId(String);

impl BuildId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Computes a build's identity: from the app's code at a commit of the bare `repository`, what of its configuration
/// a build sees, the project's and the environment's `variables` that a build sees, and the base image.
///
/// # Errors
/// When the repository has no such commit, or the commit no directory `source.root`.
pub fn build_id(
    repository: &Path,
    commit: &str,
    app: &App,
    variables: &BTreeMap<String, String>,
    base: &ImageDigest,
) -> Result<BuildId, CheckoutError> {
    let code = checkout::code(repository, commit, &app.source_root)?;
    let mut hash = Sha256::new();
    let parts = [
        FORMAT.to_string(),
        base.to_string(),
        code,
        sorted(&app.build_json()).to_string(),
        json!(variables).to_string(),
    ];
    for part in parts {
        // With its length before it, no part can pass for the end of another.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    Ok(BuildId(
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

/// A value with the keys of all its objects in order: the order in a configuration file means nothing.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, Value> =
                fields.iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (key.clone(), value))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Repository, app};

    struct Case {
        repository: Repository,
        app: App,
        variables: BTreeMap<String, String>,
        base: ImageDigest,
    }

    impl Case {
        fn new() -> Self {
            let repository = Repository::new();
            repository.write("app.py", "print('hello')\n");
            repository.write("nested/app/main.py", "pass\n");
            repository.write(".platform/routes.yaml", "{}\n");
            repository.write(".platform/build.sh", "true\n");
            let base = "b".repeat(64).parse().unwrap();
            Self {
                repository,
                app: app(),
                variables: BTreeMap::new(),
                base,
            }
        }

        fn id(&self) -> BuildId {
            let commit = self.repository.commit();
            build_id(
                &self.repository.git_dir(),
                &commit,
                &self.app,
                &self.variables,
                &self.base,
            )
            .unwrap()
        }
    }

    fn changes(change: impl FnOnce(&mut Case)) -> bool {
        let mut case = Case::new();
        let before = case.id();
        change(&mut case);
        case.id() != before
    }

    #[test]
    fn what_a_build_depends_on_changes_its_id() {
        assert!(
            changes(|case| case.repository.write("app.py", "print('bye')\n")),
            "code"
        );
        assert!(
            changes(|case| case.repository.write(".platform/build.sh", "false\n")),
            "a script beside the configuration"
        );
        assert!(
            changes(|case| case.app.hooks.build = Some("make".into())),
            "the build hook"
        );
        assert!(
            changes(|case| case.app.build.flavor = Some("none".into())),
            "the flavor"
        );
        assert!(
            changes(|case| drop(
                case.app
                    .dependencies
                    .insert("nodejs".into(), json!({"yarn": "*"}))
            )),
            "dependencies"
        );
        assert!(
            changes(|case| drop(case.variables.insert("REBUILD".into(), "1".into()))),
            "variables"
        );
        assert!(
            changes(|case| case.base = "c".repeat(64).parse().unwrap()),
            "the base image"
        );
    }

    #[test]
    fn what_only_the_running_app_depends_on_does_not() {
        assert!(!changes(|_| ()), "another commit of the same tree");
        assert!(
            !changes(|case| case.repository.write(".platform/routes.yaml", "a: b\n")),
            "routes"
        );
        assert!(
            !changes(|case| case.repository.write(".upsun/config.yaml", "a: b\n")),
            "configuration"
        );
        assert!(
            !changes(|case| case.app.hooks.deploy = Some("migrate".into())),
            "the deploy hook"
        );
        assert!(
            !changes(|case| case.app.hooks.post_deploy = Some("warm".into())),
            "the post_deploy hook"
        );
        assert!(!changes(|case| case.app.disk_mb = Some(2048)), "disk");
        assert!(!changes(|case| case.app.size = guise_model::Size::L), "size");
        assert!(
            !changes(|case| case.app.web.commands.start = Some("other".into())),
            "the start command"
        );
    }

    #[test]
    fn another_commit_of_a_submodule_is_another_build() {
        let link = |digit: &str| {
            let repository = Repository::new();
            repository.write("app.py", "pass\n");
            repository.git(&["add", "-A"]);
            let link = format!("160000,{},library", digit.repeat(40));
            repository.git(&["update-index", "--add", "--cacheinfo", &link]);
            repository.git(&["commit", "-q", "-m", "change"]);
            let commit = repository.git(&["rev-parse", "HEAD"]);
            let (git_dir, none) = (repository.git_dir(), BTreeMap::new());
            build_id(&git_dir, &commit, &app(), &none, &"b".repeat(64).parse().unwrap()).unwrap()
        };
        assert_ne!(link("1"), link("2"));
        assert_eq!(link("1"), link("1"));
    }

    #[test]
    fn a_nested_app_is_built_only_for_changes_of_its_own() {
        let nested = |case: &mut Case| case.app.source_root = "nested/app".into();
        let mut case = Case::new();
        nested(&mut case);
        let before = case.id();
        case.repository.write("app.py", "other\n");
        assert_eq!(case.id(), before);
        case.repository.write("nested/app/main.py", "other\n");
        assert_ne!(case.id(), before);
    }
}
