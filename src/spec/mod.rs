//! Pass 1: the text of a spec to [`Spec`], exactly what the user wrote, with the place of everything.
//!
//! Nothing is resolved here: names of roles, settings and versions are only known once the profile is.

pub mod network;
pub mod packages;
pub mod parse;
pub mod secrets;
pub mod shape;

use std::collections::BTreeMap;

use crate::diag::{At, Diagnostics, Spanned};
use crate::schema::Value;
use crate::yaml::read::Node;

/// A spec as typed.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The whole mapping.
    pub at: At,
    /// Where each field stands, from its key to the end of its value.
    pub fields: BTreeMap<String, At>,
    /// Name of the cluster.
    pub cluster: Spanned<String>,
    /// Name of the profile.
    pub profile: Spanned<String>,
    /// Name of the platform.
    pub platform: Spanned<String>,
    /// Name of the cloud whose limits hold.
    pub cloud: Option<Spanned<String>>,
    /// How the seed arrives.
    pub delivery: Delivery,
    /// `stable` or `content`.
    pub instance_id: Option<Spanned<String>>,
    /// The network.
    pub network: Network,
    /// Hosts and ranges of hosts.
    pub hosts: Vec<HostEntry>,
    /// Overrides by role.
    pub roles: Vec<RoleEntry>,
    /// Settings of the profile, unchecked.
    pub settings: Option<Node>,
    /// Where packages come from.
    pub packages: Packages,
    /// Full fingerprints of the keys that may sign seeds.
    pub trust: Vec<Spanned<String>>,
    /// Accounts.
    pub users: Vec<User>,
    /// The user's own files.
    pub files: Vec<File>,
    /// The user's own commands.
    pub commands: Vec<Command>,
    /// Codes of warnings that shall be silent.
    pub allow: Vec<Spanned<String>>,
}

/// `delivery`.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// `inline`, `volume`, `url` or `hand`; none: chosen by what is carried.
    pub method: Option<Spanned<String>>,
    /// Where `out/hosts` is served, for `url`.
    pub url: Option<Spanned<String>>,
    /// `auto`, `never` or `always`.
    pub compress: Option<Spanned<String>>,
    /// `iso`, `vfat` or `none`; none: an ISO where the cloud takes a volume.
    pub volume: Option<Spanned<String>>,
}

/// `network`.
#[derive(Clone, Debug)]
pub struct Network {
    /// `192.0.2.0/24`.
    pub subnet: Spanned<String>,
    /// Default gateway.
    pub gateway: Option<Spanned<String>>,
    /// Name servers.
    pub nameservers: Vec<Spanned<String>>,
    /// Search domains; the first is the hosts' domain.
    pub search: Vec<Spanned<String>>,
    /// Name of the interface.
    pub interface: Spanned<String>,
    /// `static`, `dhcp` or `none`.
    pub addressing: Option<String>,
    /// What else is said of that interface.
    pub link: network::Link,
    /// Further interfaces.
    pub interfaces: Vec<network::Interface>,
}

/// One entry of `hosts`: a host, or a range of them.
#[derive(Clone, Debug)]
pub struct HostEntry {
    /// `master1` or `slave[1-300]`.
    pub name: Spanned<String>,
    /// Names of its roles.
    pub roles: Vec<Spanned<String>>,
    /// Its address, or the first of consecutive ones.
    pub address: Spanned<String>,
    /// Its id, or the first of consecutive ones.
    pub id: Option<Spanned<i64>>,
    /// What its interfaces have of their own.
    pub interfaces: Vec<network::HostInterface>,
    /// Settings of the profile, unchecked.
    pub settings: Option<Node>,
}

/// One entry of `roles`.
#[derive(Clone, Debug)]
pub struct RoleEntry {
    /// Name of the role.
    pub name: Spanned<String>,
    /// Settings of the profile, unchecked.
    pub settings: Option<Node>,
}

