//! Server-sent events: bytes in, events out (HTML standard, 9.2.6).

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its id, or the last one that the stream gave.
    pub id: Option<String>,
    /// Its type; `message` when the stream names none.
    pub kind: String,
    /// Its data; several `data:` lines are joined by line feeds.
    pub data: String,
}

/// Reads a stream of events from chunks that end anywhere.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_return: bool,
    id: Option<String>,
    kind: String,
    data: Option<String>,
}

impl Parser {
    /// Takes the next bytes; answers the events that they complete.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for &byte in chunk {
            let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    let line = std::mem::take(&mut self.line);
                    events.extend(self.take_line(&String::from_utf8_lossy(&line)));
                }
                _ => self.line.push(byte),
            }
        }
        events
    }

    fn take_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" if !value.contains('\0') => self.id = Some(value.into()),
            "event" => self.kind = value.into(),
            "data" => match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                none => *none = Some(value.into()),
            },
            // Comments (an empty field name) keep the connection alive; other fields are ignored by the standard.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let kind = std::mem::take(&mut self.kind);
        let data = self.data.take()?;
        let kind = if kind.is_empty() { "message".into() } else { kind };
        Some(Event {
            id: self.id.clone(),
            kind,
            data,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stream_with_comments_several_lines_and_types_is_read() {
        let events = Parser::default().push(
            b": alive\n\nid: 7\ndata: {\"a\":\ndata:1}\n\nevent: end\r\ndata: bye\r\n\r\nid: 8\n\ndata\n\ndata: lost",
        );
        let event = |id: &str, kind: &str, data: &str| Event {
            id: Some(id.into()),
            kind: kind.into(),
            data: data.into(),
        };
        assert_eq!(
            events,
            [
                event("7", "message", "{\"a\":\n1}"),
                event("7", "end", "bye"),
                event("8", "message", "")
            ]
        );
    }

    proptest! {
        #[test]
        fn where_a_chunk_ends_does_not_matter(
            lines in proptest::collection::vec("(data|id|event|): ?[a-z\u{e9}:]{0,6}|", 0..24),
            ending in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let stream = lines.join(ending) + ending + ending;
            let whole = Parser::default().push(stream.as_bytes());
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let mut parser = Parser::default();
            let pieces: Vec<Event> =
                cuts.windows(2).flat_map(|cut| parser.push(&stream.as_bytes()[cut[0]..cut[1]])).collect();
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            Parser::default().push(&bytes);
        }
    }
}
