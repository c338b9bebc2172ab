//! `bake`: one image of a role, out of a base.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::args::{Bake, Format, Global, Input};
use super::carried::{self, Signature, Use};
use super::check::Checked;
use super::{Verdict, report};
use crate::bake::{self, Carried, Job, qemu};
use crate::cluster::{Cluster, PackageSource};
use crate::diag::{Diagnostics, did_you_mean};
use crate::emit::repository::Repositories;
use crate::emit::{Context, Signing};
use crate::format::checksum::Sha256Sum;
use crate::io::{base, load};
use crate::lock::base::Requirements;
use crate::plan::Planner;

/// Bakes an image of the roles of some hosts.
pub fn run(options: &Bake, global: &Global) -> Result<Verdict> {
    let Some((checked, packages)) = carried::load(&options.input, global, Format::Text, Use::Image)? else {
        return Ok(Verdict::Wrong);
    };
    let Checked { cluster, inputs, .. } = checked;
    let roles = roles(options, &cluster)?;
    // What is wrong with the profile was found by the check; whether hosts of these roles can have one image, with another delivery, not.
    let mut diags = Diagnostics::new();
    let plan = Planner::new(&cluster, &mut diags).image(&roles, &mut diags);
    if let Some(wrong) = diags.iter().next() {
        bail!("{}; {}", wrong.message, wrong.help.join("; "));
    }
    let network = network(options, &cluster);
    let then = base(&options.input, &cluster)?;
    let signature = Signature { brings: true, named: options.sign_with.as_deref(), spec: &options.input.spec, make: true };
    let key = packages.as_ref().map(|_| signature.key(&cluster, inputs.epoch)).transpose()?.flatten();
    let (repositories, brought) = match (&packages, &plan.host.shared.locked, key) {
        (Some(packages), Some(locked), Some(key)) => {
            let made = carried::signing(&key, |signer| Repositories::for_image(&cluster, locked, &packages.known, signer, inputs.epoch))?;
            (made, Some((packages, locked)))
        }
        _ => (Repositories::default(), None),
    };
    let paragraphs = |sha256: &Sha256Sum| packages.as_ref()?.known.get(sha256).map(|known| &*known.paragraph);
    let lock = cluster.lock.as_ref();
    let carried = lock.zip(brought).map(|(lock, (packages, locked))| Carried {
        store: &packages.store,
        lock: inputs.lock.digest().map_or_else(String::new, |digest| digest.hex()),
        needs: Requirements { lock, sets: &locked.sets, paragraphs: &paragraphs, then: &then },
    });
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
        carried,
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

/// The dpkg status that the lock was made for; empty where it needs none.
fn base(input: &Input, cluster: &Cluster) -> Result<String> {
    let PackageSource::Carried(carried) = &cluster.packages.source else { return Ok(String::new()) };
    let base = carried.base.as_ref().map(|base| base::status(&load::folder(&input.spec).join(&base.value)));
    Ok(base.transpose()?.unwrap_or_default())
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
