//! What a backup is outside of guise: a directory with its code, its data, and a manifest with their checksums.
//!
//! | file | content |
//! | --- | --- |
//! | `manifest.json` | [`Manifest`] |
//! | `code.bundle` | the commit with its history (git-bundle(1)) |
//! | `COMPONENT.btrfs` | a volume (btrfs-send(8)) |
//!
//! Images are not in it: they are built again from the code where it is restored.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, BufReader, Write},
    path::{Path, PathBuf},
};

/// Name of the manifest. It is written last: a directory without it is no archive.
pub(crate) const MANIFEST: &str = "manifest.json";
/// Name of the code's file.
pub(crate) const CODE: &str = "code.bundle";
/// The only format so far.
const FORMAT: u32 = 1;

/// What is in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    /// Id that the backup had where it was made.
    pub(crate) backup: String,
    /// Title of the project.
    pub(crate) project: String,
    /// The environment it is of.
    pub(crate) environment: String,
    /// The commit that ran.
    pub(crate) commit: String,
    /// When it was made, RFC 3339 in UTC.
    pub(crate) created_at: String,
    /// Whether no request was under way then.
    pub(crate) safe: bool,
    /// The code's file.
    pub(crate) code: Piece,
    /// The data, by component.
    pub(crate) volumes: Vec<VolumePiece>,
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Piece {
    bytes: u64,
    sha256: String,
}

/// A volume's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VolumePiece {
    /// The app, worker or service.
    pub(crate) component: String,
    #[serde(flatten)]
    pub(crate) piece: Piece,
}

impl VolumePiece {
    /// Name of its file.
    pub(crate) fn file(&self) -> String {
        volume_file(&self.component)
    }
}

/// Name of the file with a component's data.
pub(crate) fn volume_file(component: &str) -> String {
    format!("{component}.btrfs")
}

/// Why a directory cannot be used as an archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A relative path: the daemon runs in another directory than who asks.
    #[error("{path} is not an absolute path")]
    Relative {
        /// The path.
        path: PathBuf,
    },
    /// Something is there already.
    #[error("{path} exists already: name a directory that does not")]
    Exists {
        /// The path.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot {operation} {path}: {source}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The manifest is none.
    #[error("{path} is not the manifest of a backup: {reason}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file is not what it was when it was written.
    #[error("{path} is damaged: its {what} is not the one in the manifest")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// `size` or `checksum`.
        what: &'static str,
    },
}

fn file_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_path_buf();
    move |source| ArchiveError::File {
        operation,
        path,
        source,
    }
}

impl Manifest {
    /// The manifest of what was written.
    pub(crate) fn new(
        backup: &crate::BackupRecord,
        project: &str,
        code: Piece,
        volumes: Vec<VolumePiece>,
    ) -> Self {
        Self {
            format: FORMAT,
            backup: backup.id.to_string(),
            project: project.into(),
            environment: backup.environment.clone(),
            commit: backup.commit.clone(),
            created_at: backup.created_at.clone(),
            safe: backup.safe,
            code,
            volumes,
        }
    }

    /// Reads a directory's manifest. Nothing in it can lead out of the directory.
    pub(crate) fn read(directory: &Path) -> Result<Self, ArchiveError> {
        let path = directory.join(MANIFEST);
        let text = fs::read(&path).map_err(file_error("read", &path))?;
        let wrong = |reason: String| ArchiveError::Manifest {
            path: path.clone(),
            reason,
        };
        let manifest: Self = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        manifest.check().map_err(wrong)?;
        Ok(manifest)
    }

    /// Writes it, to last.
    pub(crate) fn write(&self, directory: &Path) -> Result<(), ArchiveError> {
        let path = directory.join(MANIFEST);
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        let written = text.and_then(|text| {
            let mut file = File::create(&path)?;
            file.write_all(&text)?;
            file.sync_all()?;
            File::open(directory)?.sync_all()
        });
        written.map_err(file_error("write", &path))
    }

    /// The size of all that it lists.
    pub(crate) fn bytes(&self) -> u64 {
        let volumes = self.volumes.iter().map(|volume| volume.piece.bytes);
        self.code.bytes + volumes.sum::<u64>()
    }

    fn check(&self) -> Result<(), String> {
        if self.format != FORMAT {
            return Err(format!(
                "it has format {}, this guise knows format {FORMAT}: use a newer guise",
                self.format
            ));
        }
        let is_hash =
            |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hash(&self.commit) {
            return Err(format!("{:?} is no commit", self.commit));
        }
        if self.created_at.parse::<jiff::Timestamp>().is_err() {
            return Err(format!("{:?} is no time", self.created_at));
        }
        let mut components: Vec<&str> = self
            .volumes
            .iter()
            .map(|volume| volume.component.as_str())
            .collect();
        components.sort_unstable();
        if components.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err("a component has two volumes".into());
        }
        match components.into_iter().find(|component| !is_component(component)) {
            Some(component) => Err(format!("{component:?} is no component")),
            None => Ok(()),
        }
    }
}

