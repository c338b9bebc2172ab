//! What hosts of the same roles and settings share: planned once, however many they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::Value as Jinja;

use super::apt::{Repository, profile_error};
use super::carried::{self, Locked};
use super::file::{Phase, PlannedFile};
use super::{Alternative, Directory, Package, Service, service, submission, trust};
use crate::cluster::{Cluster, Host};
use crate::diag::Diagnostics;
use crate::format::checksum::Content;
use crate::profile::{self, Optional, Secrecy, Snippet};
use crate::schema::scalar::Syntax;

/// The shared part of a plan.
#[derive(Debug)]
pub struct Group {
    /// Files whose bytes no host changes.
    pub files: Vec<Arc<PlannedFile>>,
    /// Indices in the profile's files that are planned for each host.
    per_host: Vec<usize>,
    /// Keys of own services whose overrides are planned for each host.
    per_host_services: Vec<String>,
    /// True when something of a host has to be planned that its group does not have.
    pub looks_at_host: bool,
    /// True when these hosts give documents to a service of their own.
    pub submits: bool,
    /// Packages, sorted by name.
    pub packages: Vec<Package>,
    /// Units of all services that the packages may bring.
    pub holds: Vec<String>,
    /// The hosts' own services, in start order.
    pub services: Vec<Service>,
    /// Directories.
    pub directories: Vec<Directory>,
    /// Alternatives.
    pub alternatives: Vec<Alternative>,
    /// Folders to sweep.
    pub sweep: Vec<String>,
    /// Repositories.
    pub repositories: Vec<Repository>,
    /// Which packages are carried for it, where some are.
    pub locked: Option<Locked>,
}

impl Group {
    /// Plans for the roles and settings of `host`.
    pub fn plan(cluster: &Cluster, repositories: &[Repository], host: &Host, diags: &mut Diagnostics) -> Self {
        // Without `host`: what is decided here holds for every host of the group, and a profile that says otherwise is told so.
        let scope = cluster.group_scope(host.variant, diags);
        let (profile, init) = (&cluster.profile, cluster.platform.init);
        let own = service::own(cluster, host, &scope, diags);
        let mut files: Vec<PlannedFile> = repositories.iter().flat_map(Repository::files).collect();
        files
            .extend(profile.services.iter().filter(|s| !own.iter().any(|o| o.name == s.name)).filter_map(|s| service::hold(init, &s.unit)));
        files.extend(trust::files(cluster));
        let mut per_host_services = Vec::new();
        for service in &own {
            if service.looks_at_host {
                per_host_services.push(service.name.clone());
            } else {
                files.extend(service::release(cluster, service, &scope, diags));
            }
        }
        let mut per_host = Vec::new();
        for (index, file) in profile.files.iter().enumerate().filter(|(_, f)| host.has_any(&f.audience.roles)) {
            if file.looks_at_host {
                per_host.push(index);
            } else {
                files.extend(profile_files(cluster, file, &scope, diags));
            }
        }
        let given = submission::own(cluster, &own, diags);
        files.extend(submission::files(cluster, &given, diags));
        unique(&mut files, cluster, diags);
        let looks_at_host =
            !per_host.is_empty() || !per_host_services.is_empty() || own.iter().any(|s| s.identity.is_some()) || !given.is_empty();
        let mut packages = packages(cluster, host, &scope, diags);
        let locked = carried::locked(cluster, &mut packages);
        Self {
            looks_at_host,
            submits: !given.is_empty(),
            locked,
            files: files.into_iter().map(Arc::new).collect(),
            per_host,
            per_host_services,
            packages,
            holds: profile.services.iter().map(|s| s.unit.clone()).collect(),
            services: own.iter().map(|s| service::resolved(cluster, host, s)).collect(),
            directories: directories(cluster, host, &scope, diags),
            alternatives: alternatives(cluster, host, &scope, diags),
            sweep: profile.sweep.clone(),
            repositories: repositories.to_vec(),
        }
    }

