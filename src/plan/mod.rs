//! Pass 3: [`Cluster`] to one [`HostPlan`] per host. A plan leaves nothing to decide: paths, bytes, modes, versions and order are final.
//!
//! [`Planner`] first plans what hosts of the same roles and settings share, once; a host then only adds what names it.
//! Types that serialize are parts of `host.json` as they are: `apply` knows their fields by these names, and `diff` reads them back.

pub mod apt;
pub mod carried;
pub mod digest;
pub mod file;
pub mod group;
pub mod identity;
pub mod image;
pub mod peers;
pub mod service;
pub mod submission;
pub mod trust;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cluster::network::Link;
use crate::cluster::{Cluster, Host, Method, Moment};
use crate::diag::{Diagnostic, Diagnostics, codes};
use file::{Phase, PlannedFile};
use group::Group;

/// Everything that one host gets.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// Short name.
    pub name: String,
    /// Name with domain, if there is one.
    pub fqdn: String,
    /// Address.
    pub address: Ipv4Addr,
    /// What it has of each interface of the network.
    pub links: Vec<Link>,
    /// Roles.
    pub roles: Vec<String>,
    /// Files, sorted by path.
    pub files: Vec<Arc<PlannedFile>>,
    /// The user's commands.
    pub commands: Vec<Command>,
    /// Other hosts that its services need to form a cluster.
    pub peers: Vec<peers::Peer>,
    /// How long to wait for them, the first time.
    pub formation_seconds: u32,
    /// What its services refuse to change once they have run.
    pub identities: Vec<identity::Identity>,
    /// Services of its own that it gives documents.
    pub submissions: Vec<submission::Submission>,
    /// Those documents.
    pub documents: Vec<submission::Document>,
    /// The image that it boots from, where its seed relies on one.
    pub image: Option<image::Image>,
    /// What it shares with hosts of the same roles and settings.
    pub shared: Arc<Group>,
    /// SHA-256 over everything above, in hexadecimal.
    pub digest: String,
}

/// A package to install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, may end in `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Package {
    /// `name` or `name=version`.
    pub fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{}={version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A service of the host's own, in start order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Job or unit name.
    #[serde(rename = "name")]
    pub unit: String,
    /// Ports that must listen before the next one starts.
    pub ports: Vec<u16>,
    /// How long to wait for them.
    pub wait_seconds: u32,
}

/// A directory to make.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Directory {
    /// Path.
    pub path: String,
    /// Permission bits.
    #[serde(with = "file::octal")]
    pub mode: u32,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
}

/// A folder under update-alternatives.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alternative {
    /// Name of the group.
    pub name: String,
    /// Generic path.
    pub link: String,
    /// Our own folder.
    pub path: String,
    /// Our priority.
    pub priority: i64,
}

/// A command of the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Sixteen hexadecimal digits of the digest of the command, and of how many before it on this host are the same: it runs once
    /// for each.
    pub id: String,
    /// When it runs.
    #[serde(rename = "at")]
    pub moment: Moment,
    /// Words; a line for the shell is `sh -c LINE`.
    pub run: Vec<String>,
}

impl HostPlan {
    /// True when a file of the host is a secret.
    pub fn holds_secrets(&self) -> bool {
        self.files.iter().any(|file| file.secret)
    }
}

/// Plans hosts of one cluster.
pub struct Planner<'c> {
    /// The cluster.
    pub cluster: &'c Cluster,
    repositories: Vec<apt::Repository>,
    groups: BTreeMap<(usize, &'c [String]), Arc<Group>>,
    images: BTreeMap<&'c [String], image::Image>,
}

impl<'c> Planner<'c> {
    /// Plans what is shared. Failures of the profile's templates are in `diags`.
    pub fn new(cluster: &'c Cluster, diags: &mut Diagnostics) -> Self {
        let repositories = apt::repositories(cluster, diags);
        let mut planner = Self { cluster, repositories, groups: BTreeMap::new(), images: BTreeMap::new() };
        for host in &cluster.hosts {
            let key = (host.variant, host.roles.as_slice());
            if cluster.settings.is_shared(host.variant) && !planner.groups.contains_key(&key) {
                let group = Arc::new(Group::plan(cluster, &planner.repositories, host, diags));
                planner.groups.insert(key, group);
            }
        }
        if cluster.delivery.method == Method::Image {
            for host in &cluster.hosts {
                if !planner.images.contains_key(host.roles.as_slice()) {
                    let image = planner.image(&host.roles, diags).image;
                    planner.images.insert(&host.roles, image);
                }
            }
        }
        planner
    }

    fn group(&self, host: &'c Host, diags: &mut Diagnostics) -> Arc<Group> {
        match self.groups.get(&(host.variant, host.roles.as_slice())) {
            Some(group) => group.clone(),
            None => Arc::new(Group::plan(self.cluster, &self.repositories, host, diags)),
        }
    }

