//! The archive that a kernel unpacks as its first root: cpio in the format "newc" (cpio(5)).

use anyhow::{Context, Result};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

const DIRECTORY: u32 = 0o040_755;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_777;

/// An archive that is being written. Everything in it is root's.
pub struct Archive {
    file: BufWriter<File>,
    directories: BTreeSet<PathBuf>,
    written: u32,
}

impl Archive {
    /// Begins one at `path`.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            file: BufWriter::new(file),
            directories: BTreeSet::new(),
            written: 0,
        })
    }

    /// A directory and those above it. A path is absolute.
    pub fn directory(&mut self, path: &Path) -> Result<()> {
        let mut directory = PathBuf::from("/");
        for name in path.components().filter(|part| *part != Component::RootDir) {
            directory.push(name);
            if self.directories.insert(directory.clone()) {
                self.entry(&directory, DIRECTORY, &[])?;
            }
        }
        Ok(())
    }

    /// A file with `content`, which can be run.
    pub fn script(&mut self, path: &Path, content: &str) -> Result<()> {
        self.parents(path)?;
        self.entry(path, REGULAR | 0o755, content.as_bytes())
    }

    /// A copy of the file `source`.
    pub fn file(&mut self, path: &Path, source: &Path) -> Result<()> {
        let read = || Ok((fs::metadata(source)?.permissions().mode(), fs::read(source)?));
        let (mode, content) = read()
            .map_err(|error: std::io::Error| anyhow::anyhow!("cannot read {}: {error}", source.display()))?;
        self.parents(path)?;
        self.entry(path, REGULAR | (mode & 0o777), &content)
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &Path, target: &str) -> Result<()> {
        self.parents(path)?;
        self.entry(path, SYMLINK, target.as_bytes())
    }

    /// Ends the archive.
    pub fn finish(mut self) -> Result<()> {
        self.entry(Path::new("/TRAILER!!!"), 0, &[])?;
        self.file.flush().context("cannot write the archive")
    }

    fn parents(&mut self, path: &Path) -> Result<()> {
        self.directory(path.parent().unwrap_or(path))
    }

    fn entry(&mut self, path: &Path, mode: u32, content: &[u8]) -> Result<()> {
        let name = path.to_string_lossy();
        let name = name.trim_start_matches('/');
        let length = u32::try_from(content.len()).with_context(|| format!("{name} is larger than 4 GiB"))?;
        // Inode number, which must differ; mode; user; group; links; time; length; two devices; length of the name with its
        // NUL; a checksum that this format does not use.
        self.written += 1;
        let fields = [
            self.written,
            mode,
            0,
            0,
            1,
            0,
            length,
            0,
            0,
            0,
            0,
            name.len() as u32 + 1,
            0,
        ];
        let mut header = String::from("070701");
        header.extend(fields.iter().map(|field| format!("{field:08x}")));
        header.push_str(name);
        header.push('\0');
        self.padded(header.as_bytes())?;
        self.padded(content)
    }

    /// Each part begins at a multiple of four.
    fn padded(&mut self, part: &[u8]) -> Result<()> {
        let padding = part.len().next_multiple_of(4) - part.len();
        self.file
            .write_all(part)
            .and_then(|()| self.file.write_all(&[0; 3][..padding]))
            .context("cannot write the archive")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_written_once_and_before_what_is_in_it() {
        let path = std::env::temp_dir().join(format!("guise-archive-{}", std::process::id()));
        let mut archive = Archive::create(&path).unwrap();
        archive.script(Path::new("/usr/bin/a"), "#!").unwrap();
        archive.link(Path::new("/usr/bin/b"), "a").unwrap();
        archive.finish().unwrap();
        let written = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let text = String::from_utf8(written).unwrap();
        assert_eq!(text.len() % 4, 0);
        let names: Vec<&str> = text
            .split("070701")
            .skip(1)
            .map(|entry| entry[104..].split('\0').next().unwrap())
            .collect();
        assert_eq!(names, ["usr", "usr/bin", "usr/bin/a", "usr/bin/b", "TRAILER!!!"]);
    }
}
