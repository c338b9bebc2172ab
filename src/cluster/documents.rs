//! Documents that lie in files of their own: what a spec names as `{file: app.json}` takes the place of its name, so that all
//! that is said about it points into that file. And which documents a cluster gives to its running services.

use minijinja::Value as Jinja;
use serde_json::Value as Json;

use super::resolve::unreadable;
use super::{Cluster, LocalFiles};
use crate::diag::{At, Diagnostic, Diagnostics, FileId, Sources, codes};
use crate::profile::load::json_of;
use crate::profile::{Snippet, Submission};
use crate::schema::{Type, Value};
use crate::spec::secrets;
use crate::yaml::read::{self, Entry, Kind, Node};

/// A tree of settings with files put in where `ty` allows it. A file that holds a list stands for its items. What cannot be read
/// is left out, and said.
pub fn expand(node: &Node, ty: &Type, local: &LocalFiles, sources: &mut Sources, diags: &mut Diagnostics) -> Node {
    Reader { local, sources, diags }.node(node, ty)
}

struct Reader<'r> {
    local: &'r LocalFiles,
    sources: &'r mut Sources,
    diags: &'r mut Diagnostics,
}

impl Reader<'_> {
    fn node(&mut self, node: &Node, ty: &Type) -> Node {
        let kind = match (&node.kind, ty) {
            (Kind::Map(entries), Type::Object(fields)) => {
                let entries = entries.iter().map(|entry| match fields.iter().find(|field| field.name == entry.key) {
                    Some(field) => Entry { value: self.node(&entry.value, &field.ty), ..entry.clone() },
                    None => entry.clone(),
                });
                Kind::Map(entries.collect())
            }
            (Kind::Seq(items), Type::List(item)) => Kind::Seq(items.iter().flat_map(|node| self.items(node, item)).collect()),
            _ => return node.clone(),
        };
        Node { at: node.at, kind }
    }

    fn items(&mut self, node: &Node, ty: &Type) -> Vec<Node> {
        let Type::Document(inner) = ty else { return vec![self.node(node, ty)] };
        let Some((path, at)) = file_of(node) else { return vec![self.node(node, inner)] };
        match self.read(path, at) {
            Some(Node { kind: Kind::Seq(items), .. }) => items,
            Some(node) => vec![node],
            None => Vec::new(),
        }
    }

    fn read(&mut self, path: &str, at: At) -> Option<Node> {
        let bytes = match self.local.get(path)? {
            Ok(bytes) => bytes,
            Err(why) => {
                self.diags.push(unreadable(path, why, at));
                return None;
            }
        };
        // What is no text at all has no place of its own to show.
        let mut unread = Diagnostics::new();
        let Some(text) = read::decode(bytes, |start, end| At::new(FileId(u32::MAX), start, end), &mut unread) else {
            let why = unread.iter().next().map_or_else(String::new, |d| d.message.clone());
            let help = "write one document into it, as JSON or YAML";
            self.diags.push(Diagnostic::error(codes::FILE_MISSING, at, format!("`{path}` cannot be used: {why}")).help(help));
            return None;
        };
        let file = self.sources.add(path, text.clone());
        secrets::read(&text, file, self.sources, self.diags)
    }
}

/// The path in `{file: path}`, and where it stands.
fn file_of(node: &Node) -> Option<(&str, At)> {
    let Kind::Map(entries) = &node.kind else { return None };
    let [Entry { key, value: Node { at, kind: Kind::Scalar { text, .. } }, .. }] = &entries[..] else { return None };
    (key == "file").then_some((text.as_str(), *at))
}

/// What a cluster gives to one of its services.
#[derive(Debug)]
pub struct Given<'c> {
    /// How.
    pub submission: &'c Submission,
    /// What each document is.
    pub item: &'c Type,
    /// What, in the order of the spec.
    pub documents: Vec<Document>,
}

/// A document, its templates filled in.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it goes by.
    pub key: String,
    /// As it was typed, nothing added.
    pub json: Json,
    /// Its path at the service.
    pub path: String,
    /// What the service's answer about it matches.
    pub there: String,
    /// The file on hosts that holds it.
    pub file: String,
}

impl Document {
    /// Its bytes, as they are sent.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.json)
    }
}

/// All that is given, kind by kind; kinds without a document are left out. Mistakes of the profile are in `diags`.
pub fn given<'c>(cluster: &'c Cluster, diags: &mut Diagnostics) -> Vec<Given<'c>> {
    let mut all = Vec::new();
    // With thousands of documents among the settings it is large: it is made once.
    let scope = cluster.scope();
    for submission in &cluster.profile.submissions {
        let path = &submission.documents.value;
        let (Some(value), Some(setting)) = (cluster.settings.get(None, path), cluster.profile.settings.get(path)) else { continue };
        let Type::List(item) = &setting.ty else { continue };
        let of = |v| document(cluster, &scope, submission, (item, v), diags);
        let documents: Vec<Document> = value.items().iter().filter_map(of).collect();
        if !documents.is_empty() {
            all.push(Given { submission, item, documents });
        }
    }
    all
}

fn document(
    cluster: &Cluster,
    whole: &Jinja,
    submission: &Submission,
    (ty, value): (&Type, &Value),
    diags: &mut Diagnostics,
) -> Option<Document> {
    let json = json_of(ty, value);
    let item = Jinja::from_serialize(&json);
    let mut render = |template: &Snippet, key: Option<&str>| {
        let scope = minijinja::context! { item => item, key => key, ..whole.clone() };
        let text = cluster.profile.engine.render_text(&template.value, &scope);
        text.map_err(|problem| {
            let help = "profiles/README.md says what expressions and templates may use";
            diags.push(Diagnostic::error(codes::PROFILE, template.at, problem.message).help(help));
        })
        .ok()
    };
    let key = render(&submission.key, None)?;
    let mut of = |template| render(template, Some(&key));
    let (path, there, file) = (of(&submission.path)?, of(&submission.there)?, of(&submission.file)?);
    Some(Document { path, there, file, key, json })
}
