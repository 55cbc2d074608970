//! A recipe: what an image is made of and how what is in it is used.

use crate::{Service, archive::Archive, service::ServiceTable, template, version};
use guise_model::Profile;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
};

/// What is wrong with a recipe, or with the facts it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A file cannot be read.
    #[error("cannot read {path} of a recipe: {source}", path = .path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what a recipe looks like.
    #[error("{path} is no recipe: {source}", path = .path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A recipe has another name than its directory.
    #[error("{path} names itself {name:?}; the name must be that of its directory", path = .path.display())]
    Name {
        /// The directory.
        path: PathBuf,
        /// The name in it.
        name: String,
    },
    /// An included fragment does not exist.
    #[error("recipe {recipe} includes {fragment}, which no recipe directory has")]
    NoFragment {
        /// The recipe.
        recipe: String,
        /// The fragment.
        fragment: String,
    },
    /// A recipe extends one that does not exist.
    #[error("recipe {recipe} extends {parent}, which no recipe directory has")]
    NoParent {
        /// The recipe.
        recipe: String,
        /// What it extends.
        parent: String,
    },
    /// A recipe extends itself.
    #[error("recipe {recipe} extends {parent}, which extends itself in the end")]
    Circle {
        /// The recipe.
        recipe: String,
        /// The recipe that comes again.
        parent: String,
    },
    /// A recipe without versions.
    #[error("recipe {recipe} has no versions")]
    NoVersions {
        /// The recipe.
        recipe: String,
    },
    /// A template cannot be filled in.
    #[error("{template} of recipe {recipe}: {reason}", reason = reason(.source))]
    Render {
        /// The recipe.
        recipe: String,
        /// The template's file name.
        template: String,
        /// Why.
        source: Box<minijinja::Error>,
    },
    /// Credentials that are no JSON object.
    #[error("{template} of recipe {recipe} gives no JSON object: {source}")]
    Credentials {
        /// The recipe.
        recipe: String,
        /// The template's file name.
        template: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Packages of a language that the image has no installer for.
    #[error("{recipe} images cannot install dependencies of {language}: {alternatives}", alternatives = alternatives(.known))]
    NoInstaller {
        /// The recipe.
        recipe: String,
        /// The language.
        language: String,
        /// Languages that work.
        known: Vec<String>,
    },
}

fn reason(error: &minijinja::Error) -> String {
    match (error.detail(), error.line()) {
        (Some(detail), Some(line)) => format!("{detail} (line {line})"),
        _ => error.to_string(),
    }
}

fn alternatives(languages: &[String]) -> String {
    if languages.is_empty() {
        "only a build hook can".into()
    } else {
        format!("they know {}", languages.join(", "))
    }
}

/// What an image is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipeKind {
    /// Apps are built and run on it.
    Runtime,
    /// It runs by itself and has credentials.
    Service,
}

/// A file for the ramdisk of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Path below `/run`, relative.
    pub path: String,
    /// The content.
    pub content: String,
    /// Permission bits.
    pub mode: u32,
}

/// What a build does of itself when it finds its marker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flavor {
    /// The file in the checkout that calls for it: `package.json`.
    pub marker: String,
    /// For dash, in the checkout.
    pub script: String,
}

/// The extensions of a language's version, each list in the order in which they are loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extensions {
    /// Loaded unless an app disables them.
    pub default: Vec<String>,
    /// Loaded for apps that ask for them; after the others.
    pub more: Vec<String>,
    /// Always there.
    pub built_in: Vec<String>,
}

/// The user that everything in a container of the image runs as.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserTable {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// One version of a recipe.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionTable {
    /// Debian's suite that has it; of `trixie-backports`, only packages that name it (`cargo/trixie-backports`) or are
    /// nowhere else.
    pub suite: String,
    /// Other suites that packages may come from; what several have is taken of the newest.
    #[serde(default)]
    pub more_suites: Vec<String>,
    /// Packages besides the recipe's.
    #[serde(default)]
    pub packages: Vec<String>,
    /// What is unpacked into the image before the setup scripts run.
    #[serde(default)]
    pub archives: Vec<Archive>,
    /// Whether people are told to use a newer one.
    #[serde(default)]
    pub deprecated: bool,
    /// What of the language can be loaded or not.
    pub extensions: Option<Extensions>,
}

