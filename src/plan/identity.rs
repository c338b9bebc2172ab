//! What a service refuses to change once it has run, and what it would have to forget first.

use minijinja::Value as Jinja;
use serde::{Deserialize, Serialize};

use super::apt::profile_error;
use super::group::{Group, holds};
use crate::cluster::Cluster;
use crate::diag::Diagnostics;
use crate::profile::Snippet;
use crate::schema::scalar::Syntax;

/// The identity of one service of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its unit.
    pub service: String,
    /// Files that make it up; one that ends in `/` stands for everything below.
    pub paths: Vec<String>,
    /// What is there once the service has run, and what it has to lose to take another identity.
    pub guard: String,
    /// The user allows that.
    pub allowed: bool,
    /// Why it matters and how to allow it, for people.
    pub why: String,
}

/// The identities of all services of a host, in start order; `scope` is what templates see for it.
pub fn of(cluster: &Cluster, shared: &Group, scope: &Jinja, diags: &mut Diagnostics) -> Vec<Identity> {
    let services = shared.services.iter().filter_map(|own| cluster.profile.services.iter().find(|s| s.unit == own.unit));
    let guarded = services.filter_map(|service| Some((service, service.identity.as_ref()?)));
    let mut found = Vec::new();
    for (service, identity) in guarded {
        let mut render = |text: &Snippet, is_path: bool| match cluster.profile.engine.render_text(&text.value, scope) {
            Ok(value) => match Syntax::Path.check(value.strip_suffix('/').unwrap_or(&value)) {
                Err(why) if is_path => {
                    profile_error(text.at, &format!("`{value}`: {why}"), diags);
                    None
                }
                _ => Some(value),
            },
            Err(problem) => {
                profile_error(text.at, &problem.message, diags);
                None
            }
        };
        let paths = identity.paths.iter().filter_map(|path| render(path, true)).collect();
        let (Some(guard), Some(why)) = (render(&identity.guard, true), render(&identity.why, false)) else { continue };
        let allowed = holds(cluster, Some(&identity.allowed), scope, diags);
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        found.push(Identity { service: service.unit.clone(), paths, guard, allowed, why });
    }
    found
}
