//! Bytes as a tree: written in both styles, read back by an independent reader and by ours, and equal.
#![no_main]

use std::collections::BTreeSet;

use clusterseed::diag::{Diagnostics, Sources};
use clusterseed::yaml::read::{self, Kind, Node};
use clusterseed::yaml::write::{Style, Yaml, write};
use serde_yaml::Value;

/// Deeper than anything that is emitted.
const DEPTH: usize = 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let tree = Reader { bytes }.tree(0);
    for style in [Style::Quoted, Style::Literal] {
        let mut text = String::new();
        write(&tree, style, &mut text);
        assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')) && text.ends_with('\n'), "{text}");
        let read: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, value(&tree), "{text}");
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let node = read::parse(&text, sources.add("text", text.as_str()), &mut diags);
        let node = node.unwrap_or_else(|| panic!("{diags:?}\n{text}"));
        assert!(same(&node, &tree), "{node:?}\n{text}");
    }
});

/// Takes a tree out of bytes: short inputs give small trees, every string can be reached.
struct Reader<'b> {
    bytes: &'b [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.bytes.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
        self.bytes = rest;
        first
    }

    /// Up to a NUL that is not escaped by 0xFF; what is not UTF-8 becomes U+FFFD.
    fn text(&mut self) -> String {
        let mut taken = Vec::new();
        while !self.bytes.is_empty() {
            match self.byte() {
                0 => break,
                0xff => taken.push(self.byte()),
                byte => taken.push(byte),
            }
        }
        String::from_utf8_lossy(&taken).into_owned()
    }

    fn tree(&mut self, depth: usize) -> Yaml<'static> {
        match self.byte() % 8 {
            0 => Yaml::Bool(self.byte() & 1 == 1),
            1 => Yaml::Int(i64::from_be_bytes([0; 8].map(|_: u8| self.byte()))),
            2 | 3 if depth < DEPTH => Yaml::Seq((0..self.byte() % 8).map(|_| self.tree(depth + 1)).collect()),
            4 | 5 if depth < DEPTH => {
                let mut seen = BTreeSet::new();
                let entries = (0..self.byte() % 8).map(|_| (self.text(), self.tree(depth + 1)));
                // Ours takes `<<` for a merge in whatever quotes; nothing that is emitted has such a key.
                Yaml::Map(entries.filter(|(key, _)| key != "<<" && seen.insert(key.clone())).map(|(k, v)| (k.into(), v)).collect())
            }
            _ => self.text().into(),
        }
    }
}

fn value(tree: &Yaml<'_>) -> Value {
    match tree {
        Yaml::Str(text) => Value::String(text.to_string()),
        Yaml::Bool(flag) => Value::Bool(*flag),
        Yaml::Int(number) => Value::Number((*number).into()),
        Yaml::Seq(items) => Value::Sequence(items.iter().map(value).collect()),
        Yaml::Map(entries) => Value::Mapping(entries.iter().map(|(k, v)| (Value::String(k.to_string()), value(v))).collect()),
    }
}

fn same(node: &Node, tree: &Yaml<'_>) -> bool {
    match (&node.kind, tree) {
        (Kind::Scalar { text, plain: false }, Yaml::Str(wanted)) => text == wanted,
        (Kind::Scalar { text, plain: true }, Yaml::Bool(flag)) => *text == flag.to_string(),
        (Kind::Scalar { text, plain: true }, Yaml::Int(number)) => *text == number.to_string(),
        (Kind::Seq(nodes), Yaml::Seq(items)) => nodes.len() == items.len() && nodes.iter().zip(items).all(|(n, t)| same(n, t)),
        (Kind::Map(found), Yaml::Map(entries)) => {
            found.len() == entries.len() && found.iter().zip(entries).all(|(f, (key, tree))| f.key == **key && same(&f.value, tree))
        }
        _ => false,
    }
}
