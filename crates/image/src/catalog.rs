//! All recipes of a machine.

use crate::{
    Recipe, RecipeError, Service,
    extends::{Inherited, inherit},
    recipe::{FileTable, Layer},
    version,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::{Path, PathBuf},
};

/// The recipes found in some directories.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    recipes: BTreeMap<String, Recipe>,
}

/// What `type: NAME:VERSION` means here.
#[derive(Debug, Clone)]
pub struct Resolved<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// The version that is used.
    pub version: String,
    /// What the person should know: another version stands in, or it is deprecated.
    pub warning: Option<String>,
}

/// A type or version that no recipe has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownType {
    /// As it was written: `cobol:85`.
    pub given: String,
    /// What there is instead: the recipe's versions, or all types.
    pub known: Vec<String>,
}

impl fmt::Display for UnknownType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "there is no image for {}; there are {}",
            self.given,
            self.known.join(", ")
        )
    }
}

impl std::error::Error for UnknownType {}

/// `fragment.toml`, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FragmentTable {
    #[serde(default)]
    packages: Vec<String>,
    setup: Option<String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    files: Vec<FileTable>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    dependencies: BTreeMap<String, String>,
}

impl Catalog {
    /// Reads all recipes; of two with the same name, that of the later directory wins. So do fragments.
    ///
    /// # Errors
    /// The first recipe that is broken: half a catalog would only fail later and elsewhere.
    pub fn load(directories: &[PathBuf]) -> Result<Self, RecipeError> {
        let (mut fragments, mut tables) = (BTreeMap::new(), BTreeMap::new());
        for directory in directories {
            for (name, path) in subdirectories(directory)? {
                if path.join("recipe.toml").exists() {
                    tables.insert(name, path);
                } else if path.join("fragment.toml").exists() {
                    fragments.insert(name, fragment(&path)?);
                }
            }
        }
        let recipes = tables
            .keys()
            .map(|name| Ok((name.clone(), recipe(name, &tables, &fragments)?)));
        Ok(Self {
            recipes: recipes.collect::<Result<_, RecipeError>>()?,
        })
    }

    /// All recipes, by name.
    pub fn recipes(&self) -> impl Iterator<Item = &Recipe> {
        self.recipes.values()
    }

    /// The recipe and version for a type; an empty version is the newest.
    ///
    /// # Errors
    /// [`UnknownType`]: nobody has that name, or only older versions exist.
    pub fn resolve(&self, type_name: &str, wanted: &str) -> Result<Resolved<'_>, UnknownType> {
        let named = |recipe: &&Recipe| recipe.type_names().any(|name| name == type_name);
        let Some(recipe) = self.recipes().find(named) else {
            let known = self
                .recipes()
                .flat_map(Recipe::type_names)
                .map(ToString::to_string);
            return Err(UnknownType {
                given: type_name.into(),
                known: known.collect(),
            });
        };
        let versions = recipe.versions();
        let chosen = if wanted.is_empty() {
            versions.last().map(String::as_str)
        } else {
            version::choose(&versions, wanted)
        };
        let Some(chosen) = chosen else {
            let given = format!("{type_name}:{wanted}");
            let known = versions.iter().map(|version| format!("{type_name}:{version}"));
            return Err(UnknownType {
                given,
                known: known.collect(),
            });
        };
        let warning = if !wanted.is_empty() && chosen != wanted {
            Some(format!(
                "{type_name}:{wanted} is not available, {type_name}:{chosen} is used instead"
            ))
        } else if recipe.is_deprecated(chosen) {
            Some(format!(
                "{type_name}:{chosen} is deprecated; there are {}",
                versions.join(", ")
            ))
        } else {
            None
        };
        Ok(Resolved {
            recipe,
            version: chosen.into(),
            warning,
        })
    }
}

/// Names and paths; a directory that does not exist has none.
fn subdirectories(directory: &Path) -> Result<BTreeMap<String, PathBuf>, RecipeError> {
    let failed = |source| RecipeError::Read {
        path: directory.into(),
        source,
    };
    let mut found = BTreeMap::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (path.is_dir(), path.file_name().and_then(|name| name.to_str())) {
            found.insert(name.to_string(), path.clone());
        }
    }
    Ok(found)
}

fn fragment(path: &Path) -> Result<Layer, RecipeError> {
    let table: FragmentTable = parse(&path.join("fragment.toml"))?;
    layer(&[path], table, [])
}

fn recipe(
    name: &str,
    paths: &BTreeMap<String, PathBuf>,
    fragments: &BTreeMap<String, Layer>,
) -> Result<Recipe, RecipeError> {
    let Inherited {
        table,
        directories,
        image,
    } = inherit(name, paths)?;
    let mut layers = Vec::new();
    for include in &table.include {
        let Some(fragment) = fragments.get(include) else {
            return Err(RecipeError::NoFragment {
                recipe: name.into(),
                fragment: include.clone(),
            });
        };
        layers.push(fragment.clone());
    }
    let own = FragmentTable {
        packages: table.packages.clone(),
        setup: table.setup.clone(),
        links: table.links.clone(),
        files: table.files.clone(),
        env: table.env.clone(),
        dependencies: table.dependencies.clone(),
    };
    let templates = table.service.iter().flat_map(Service::templates);
    layers.push(layer(&directories, own, templates)?);
    Recipe::new(table, layers, image)
}

/// Reads the files that a table refers to, so that a missing one is found now and not when it is needed.
fn layer<'a>(
    directories: &[&Path],
    table: FragmentTable,
    templates: impl IntoIterator<Item = &'a str>,
) -> Result<Layer, RecipeError> {
    let mut names: BTreeSet<&str> = templates.into_iter().collect();
    names.extend(table.files.iter().map(|file| file.template.as_str()));
    names.extend(table.setup.as_deref());
    names.extend(table.dependencies.values().map(String::as_str));
    let mut sources = BTreeMap::new();
    for name in names {
        let mut paths = directories.iter().map(|directory| directory.join(name));
        let path = paths.clone().find(|path| path.exists()).or(paths.next_back());
        sources.insert(name.to_string(), read(&path.unwrap_or_default())?);
    }
    let setup = table.setup.as_ref().and_then(|file| sources.get(file)).cloned();
    Ok(Layer {
        packages: table.packages,
        setup,
        links: table.links,
        files: table.files,
        env: table.env,
        dependencies: table.dependencies,
        sources,
    })
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T, RecipeError> {
    parsed(path, toml::from_str(&read(path)?))
}

pub(crate) fn read(path: &Path) -> Result<String, RecipeError> {
    fs::read_to_string(path).map_err(|source| RecipeError::Read {
        path: path.into(),
        source,
    })
}

pub(crate) fn parsed<T>(path: &Path, result: Result<T, toml::de::Error>) -> Result<T, RecipeError> {
    result.map_err(|source| RecipeError::Parse {
        path: path.into(),
        source: Box::new(source),
    })
}
