//! Images: the recipes they are built from, their building, and the store of frozen ones.
//!
//! A recipe is data (`images/NAME/recipe.toml` and the files beside it); a base image is what Debian's packages
//! and a recipe's fix-ups make; an app image is a frozen checkout. All are squashfs files named by the hash of
//! their content and attached once per machine, however many containers use them.
//!
//! Knows recipes, Debian packages, squashfs and the store's directory. Must never know what a project, an
//! environment or a container is: who renders a template says with which facts.

#![forbid(unsafe_code)]

mod archive;
mod attach;
mod build;
mod cache;
mod catalog;
mod debian;
mod digest;
mod error;
mod extends;
mod metadata;
mod progress;
mod recipe;
mod service;
mod squashfs;
mod store;
mod template;
mod tool;
mod version;

pub use cache::CacheSize;
pub use catalog::{Catalog, Resolved, UnknownType};
pub use error::ImageError;
pub use metadata::{ImageKind, Metadata};
pub use recipe::{Extensions, Flavor, Recipe, RecipeError, RecipeKind, RenderedFile};
pub use service::{DataDirectory, Provision, Service, TakesDataOf};
pub use store::Store;
