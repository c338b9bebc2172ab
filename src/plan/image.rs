//! The image of all hosts of the same roles: what `bake` puts into it, and how a host's seed names it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::apt::profile_error;
use super::file::{Phase, PlannedFile};
use super::group::{Group, holds};
use super::{Command, HostPlan, Package, carried};
use crate::cluster::{Cluster, Host, Moment};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::format::checksum::Sha256Sum;
use crate::schema::scalar::Syntax;

/// What an image is. A host's seed and the image that it boots from must agree in all of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The profile.
    pub profile: String,
    /// The platform.
    pub platform: String,
    /// Exactly these roles.
    pub roles: Vec<String>,
    /// SHA-256 over all that and the packages, in hexadecimal; of carried ones, over the bytes of each, down to the last dependency.
    /// Where packages come from makes no other image.
    pub digest: String,
    /// True when the packages were carried: a host takes none from anywhere else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
    /// Packages that the digest is over, `name` or `name=version`, sorted by name.
    #[serde(default)]
    pub packages: Vec<String>,
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
    /// Packages that nobody asked for by name: apt may remove them when nothing needs them any more.
    pub automatic: Vec<String>,
}

/// Plans the image of `hosts`, of which `groups` are the shared parts; `commands` are those of all of them.
pub fn plan(cluster: &Cluster, hosts: &[&Host], groups: &[Arc<Group>], commands: Vec<Command>, diags: &mut Diagnostics) -> ImagePlan {
    let roles = hosts.first().map(|host| host.roles.clone()).unwrap_or_default();
    let locked = match carried::joined(cluster, groups.iter().filter_map(|group| group.locked.as_ref())) {
        Ok(locked) => locked,
        Err(why) => {
            let message = format!("hosts of the role {} cannot have one image: {why}", roles.join(","));
            diags.push(
                Diagnostic::error(codes::DELIVERY_CARRIED, cluster.delivery.at, message)
                    .help("ask for the same version for all of them, and lock again; or use another delivery"),
            );
            None
        }
    };
    let sets = locked.as_ref().map_or(Vec::new(), |locked| locked.sets.clone());
    let closure: Vec<_> = cluster.lock.iter().flat_map(|lock| lock.closure_of(&sets)).collect();
    let exact: Vec<Package> = closure.iter().map(|p| Package { name: p.name.value.clone(), version: Some(p.version.clone()) }).collect();
    let shared = Group::for_image(groups, &exact, locked);
    let mut text = format!("image 1\n{}\n{}\n{}\n", cluster.profile.name, cluster.platform.name, roles.join(","));
    for package in &shared.packages {
        text.push_str(&format!("{} {}\n", package.name, package.version.as_deref().unwrap_or("")));
    }
    closure.iter().for_each(|package| text.push_str(&format!("{}\n", package.sha256.hex())));
    shared.holds.iter().for_each(|unit| text.push_str(&format!("{unit}\n")));
    let image = Image {
        profile: cluster.profile.name.clone(),
        platform: cluster.platform.name.clone(),
        roles: roles.clone(),
        digest: Sha256Sum::of(text.as_bytes()).hex(),
        carried: shared.locked.is_some(),
        packages: shared.packages.iter().map(Package::title).collect(),
    };
    let wanted = |name: &str| groups.iter().any(|group| group.packages.iter().any(|package| package.name == name));
    let automatic = exact.iter().filter(|package| !wanted(&package.name)).map(|package| package.name.clone()).collect();
    let state = state(cluster, hosts, diags);
    let mut before: Vec<Command> = Vec::new();
    for command in commands.into_iter().filter(|command| command.moment == Moment::BeforeInstall) {
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
    ImagePlan { image, state, host, automatic }
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
