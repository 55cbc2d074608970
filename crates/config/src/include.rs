//! `!include` and `!archive`: parts of a configuration kept in other files (spec 0.2).

use crate::{
    diagnostic::Report,
    parse::{NODE_BYTES, parse},
    source::{SourceFile, Span, Tree, join},
    yaml::{Entry, Key, Node, Value},
};
use std::sync::Arc;

/// Deepest chain of files that include files.
const CHAIN: usize = 8;

/// Most files one configuration may include, since a chain may fan out.
const FILES: usize = 200;

/// Most nodes that all included files may stand for, with [`NODE_BYTES`] of text counted as one.
const NODES: usize = 100_000;

/// What was included so far.
#[derive(Default)]
pub struct Included {
    files: usize,
    nodes: usize,
}

/// Replaces the tags of a tree by what they stand for.
pub struct Includes<'a> {
    /// The commit.
    pub tree: &'a dyn Tree,
    /// The app's directory, tried first; the including file's own is tried next.
    pub app_root: Option<&'a str>,
    /// For all files of the configuration.
    pub included: &'a mut Included,
}

/// What an `!include` asks for.
struct Wanted {
    kind: Kind,
    path: String,
}

enum Kind {
    Text,
    Base64,
    Yaml,
    Archive,
}

impl Includes<'_> {
    /// The tree with every tag resolved. What cannot be resolved is reported and becomes nothing.
    pub fn resolve(&mut self, node: Node, report: &mut Report) -> Node {
        self.resolve_from(node, CHAIN, report)
    }

    /// What a node's own tag stands for. Tags below it stay: what they name may depend on what is found here.
    pub fn open(&mut self, node: Node, report: &mut Report) -> Node {
        self.open_from(node, CHAIN, report).0
    }

    fn resolve_from(&mut self, node: Node, chain: usize, report: &mut Report) -> Node {
        let (node, chain) = self.open_from(node, chain, report);
        self.resolve_children(node, chain, report)
    }

    /// Also answers how long the chain may become below it.
    fn open_from(&mut self, node: Node, chain: usize, report: &mut Report) -> (Node, usize) {
        let wanted = match node.tag.as_deref() {
            Some("!include") => wanted(&node, report),
            Some("!archive") => archive(&node, report),
            _ => return (node, chain),
        };
        let span = node.span;
        let opened = wanted.and_then(|wanted| self.load(wanted, &span, chain, report));
        opened.unwrap_or_else(|| {
            let nothing = Node {
                span,
                tag: None,
                value: text("", true),
            };
            (nothing, chain)
        })
    }

    fn resolve_children(&mut self, node: Node, chain: usize, report: &mut Report) -> Node {
        let value = match node.value {
            scalar @ Value::Scalar { .. } => scalar,
            Value::Sequence(items) => Value::Sequence(
                items
                    .into_iter()
                    .map(|item| self.resolve_from(item, chain, report))
                    .collect(),
            ),
            Value::Mapping(entries) => {
                let entries = entries.into_iter().map(|Entry { key, value }| Entry {
                    key,
                    value: self.resolve_from(value, chain, report),
                });
                Value::Mapping(entries.collect())
            }
        };
        Node { value, ..node }
    }

    fn load(
        &mut self,
        wanted: Wanted,
        span: &Span,
        chain: usize,
        report: &mut Report,
    ) -> Option<(Node, usize)> {
        if let Kind::Archive = wanted.kind {
            return Some((self.archive(&wanted.path, span, report)?, chain));
        }
        self.included.files += 1;
        if chain == 0 || self.included.files > FILES {
            let finding = report.error("include-too-deep", span, "too many files include one another");
            finding.help(format!(
                "at most {FILES} files in all, and {CHAIN} that include one another"
            ));
            return None;
        }
        let Some((path, bytes)) = self.candidates(&wanted.path, span).into_iter().find_map(|path| {
            let bytes = self.tree.read(&path)?;
            Some((path, bytes))
        }) else {
            self.report_missing(&wanted.path, span, "file", report);
            return None;
        };
        let here = |value| {
            let span = span.clone();
            (
                Node {
                    span,
                    tag: None,
                    value,
                },
                chain,
            )
        };
        self.count(bytes.len() / NODE_BYTES, span, report)?;
        match wanted.kind {
            Kind::Base64 => Some(here(text(&base64(&bytes), false))),
            Kind::Text | Kind::Yaml | Kind::Archive => {
                let Ok(content) = String::from_utf8(bytes) else {
                    let finding =
                        report.error("include-not-text", span, format!("`{path}` is not a UTF-8 text"));
                    finding.help("include other files with `type: binary`");
                    return None;
                };
                if let Kind::Text = wanted.kind {
                    return Some(here(text(&content, false)));
                }
                let file = Arc::new(SourceFile { path, text: content });
                let node = parse(&file, report)?;
                self.count(nodes(&node), span, report)?;
                Some(self.open_from(node, chain - 1, report))
            }
        }
    }

    /// `None` when it is too much now, which is then reported.
    fn count(&mut self, nodes: usize, span: &Span, report: &mut Report) -> Option<()> {
        self.included.nodes += nodes;
        if self.included.nodes <= NODES {
            return Some(());
        }
        report.error("too-much", span, "the included files are too large");
        None
    }

    /// `{"$archive": "path"}`; the directory lies beside the file that names it.
    fn archive(&mut self, path: &str, span: &Span, report: &mut Report) -> Option<Node> {
        let paths = self.tree.paths();
        let directory = self.candidates(path, span).into_iter().rev().find(|directory| {
            directory.is_empty()
                || paths
                    .iter()
                    .any(|path| path.starts_with(&format!("{directory}/")))
        });
        let Some(directory) = directory else {
            self.report_missing(path, span, "directory", report);
            return None;
        };
        let key = Key {
            text: "$archive".into(),
            span: span.clone(),
        };
        let value = Node {
            span: span.clone(),
            tag: None,
            value: text(&directory, false),
        };
        Some(Node {
            span: span.clone(),
            tag: None,
            value: Value::Mapping(vec![Entry { key, value }]),
        })
    }

    /// Where a path may lead: below the app first, then beside the including file.
    fn candidates(&self, path: &str, span: &Span) -> Vec<String> {
        let bases = [self.app_root, Some(span.file.directory())];
        let mut candidates: Vec<String> = bases
            .into_iter()
            .flatten()
            .filter_map(|base| join(base, path))
            .collect();
        candidates.dedup();
        candidates
    }

    fn report_missing(&self, path: &str, span: &Span, what: &str, report: &mut Report) {
        let candidates = self.candidates(path, span);
        if candidates.is_empty() {
            report.error(
                "include-outside",
                span,
                format!("`{path}` leads out of the repository"),
            );
            return;
        }
        let finding = report.error("include-missing", span, format!("there is no {what} `{path}`"));
        finding.help(format!(
            "looked for {}",
            crate::suggest::listed(candidates.iter().map(String::as_str))
        ));
    }
}

