//! Text to a tree of nodes that know where they stood.
//!
//! Built on parser events rather than on serde, because the spec is checked as a tree: every mistake of a run is
//! reported, each at its place, and a scalar keeps the text that was typed (`1.10` stays `1.10`). Time and memory are
//! bounded: size, depth, number of nodes and the growth through aliases have limits.

mod syntax;

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use crate::diag::{At, Diagnostic, Diagnostics, FileId, codes};

/// Larger files are refused before they are read: 16 MiB holds 100,000 hosts written one by one.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Most nodes after aliases are followed.
const MAX_NODES: usize = 2_000_000;
/// Most bytes of scalars that aliases may copy.
const MAX_ALIAS_BYTES: usize = 8 * 1024 * 1024;

/// A YAML node and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands (for an alias: where the alias stands).
    pub at: At,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A scalar: its text after unescaping, and whether it was written plain (without quotes or block indicator).
    Scalar {
        /// The text.
        text: String,
        /// True without quotes.
        plain: bool,
    },
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping, in the order as typed, keys unique.
    Map(Vec<Entry>),
}

/// One key of a mapping and what it holds.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key stands.
    pub key_at: At,
    /// The value.
    pub value: Node,
}

impl Node {
    /// True for nothing, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What the node is, in words for messages.
    pub fn noun(&self) -> &'static str {
        match &self.kind {
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Scalar { .. } if self.is_null() => "nothing",
            Kind::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "false" | "True" | "False") => "a boolean",
            Kind::Scalar { text, plain: true } if text.parse::<f64>().is_ok() => "a number",
            Kind::Scalar { .. } => "text",
        }
    }

    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            _ => None,
        }
    }
}

/// Bytes of a file to text, without a byte order mark; says what is odd about it.
///
/// The text comes back even with warnings; `None` means that nothing can be read.
pub fn decode(bytes: impl AsRef<[u8]>, at: impl Fn(usize, usize) -> At, diags: &mut Diagnostics) -> Option<String> {
    let bytes = bytes.as_ref();
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, more than the {MAX_BYTES} that are read", bytes.len());
        diags.push(
            Diagnostic::error(codes::TEXT_TOO_LARGE, at(0, 0), message)
                .help("many hosts fit into one line: `name: slave[1-300]` with the first address"),
        );
        return None;
    }
    let mut text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_string(),
        Err(error) => {
            let offset = error.valid_up_to();
            // Byte order marks of UTF-16 (RFC 2781, 3.2).
            let message = match bytes {
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16".to_string(),
                _ => format!("byte {} is not UTF-8", offset + 1),
            };
            diags.push(Diagnostic::error(codes::TEXT_NOT_UTF8, at(offset, offset + 1), message).help("save the file as UTF-8"));
            return None;
        }
    };
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
        diags.push(
            Diagnostic::warning(codes::TEXT_BOM, at(0, 1), "the file begins with a byte order mark")
                .help("save it as UTF-8 without BOM; it is ignored here, other tools stumble"),
        );
    }
    if let Some(offset) = text.find("\r\n") {
        diags.push(
            Diagnostic::warning(codes::TEXT_CRLF, at(offset, offset + 1), "lines end in CR LF")
                .help("save it with Unix line ends; YAML reads them as LF here"),
        );
    }
    Some(text)
}

/// Parses one document. `None` when the text is not YAML; what is wrong is in `diags`.
pub fn parse(text: &str, file: FileId, diags: &mut Diagnostics) -> Option<Node> {
    let mut builder = Builder { file, text, stack: Vec::new(), anchors: BTreeMap::new(), nodes: 0, alias_bytes: 0, root: None };
    let mut documents = 0;
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(pair) => pair,
            Err(error) => {
                diags.push(syntax::diagnostic(text, file, &error));
                return None;
            }
        };
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start);
        let at = At::new(file, start, end);
        if let Event::DocumentStart(..) = event {
            documents += 1;
            if documents > 1 {
                diags.push(
                    Diagnostic::error(codes::YAML_DOCUMENTS, at, "a second document begins here")
                        .help("one file describes one cluster: remove the `---` and what follows"),
                );
                return None;
            }
        }
        if let Err(diagnostic) = builder.event(event, at) {
            diags.push(diagnostic);
            return None;
        }
    }
    if builder.root.is_none() {
        diags.push(
            Diagnostic::error(codes::YAML_EMPTY, At::new(file, 0, 0), "the file holds nothing")
                .help("`clusterseed init` writes a spec to start from"),
        );
    }
    builder.root
}

