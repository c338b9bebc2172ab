//! `bake`: one image of a role, out of a base.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::args::{Bake, Format, Global};
use super::check::checked;
use super::{Verdict, report};
use crate::bake::{self, Job, qemu};
use crate::cluster::{Cluster, PackageSource};
use crate::diag::{Diagnostics, did_you_mean};
use crate::emit::repository::Repositories;
use crate::emit::{Context, Signing};
use crate::plan::Planner;

/// Bakes an image of the roles of some hosts.
pub fn run(options: &Bake, global: &Global) -> Result<Verdict> {
    let Some((cluster, inputs)) = checked(&options.input, global, Format::Text)? else { return Ok(Verdict::Wrong) };
    if matches!(cluster.packages.source, PackageSource::Carried(_)) {
        bail!(
            "`bake` takes packages from a repository only, not from the store: write `source: mirror` (a `file:` mirror needs no network)"
        );
    }
    let roles = roles(options, &cluster)?;
    // What is wrong with the profile was found by the check.
    let mut diags = Diagnostics::new();
    let plan = Planner::new(&cluster, &mut diags).image(&roles, &mut diags);
    let network = network(options, &cluster);
    let repositories = Repositories::default();
    let job = Job {
        plan: &plan,
        context: Context { cluster: &cluster, epoch: inputs.epoch, repositories: &repositories, signing: Signing::Nobody },
        base: &options.base,
        output: &options.output,
        compress: options.compress,
        network: network.is_some(),
        machine: qemu::Machine { memory: options.memory, disk_size: options.disk_size.clone() },
        limit: Duration::from_secs(60 * options.minutes),
        epoch: std::env::var_os("SOURCE_DATE_EPOCH").map(|_| inputs.epoch),
        program: std::env::current_exe().context("looking for this program")?,
    };
    report::say(&format!("network: {}", network.as_deref().unwrap_or("none")));
    let began = Instant::now();
    bake::run(&job, &mut |phase| report::say(&format!("bake: {phase} ({} s)", began.elapsed().as_secs())))?;
    report::say(&format!(
        "{}: image of {} of {} on {}, image {}, in {} s",
        options.output.display(),
        roles.join(" and "),
        cluster.profile.name,
        cluster.platform.name,
        &plan.image.digest[..12],
        began.elapsed().as_secs()
    ));
    report::say("next: build with `delivery: image`, and start each machine of the role from it with its own seed");
    Ok(Verdict::Done)
}

/// The roles as hosts have them together.
fn roles(options: &Bake, cluster: &Cluster) -> Result<Vec<String>> {
    let sorted = |roles: &[String]| {
        let mut roles: Vec<String> = roles.to_vec();
        roles.sort_unstable();
        roles
    };
    let wanted = sorted(&options.role);
    let found = cluster.hosts.iter().find(|host| sorted(&host.roles) == wanted);
    if let Some(host) = found {
        return Ok(host.roles.clone());
    }
    let mut known: Vec<String> = cluster.hosts.iter().map(|host| host.roles.join(",")).collect();
    known.sort_unstable();
    known.dedup();
    bail!("no host has exactly the role {}; {}", wanted.join(","), did_you_mean(&wanted.join(","), known.iter().map(String::as_str)))
}

/// Where packages come from, when that is a network.
fn network(options: &Bake, cluster: &Cluster) -> Option<String> {
    match &cluster.packages.source {
        _ if options.offline => None,
        PackageSource::Carried(_) => None,
        PackageSource::Mirror { url, .. } => Some(format!("packages from {url}, and from where the base's own sources point")),
        PackageSource::Official => {
            Some("packages from the profile's official repository, and from where the base's own sources point".into())
        }
    }
}