/// How many nodes there are from this one down.
fn nodes(node: &Node) -> usize {
    1 + match &node.value {
        Value::Scalar { .. } => 0,
        Value::Sequence(items) => items.iter().map(nodes).sum(),
        Value::Mapping(entries) => entries.iter().map(|entry| nodes(&entry.value)).sum(),
    }
}

fn text(text: &str, plain: bool) -> Value {
    Value::Scalar {
        text: text.into(),
        plain,
    }
}

fn wanted(node: &Node, report: &mut Report) -> Option<Wanted> {
    if let Some(path) = node.as_text() {
        return Some(Wanted {
            kind: Kind::Yaml,
            path: path.into(),
        });
    }
    let Some(path) = node.get("path").and_then(Node::as_text) else {
        let finding = report.error("include-without-path", &node.span, "`!include` names no file");
        finding.help("write `!include path` or `!include {type: string, path: path}`");
        return None;
    };
    let kind = match node
        .get("type")
        .map(|kind| (kind, kind.as_text().unwrap_or_default()))
    {
        None | Some((_, "yaml")) => Kind::Yaml,
        Some((_, "string")) => Kind::Text,
        Some((_, "binary")) => Kind::Base64,
        Some((_, "archive")) => Kind::Archive,
        Some((kind, _)) => {
            let finding = report.error("include-type", &kind.span, "unknown type of include");
            finding.help("the types are `yaml`, `string`, `binary` and `archive`");
            return None;
        }
    };
    Some(Wanted {
        kind,
        path: path.into(),
    })
}

fn archive(node: &Node, report: &mut Report) -> Option<Wanted> {
    let path = node.as_text();
    if path.is_none() {
        let finding = report.error(
            "archive-without-path",
            &node.span,
            "`!archive` names no directory",
        );
        finding.help("write `!archive directory`");
    }
    Some(Wanted {
        kind: Kind::Archive,
        path: path?.into(),
    })
}

/// Standard alphabet, padded.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .fold(0u32, |group, byte| group << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let digit = ALPHABET[(group >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}
