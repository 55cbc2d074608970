//! Archives that no Debian suite has: downloaded once, known by their checksum, unpacked into an image.

use crate::{ImageError, digest, tool};
use serde::Deserialize;
use std::{
    fs::{self, File},
    io::{self, Seek},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
};

/// What curl ends with when the server does not send a part of a file (curl(1)).
const NO_RANGES: i32 = 33;

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

    /// The archive in `directory`, downloaded unless it is there. What was interrupted goes on where it was; nothing is left of
    /// one with another checksum.
    ///
    /// # Errors
    /// [`ImageError::NoChecksum`], [`ImageError::Checksum`], or that it could not be fetched.
    pub(crate) fn fetch(&self, directory: &Path, cancel: &AtomicBool) -> Result<PathBuf, ImageError> {
        let Some(expected) = self.sum().map(str::to_lowercase) else {
            return Err(ImageError::NoChecksum {
                url: self.url.clone(),
            });
        };
        if !expected.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(self.differs(expected, "none that could be it".into()));
        }
        let path = directory.join(&expected);
        if path.exists() {
            return Ok(path);
        }
        fs::create_dir_all(directory).map_err(ImageError::file("create", directory))?;
        // Kept when a download is interrupted; the next one goes on from there.
        let part = directory.join(format!("{expected}.part"));
        let file = File::options().create(true).append(true).read(true).open(&part);
        let mut file = file.map_err(ImageError::file("write", &part))?;
        // Two images may be made of one archive.
        file.lock().map_err(ImageError::file("lock", &part))?;
        if self.checksum(&mut file, &part)? != expected {
            self.download(&part, directory, cancel)?;
        }
        let found = self.checksum(&mut file, &part)?;
        if found != expected {
            fs::remove_file(&part).map_err(ImageError::file("remove", &part))?;
            return Err(self.differs(expected, found));
        }
        match fs::rename(&part, &path) {
            // Whoever had the lock before has finished it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.exists() => {}
            renamed => renamed.map_err(ImageError::file("rename to", &path))?,
        }
        Ok(path)
    }

    /// Appends what is missing; begins anew where the server cannot go on in the middle.
    fn download(&self, part: &Path, directory: &Path, cancel: &AtomicBool) -> Result<(), ImageError> {
        match tool::run(self.curl(part, true), directory, cancel, &mut |_| {}) {
            Err(ImageError::Program { status, .. }) if status.code() == Some(NO_RANGES) => {
                tool::run(self.curl(part, false), directory, cancel, &mut |_| {})
            }
            done => done,
        }
    }

    fn curl(&self, part: &Path, resume: bool) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--location", "--silent", "--show-error", "--retry", "2"]);
        if resume {
            curl.args(["--continue-at", "-"]);
        }
        curl.args(["--proto", "=http,https"]).arg("--output").arg(part);
        curl.arg("--").arg(&self.url);
        curl
    }

    fn checksum(&self, file: &mut File, path: &Path) -> Result<String, ImageError> {
        file.rewind().map_err(ImageError::file("read", path))?;
        match self.sha256.as_deref() {
            Some(sum) if !sum.is_empty() => digest::sha256(file, path),
            _ => digest::sha512(file, path),
        }
    }

    fn differs(&self, expected: String, found: String) -> ImageError {
        let url = self.url.clone();
        ImageError::Checksum { url, expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    /// Gives these answers one after the other, on a port of its own.
    fn serve(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/it.tgz", listener.local_addr().unwrap());
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 4096];
                let length = stream.read(&mut asked).unwrap_or_default();
                let asked = String::from_utf8_lossy(&asked[..length]).to_lowercase();
                let partial = answer.contains(" 206 ");
                assert_eq!(partial, asked.contains("range: bytes="), "{asked}");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        url
    }

    const WHOLE: &str = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello";

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
        let archive = archive(serve(&[WHOLE]), HELLO);
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
        let refused = archive(
            serve(&["HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhell0"]),
            HELLO,
        )
        .fetch(cache.path(), &go)
        .unwrap_err();
        assert!(matches!(refused, ImageError::Checksum { .. }), "{refused}");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
        let refused = archive("http://127.0.0.1:9/x".into(), "").fetch(cache.path(), &go);
        assert!(refused.unwrap_err().to_string().contains("sha256"));
    }

    #[test]
    fn an_interrupted_download_goes_on_where_it_was() {
        let cache = tempfile::tempdir().unwrap();
        let go = AtomicBool::new(false);
        let archive = archive(
            serve(&[
                "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhel",
                "HTTP/1.0 206 Partial Content\r\nContent-Length: 2\r\nContent-Range: bytes 3-4/5\r\n\r\nlo",
            ]),
            HELLO,
        );
        archive.fetch(cache.path(), &go).unwrap_err();
        let path = archive.fetch(cache.path(), &go).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "hello");
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
    }

    #[test]
    fn where_a_server_sends_no_parts_a_download_begins_anew() {
        let cache = tempfile::tempdir().unwrap();
        fs::write(cache.path().join(format!("{HELLO}.part")), "hel").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/it.tgz", listener.local_addr().unwrap());
        thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(WHOLE.as_bytes());
            }
        });
        let path = archive(url, HELLO)
            .fetch(cache.path(), &AtomicBool::new(false))
            .unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "hello");
    }
}
