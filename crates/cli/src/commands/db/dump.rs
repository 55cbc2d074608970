//! `guise db dump`: a database as SQL, in a file that appears only once it is whole.

use super::{Database, dialect::Selection, endpoint};
use crate::commands::exec::{self, Program};
use crate::context::Context;
use crate::error::Error;
use crate::place::Place;
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Write a database as SQL, as of one instant
#[derive(Debug, Args)]
pub struct Dump {
    /// The file [default: PROJECT--ENVIRONMENT--RELATIONSHIP--dump.sql]
    #[arg(short, long, conflicts_with = "stdout")]
    file: Option<PathBuf>,
    /// The file's directory
    #[arg(short, long, value_name = "DIR", conflicts_with = "stdout")]
    directory: Option<PathBuf>,
    /// Compress it with gzip
    #[arg(short = 'z', long)]
    gzip: bool,
    /// Write to standard output
    #[arg(long)]
    stdout: bool,
    /// Put the time into the file's name
    #[arg(long, conflicts_with_all = ["file", "stdout"])]
    timestamp: bool,
    /// Only this table; may be given again
    #[arg(long, value_name = "TABLE")]
    table: Vec<String>,
    /// Not this table; may be given again
    #[arg(long, value_name = "TABLE")]
    exclude_table: Vec<String>,
    /// Definitions without rows
    #[arg(long)]
    schema_only: bool,
    /// The schema or database [default: that of the relationship]
    #[arg(long)]
    schema: Option<String>,
    #[command(flatten)]
    database: Database,
}

impl Dump {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let (endpoint, dialect) = endpoint::database(context, &place, &self.database).await?;
        let selection = Selection {
            schema: self.schema.clone().or_else(|| endpoint.path.clone()),
            tables: self.table.clone(),
            exclude: self.exclude_table.clone(),
            schema_only: self.schema_only,
        };
        let program = Program {
            container: Some(endpoint.service.clone()),
            argv: dialect.dump(&endpoint, &selection),
            env: BTreeMap::new(),
        };
        let nothing = io::empty();
        if self.stdout {
            let mut sink = Sink::new(self.gzip, Stdio::inherit(), io::stdout())?;
            let status = exec::pipe(context, &place, program, nothing, &mut sink).await?;
            sink.finish(status)
        } else {
            let path = self.path(&place, &endpoint.service);
            if path.exists() && !context.yes {
                return Err(Error::FileExists { path });
            }
            let part = Part::create(&path)?;
            let file = |file: &File| file.try_clone().map_err(|source| part.failed(source));
            let mut sink = Sink::new(self.gzip, file(&part.file)?.into(), file(&part.file)?)?;
            let dumped = tokio::select! {
                dumped = exec::pipe(context, &place, program, nothing, &mut sink) => dumped?,
                _ = tokio::signal::ctrl_c() => return Ok(128 + 2),
            };
            let status = sink.finish(dumped)?;
            if status == 0 {
                part.keep(&path)?;
                context.output.remark(format!("Written to {}.", path.display()));
            }
            Ok(status)
        }
    }

    fn path(&self, place: &Place, service: &str) -> PathBuf {
        let name = self.file.clone().unwrap_or_else(|| {
            let relationship = self.database.relationship.as_deref().unwrap_or(service);
            let now = self.timestamp.then(Timestamp::now);
            file_name(place, relationship, now, self.gzip).into()
        });
        self.directory
            .as_ref()
            .map_or_else(|| name.clone(), |directory| directory.join(&name))
    }
}

/// Project, environment and relationship in one name that is no path.
fn file_name(place: &Place, relationship: &str, time: Option<Timestamp>, gzip: bool) -> String {
    let time = time.map(|time| time.strftime("--%Y%m%d-%H%M%S").to_string());
    let name = format!(
        "{}--{}--{relationship}{}--dump.sql",
        place.project,
        place.environment,
        time.unwrap_or_default()
    );
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let name: String = name.chars().map(|c| if plain(c) { c } else { '-' }).collect();
    if gzip { name + ".gz" } else { name }
}

/// Where a dump goes: plainly, or through gzip.
enum Sink<W> {
    Plain(W),
    Gzip(Child),
}

impl<W: Write> Sink<W> {
    fn new(gzip: bool, packed: Stdio, plain: W) -> Result<Self, Error> {
        if !gzip {
            return Ok(Self::Plain(plain));
        }
        let mut command = Command::new("gzip");
        command.arg("--stdout").stdin(Stdio::piped()).stdout(packed);
        let child = command.spawn().map_err(gzip_failed)?;
        Ok(Self::Gzip(child))
    }

    /// Waits until all is written; answers the exit status of the dump, or gzip's if that failed.
    fn finish(self, status: u8) -> Result<u8, Error> {
        match self {
            Self::Plain(_) => Ok(status),
            Self::Gzip(mut child) => {
                let packed = child.wait().map_err(gzip_failed)?;
                Ok(if packed.success() { status } else { status.max(1) })
            }
        }
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(child) => child
                .stdin
                .as_mut()
                .ok_or(io::ErrorKind::BrokenPipe)?
                .write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(_) => Ok(()),
        }
    }
}

fn gzip_failed(source: io::Error) -> Error {
    Error::LocalProgram {
        program: "gzip",
        package: "gzip",
        source,
    }
}

/// A file that is still being written; removed when dropped before it was kept.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn create(wanted: &Path) -> Result<Self, Error> {
        let mut path = wanted.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(Error::Write { path, source }),
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write {
            path: self.path.clone(),
            source,
        }
    }

    fn keep(self, path: &Path) -> Result<(), Error> {
        let kept = self.file.sync_all().and_then(|()| fs::rename(&self.path, path));
        kept.map_err(|source| self.failed(source))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nothing is there once it was kept.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            project: "shop".into(),
            environment: "feature/../a".into(),
        }
    }

    #[test]
    fn the_name_of_a_dump_is_no_path() {
        let time = "2026-11-24T12:00:00Z".parse().unwrap();
        assert_eq!(
            file_name(&place(), "db", Some(time), true),
            "shop--feature-..-a--db--20261124-120000--dump.sql.gz"
        );
        assert_eq!(
            file_name(&place(), "db", None, false),
            "shop--feature-..-a--db--dump.sql"
        );
    }

    #[test]
    fn a_file_appears_only_when_it_is_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.sql");
        let entries = || fs::read_dir(directory.path()).unwrap().count();
        drop(Part::create(&path).unwrap());
        assert_eq!(entries(), 0);
        let mut part = Part::create(&path).unwrap();
        part.file.write_all(b"x").unwrap();
        part.keep(&path).unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), entries()), ("x", 1));
    }

    #[test]
    fn what_goes_through_gzip_comes_out_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.sql.gz");
        let file = File::create(&path).unwrap();
        let mut sink = Sink::new(true, file.try_clone().unwrap().into(), file).unwrap();
        sink.write_all(b"SELECT 1;\n").unwrap();
        assert_eq!(sink.finish(0).unwrap(), 0);
        let output = Command::new("gzip").args(["-dc"]).arg(&path).output().unwrap();
        assert_eq!(output.stdout, b"SELECT 1;\n");
    }
}