/// `packages`.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// `official`, `mirror` or `carried`.
    pub source: Option<Spanned<String>>,
    /// Base URL of the mirror.
    pub mirror: Option<Spanned<String>>,
    /// File of the mirror's armored key, relative to the spec; none: the profile's key signs.
    pub key: Option<Spanned<String>>,
    /// Full fingerprint of that key.
    pub fingerprint: Option<Spanned<String>>,
    /// Which package set of the profile.
    pub set: Option<Spanned<String>>,
    /// Versions by package, with the place of the name.
    pub versions: Vec<(Spanned<String>, Spanned<String>)>,
    /// More packages for every host.
    pub extra: Vec<Spanned<String>>,
    /// Where carried packages come from, in order of preference.
    pub from: Vec<packages::Origin>,
    /// What the image has already: a dpkg status, a root, or a tarball of one, relative to the spec.
    pub base: Option<Spanned<String>>,
    /// `keep` or `aside`.
    pub sources_list: Option<Spanned<String>>,
}

/// An account.
#[derive(Clone, Debug)]
pub struct User {
    /// Where the whole entry stands.
    pub at: At,
    /// Login name.
    pub name: Spanned<String>,
    /// Full name.
    pub gecos: Option<String>,
    /// Further groups.
    pub groups: Vec<Spanned<String>>,
    /// Login shell.
    pub shell: Option<String>,
    /// May use sudo without a password.
    pub sudo: bool,
    /// crypt(3) hash.
    pub password_hash: Option<Spanned<String>>,
    /// Public keys.
    pub ssh_keys: Vec<Spanned<String>>,
}

/// Which hosts something of the user's is for; empty: all.
#[derive(Clone, Debug, Default)]
pub struct Audience {
    /// Hosts that have one of these roles.
    pub roles: Vec<Spanned<String>>,
    /// Hosts of these names.
    pub hosts: Vec<Spanned<String>>,
}

/// The bit of a mode that lets everybody read.
pub const OTHERS_READ: u32 = 0o004;

/// A file of the user's own.
#[derive(Clone, Debug)]
pub struct File {
    /// Path on the target.
    pub path: Spanned<String>,
    /// Its text.
    pub content: Option<Value>,
    /// A local file with its content, relative to the spec.
    pub source: Option<Spanned<String>>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub owner: Option<String>,
    /// Group.
    pub group: Option<String>,
    /// Whether the content is a secret, where that is said.
    pub secret: Option<bool>,
    /// Which hosts.
    pub audience: Audience,
}

/// A command of the user's own.
#[derive(Clone, Debug)]
pub struct Command {
    /// A line for the shell, or the words of a command.
    pub run: Vec<Spanned<String>>,
    /// True when `run` is one line for the shell.
    pub shell: bool,
    /// `before-install` or `after-start`.
    pub moment: Option<String>,
    /// Which hosts.
    pub audience: Audience,
}

impl Spec {
    /// True when no error was found in a field: what was read from it is all that was typed.
    pub fn sound(&self, field: &str, diags: &Diagnostics) -> bool {
        self.fields.get(field).is_none_or(|at| !diags.has_error_in(*at))
    }

    /// Local files that the spec names, relative to it: secrets, sources and keys, each with the place that names it.
    pub fn references(&self) -> Vec<Spanned<String>> {
        let mut found = Vec::new();
        let nodes = [self.settings.as_ref()].into_iter();
        let nodes = nodes.chain(self.roles.iter().map(|r| r.settings.as_ref()));
        let nodes = nodes.chain(self.hosts.iter().map(|h| h.settings.as_ref()));
        nodes.flatten().for_each(|node| secret_files(node, &mut found));
        found.extend(self.files.iter().filter_map(|f| f.source.clone()));
        found.extend(self.packages.key.clone());
        found.extend(self.packages.from.iter().filter_map(|origin| origin.key.clone()));
        found
    }
}

/// Settings are not typed yet, so whatever has the form of a secret in a file counts: a mapping with the one key `file`.
fn secret_files(node: &Node, found: &mut Vec<Spanned<String>>) {
    use crate::yaml::read::Kind;
    match &node.kind {
        Kind::Map(entries) => {
            if let [entry] = entries.as_slice()
                && entry.key == "file"
                && let Kind::Scalar { text, .. } = &entry.value.kind
            {
                found.push(Spanned::new(text.clone(), entry.value.at));
            }
            entries.iter().for_each(|entry| secret_files(&entry.value, found));
        }
        Kind::Seq(items) => items.iter().for_each(|item| secret_files(item, found)),
        Kind::Scalar { .. } => {}
    }
}