/// A file rendered for each container.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileTable {
    pub path: String,
    pub template: String,
    pub mode: u32,
    /// Expression that must be true of the context.
    pub when: Option<String>,
}

/// Packages, fix-ups and files: a fragment, and a part of every recipe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    pub packages: Vec<String>,
    /// Shell script that runs in the image when it is built.
    pub setup: Option<String>,
    /// Symbolic links by their absolute paths.
    pub links: BTreeMap<String, String>,
    pub files: Vec<FileTable>,
    /// Environment of everything inside.
    pub env: BTreeMap<String, String>,
    /// Installers by language: template files.
    pub dependencies: BTreeMap<String, String>,
    /// All files beside the table, by name.
    pub sources: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BuildTable {
    default_flavor: Option<String>,
    flavors: BTreeMap<String, Flavor>,
    env: BTreeMap<String, String>,
}

/// `recipe.toml`, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipeTable {
    pub name: String,
    /// The recipe that the rest is taken from.
    #[serde(rename = "extends")]
    _extends: Option<String>,
    pub kind: RecipeKind,
    #[serde(default)]
    pub profile: Profile,
    #[serde(default)]
    pub aliases: Vec<String>,
    #[serde(default)]
    pub include: Vec<String>,
    #[serde(default)]
    pub packages: Vec<String>,
    pub setup: Option<String>,
    /// Start command of web containers of apps that have none.
    pub start: Option<String>,
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    #[serde(default)]
    pub files: Vec<FileTable>,
    pub user: UserTable,
    pub versions: BTreeMap<String, VersionTable>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub build: BuildTable,
    #[serde(default)]
    pub dependencies: BTreeMap<String, String>,
    pub service: Option<ServiceTable>,
}

/// A language or a service that images can be built of.
#[derive(Debug, Clone)]
pub struct Recipe {
    table: RecipeTable,
    /// Included fragments in order, then the recipe itself.
    layers: Vec<Layer>,
    image: String,
    /// Of all layers.
    env: BTreeMap<String, String>,
    service: Option<Service>,
}

impl Recipe {
    /// `layers` ends with the recipe's own, to which the table's file names refer.
    pub(crate) fn new(table: RecipeTable, layers: Vec<Layer>, image: String) -> Result<Self, RecipeError> {
        if table.versions.is_empty() {
            return Err(RecipeError::NoVersions { recipe: table.name });
        }
        let own = layers
            .last()
            .map(|layer| layer.sources.clone())
            .unwrap_or_default();
        let service = table
            .service
            .clone()
            .map(|service| Service::new(table.name.clone(), service, own));
        let env = layers.iter().flat_map(|layer| layer.env.clone()).collect();
        Ok(Self {
            table,
            layers,
            image,
            env,
            service,
        })
    }

    pub(crate) fn table(&self) -> &RecipeTable {
        &self.table
    }

    /// Under which name its images are known: its own, or that of the recipe it extends.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Its name: `python`.
    pub fn name(&self) -> &str {
        &self.table.name
    }