    /// Plans the image of all hosts that have exactly these roles.
    pub fn image(&self, roles: &[String], diags: &mut Diagnostics) -> image::ImagePlan {
        let hosts: Vec<&Host> = self.cluster.hosts.iter().filter(|host| host.roles == roles).collect();
        let groups: Vec<Arc<Group>> = hosts.iter().map(|host| self.group(host, diags)).collect();
        let commands = hosts.iter().flat_map(|host| self.commands(host));
        image::plan(self.cluster, &hosts, &groups, commands.collect(), diags)
    }

    /// Plans one host.
    pub fn host(&self, host: &'c Host, diags: &mut Diagnostics) -> HostPlan {
        let mut plan = self.draft(host, diags);
        plan.digest = digest::of(&plan, self.cluster);
        plan
    }

    /// The same without its digest, which nobody asks for while mistakes are looked for.
    pub fn draft(&self, host: &'c Host, diags: &mut Diagnostics) -> HostPlan {
        let shared = self.group(host, diags);
        let mut files = shared.files.clone();
        let scope = shared.looks_at_host.then(|| self.cluster.host_scope(host, diags));
        files.extend(scope.iter().flat_map(|scope| group::host_files(self.cluster, &shared, scope, diags)));
        self.add_own(host, &shared.directories, &mut files, diags);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let (submissions, documents) = match &scope {
            Some(scope) if shared.submits => submission::of(self.cluster, host, &shared, scope, diags),
            _ => Default::default(),
        };
        HostPlan {
            name: host.name.clone(),
            fqdn: host.fqdn.clone(),
            address: host.address,
            links: host.links.clone(),
            roles: host.roles.clone(),
            commands: self.commands(host),
            peers: peers::of(self.cluster, host, &shared),
            formation_seconds: peers::seconds(self.cluster, &shared),
            identities: scope.map_or(Vec::new(), |scope| identity::of(self.cluster, &shared, &scope, diags)),
            files,
            submissions,
            documents,
            image: self.images.get(host.roles.as_slice()).cloned(),
            shared,
            digest: String::new(),
        }
    }

    /// The user's files come last and may not replace what the profile plans: that would be two truths about one file.
    fn add_own(&self, host: &Host, directories: &[Directory], files: &mut Vec<Arc<PlannedFile>>, diags: &mut Diagnostics) {
        for own in self.cluster.files.iter().filter(|own| own.audience.includes(host)) {
            if let Some(other) = files.iter().find(|f| f.path == own.path) {
                diags.push(
                    Diagnostic::error(
                        codes::FILE_CONFLICT,
                        own.path_at,
                        format!("`{}` is written by {} on `{}`", other.path, other.origin, host.name),
                    )
                    .help("change what it says through `settings`, or drop this file")
                    .subject(&host.name),
                );
                continue;
            }
            if let Some(why) = folder_conflict(&own.path, files, directories) {
                diags.push(Diagnostic::error(codes::FILE_CONFLICT, own.path_at, why).help("choose another path").subject(&host.name));
                continue;
            }
            files.push(Arc::new(PlannedFile {
                path: own.path.clone(),
                content: own.content.clone(),
                mode: own.mode,
                owner: own.owner.clone(),
                group: own.group.clone(),
                phase: Phase::Configure,
                restarts: Vec::new(),
                secret: own.secret,
                origin: "your own `files`".into(),
            }));
        }
    }

    fn commands(&self, host: &Host) -> Vec<Command> {
        let own = self.cluster.commands.iter().filter(|own| own.audience.includes(host));
        let mut before: BTreeMap<(Moment, &[String]), usize> = BTreeMap::new();
        own.map(|own| {
            let earlier = before.entry((own.moment, &own.argv)).or_default();
            let id = digest::command(own.moment, &own.argv, *earlier);
            *earlier += 1;
            Command { id, moment: own.moment, run: own.argv.clone() }
        })
        .collect()
    }
}

/// One path cannot be a file and a folder.
fn folder_conflict(path: &str, files: &[Arc<PlannedFile>], directories: &[Directory]) -> Option<String> {
    let below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    if let Some(inner) = files.iter().find(|file| below(&file.path, path)) {
        return Some(format!("`{path}` cannot be a file: {} writes `{}`", inner.origin, inner.path));
    }
    if let Some(inner) = directories.iter().find(|d| d.path == path || below(&d.path, path)) {
        return Some(format!("`{path}` cannot be a file: the profile makes the folder `{}`", inner.path));
    }
    files.iter().find(|file| below(path, &file.path)).map(|outer| format!("`{path}` cannot lie below `{}`, which is a file", outer.path))
}
