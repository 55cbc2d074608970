//! YAML text to a tree of nodes: anchors, aliases, merge keys, tags, duplicate keys.

use crate::{
    diagnostic::Report,
    source::{SourceFile, Span},
    yaml::{Entry, Key, Node, Value},
};
use granit_parser::{Event, Parser, ScalarStyle, Tag};
use std::{
    borrow::Cow,
    collections::{HashMap, hash_map},
    ops::Range,
    sync::Arc,
};

/// Most nodes a file may stand for once its aliases are followed. Real configurations have some hundreds; a file
/// of a few lines can stand for billions. Long texts count for more.
const NODES: usize = 50_000;

/// Bytes of text that count as another node, since an alias to a long text copies it.
pub const NODE_BYTES: usize = 256;

/// Deepest nesting, aliases followed, so that everything behind can recurse.
const DEPTH: usize = 64;

/// The file's only document; `None` when it is not YAML, which is then reported.
pub fn parse(file: &Arc<SourceFile>, report: &mut Report) -> Option<Node> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut builder = Builder {
        file,
        report,
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        document: None,
    };
    for next in Parser::new_from_str_with_options(&file.text, options) {
        let step = match next {
            Ok((event, span)) => builder.take(event, &span),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(file.text.len());
                let span = builder.span(at..at + 1);
                let message = format!("not valid YAML: {}", error.info());
                let finding = builder.report.error("not-yaml", &span, message);
                if file.text[..at].ends_with('\t') || file.text[at..].starts_with('\t') {
                    finding.help("YAML is indented with blanks, never with tabs");
                }
                None
            }
        };
        step?;
    }
    let nothing = Node {
        span: builder.span(0..0),
        tag: None,
        value: Value::Scalar {
            text: String::new(),
            plain: true,
        },
    };
    Some(builder.document.unwrap_or(nothing))
}

/// A finished node with what its use elsewhere costs.
#[derive(Clone)]
struct Measured {
    node: Node,
    nodes: usize,
    depth: usize,
}

/// A list or mapping whose end has not come yet.
struct Open {
    start: Range<usize>,
    tag: Option<String>,
    anchor: usize,
    is_mapping: bool,
    children: Vec<Measured>,
}

struct Builder<'a> {
    file: &'a Arc<SourceFile>,
    report: &'a mut Report,
    open: Vec<Open>,
    anchors: HashMap<usize, Measured>,
    nodes: usize,
    document: Option<Node>,
}