/// Component names are those of a configuration, joined by `--` (spec 0.1): no slash, no dot.
fn is_component(name: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=200).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(allowed)
}

impl Piece {
    /// Writes a file by what `write` writes.
    pub(crate) fn create<E>(
        path: &Path,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<Result<Self, E>, ArchiveError> {
        let file = File::create_new(path).map_err(file_error("make", path))?;
        let mut counted = Counted::new(file);
        if let Err(error) = write(&mut counted) {
            return Ok(Err(error));
        }
        counted.to.sync_all().map_err(file_error("write", path))?;
        Ok(Ok(counted.piece()))
    }

    /// Takes over a file that another program has written.
    pub(crate) fn written(path: &Path) -> Result<Self, ArchiveError> {
        let synced = File::open(path).and_then(|file| file.sync_all());
        synced.map_err(file_error("write", path))?;
        Self::of(path)
    }

    /// Measures a file.
    pub(crate) fn of(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(file_error("open", path))?;
        let mut counted = Counted::new(io::sink());
        io::copy(&mut BufReader::new(file), &mut counted).map_err(file_error("read", path))?;
        Ok(counted.piece())
    }

    /// Whether a file is still what it was.
    pub(crate) fn check(&self, path: &Path) -> Result<(), ArchiveError> {
        let damaged = |what| ArchiveError::Damaged {
            path: path.into(),
            what,
        };
        let found = Self::of(path)?;
        if found.bytes != self.bytes {
            return Err(damaged("size"));
        }
        if found.sha256 != self.sha256 {
            return Err(damaged("checksum"));
        }
        Ok(())
    }

    /// Opens a file to be read from its beginning.
    pub(crate) fn open(path: &Path) -> Result<BufReader<File>, ArchiveError> {
        let file = File::open(path).map_err(file_error("open", path))?;
        Ok(BufReader::new(file))
    }
}

/// Passes bytes on, counted and hashed.
struct Counted<W> {
    to: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> Counted<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    fn piece(self) -> Piece {
        let digits = self.hash.finalize();
        Piece {
            bytes: self.bytes,
            sha256: digits.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let piece = Piece {
            bytes: 3,
            // `printf abc | sha256sum`
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
        };
        Manifest {
            format: FORMAT,
            backup: "abcdefgh12345".into(),
            project: "Shop".into(),
            environment: "main".into(),
            commit: "0123456789012345678901234567890123456789".into(),
            created_at: "2026-11-24T12:00:00.000Z".into(),
            safe: true,
            code: piece.clone(),
            volumes: vec![VolumePiece {
                component: "db".into(),
                piece,
            }],
        }
    }

    #[test]
    fn a_manifest_is_read_back_and_its_files_are_checked() {
        let directory = tempfile::tempdir().unwrap();
        let manifest = manifest();
        manifest.write(directory.path()).unwrap();
        assert_eq!(Manifest::read(directory.path()).unwrap(), manifest);
        let path = directory.path().join(manifest.volumes[0].file());
        let written = Piece::create(&path, |to| to.write_all(b"abc")).unwrap().unwrap();
        assert_eq!(written, manifest.code);
        written.check(&path).unwrap();
        for (content, what) in [("abd", "checksum"), ("ab", "size"), ("", "size")] {
            fs::write(&path, content).unwrap();
            let error = written.check(&path).unwrap_err();
            assert!(
                matches!(&error, ArchiveError::Damaged { what: found, .. } if *found == what),
                "{error}"
            );
        }
        fs::remove_file(&path).unwrap();
        assert!(written.check(&path).unwrap_err().to_string().contains("db.btrfs"));
    }

    #[test]
    fn a_manifest_that_leads_elsewhere_is_refused() {
        let refused = |change: fn(&mut Manifest)| {
            let mut manifest = manifest();
            change(&mut manifest);
            manifest.check().unwrap_err()
        };
        for component in ["../etc/passwd", "/etc", "", "a.b", "-x", "A"] {
            let mut manifest = manifest();
            manifest.volumes[0].component = component.into();
            assert!(manifest.check().is_err(), "{component:?}");
        }
        assert!(refused(|manifest| manifest.commit = "--upload-pack=x".into()).contains("no commit"));
        assert!(refused(|manifest| manifest.created_at = "soon".into()).contains("no time"));
        assert!(refused(|manifest| manifest.format = 2).contains("newer guise"));
        assert!(
            refused(|manifest| manifest.volumes.push(manifest.volumes[0].clone())).contains("two volumes")
        );
    }
}
