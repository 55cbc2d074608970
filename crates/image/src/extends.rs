//! A recipe that says only how it differs from another one: `extends = "redis"`.

use crate::{
    RecipeError,
    catalog::{parsed, read},
    recipe::RecipeTable,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// What belongs to a recipe itself and is never taken from the one that it extends.
const OWN: [&str; 2] = ["aliases", "extends"];

/// A recipe's table with what it takes from others.
pub(crate) struct Inherited<'a> {
    pub table: RecipeTable,
    /// Where its files are looked for, its own directory first.
    pub directories: Vec<&'a Path>,
    /// The recipe at the end of the chain: recipes that differ only in what is rendered share its image.
    pub image: String,
}

/// Reads a recipe and those that it extends. Tables are merged key by key, except that `versions` replaces.
pub(crate) fn inherit<'a>(
    name: &str,
    paths: &'a BTreeMap<String, PathBuf>,
) -> Result<Inherited<'a>, RecipeError> {
    let mut chain = vec![name.to_string()];
    let mut directories = Vec::new();
    let mut merged = Table::new();
    loop {
        let current = chain.last().cloned().unwrap_or_default();
        let Some(directory) = paths.get(&current) else {
            return Err(RecipeError::NoParent {
                recipe: name.into(),
                parent: current,
            });
        };
        let path = directory.join("recipe.toml");
        let mut table: Table = parsed(&path, toml::from_str(&read(&path)?))?;
        let named = table.get("name").and_then(Value::as_str).unwrap_or_default();
        if named != current {
            return Err(RecipeError::Name {
                path: directory.clone(),
                name: named.into(),
            });
        }
        let parent = table.get("extends").and_then(Value::as_str).map(String::from);
        if current != name {
            OWN.iter().for_each(|key| drop(table.remove(*key)));
        }
        merge(&mut merged, table);
        directories.push(directory.as_path());
        match parent {
            Some(parent) if chain.contains(&parent) => {
                return Err(RecipeError::Circle {
                    recipe: name.into(),
                    parent,
                });
            }
            Some(parent) => chain.push(parent),
            None => break,
        }
    }
    let path = paths[name].join("recipe.toml");
    Ok(Inherited {
        table: parsed(&path, RecipeTable::deserialize(merged))?,
        directories,
        image: chain.pop().unwrap_or_default(),
    })
}

/// Adds what `table` lacks.
fn merge(table: &mut Table, parent: Table) {
    for (key, value) in parent {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(own)), Value::Table(inherited)) if key != "versions" => merge(own, inherited),
            (Some(_), _) => {}
            (None, value) => drop(table.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipes(tables: &[(&str, &str)]) -> (tempfile::TempDir, BTreeMap<String, PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let mut paths = BTreeMap::new();
        for (name, text) in tables {
            let path = directory.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("recipe.toml"), format!("name = {name:?}\n{text}")).unwrap();
            paths.insert((*name).to_string(), path);
        }
        (directory, paths)
    }

    const BASE: &str = r#"
        kind = "service"
        aliases = ["b"]
        packages = ["p"]
        user = { name = "u", uid = 1, gid = 1, home = "/" }
        versions = { "1" = { suite = "trixie" } }
        [env]
        A = "a"
        B = "b"
    "#;

    #[test]
    fn what_a_recipe_does_not_say_is_taken_from_the_one_that_it_extends() {
        let middle = "extends = \"base\"\n[env]\nB = \"other\"\n";
        let last = "extends = \"middle\"\n[versions]\n\"2\" = { suite = \"sid\" }\n";
        let (_kept, paths) = recipes(&[("base", BASE), ("middle", middle), ("last", last)]);
        let inherited = inherit("last", &paths).unwrap();
        let table = &inherited.table;
        assert_eq!((table.name.as_str(), inherited.image.as_str()), ("last", "base"));
        assert_eq!((table.env["A"].as_str(), table.env["B"].as_str()), ("a", "other"));
        assert_eq!(table.versions.keys().collect::<Vec<_>>(), ["2"]);
        assert!(table.aliases.is_empty(), "a name belongs to one recipe");
        assert_eq!(inherited.directories.len(), 3);
    }

    #[test]
    fn circles_and_missing_parents_are_refused() {
        let (_kept, paths) = recipes(&[("a", "extends = \"b\""), ("b", "extends = \"a\"")]);
        assert!(matches!(inherit("a", &paths), Err(RecipeError::Circle { .. })));
        let (_kept, paths) = recipes(&[("a", "extends = \"b\"")]);
        assert!(matches!(inherit("a", &paths), Err(RecipeError::NoParent { .. })));
    }
}
