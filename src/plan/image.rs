//! The image of all hosts of the same roles: what `bake` puts into it, and how a host's seed names it.

use std::sync::Arc;

use serde::Serialize;

use super::apt::profile_error;
use super::file::{Phase, PlannedFile};
use super::group::{Group, holds};
use super::{Command, HostPlan};
use crate::cluster::{Cluster, Host};
use crate::diag::Diagnostics;
use crate::format::checksum::Sha256Sum;
use crate::schema::scalar::Syntax;

/// What an image is. A host's seed and the image that it boots from must agree in all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Image {
    /// The profile.
    pub profile: String,
    /// The platform.
    pub platform: String,
    /// Exactly these roles.
    pub roles: Vec<String>,
    /// SHA-256 over all that and the packages, in hexadecimal. Where packages come from makes no other image.
    pub digest: String,
}

/// What a service leaves behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// A file or folder.
    pub path: String,
    /// Why no image may hold it.
    pub why: String,
}

/// What is done to make one.
#[derive(Clone, Debug)]
pub struct ImagePlan {
    /// What it becomes.
    pub image: Image,
    /// What no image of these roles may hold, sorted by path.
    pub state: Vec<State>,
    /// What `apply` does on the way, up to `sweep`: a host of no services.
    pub host: HostPlan,
}

/// Plans the image of `hosts`, of which `groups` are the shared parts; `commands` are those of all of them.
pub fn plan(cluster: &Cluster, hosts: &[&Host], groups: &[Arc<Group>], commands: Vec<Command>, diags: &mut Diagnostics) -> ImagePlan {
    let roles = hosts.first().map(|host| host.roles.clone()).unwrap_or_default();
    let shared = Group::for_image(groups);
    let mut text = format!("image 1\n{}\n{}\n{}\n", cluster.profile.name, cluster.platform.name, roles.join(","));
    for package in &shared.packages {
        text.push_str(&format!("{} {}\n", package.name, package.version.as_deref().unwrap_or("")));
    }
    shared.holds.iter().for_each(|unit| text.push_str(&format!("{unit}\n")));
    let image = Image {
        profile: cluster.profile.name.clone(),
        platform: cluster.platform.name.clone(),
        roles: roles.clone(),
        digest: Sha256Sum::of(text.as_bytes()).hex(),
    };
    let state = state(cluster, hosts, diags);
    let mut before: Vec<Command> = Vec::new();
    for command in commands.into_iter().filter(|command| command.moment == "before-install") {
        if !before.iter().any(|known| known.id == command.id) {
            before.push(command);
        }
    }
    let sources: Vec<Arc<PlannedFile>> = shared.repositories.iter().flat_map(super::apt::Repository::files).map(Arc::new).collect();
    let mut files: Vec<_> = sources.into_iter().filter(|file| file.phase == Phase::Sources).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let host = HostPlan {
        name: "image".into(),
        fqdn: "image".into(),
        address: std::net::Ipv4Addr::LOCALHOST,
        links: Vec::new(),
        roles,
        files,
        commands: before,
        peers: Vec::new(),
        formation_seconds: 0,
        identities: Vec::new(),
        submissions: Vec::new(),
        documents: Vec::new(),
        image: None,
        shared: Arc::new(shared),
        digest: image.digest.clone(),
    };
    ImagePlan { image, state, host }
}

/// What services of these hosts leave behind; hosts may differ in where.
fn state(cluster: &Cluster, hosts: &[&Host], diags: &mut Diagnostics) -> Vec<State> {
    let mut found: Vec<State> = Vec::new();
    for host in hosts {
        let scope = cluster.host_scope(host, diags);
        for state in cluster.profile.state.iter().filter(|state| host.has_any(&state.audience.roles)) {
            if !holds(cluster, state.audience.when.as_ref(), &scope, diags) {
                continue;
            }
            match cluster.profile.engine.render_text(&state.path.value, &scope) {
                Ok(path) if found.iter().any(|known| known.path == path) => {}
                Ok(path) => match Syntax::Path.check(&path) {
                    Ok(_) => found.push(State { path, why: state.why.clone() }),
                    Err(why) => profile_error(state.path.at, &format!("`{path}`: {why}"), diags),
                },
                Err(problem) => profile_error(state.path.at, &problem.message, diags),
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}
