//! Settings in layers: profile default, cluster, role, host. Each resolved value knows where it was typed.

use std::collections::BTreeMap;

use minijinja::Value as Jinja;

use super::{LocalFiles, Pin};
use crate::diag::{At, Diagnostic, Diagnostics, codes, did_you_mean};
use crate::profile::flags::{Found, Table};
use crate::profile::{Profile, Scope, Setting};
use crate::schema::check::Checker;
use crate::schema::{Data, Field, Type, Value, scalar};
use crate::yaml::read::Node;

/// Typed values by dotted path.
pub type Map = BTreeMap<String, Value>;

/// A typed mapping: each key with its place.
type Entries = BTreeMap<String, (At, Value)>;

/// All settings of a cluster.
#[derive(Debug, Default)]
pub struct Layers {
    /// Profile defaults under what the cluster sets.
    base: Map,
    /// Where defaults end: paths that somebody typed.
    typed: BTreeMap<String, At>,
    /// One for each distinct set of overrides.
    variants: Vec<Variant>,
}

/// Overrides of a role, or of one host.
#[derive(Debug)]
pub struct Variant {
    own: Map,
    view: Option<Jinja>,
}

/// The type of settings of roles and hosts: that of the cluster's, where a key of a mapping may also be taken away.
pub fn narrower(profile: &Profile) -> Type {
    fn within(ty: &Type, path: &str, profile: &Profile) -> Type {
        match ty {
            Type::Map { keys, values } if profile.settings.contains_key(path) => {
                Type::Map { keys: keys.clone(), values: Box::new(Type::OrNull(values.clone())) }
            }
            Type::Object(fields) if !profile.settings.contains_key(path) => {
                let join = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
                Type::Object(fields.iter().map(|f| Field { ty: within(&f.ty, &join(&f.name), profile), ..f.clone() }).collect())
            }
            other => other.clone(),
        }
    }
    within(&profile.settings_type, "", profile)
}

/// Reads one `settings` mapping of the spec, of type `ty`, into typed values by path.
pub fn read(node: Option<&Node>, ty: &Type, level: Scope, profile: &Profile, diags: &mut Diagnostics) -> Map {
    let Some(node) = node else { return Map::new() };
    let mut checker = Checker { diags, unknown: codes::UNKNOWN_SETTING, noun: "setting" };
    let Some(tree) = checker.check("settings", node, ty) else { return Map::new() };
    let mut map = Map::new();
    flatten(&tree, "", profile, &mut map);
    for (path, value) in &map {
        let scope = profile.settings.get(path).map_or(Scope::Host, |s| s.scope);
        if scope < level {
            let message = format!("`{path}` must be equal on every host, it cannot be set for a single {}", level.word());
            let place = if scope == Scope::Cluster { "the top-level `settings`" } else { "`settings`, or `roles`" };
            diags.push(Diagnostic::error(codes::SETTING_SCOPE, value.at, message).help(format!("move it to {place}")));
        }
    }
    map
}

fn flatten(tree: &Value, prefix: &str, profile: &Profile, out: &mut Map) {
    for (key, _, value) in tree.entries() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if profile.settings.contains_key(&path) {
            out.insert(path, value.clone());
        } else {
            flatten(value, &path, profile, out);
        }
    }
}

/// Puts a layer over wider ones: mappings add up key by key, everything else is replaced. What is not in `into` is in `below`.
fn put(into: &mut Map, below: Option<&Map>, layer: Map, diags: &mut Diagnostics) {
    for (path, value) in layer {
        let wide = into.get(&path).or_else(|| below.and_then(|below| below.get(&path)));
        let value = match value {
            Value { at, data: Data::Map(own) } => Value { at, data: Data::Map(added(&path, wide, own, diags)) },
            value => value,
        };
        into.insert(path, value);
    }
}

/// Entries of a mapping: those of a wider layer, and over them the narrower's own. `null` takes one away.
fn added(path: &str, wide: Option<&Value>, own: Entries, diags: &mut Diagnostics) -> Entries {
    let mut entries = match wide.map(|wide| &wide.data) {
        Some(Data::Map(entries)) => entries.clone(),
        _ => Entries::new(),
    };
    for (key, (at, value)) in own {
        if !matches!(value.data, Data::Null) {
            entries.insert(key, (at, value));
        } else if entries.remove(&key).is_none() {
            let message = format!("nothing sets `{path}.{key}`, so `null` has nothing to take away");
            let help = did_you_mean(&key, entries.keys().map(String::as_str));
            diags.push(Diagnostic::error(codes::INVALID_VALUE, at, message).help(help).help("or remove the line"));
        }
    }
    entries
}

