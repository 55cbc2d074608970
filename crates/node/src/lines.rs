//! Bytes as they come, cut into lines for people.

/// A longer line is handed on in pieces, so that a process which never ends its line cannot use up our memory.
const LONGEST: usize = 16 * 1024;

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// Takes more bytes, and hands on every line they complete: without its end, bytes that are no UTF-8 replaced.
    pub fn push(&mut self, bytes: &[u8], line: &mut dyn FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in piece.chunks(LONGEST) {
                self.pending.extend_from_slice(part);
                if part.ends_with(b"\n") || self.pending.len() >= LONGEST {
                    self.finish(line);
                }
            }
        }
    }

    /// Hands on what is left, a line without an end.
    pub fn finish(&mut self, line: &mut dyn FnMut(&str)) {
        if self.pending.is_empty() {
            return;
        }
        let text = self.pending.strip_suffix(b"\n").unwrap_or(&self.pending);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        line(&String::from_utf8_lossy(text));
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut seen = Vec::new();
        let mut lines = Lines::default();
        for piece in pieces {
            lines.push(piece, &mut |line| seen.push(line.to_owned()));
        }
        lines.finish(&mut |line| seen.push(line.to_owned()));
        seen
    }

    #[test]
    fn lines_may_come_in_pieces_and_the_last_may_lack_its_end() {
        assert_eq!(
            lines(&[b"one\ntw", b"o\r\n\nthr", b"ee"]),
            ["one", "two", "", "three"]
        );
        assert!(lines(&[b""]).is_empty());
    }

    #[test]
    fn a_character_cut_by_a_piece_is_whole_again() {
        assert_eq!(
            lines(&["ü".as_bytes().split_at(1).0, "ü\n".as_bytes().split_at(1).1]),
            ["ü"]
        );
        assert_eq!(lines(&[b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn a_line_without_end_does_not_grow_without_end() {
        let seen = lines(&[&vec![b'x'; 3 * LONGEST], b"y\n"]);
        assert_eq!(
            seen.iter().map(String::len).collect::<Vec<_>>(),
            [LONGEST, LONGEST, LONGEST, 1]
        );
    }
}
