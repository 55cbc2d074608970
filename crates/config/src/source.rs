//! The files of a commit, and places in them.

use std::{fmt, ops::Range, sync::Arc};

/// A commit's files. Paths are relative to the repository, with `/` and without `.` or `..`.
pub trait Tree {
    /// A file's bytes; `None` when there is no such file (a directory or submodule is none).
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// The paths of all files, in byte order.
    fn paths(&self) -> Vec<String>;
}

/// A file that was read.
#[derive(PartialEq, Eq, Hash)]
pub struct SourceFile {
    /// Its path relative to the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl SourceFile {
    /// The directory it lies in; empty for the repository's root.
    pub fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Span {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Bytes from the file's start, on character boundaries.
    pub range: Range<usize>,
}

impl Span {
    /// Line and column of its start, both from 1; the column counts characters.
    pub fn position(&self) -> (usize, usize) {
        let before = &self.file.text[..self.range.start];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}

/// Joins `path` to `directory` and takes `.` and `..` out; `None` when it leaves the repository.
pub fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_go_up_but_not_out_of_the_repository() {
        assert_eq!(
            join("app/config", "../web/./x.yaml"),
            Some("app/web/x.yaml".into())
        );
        assert_eq!(join("app", "../../etc/passwd"), None);
        assert_eq!(join("", "/a//b/"), Some("a/b".into()));
    }

    #[test]
    fn positions_count_characters_from_one() {
        let file = Arc::new(SourceFile {
            path: "a.yaml".into(),
            text: "a: ü\nbü: c".into(),
        });
        assert_eq!(
            Span {
                file: Arc::clone(&file),
                range: 0..1
            }
            .position(),
            (1, 1)
        );
        let colon = file.text.rfind(':').unwrap();
        assert_eq!(
            Span {
                file,
                range: colon..colon + 1
            }
            .position(),
            (2, 3)
        );
    }
}