struct Builder<'t> {
    file: FileId,
    text: &'t str,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Option<Node>>,
    nodes: usize,
    alias_bytes: usize,
    root: Option<Node>,
}

struct Frame {
    at: At,
    anchor: usize,
    state: State,
}

enum State {
    Seq(Vec<Node>),
    Map { entries: Vec<Entry>, seen: BTreeMap<String, At>, key: Option<(String, At)>, merges: Vec<Node> },
}

type Outcome = Result<(), Diagnostic>;

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, at: At) -> Outcome {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some("str")) {
                    return Err(self.tag(&tag, at));
                }
                let plain = matches!(style, ScalarStyle::Plain);
                let at = if plain { self.trimmed(at) } else { at };
                self.node(Node { at, kind: Kind::Scalar { text: text.into_owned(), plain } }, anchor)
            }
            Event::SequenceStart(.., Some(tag)) | Event::MappingStart(.., Some(tag)) => Err(self.tag(&tag, at)),
            Event::SequenceStart(_, anchor, _) => self.open(at, anchor, State::Seq(Vec::new())),
            Event::MappingStart(_, anchor, _) => {
                let state = State::Map { entries: Vec::new(), seen: BTreeMap::new(), key: None, merges: Vec::new() };
                self.open(at, anchor, state)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, at),
            _ => Ok(()),
        }
    }

    /// A tag is reported where it stands, which is somewhere before its value.
    fn tag(&self, tag: &Tag, at: At) -> Diagnostic {
        let name = tag.original();
        let before = self.text.get(..at.start as usize).unwrap_or("");
        let at = before.rfind(&*name).map_or(at, |start| At::new(self.file, start, start + name.len()));
        Diagnostic::error(codes::YAML_SYNTAX, at, format!("the tag `{name}` has no meaning here"))
            .help("write the value without a tag; quote it if it shall be text")
    }

    /// Plain scalars are reported with the blanks up to a comment; the caret shall not cover those.
    fn trimmed(&self, at: At) -> At {
        let raw = self.text.get(at.start as usize..at.end as usize).unwrap_or("");
        At::new(self.file, at.start as usize, at.start as usize + raw.trim_end().len())
    }

    fn open(&mut self, at: At, anchor: usize, state: State) -> Outcome {
        if self.stack.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.stack.push(Frame { at, anchor, state });
        Ok(())
    }

    fn close(&mut self, end: At) -> Outcome {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let kind = match frame.state {
            State::Seq(items) => Kind::Seq(items),
            State::Map { mut entries, mut seen, merges, .. } => {
                for merge in merges {
                    merge_into(&mut entries, &mut seen, merge)?;
                }
                Kind::Map(entries)
            }
        };
        let at = At { end: end.end.max(frame.at.end), ..frame.at };
        self.node(Node { at, kind }, frame.anchor)
    }

    fn alias(&mut self, id: usize, at: At) -> Outcome {
        let Some(Some(target)) = self.anchors.get(&id) else {
            return Err(Diagnostic::error(codes::YAML_SYNTAX, at, "an alias inside its own anchor").help("write the value out"));
        };
        let mut copy = target.clone();
        copy.at = at;
        // Each alias may bring a whole depth of its own, and everything that walks the tree calls itself.
        if self.charge(&copy)?.depth + self.stack.len() > MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.node(copy, 0)
    }

    /// Counts what a copy costs; nested anchors and aliases both copy.
    fn charge(&mut self, copy: &Node) -> Result<Weight, Diagnostic> {
        let weight = Weight::of(copy);
        self.nodes += weight.nodes;
        self.alias_bytes += weight.bytes;
        if self.nodes > MAX_NODES || self.alias_bytes > MAX_ALIAS_BYTES {
            return Err(Diagnostic::error(codes::YAML_LIMIT, copy.at, "aliases make this document explode")
                .help("write hosts as a range and shared values under `settings` or `roles`"));
        }
        Ok(weight)
    }

    fn node(&mut self, node: Node, anchor: usize) -> Outcome {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Diagnostic::error(codes::YAML_LIMIT, node.at, format!("more than {MAX_NODES} values"))
                .help("write hosts as a range: `name: slave[1-300]`"));
        }
        if anchor != 0 {
            self.charge(&node)?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.state {
            State::Seq(items) => items.push(node),
            State::Map { entries, seen, key, merges } => match key.take() {
                None => {
                    let Kind::Scalar { text, .. } = node.kind else {
                        return Err(Diagnostic::error(codes::YAML_SYNTAX, node.at, "a key must be a word, not a list or mapping")
                            .help("quote a value that begins with a brace or bracket"));
                    };
                    if let Some(first) = seen.get(&text).filter(|_| text != "<<") {
                        return Err(Diagnostic::error(
                            codes::YAML_DUPLICATE_KEY,
                            node.at,
                            format!("`{text}` stands twice in this mapping"),
                        )
                        .related(*first, "first here")
                        .help("keep one; most readers would silently take the last"));
                    }
                    seen.insert(text.clone(), node.at);
                    *key = Some((text, node.at));
                }
                Some((name, _)) if name == "<<" => merges.push(node),
                Some((name, key_at)) => entries.push(Entry { key: name, key_at, value: node }),
            },
        }
        Ok(())
    }
}

