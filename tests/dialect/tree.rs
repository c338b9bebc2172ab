//! YAML with what a value tree forgets: how each scalar was written, which collections are in flow style, and on which line.

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

/// A node and its line, from 1.
#[derive(Clone, Debug)]
pub struct Node {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Scalar { text: String, style: ScalarStyle },
    Seq { flow: bool, items: Vec<Node> },
    Map { flow: bool, entries: Vec<(Node, Node)> },
}

impl Node {
    /// The text of a double-quoted scalar, the only kind that is a string whatever it says.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, style: ScalarStyle::DoubleQuoted } => Some(text),
            _ => None,
        }
    }

    /// The value of a plain `true` or `false`.
    pub fn bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Scalar { text, style: ScalarStyle::Plain } => text.parse().ok(),
            _ => None,
        }
    }

    /// The items of a sequence.
    pub fn items(&self) -> Option<&[Node]> {
        if let Kind::Seq { items, .. } = &self.kind { Some(items) } else { None }
    }

    /// The entries of a mapping, keys as text.
    pub fn entries(&self) -> Option<Vec<(&str, &Node)>> {
        let Kind::Map { entries, .. } = &self.kind else { return None };
        Some(entries.iter().map(|(key, value)| (key.raw(), value)).collect())
    }

    /// The value under a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()?.into_iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The text of a scalar in any style; nothing for collections.
    pub fn raw(&self) -> &str {
        if let Kind::Scalar { text, .. } = &self.kind { text } else { "" }
    }
}

/// What a text holds.
pub struct Document {
    /// The root, when there is one.
    pub root: Option<Node>,
    /// What no configuration needs (markers, tags, anchors, aliases), with its line.
    pub decoration: Vec<(usize, &'static str)>,
}

/// Reads one document.
///
/// # Errors
/// The line, and what the parser says.
pub fn parse(text: &str) -> Result<Document, (usize, String)> {
    let mut odd = Vec::new();
    let mut open: Vec<(Node, Option<Node>)> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| (error.marker().line(), error.info().to_string()))?;
        let line = span.start.line();
        let mut place = |node: Node, open: &mut Vec<(Node, Option<Node>)>| match open.last_mut() {
            None => root = Some(node),
            Some((Node { kind: Kind::Seq { items, .. }, .. }, _)) => items.push(node),
            Some((Node { kind: Kind::Map { entries, .. }, .. }, key)) => match key.take() {
                None => *key = Some(node),
                Some(name) => entries.push((name, node)),
            },
            Some(_) => unreachable!("only collections are open"),
        };
        match event {
            Event::DocumentStart(true, _) => odd.push((line, "a document marker")),
            Event::Alias(_) => odd.push((line, "an alias")),
            Event::Scalar(text, style, anchor, tag) => {
                odd.extend((anchor != 0).then_some((line, "an anchor")));
                odd.extend(tag.map(|_| (line, "a tag")));
                place(Node { line, kind: Kind::Scalar { text: text.into_owned(), style } }, &mut open);
            }
            Event::SequenceStart(style, anchor, tag) => {
                odd.extend((anchor != 0).then_some((line, "an anchor")));
                odd.extend(tag.map(|_| (line, "a tag")));
                open.push((Node { line, kind: Kind::Seq { flow: style == StructureStyle::Flow, items: Vec::new() } }, None));
            }
            Event::MappingStart(style, anchor, tag) => {
                odd.extend((anchor != 0).then_some((line, "an anchor")));
                odd.extend(tag.map(|_| (line, "a tag")));
                open.push((Node { line, kind: Kind::Map { flow: style == StructureStyle::Flow, entries: Vec::new() } }, None));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (node, _) = open.pop().expect("an end has a start");
                place(node, &mut open);
            }
            _ => {}
        }
    }
    Ok(Document { root, decoration: odd })
}