    /// What an image of these hosts has of it: the packages of all, nothing that a service of its own would start. Of what is carried
    /// for them (`locked`) every package is named: the image is to be what the lock says, whatever its base had.
    pub fn for_image(groups: &[Arc<Self>], carried: &[Package], locked: Option<Locked>) -> Self {
        let first = groups.first();
        // A package has one version in the whole cluster.
        let wanted = groups.iter().flat_map(|group| &group.packages);
        let packages: BTreeMap<&str, &Package> = wanted.chain(carried).map(|p| (p.name.as_str(), p)).collect();
        Self {
            files: Vec::new(),
            per_host: Vec::new(),
            per_host_services: Vec::new(),
            looks_at_host: false,
            submits: false,
            packages: packages.into_values().cloned().collect(),
            locked,
            holds: first.map(|group| group.holds.clone()).unwrap_or_default(),
            services: Vec::new(),
            directories: Vec::new(),
            alternatives: Vec::new(),
            sweep: first.map(|group| group.sweep.clone()).unwrap_or_default(),
            repositories: first.map(|group| group.repositories.clone()).unwrap_or_default(),
        }
    }
}

/// Files that name the host.
pub fn host_files(cluster: &Cluster, group: &Group, scope: &Jinja, diags: &mut Diagnostics) -> Vec<Arc<PlannedFile>> {
    let files = group.per_host.iter().map(|index| &cluster.profile.files[*index]);
    let mut files: Vec<_> = files.flat_map(|file| profile_files(cluster, file, scope, diags)).collect();
    let services = group.per_host_services.iter().filter_map(|name| cluster.profile.service(name));
    let overrides: Vec<_> = services.filter_map(|s| service::release(cluster, s, scope, diags)).collect();
    files.extend(overrides);
    unique(&mut files, cluster, diags);
    files.into_iter().map(Arc::new).collect()
}

/// True when the condition holds, or there is none.
pub fn holds(cluster: &Cluster, when: Option<&Snippet>, scope: &Jinja, diags: &mut Diagnostics) -> bool {
    let Some(when) = when else { return true };
    match cluster.profile.engine.eval(&when.value, scope) {
        Ok(value) => value.is_true(),
        Err(problem) => {
            profile_error(when.at, &problem.message, diags);
            false
        }
    }
}

/// Names of the items whose condition holds.
pub fn names(cluster: &Cluster, items: &[Optional], scope: &Jinja, diags: &mut Diagnostics) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        if !holds(cluster, item.when.as_ref(), scope, diags) {
            continue;
        }
        match cluster.profile.engine.render_text(&item.name.value, scope) {
            Ok(name) => names.push(name),
            Err(problem) => profile_error(item.name.at, &problem.message, diags),
        }
    }
    names
}

/// The files that one entry of the profile becomes: none, one, or one per element.
fn profile_files(cluster: &Cluster, file: &profile::File, scope: &Jinja, diags: &mut Diagnostics) -> Vec<PlannedFile> {
    if !holds(cluster, file.audience.when.as_ref(), scope, diags) {
        return Vec::new();
    }
    let Some(each) = &file.each else {
        return profile_file(cluster, file, scope, diags).into_iter().collect();
    };
    let items = cluster.profile.engine.eval(&each.value, scope).and_then(|value| {
        let items: Result<Vec<Jinja>, minijinja::Error> = value.try_iter().map(Iterator::collect);
        Ok(items?)
    });
    match items {
        Ok(items) => items.into_iter().filter_map(|item| profile_file(cluster, file, &with_item(scope, item), diags)).collect(),
        Err(problem) => {
            profile_error(each.at, &problem.message, diags);
            Vec::new()
        }
    }
}

fn with_item(scope: &Jinja, item: Jinja) -> Jinja {
    minijinja::context! { item => item, ..scope.clone() }
}