/// YAML 1.1 merge keys: what the mapping itself says wins.
fn merge_into(entries: &mut Vec<Entry>, seen: &mut BTreeMap<String, At>, merge: Node) -> Outcome {
    match merge.kind {
        Kind::Map(more) => {
            for entry in more {
                if !seen.contains_key(&entry.key) {
                    seen.insert(entry.key.clone(), entry.key_at);
                    entries.push(entry);
                }
            }
            Ok(())
        }
        Kind::Seq(items) => items.into_iter().try_for_each(|item| merge_into(entries, seen, item)),
        Kind::Scalar { .. } => Err(Diagnostic::error(codes::YAML_SYNTAX, merge.at, "`<<` merges a mapping, not a single value")
            .help("write `<<: *name` with an anchor on a mapping")),
    }
}

fn too_deep(at: At) -> Diagnostic {
    Diagnostic::error(codes::YAML_LIMIT, at, format!("nested deeper than {MAX_DEPTH} levels"))
        .help("nothing in a spec needs that; look for a missing closing bracket")
}

/// What a copy of a tree costs.
#[derive(Default)]
struct Weight {
    nodes: usize,
    bytes: usize,
    /// Collections inside each other; 0 for a scalar.
    depth: usize,
}

impl Weight {
    fn of(node: &Node) -> Self {
        let mut sum = Self { nodes: 1, ..Self::default() };
        match &node.kind {
            Kind::Scalar { text, .. } => sum.bytes = text.len(),
            Kind::Seq(items) => items.iter().for_each(|item| sum.hold(0, item)),
            Kind::Map(entries) => entries.iter().for_each(|e| sum.hold(e.key.len() + 1, &e.value)),
        }
        sum.depth += usize::from(!matches!(node.kind, Kind::Scalar { .. }));
        sum
    }

    /// Adds what a collection holds: a node, and the bytes of its key.
    fn hold(&mut self, key: usize, node: &Node) {
        let inner = Self::of(node);
        self.nodes += inner.nodes + usize::from(key > 0);
        self.bytes += inner.bytes + key;
        self.depth = self.depth.max(inner.depth);
    }
}
