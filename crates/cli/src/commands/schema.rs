//! `guise schema`: the configuration files as JSON Schema.

use crate::error::Error;
use clap::{Args, ValueEnum};
use guise_config::SchemaOf;
use std::io::{self, Write};

/// Print the JSON Schema of a configuration file, for editors
///
/// With the YAML language server: guise schema app > app.schema.json, and in the first line of .platform.app.yaml
/// "# yaml-language-server: $schema=app.schema.json".
#[derive(Debug, Args)]
pub struct Schema {
    /// The file
    file: File,
}

/// Files that have a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum File {
    /// .platform.app.yaml
    App,
    /// .platform/applications.yaml
    Applications,
    /// .platform/services.yaml
    Services,
    /// .platform/routes.yaml
    Routes,
    /// .upsun/config.yaml
    Upsun,
}

impl Schema {
    pub fn run(self) -> Result<u8, Error> {
        let schema = guise_config::schema(match self.file {
            File::App => SchemaOf::App,
            File::Applications => SchemaOf::Applications,
            File::Services => SchemaOf::Services,
            File::Routes => SchemaOf::Routes,
            File::Upsun => SchemaOf::Upsun,
        });
        writeln!(io::stdout().lock(), "{schema:#}")?;
        Ok(0)
    }
}
