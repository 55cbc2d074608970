//! Archives that no Debian suite has: downloaded once, known by their checksum, unpacked into an image.

use crate::{ImageError, digest, tool};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
};

/// An archive of a version of a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Archive {
    /// Where it is: `https://…/solr-9.9.0.tgz`, anything that tar(1) reads.
    pub url: String,
    /// Its checksum as its publisher tells it, in hexadecimal: this or `sha512`.
    pub sha256: Option<String>,
    /// See `sha256`.
    pub sha512: Option<String>,
    /// The directory in the image that it is unpacked to; made if missing.
    pub into: String,
    /// How many directories are taken off from the front of each path in it.
    #[serde(default)]
    pub strip: u32,
}

impl Archive {
    /// The texts that say which archive it is.
    pub(crate) fn identity(&self) -> String {
        let sum = self.sum().unwrap_or_default();
        format!("archive {} {sum} {} {}", self.url, self.into, self.strip)
    }

    fn sum(&self) -> Option<&str> {
        let sums = [&self.sha256, &self.sha512];
        sums.into_iter()
            .flatten()
            .map(String::as_str)
            .find(|sum| !sum.is_empty())
    }

    /// The archive in `directory`, downloaded unless it is there. Nothing is left of one with another checksum.
    ///
    /// # Errors
    /// [`ImageError::NoChecksum`], [`ImageError::Checksum`], or that it could not be fetched.
    pub(crate) fn fetch(&self, directory: &Path, cancel: &AtomicBool) -> Result<PathBuf, ImageError> {
        let Some(expected) = self.sum().map(str::to_lowercase) else {
            return Err(ImageError::NoChecksum {
                url: self.url.clone(),
            });
        };
        let safe = expected.chars().all(|digit| digit.is_ascii_hexdigit());
        let path = directory.join(if safe { expected.as_str() } else { "invalid" });
        if path.exists() && safe {
            return Ok(path);
        }
        fs::create_dir_all(directory).map_err(ImageError::file("create", directory))?;
        let new =
            tempfile::NamedTempFile::new_in(directory).map_err(ImageError::file("write in", directory))?;
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--location", "--silent", "--show-error", "--retry", "2"]);
        curl.arg("--proto")
            .arg("=http,https")
            .arg("--output")
            .arg(new.path());
        curl.arg("--").arg(&self.url);
        tool::run(curl, directory, cancel, &mut |_| {})?;
        let mut file = new.reopen().map_err(ImageError::file("open", new.path()))?;
        let found = match self.sha256.as_deref() {
            Some(sum) if !sum.is_empty() => digest::sha256(&mut file, new.path())?,
            _ => digest::sha512(&mut file, new.path())?,
        };
        if found != expected {
            return Err(ImageError::Checksum {
                url: self.url.clone(),
                expected,
                found,
            });
        }
        let kept = new.persist(&path).map_err(|error| error.error);
        kept.map_err(ImageError::file("write", &path))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{self, Read},
        net::TcpListener,
        thread,
    };

    /// Serves one file once, on a port of its own.
    fn serve(content: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/it.tgz", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
            io::Write::write_all(&mut stream, format!("{head}{content}").as_bytes()).unwrap();
        });
        url
    }

    fn archive(url: String, sha256: &str) -> Archive {
        Archive {
            url,
            sha256: Some(sha256.into()),
            sha512: None,
            into: "/opt".into(),
            strip: 0,
        }
    }

    /// `printf hello | sha256sum`.
    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn an_archive_is_downloaded_once() {
        let cache = tempfile::tempdir().unwrap();
        let go = AtomicBool::new(false);
        let archive = archive(serve("hello"), HELLO);
        let path = archive.fetch(cache.path(), &go).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "hello");
        assert_eq!(
            archive.fetch(cache.path(), &go).unwrap(),
            path,
            "nobody serves it any more"
        );
    }

    #[test]
    fn an_archive_with_another_checksum_or_none_is_refused_and_not_kept() {
        let cache = tempfile::tempdir().unwrap();
        let go = AtomicBool::new(false);
        let refused = archive(serve("hell0"), HELLO)
            .fetch(cache.path(), &go)
            .unwrap_err();
        assert!(matches!(refused, ImageError::Checksum { .. }), "{refused}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
        let refused = archive("http://127.0.0.1:9/x".into(), "").fetch(cache.path(), &go);
        assert!(refused.unwrap_err().to_string().contains("sha256"));
    }
}
