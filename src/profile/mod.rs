//! Profiles: what a kind of cluster is made of, as data. The contract is `profiles/README.md`.
//!
//! [`catalog`] holds every data file (compiled in, or laid over with `--profile-dir`); [`load`] turns `profile.yaml` and its parts
//! into a [`Profile`]; [`engine`] evaluates its expressions and templates; [`flags`] reads its tables of daemon flags.

pub mod catalog;
pub mod engine;
pub mod flags;
pub mod load;
pub mod service;
pub mod shape;
pub mod status;
pub mod submission;
pub mod watch;

use std::collections::BTreeMap;

use crate::diag::{At, Spanned};
use crate::schema::{Type, Value};
pub use service::{Identity, Peers, PortRef, Question, Service, Traffic};
pub use status::Status;
pub use submission::Submission;
pub use watch::{Guide, Watch};

/// Places besides settings and versions that a rule may point at.
pub const PLACES: &[&str] = &[
    "cloud",
    "cluster",
    "delivery",
    "host",
    "host.address",
    "host.name",
    "hosts",
    "network",
    "network.gateway",
    "network.interface",
    "network.nameservers",
    "network.search",
    "network.subnet",
    "packages",
    "packages.set",
    "packages.source",
    "platform",
    "profile",
];

/// A loaded profile.
#[derive(Debug)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub summary: String,
    /// Platforms where it is sound.
    pub platforms: Vec<String>,
    /// Why it is not on others, by platform.
    pub elsewhere: BTreeMap<String, String>,
    /// Shape of the whole settings tree.
    pub settings_type: Type,
    /// Settings by dotted path.
    pub settings: BTreeMap<String, Setting>,
    /// Derived values, in order.
    pub derived: Vec<Derived>,
    /// Roles, in the order of the file.
    pub roles: Vec<Role>,
    /// Package set that holds when the spec is silent.
    pub default_set: String,
    /// Package sets and what they mean.
    pub package_sets: BTreeMap<String, String>,
    /// Packages with a version that the spec may set.
    pub versions: BTreeMap<String, VersionDefault>,
    /// Services by key.
    pub services: Vec<Service>,
    /// Who connects to whom.
    pub traffic: Vec<Traffic>,
    /// Directories to make.
    pub directories: Vec<Directory>,
    /// Folders under update-alternatives.
    pub alternatives: Vec<Alternative>,
    /// Folders in which leftovers would be read as configuration.
    pub sweep: Vec<String>,
    /// What services leave behind.
    pub state: Vec<State>,
    /// Files of the target.
    pub files: Vec<File>,
    /// apt repositories by name.
    pub sources: Vec<AptSource>,
    /// Tables of daemon flags by name.
    pub flag_tables: BTreeMap<String, flags::Table>,
    /// Documents that running services are given.
    pub submissions: Vec<Submission>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Changes that need care.
    pub watch: Vec<Watch>,
    /// Steps that lead through them.
    pub guides: Vec<Guide>,
    /// Files of its folder that count for nothing: they belong to a profile that this one was laid over. Paths below the folder.
    pub unused: Vec<String>,
    /// Templates and expressions, compiled once.
    pub engine: engine::Engine,
}

/// Who may set a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Only the cluster as a whole.
    Cluster,
    /// Also a role.
    Role,
    /// Also a single host.
    Host,
}

impl Scope {
    /// The word in `profile.yaml`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Role => "role",
            Self::Host => "host",
        }
    }
}

/// A typed setting.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What it may be.
    pub ty: Type,
    /// The `type` word of `profile.yaml`.
    pub type_name: String,
    /// Value when nobody sets it.
    pub default: Option<Value>,
    /// The user must set it.
    pub required: bool,
    /// Who may set it.
    pub scope: Scope,
    /// One line for people.
    pub doc: String,
    /// For `type: flags`, the table.
    pub table: Option<String>,
    /// Where the profile describes it.
    pub at: At,
}

/// A piece of text in minijinja's language, and where it stands.
pub type Snippet = Spanned<String>;

/// A named value that templates print.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Its name.
    pub name: String,
    /// An expression (keeps its type) or a template (gives text).
    pub how: Formula,
    /// Once per host instead of once per cluster.
    pub each_host: bool,
    /// It may differ between hosts that share their settings.
    pub looks_at_host: bool,
}

/// True when one of `names`, which an expression or template looks at, may differ between hosts that share their settings.
pub fn looks_at_host(derived: &[Derived], names: &[String]) -> bool {
    let differs = |name: &str| derived.iter().any(|d| d.looks_at_host && name == d.name);
    names.iter().any(|name| match name.split_once('.') {
        Some(("host", _)) => true,
        Some(("derived", rest)) => differs(rest.split('.').next().unwrap_or(rest)),
        Some(_) => false,
        None => name == "host" || (name == "derived" && derived.iter().any(|d| d.looks_at_host)),
    })
}

/// An expression or a template.
#[derive(Clone, Debug)]
pub enum Formula {
    /// Evaluated, keeps its type.
    Expr(Snippet),
    /// Rendered, gives text.
    Text(Snippet),
}

impl Formula {
    /// Names that it looks at.
    pub fn names(&self, engine: &engine::Engine) -> Vec<String> {
        match self {
            Self::Expr(source) => engine.names_of_expression(&source.value),
            Self::Text(source) => engine.names_of_text(&source.value),
        }
    }
}