impl Layers {
    /// Layers what the cluster sets over the profile's defaults; required settings that nobody sets are reported at `at`.
    pub fn new(cluster: Map, profile: &Profile, at: At, elsewhere: &[&Map], diags: &mut Diagnostics) -> Self {
        let mut base: Map = profile.settings.iter().filter_map(|(path, s)| Some((path.clone(), s.default.clone()?))).collect();
        let typed = cluster.iter().map(|(path, value)| (path.clone(), value.at)).collect();
        put(&mut base, None, cluster, diags);
        for (path, setting) in profile.settings.iter().filter(|(_, s)| s.required) {
            if !base.contains_key(path) && !elsewhere.iter().any(|map| map.contains_key(path)) {
                let message = format!("the profile `{}` needs the setting `{path}`", profile.name);
                diags.push(Diagnostic::error(codes::SETTING_REQUIRED, at, message).help(format!(
                    "under `settings`: {} ({})",
                    setting.doc,
                    setting.ty.noun()
                )));
            }
        }
        Self { base, typed, variants: Vec::new() }
    }

    /// Adds sets of overrides, the narrowest last, and gives the index of what they make together.
    pub fn add(&mut self, layers: impl IntoIterator<Item = Map>, diags: &mut Diagnostics) -> usize {
        let mut own = Map::new();
        layers.into_iter().for_each(|layer| put(&mut own, Some(&self.base), layer, diags));
        self.variants.push(Variant { own, view: None });
        self.variants.len() - 1
    }

    /// A resolved value: of a variant, or of the cluster as a whole.
    pub fn get(&self, variant: Option<usize>, path: &str) -> Option<&Value> {
        let own = variant.and_then(|v| self.variants.get(v)).and_then(|v| v.own.get(path));
        own.or_else(|| self.base.get(path))
    }

    /// Where a value was typed, if anywhere.
    pub fn typed_at(&self, variant: Option<usize>, path: &str) -> Option<At> {
        let own = variant.and_then(|v| self.variants.get(v)).and_then(|v| v.own.get(path));
        own.map(|value| value.at).or_else(|| self.typed.get(path).copied())
    }

    /// A port or other whole number.
    pub fn int(&self, variant: Option<usize>, path: &str) -> Option<i64> {
        match self.get(variant, path)?.data {
            Data::Int(number) => Some(number),
            _ => None,
        }
    }

    /// Every value that somebody typed, on any level, with its path.
    pub fn all_typed(&self) -> impl Iterator<Item = (&String, &Value)> {
        let base = self.base.iter().filter(|(path, _)| self.typed.contains_key(*path));
        base.chain(self.variants.iter().flat_map(|v| &v.own))
    }

    /// What templates see of the settings of the cluster, or of a variant.
    pub fn view(&self, variant: Option<usize>, maker: &ViewMaker<'_>) -> Jinja {
        match variant.and_then(|v| self.variants.get(v)) {
            Some(Variant { view: Some(view), .. }) => view.clone(),
            Some(Variant { own, .. }) => maker.tree(&self.base, Some(own)),
            None => maker.tree(&self.base, None),
        }
    }

    /// Keeps the view of a variant that many hosts share.
    pub fn keep_view(&mut self, variant: usize, maker: &ViewMaker<'_>) {
        let view = self.view(Some(variant), maker);
        self.variants[variant].view = Some(view);
    }

    /// True when many hosts share the variant.
    pub fn is_shared(&self, variant: usize) -> bool {
        self.variants[variant].view.is_some()
    }
}

/// Turns typed settings into what templates see.
pub struct ViewMaker<'m> {
    /// The profile.
    pub profile: &'m Profile,
    /// Versions, for tables of flags.
    pub versions: &'m BTreeMap<String, Pin>,
    /// Secrets that lie in files.
    pub files: &'m LocalFiles,
}

/// A node of the tree that is being built.
enum Tree {
    Leaf(Jinja),
    Group(BTreeMap<String, Tree>),
}

