//! The end of a log file.

use std::io::{self, Read, Seek, SeekFrom};

/// How much of the end of a file is looked at, in bytes. Containers write these files, so reading is bounded.
const WINDOW: u64 = 64 * 1024;

/// The last `count` lines, cut to a length a terminal can bear.
pub fn last_lines(file: &mut (impl Read + Seek), count: usize) -> io::Result<Vec<String>> {
    const LONGEST: usize = 2000;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
    let mut bytes = Vec::new();
    file.take(WINDOW).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().skip(lines.len().saturating_sub(count));
    Ok(last.map(|line| line.chars().take(LONGEST).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn the_last_lines_are_read_from_the_end() {
        let text: String = (0..100_000).map(|number| format!("line {number}\n")).collect();
        assert_eq!(
            last_lines(&mut Cursor::new(text), 2).unwrap(),
            ["line 99998", "line 99999"]
        );
        assert_eq!(last_lines(&mut Cursor::new("only"), 5).unwrap(), ["only"]);
        assert!(last_lines(&mut Cursor::new(""), 5).unwrap().is_empty());
    }
}