/// A list item that may be conditional.
#[derive(Clone, Debug)]
pub struct Optional {
    /// The name.
    pub name: Spanned<String>,
    /// Only when this holds.
    pub when: Option<Snippet>,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub doc: String,
    /// How many hosts may have it.
    pub count: Count,
    /// Range of ids, when its hosts need one.
    pub ids: Option<(i64, i64)>,
    /// Packages by package set.
    pub packages: BTreeMap<String, Vec<Optional>>,
    /// Services, in start order.
    pub services: Vec<Optional>,
}

/// How many hosts may have a role.
#[derive(Clone, Debug)]
pub struct Count {
    /// Least.
    pub min: usize,
    /// Most.
    pub max: usize,
    /// Must be odd.
    pub odd: bool,
    /// Why not fewer, and why odd, for people.
    pub reason: String,
    /// Why not more, for people.
    pub max_reason: String,
}

/// A version's default.
#[derive(Clone, Debug)]
pub struct VersionDefault {
    /// The version; none: not pinned.
    pub default: Option<String>,
    /// One line for people.
    pub doc: String,
}

/// For which hosts something is.
#[derive(Clone, Debug)]
pub struct Audience {
    /// Hosts with one of these roles; empty: all.
    pub roles: Vec<String>,
    /// And only when this holds.
    pub when: Option<Snippet>,
}

/// A directory to make.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Its path, a template.
    pub path: Snippet,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// For whom.
    pub audience: Audience,
}

/// A folder under update-alternatives.
#[derive(Clone, Debug)]
pub struct Alternative {
    /// Name of the group.
    pub name: String,
    /// The generic path.
    pub link: String,
    /// Our own folder.
    pub path: String,
    /// Our priority.
    pub priority: i64,
    /// For whom.
    pub audience: Audience,
}

/// What a service that has run leaves behind: a machine's own, so that no image may hold it.
#[derive(Clone, Debug)]
pub struct State {
    /// A file or folder, a template.
    pub path: Snippet,
    /// Why it matters; goes on from "it".
    pub why: String,
    /// For whom.
    pub audience: Audience,
}

/// Where a file's bytes come from.
#[derive(Clone, Debug)]
pub enum Content {
    /// A file of the profile, byte for byte (key in the catalog).
    Verbatim(String),
    /// A template of the engine, by name.
    Template(String),
}

/// A file of the target.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path, a template.
    pub path: Snippet,
    /// Where its bytes come from.
    pub content: Content,
    /// One file per element of this.
    pub each: Option<Snippet>,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
    /// True when it holds a secret; an expression may decide.
    pub secret: Secrecy,
    /// Services to restart when it changes.
    pub restarts: Vec<String>,
    /// For whom.
    pub audience: Audience,
    /// It may differ between hosts that share their settings.
    pub looks_at_host: bool,
}

/// Whether a file holds a secret.
#[derive(Clone, Debug)]
pub enum Secrecy {
    /// Known.
    Fixed(bool),
    /// Decided per host.
    When(Snippet),
}

/// An apt repository.
#[derive(Clone, Debug)]
pub struct AptSource {
    /// Its name.
    pub name: String,
    /// Base URL, a template.
    pub official: Snippet,
    /// Suite, a template.
    pub suite: Snippet,
    /// Components.
    pub components: Vec<String>,
    /// Catalog key of the armored public key.
    pub key_file: Spanned<String>,
    /// Full fingerprint, forty upper-case digits.
    pub fingerprint: String,
    /// File below /etc/apt/sources.list.d.
    pub file: String,
}

/// A rule over the cluster or over each host.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Code below the profile's name.
    pub code: String,
    /// True for a warning.
    pub warning: bool,
    /// Once per host.
    pub each_host: bool,
    /// Only hosts that have one of these roles.
    pub roles: Vec<String>,
    /// True means: here is the problem, or, with `find`, that it is worth looking.
    pub when: Option<Snippet>,
    /// A template of which each line is a problem: a place, and a list in JSON that the texts see as `found`.
    pub find: Option<Snippet>,
    /// Where to point, without `find`: a template that gives places, of which the first that somebody typed is shown.
    pub at: Option<Snippet>,
    /// Template.
    pub message: Snippet,
    /// Template.
    pub help: Snippet,
    /// Long text for `explain`.
    pub explain: String,
    /// Where the rule stands.
    pub place: At,
}

impl Profile {
    /// A role by name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.name == name)
    }

    /// The setting that a dotted path names, and what follows when the path goes on into a mapping.
    pub fn setting_and_key<'p>(&self, path: &'p str) -> Option<(&'p str, Option<&'p str>)> {
        if self.settings.contains_key(path) {
            return Some((path, None));
        }
        let mut ends = path.match_indices('.').map(|(at, _)| at);
        ends.find(|end| self.settings.contains_key(&path[..*end])).map(|end| (&path[..end], Some(&path[end + 1..])))
    }

    /// True when a rule may point there.
    pub fn has_place(&self, place: &str) -> bool {
        let group = |path: &str| self.settings.keys().any(|name| name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
        match place.split_once('.') {
            Some(("settings", path)) => self.setting_and_key(path).is_some() || group(path),
            Some(("packages", rest)) if rest.starts_with("versions.") => self.versions.contains_key(rest.trim_start_matches("versions.")),
            _ => PLACES.contains(&place),
        }
    }

    /// A service by key.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }
}
