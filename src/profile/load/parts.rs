//! `profile.yaml` and the parts that it names to one tree, of which each node knows the file that it stands in.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{At, Diagnostic, Diagnostics, FileId, Sources, Spanned, codes, nearest};
use crate::profile::catalog::Catalog;
use crate::profile::shape;
use crate::schema::check::Checker;
use crate::schema::{Type, Value};
use crate::yaml::read::{self, Entry, Kind, Node};

/// Where every profile begins.
const ENTRY: &str = "profile.yaml";

/// A profile as one tree.
pub(super) struct Whole {
    /// Its fields.
    pub root: Node,
    /// Paths below its folder of what looks like a part, and counts for nothing: it belongs to a profile that this one was laid over.
    pub unused: Vec<String>,
}

/// Reads the profile `name`, whose shape is `whole`. `None` when `diags` holds an error: in what is not all there, the rest of the checks
/// would only find what follows from that.
pub(super) fn read(name: &str, whole: &Type, catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Whole> {
    let mut reader = Reader { name, folder: format!("profiles/{name}/"), whole, catalog, sources, diags };
    let mut root = reader.file(ENTRY, None)?;
    let parts = reader.names(&root);
    for part in &parts {
        if let (Some(more), Kind::Map(all)) = (reader.part(part), &mut root.kind) {
            reader.join(all, more);
        }
    }
    let unused = if reader.diags.has_errors() { Vec::new() } else { reader.unnamed(&root, &parts) };
    (diags.blocking_errors() == 0).then_some(Whole { root, unused })
}

struct Reader<'r> {
    /// Of the profile.
    name: &'r str,
    /// The profile's folder in the catalog, with a slash at its end.
    folder: String,
    /// The shape of a whole profile.
    whole: &'r Type,
    catalog: &'r Catalog,
    sources: &'r mut Sources,
    diags: &'r mut Diagnostics,
}