fn profile_file(cluster: &Cluster, file: &profile::File, scope: &Jinja, diags: &mut Diagnostics) -> Option<PlannedFile> {
    let engine = &cluster.profile.engine;
    let path = match engine.render_text(&file.path.value, scope) {
        Ok(path) => path,
        Err(problem) => {
            profile_error(file.path.at, &problem.message, diags);
            return None;
        }
    };
    // `?flag` is how the init wrapper of Mesos wants a switch; nothing else may stand in a path that shells read otherwise.
    if let Err(why) = Syntax::Path.check(&path.replace("/?", "/").replace(['(', ')'], "")) {
        profile_error(file.path.at, &format!("`{path}`: {why}"), diags);
        return None;
    }
    let content = match &file.content {
        profile::Content::Verbatim(key) => cluster.data.get(key).cloned()?,
        profile::Content::Template(name) => match engine.render(name, scope) {
            Ok(text) => Content::shared(text.into_bytes()),
            Err(problem) => {
                let line = problem.line.map(|line| format!(", line {line}")).unwrap_or_default();
                profile_error(file.path.at, &format!("`{path}`{line}: {}", problem.message), diags);
                return None;
            }
        },
    };
    let secret = match &file.secret {
        Secrecy::Fixed(flag) => *flag,
        Secrecy::When(when) => holds(cluster, Some(when), scope, diags),
    };
    let units = file.restarts.iter().filter_map(|name| Some(cluster.profile.service(name)?.unit.clone()));
    Some(PlannedFile {
        path,
        content,
        mode: if secret { file.mode & 0o700 } else { file.mode },
        owner: file.owner.clone(),
        group: file.group.clone(),
        phase: Phase::Configure,
        restarts: units.collect(),
        secret,
        origin: format!("the profile `{}`", cluster.profile.name),
    })
}

/// Two roles on one host may want the same file, never two versions of it.
fn unique(files: &mut Vec<PlannedFile>, cluster: &Cluster, diags: &mut Diagnostics) {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|second, first| {
        if first.path != second.path {
            return false;
        }
        if first.content.sha256 != second.content.sha256 {
            profile_error(cluster.profile_at, &format!("two entries of the profile write `{}` with different content", first.path), diags);
        }
        true
    });
}

/// Packages that a host wants, sorted by name.
pub(super) fn packages(cluster: &Cluster, host: &Host, scope: &Jinja, diags: &mut Diagnostics) -> Vec<Package> {
    let mut found = BTreeSet::new();
    for role in host.roles.iter().filter_map(|role| cluster.profile.role(role)) {
        if let Some(items) = role.packages.get(&cluster.packages.set) {
            found.extend(names(cluster, items, scope, diags));
        }
    }
    found.extend(cluster.packages.extra.iter().map(|p| p.value.clone()));
    let version = |name: &str| cluster.packages.versions.get(name).and_then(|pin| pin.version.clone());
    found.into_iter().map(|name| Package { version: version(&name), name }).collect()
}

fn directories(cluster: &Cluster, host: &Host, scope: &Jinja, diags: &mut Diagnostics) -> Vec<Directory> {
    let mut planned: Vec<Directory> = Vec::new();
    for directory in cluster.profile.directories.iter().filter(|d| host.has_any(&d.audience.roles)) {
        if !holds(cluster, directory.audience.when.as_ref(), scope, diags) {
            continue;
        }
        match cluster.profile.engine.render_text(&directory.path.value, scope) {
            Ok(path) if planned.iter().any(|d| d.path == path) => {}
            Ok(path) => {
                planned.push(Directory { path, mode: directory.mode, owner: directory.owner.clone(), group: directory.group.clone() })
            }
            Err(problem) => profile_error(directory.path.at, &problem.message, diags),
        }
    }
    planned.sort_by(|a, b| a.path.cmp(&b.path));
    planned
}

fn alternatives(cluster: &Cluster, host: &Host, scope: &Jinja, diags: &mut Diagnostics) -> Vec<Alternative> {
    let own = cluster.profile.alternatives.iter().filter(|a| host.has_any(&a.audience.roles));
    let own = own.filter(|a| holds(cluster, a.audience.when.as_ref(), scope, &mut *diags));
    own.map(|a| Alternative { name: a.name.clone(), link: a.link.clone(), path: a.path.clone(), priority: a.priority }).collect()
}