impl Tree {
    fn put(&mut self, path: &str, value: Jinja) {
        let Self::Group(group) = self else { return };
        match path.split_once('.') {
            Some((head, tail)) => group.entry(head.to_string()).or_insert_with(|| Self::Group(BTreeMap::new())).put(tail, value),
            None => drop(group.insert(path.to_string(), Self::Leaf(value))),
        }
    }

    fn finish(self) -> Jinja {
        match self {
            Self::Leaf(value) => value,
            Self::Group(group) => group.into_iter().map(|(key, tree)| (key, tree.finish())).collect(),
        }
    }
}

impl ViewMaker<'_> {
    fn tree(&self, base: &Map, own: Option<&Map>) -> Jinja {
        let mut tree = Tree::Group(BTreeMap::new());
        for (path, setting) in &self.profile.settings {
            let value = own.and_then(|own| own.get(path)).or_else(|| base.get(path));
            tree.put(path, self.value(setting, value));
        }
        tree.finish()
    }

    fn value(&self, setting: &Setting, value: Option<&Value>) -> Jinja {
        match (&setting.table, value) {
            (Some(table), value) => self.flags(table, value),
            (None, Some(value)) => self.plain(&setting.ty, value),
            (None, None) => Jinja::from(()),
        }
    }

    fn plain(&self, ty: &Type, value: &Value) -> Jinja {
        match (&value.data, ty) {
            (Data::Text(text), Type::Scalar(scalar::Syntax::PortRange)) => match scalar::port_range(text) {
                Ok((from, to)) => {
                    [("from", Jinja::from(from)), ("to", Jinja::from(to)), ("text", Jinja::from(text.as_str()))].into_iter().collect()
                }
                Err(_) => Jinja::from(()),
            },
            (Data::List(items), Type::List(item)) => items.iter().map(|v| self.plain(item, v)).collect(),
            (Data::Map(map), Type::Map { values, .. }) => map.iter().map(|(k, (_, v))| (k.clone(), self.plain(values, v))).collect(),
            (Data::Map(map), Type::Object(fields)) => {
                fields.iter().filter_map(|f| Some((f.name.clone(), self.plain(&f.ty, &map.get(&f.name)?.1)))).collect()
            }
            (_, Type::Document(inner)) => self.plain(inner, value),
            (Data::Text(text), _) => Jinja::from(text.as_str()),
            (Data::Bool(flag), _) => Jinja::from(*flag),
            (Data::Int(number), _) => Jinja::from(*number),
            (Data::Number(number), _) => Jinja::from(*number),
            (Data::SecretFile(path), _) => match secret(self.files, path) {
                Ok(text) => Jinja::from(text),
                Err(_) => Jinja::from(()),
            },
            _ => Jinja::from(()),
        }
    }

    fn flags(&self, table: &str, value: Option<&Value>) -> Jinja {
        let Some(table) = self.profile.flag_tables.get(table) else { return Jinja::from(()) };
        let entries = value.into_iter().flat_map(Value::entries);
        entries.map(|(name, _, value)| flag(table, self.versions, name, value)).collect()
    }
}

fn flag(table: &Table, versions: &BTreeMap<String, Pin>, name: &str, value: &Value) -> Jinja {
    let version = versions.get(&table.version).and_then(|pin| pin.version.as_deref());
    let toggle = matches!(table.find(name, version), Found::Yes { toggle: true });
    let text = match &value.data {
        Data::Bool(flag) => flag.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Text(text) => text.clone(),
        _ => String::new(),
    };
    let form = match (&value.data, toggle) {
        (Data::Bool(true), true) => table.on.as_ref(),
        (Data::Bool(false), true) => table.off.as_ref(),
        _ => None,
    };
    let (file, content) = form.unwrap_or(&table.value).fill(name, &text);
    [("name", name.to_string()), ("value", text), ("file", file), ("content", content)].into_iter().collect::<BTreeMap<_, _>>().into()
}

/// The secret in a file: its text without the newline that editors put at the end.
pub fn secret(files: &LocalFiles, path: &str) -> Result<String, String> {
    let bytes = files.get(path).ok_or("it was not read")?.as_ref().map_err(Clone::clone)?;
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_string())?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.chars().find(|c| !matches!(c, ' '..='~')) {
        Some(_) => Err("a secret is one line of printable ASCII".into()),
        None if text.is_empty() => Err("it is empty".into()),
        None => Ok(text.to_string()),
    }
}