impl Reader<'_> {
    fn error(&mut self, at: At, message: String, help: impl Into<String>) {
        self.diags.push(Diagnostic::error(codes::PROFILE, at, message).help(help));
    }

    /// A file of the profile as a tree. What cannot be read as text at all is told at `named`, where the file is asked for.
    fn file(&mut self, path: &str, named: Option<At>) -> Option<Node> {
        let key = format!("{}{path}", self.folder);
        let entry = self.catalog.get(&key)?;
        let place = entry.place(&key);
        let mut found = Diagnostics::new();
        let Some(text) = read::decode(&entry.bytes, |start, end| At::new(FileId(u32::MAX), start, end), &mut found) else {
            let told = |d: &Diagnostic| {
                let d = if &*d.code == codes::TEXT_TOO_LARGE { with_help(d, "cut it into parts") } else { d.clone() };
                Diagnostic { at: named, message: format!("`{place}`: {}", d.message), ..d }
            };
            found.iter().for_each(|d| self.diags.push(told(d)));
            return None;
        };
        let file = self.sources.add(place, text);
        let mut found = Diagnostics::new();
        let node = read::parse(&self.sources.get(file).text, file, &mut found);
        let told = |d: &Diagnostic| match &*d.code {
            codes::YAML_EMPTY => with_help(d, "write fields of a profile; profiles/README.md says which there are"),
            codes::YAML_DOCUMENTS => with_help(d, "a file holds one document: remove the `---`, or make what follows a part of its own"),
            _ => d.clone(),
        };
        found.iter().for_each(|d| self.diags.push(told(d)));
        node
    }

    fn check(&mut self, name: &str, node: &Node, ty: &Type) -> Option<Value> {
        Checker { diags: self.diags, unknown: codes::UNKNOWN_FIELD, noun: "field" }.check(name, node, ty)
    }

    /// What `parts` names and may name.
    fn names(&mut self, root: &Node) -> Vec<Spanned<String>> {
        let list = root.get("parts").and_then(|node| self.check("parts", node, &shape::parts()));
        let (mut names, mut seen) = (Vec::new(), BTreeMap::new());
        for name in list.iter().flat_map(Value::items) {
            let Some(text) = name.text() else { continue };
            if text == ENTRY {
                self.error(name.at, format!("`{ENTRY}` is no part of itself"), "name the other files only");
            } else if let Some((folder, _)) = text.split_once('/').filter(|(folder, _)| RESERVED.contains(folder)) {
                let message = format!("`{text}` is no part: what lies in `{folder}` is named in the field `{folder}`");
                self.error(name.at, message, "move it beside profile.yaml, or into a folder of another name");
            } else if text.split('/').any(|step| matches!(step, "" | "." | "..")) {
                let message = format!("`{text}` is no path below the profile's folder");
                self.error(name.at, message, "write it like `rules.yaml` or `rules/ports.yaml`, from that folder on");
            } else if let Some(first) = seen.insert(text, name.at) {
                let twice = Diagnostic::error(codes::PROFILE, name.at, format!("`{text}` is named twice"));
                self.diags.push(twice.related(first, "first here").help("keep one: a part is read once"));
            } else {
                names.push(Spanned::new(text.to_string(), name.at));
            }
        }
        names
    }

    /// Files that look like parts and are named by nobody. One that lies where `profile.yaml` does, or was laid over it, is a mistake: it
    /// would count for nothing without a word. The others are given.
    fn unnamed(&mut self, root: &Node, parts: &[Spanned<String>]) -> Vec<String> {
        let Kind::Map(entries) = &root.kind else { return Vec::new() };
        let at = entries.iter().find(|entry| entry.key == "parts").map_or(root.at, |entry| entry.key_at);
        let named: BTreeSet<&str> = parts.iter().map(|part| part.value.as_str()).collect();
        let mut unused = Vec::new();
        for (path, entry) in self.catalog.below(&self.folder).filter(|(path, _)| is_part(path) && !named.contains(path)) {
            if self.catalog.is_below(self.name, entry) {
                unused.push(path.to_string());
            } else {
                let message = format!("`{}` is named by no entry of `parts`", entry.place(&format!("{}{path}", self.folder)));
                self.diags.push(
                    Diagnostic::error(codes::PROFILE, at, message).help("add an entry to `parts` in profile.yaml, or remove the file"),
                );
            }
        }
        unused
    }

    /// The fields of a part.
    fn part(&mut self, part: &Spanned<String>) -> Option<Vec<Entry>> {
        if self.catalog.get(&format!("{}{}", self.folder, part.value)).is_none() {
            let others = self.catalog.below(&self.folder).map(|(path, _)| path).filter(|path| is_part(path));
            let help = match nearest(&part.value, others) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "add the file, or remove the entry".into(),
            };
            self.error(part.at, format!("there is no `{}` in the profile's folder", part.value), help);
            return None;
        }
        let node = self.file(&part.value, Some(part.at))?;
        let noun = node.noun();
        let Kind::Map(entries) = node.kind else {
            let message = format!("a part of a profile must be a mapping, this is {noun}");
            self.error(node.at, message, "begin with the field that it holds, for example `rules:`, and indent the rest");
            return None;
        };
        Some(entries)
    }

    /// Adds the fields of a part to those before it.
    fn join(&mut self, all: &mut Vec<Entry>, more: Vec<Entry>) {
        let Type::Object(fields) = self.whole else { return };
        for Entry { key, key_at, value } in more {
            let field = fields.iter().find(|field| field.name == key);
            if field.is_none() {
                // Told here, where it is known what a part may hold.
                let at = key_at;
                let alone = Node { at, kind: Kind::Map(vec![Entry { key, key_at, value }]) };
                self.check("", &alone, &shape::part());
            } else if shape::ENTRY_FIELDS.contains(&&*key) {
                let help = if key == "parts" { "name all parts in profile.yaml" } else { "it stands in profile.yaml: remove it here" };
                self.error(key_at, format!("a part of a profile cannot hold `{key}`"), help);
            } else if let (Some(field), Some(first)) = (field, all.iter_mut().find(|entry| entry.key == key)) {
                match (&field.ty, &mut first.value.kind, value.kind) {
                    (Type::List(_), Kind::Seq(items), Kind::Seq(more)) => items.extend(more),
                    (Type::List(_), _, kind) => {
                        self.check(&key, &Node { at: value.at, kind }, &field.ty);
                    }
                    _ => {
                        let twice = Diagnostic::error(codes::PROFILE, key_at, format!("`{key}` stands in two files of the profile"));
                        let help = "keep one; only lists, such as `rules`, may go on in another file";
                        self.diags.push(twice.related(first.key_at, "first here").help(help));
                    }
                }
            } else {
                all.push(Entry { key, key_at, value });
            }
        }
    }
}

/// Folders whose files are named in the fields of the same names.
const RESERVED: [&str; 2] = ["files", "guides"];

/// Whether a file of a profile's folder looks like a part of it.
fn is_part(path: &str) -> bool {
    path != ENTRY && path.ends_with(".yaml") && !path.split_once('/').is_some_and(|(folder, _)| RESERVED.contains(&folder))
}

fn with_help(d: &Diagnostic, help: &str) -> Diagnostic {
    Diagnostic { help: vec![help.into()], ..d.clone() }
}