    /// The names a configuration may use: its own and its aliases.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(self.table.aliases.iter().map(String::as_str))
    }

    /// What its images are for.
    pub fn kind(&self) -> RecipeKind {
        self.table.kind
    }

    /// What its containers need most.
    pub fn profile(&self) -> Profile {
        self.table.profile
    }

    /// Its versions, ascending.
    pub fn versions(&self) -> Vec<String> {
        let mut versions: Vec<String> = self.table.versions.keys().cloned().collect();
        versions.sort_by(|a, b| version::compare(a, b));
        versions
    }

    /// Whether people should use a newer version.
    pub(crate) fn is_deprecated(&self, version: &str) -> bool {
        self.table
            .versions
            .get(version)
            .is_some_and(|table| table.deprecated)
    }

    /// The start command of web containers of apps that have none.
    pub fn start(&self) -> Option<&str> {
        self.table.start.as_deref()
    }

    /// What of the language can be loaded; `None` for languages without such a thing.
    pub fn extensions(&self, version: &str) -> Option<&Extensions> {
        self.table.versions.get(version)?.extensions.as_ref()
    }

    /// User and group id that everything in its containers runs as.
    pub fn user(&self) -> (u32, u32) {
        (self.table.user.uid, self.table.user.gid)
    }

    /// Environment of everything in its containers, at build and at run time.
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Environment of builds, besides [`Recipe::env`].
    pub fn build_env(&self) -> &BTreeMap<String, String> {
        &self.table.build.env
    }

    /// What it is as a service; `None` for runtimes.
    pub fn service(&self) -> Option<&Service> {
        self.service.as_ref()
    }

    /// Files for the ramdisk of a container. `context` is what its templates ask for; see `docs/recipes.md`.
    ///
    /// # Errors
    /// [`RecipeError::Render`]: the context lacks something, or what it has cannot be used.
    pub fn render_files(
        &self,
        version: &str,
        context: &serde_json::Value,
    ) -> Result<Vec<RenderedFile>, RecipeError> {
        let mut context = template::context(context);
        if let Some(facts) = context.as_object_mut() {
            facts.insert("version".into(), version.into());
            facts.insert("extensions".into(), serde_json::json!(self.extensions(version)));
        }
        let mut rendered = Vec::new();
        for layer in &self.layers {
            for file in &layer.files {
                rendered.extend(self.render_file(layer, file, &context)?);
            }
        }
        Ok(rendered)
    }

    fn render_file(
        &self,
        layer: &Layer,
        file: &FileTable,
        context: &serde_json::Value,
    ) -> Result<Option<RenderedFile>, RecipeError> {
        let failed = |source| RecipeError::Render {
            recipe: self.name().into(),
            template: file.template.clone(),
            source: Box::new(source),
        };
        if let Some(when) = &file.when
            && !template::is_true(when, context).map_err(failed)?
        {
            return Ok(None);
        }
        let source = layer
            .sources
            .get(&file.template)
            .map(String::as_str)
            .unwrap_or_default();
        let content = template::render(source, context).map_err(failed)?;
        Ok(Some(RenderedFile {
            path: file.path.clone(),
            content,
            mode: file.mode,
        }))
    }

    /// A build flavor by name; `None` for those that do nothing.
    pub fn flavor(&self, name: &str) -> Option<&Flavor> {
        self.table.build.flavors.get(name)
    }

    /// The flavor of builds that name none.
    pub fn default_flavor(&self) -> &str {
        self.table.build.default_flavor.as_deref().unwrap_or("none")
    }

    /// The script that installs an app's `dependencies.LANGUAGE` into `/app/.global`; `packages` is what is written there.
    ///
    /// # Errors
    /// [`RecipeError::NoInstaller`] for another language, [`RecipeError::Render`] for packages that are no map.
    pub fn dependency_script(
        &self,
        language: &str,
        packages: &serde_json::Value,
    ) -> Result<String, RecipeError> {
        let installer = |layer: &Layer| {
            let file = layer.dependencies.get(language)?;
            Some((file.clone(), layer.sources.get(file)?.clone()))
        };
        // The recipe's own comes last, and wins.
        let Some((file, source)) = self.layers.iter().rev().find_map(installer) else {
            return Err(self.no_installer(language));
        };
        template::render(&source, serde_json::json!({"packages": packages})).map_err(|source| {
            RecipeError::Render {
                recipe: self.name().into(),
                template: file,
                source: Box::new(source),
            }
        })
    }

    fn no_installer(&self, language: &str) -> RecipeError {
        let known: BTreeSet<&String> = self
            .layers
            .iter()
            .flat_map(|layer| layer.dependencies.keys())
            .collect();
        RecipeError::NoInstaller {
            recipe: self.name().into(),
            language: language.into(),
            known: known.into_iter().cloned().collect(),
        }
    }
}