impl Builder<'_> {
    /// Takes one event; `None` when the file cannot be read any further, which is then reported.
    fn take(&mut self, event: Event<'_>, span: &granit_parser::Span) -> Option<()> {
        let place = span.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(..) if self.document.is_some() => {
                let span = self.span(place);
                self.report.error(
                    "several-documents",
                    &span,
                    "the file holds more than one YAML document",
                );
                None
            }
            Event::Scalar(text, style, anchor, tag) => {
                let forced = tag
                    .as_deref()
                    .is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let tag = self.tag(tag, span);
                let plain = style == ScalarStyle::Plain && !forced;
                let nodes = 1 + text.len() / NODE_BYTES;
                let node = Node {
                    span: self.span(place),
                    tag,
                    value: Value::Scalar {
                        text: text.into_owned(),
                        plain,
                    },
                };
                self.nodes += nodes;
                let depth = 1;
                self.finish(Measured { node, nodes, depth }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => self.start(span, tag, anchor, false),
            Event::MappingStart(_, anchor, tag) => self.start(span, tag, anchor, true),
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(target) => {
                    self.nodes += target.nodes;
                    self.finish(target, 0)
                }
                None => {
                    let span = self.span(place);
                    self.report
                        .error("endless-alias", &span, "an alias stands inside of its own anchor");
                    None
                }
            },
            _ => Some(()),
        }
    }

    fn start(
        &mut self,
        span: &granit_parser::Span,
        tag: Option<Cow<'_, Tag>>,
        anchor: usize,
        is_mapping: bool,
    ) -> Option<()> {
        let tag = self.tag(tag, span);
        let start = span.byte_range().unwrap_or(0..0);
        self.open.push(Open {
            start,
            tag,
            anchor,
            is_mapping,
            children: Vec::new(),
        });
        Some(())
    }

    fn end(&mut self, end: Range<usize>) -> Option<()> {
        let Open {
            start,
            tag,
            anchor,
            is_mapping,
            children,
        } = self.open.pop()?;
        let nodes = 1 + children.iter().map(|child| child.nodes).sum::<usize>();
        let depth = 1 + children.iter().map(|child| child.depth).max().unwrap_or(0);
        let children = children.into_iter().map(|child| child.node);
        let value = if is_mapping {
            Value::Mapping(self.mapping(children.collect()))
        } else {
            Value::Sequence(children.collect())
        };
        let node = Node {
            span: self.span(start.start..end.end.max(start.end)),
            tag,
            value,
        };
        self.nodes += 1;
        self.finish(Measured { node, nodes, depth }, anchor)
    }

    fn finish(&mut self, done: Measured, anchor: usize) -> Option<()> {
        let too = if self.nodes > NODES {
            "large"
        } else if self.open.len() + done.depth > DEPTH {
            "deeply nested"
        } else {
            if anchor != 0 {
                // Anchors within anchors are each kept whole.
                self.nodes += done.nodes;
                self.anchors.insert(anchor, done.clone());
            }
            match self.open.last_mut() {
                Some(parent) => parent.children.push(done),
                None => self.document = Some(done.node),
            }
            return Some(());
        };
        let message = format!("the file is too {too} once its aliases are followed");
        self.report.error("too-much", &done.node.span, message);
        None
    }

    /// Keys and values by turns, made into entries: merge keys followed, duplicates reported.
    fn mapping(&mut self, children: Vec<Node>) -> Vec<Entry> {
        let mut own: Vec<Entry> = Vec::new();
        let mut places: HashMap<String, Span> = HashMap::new();
        let mut merged: Vec<Entry> = Vec::new();
        let mut children = children.into_iter();
        while let (Some(key), Some(value)) = (children.next(), children.next()) {
            let Value::Scalar { text, plain } = key.value else {
                self.report
                    .error("key-not-text", &key.span, "a key must be a text");
                continue;
            };
            if text == "<<" && plain {
                self.merge(value, &mut merged);
                continue;
            }
            if let Some(first) = places.get(&text) {
                let finding = self.report.error(
                    "duplicate-key",
                    &key.span,
                    format!("the key `{text}` is given twice"),
                );
                finding.label("given again").also(first, "first given here");
                continue;
            }
            places.insert(text.clone(), key.span.clone());
            own.push(Entry {
                key: Key { text, span: key.span },
                value,
            });
        }
        // A mapping's own keys win over merged ones (YAML 1.1, "Merge Key Language-Independent Type").
        for entry in merged {
            if let hash_map::Entry::Vacant(place) = places.entry(entry.key.text.clone()) {
                place.insert(entry.key.span.clone());
                own.push(entry);
            }
        }
        own
    }

    fn merge(&mut self, value: Node, merged: &mut Vec<Entry>) {
        match value.value {
            Value::Mapping(entries) => merged.extend(entries),
            Value::Sequence(items) => items.into_iter().for_each(|item| self.merge(item, merged)),
            Value::Scalar { .. } if value.is_null() => {}
            Value::Scalar { .. } => {
                let finding = self
                    .report
                    .error("merge-not-mapping", &value.span, "`<<` needs a mapping");
                finding.help("write an alias to a mapping: `<<: *name`");
            }
        }
    }

    /// The tag to keep; YAML's own ones need no keeping.
    fn tag(&mut self, tag: Option<Cow<'_, Tag>>, node: &granit_parser::Span) -> Option<String> {
        let tag = tag.filter(|tag| !tag.is_yaml_core_schema())?;
        let name = format!("{}{}", tag.original_handle(), tag.suffix());
        if name == "!" {
            return None;
        }
        if name != "!include" && name != "!archive" {
            let place = node
                .tag_span()
                .and_then(|tag| tag.byte_range())
                .or(node.byte_range());
            let span = self.span(place.unwrap_or(0..0));
            let finding = self
                .report
                .error("unknown-tag", &span, format!("unknown tag `{name}`"));
            finding.help("the tags are `!include` and `!archive`");
        }
        Some(name)
    }

    /// A place, moved onto character boundaries.
    fn span(&self, range: Range<usize>) -> Span {
        let text = &self.file.text;
        let mut start = range.start.min(text.len());
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        let mut end = range.end.clamp(start, text.len());
        while !text.is_char_boundary(end) {
            end += 1;
        }
        Span {
            file: Arc::clone(self.file),
            range: start..end,
        }
    }
}
