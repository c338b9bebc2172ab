//! `render` and `plan`: what a host gets, file by file or as an overview.

use std::fmt::Write;

use anyhow::{Result, bail};
use serde_json::json;

use super::args::{Format, Global, Plan, Render};
use super::carried::{self, Signature, Use};
use super::check::{Checked, first_boots};
use super::{Verdict, report};
use crate::cluster::{Cluster, Moment};
use crate::compile;
use crate::diag::did_you_mean;
use crate::emit::repository::Repositories;
use crate::emit::{self, Context, Signing, meta_data, seed};
use crate::plan::HostPlan;
use crate::plan::file::Phase;
use crate::plan::submission::Submission;

/// Version of `plan --format json`.
pub const PLAN_FORMAT: u32 = 1;

/// Prints one file of one host.
pub fn render(options: &Render, global: &Global) -> Result<Verdict> {
    let Some((checked, packages)) = carried::load(&options.input, global, Format::Text, Use::Seeds)? else {
        return Ok(Verdict::Wrong);
    };
    let Checked { cluster, inputs, .. } = checked;
    let plan = host_plan(&cluster, &options.host)?;
    let path = options.path.as_deref().unwrap_or("user-data");
    if let Some(file) = plan.files.iter().find(|f| f.path == path) {
        report::bytes(&file.content.bytes)?;
        return Ok(Verdict::Done);
    }
    let named = options.sign_with.as_deref();
    let signature = Signature { brings: packages.is_some(), named, spec: &options.input.spec, make: false };
    let Some(key) = signature.key(&cluster, inputs.epoch)? else {
        let repositories = Repositories::default();
        return file(
            &plan,
            path,
            Context { cluster: &cluster, epoch: inputs.epoch, repositories: &repositories, signing: Signing::Nobody },
        );
    };
    carried::signing(&key, |signer| {
        let repositories = match &packages {
            None => Repositories::default(),
            Some(packages) => Repositories::of(&cluster, &packages.known, signer, inputs.epoch)?,
        };
        file(&plan, path, Context { cluster: &cluster, epoch: inputs.epoch, repositories: &repositories, signing: Signing::By(signer) })
    })
}

/// Prints a file that the host's own files and who signs them decide.
fn file(plan: &HostPlan, path: &str, context: Context<'_>) -> Result<Verdict> {
    let tree = seed::tree(plan, context)?;
    if let Some(file) = tree.iter().find(|f| f.path == path.strip_prefix("seed/").unwrap_or(path)) {
        report::bytes(&file.content.bytes)?;
        return Ok(Verdict::Done);
    }
    let output = emit::host(plan, context)?;
    let found = output.artifacts.iter().find(|artifact| artifact.path.rsplit('/').next() == Some(path));
    let Some(artifact) = found else {
        let names = output.artifacts.iter().filter_map(|a| a.path.rsplit('/').next());
        let names: Vec<&str> =
            names.chain(plan.files.iter().map(|f| f.path.as_str())).chain(tree.iter().map(|f| f.path.as_str())).collect();
        bail!("`{}` has no file `{path}`; {}", plan.name, did_you_mean(path, names.iter().copied()));
    };
    let Some(bytes) = artifact.content.bytes() else { bail!("`{path}` holds packages: `clusterseed build` writes it") };
    report::bytes(bytes)?;
    Ok(Verdict::Done)
}

/// Shows what hosts get.
pub fn plan(options: &Plan, global: &Global) -> Result<Verdict> {
    let Some(Checked { cluster, .. }) = Checked::load(&options.input, global, Format::Text)? else { return Ok(Verdict::Wrong) };
    let plans = match &options.host {
        Some(name) => vec![host_plan(&cluster, name)?],
        None => compile::plans(&cluster),
    };
    if options.format == Format::Json {
        report::data(&format!("{:#}\n", as_json(&cluster, &plans)))?;
        return Ok(Verdict::Done);
    }
    let mut out = String::new();
    if options.host.is_none() {
        overview(&cluster, &plans, &mut out);
    } else {
        plans.iter().for_each(|plan| detail(&cluster, plan, &mut out));
    }
    report::data(&out)?;
    Ok(Verdict::Done)
}

fn host_plan(cluster: &Cluster, name: &str) -> Result<HostPlan> {
    match compile::plan_of(cluster, name) {
        Some(plan) => Ok(plan),
        None => {
            let known: Vec<&str> = cluster.hosts.iter().map(|h| h.name.as_str()).collect();
            bail!("there is no host `{name}`; {}", did_you_mean(name, known.iter().copied()))
        }
    }
}

fn package(p: &crate::plan::Package) -> String {
    p.version.as_ref().map_or_else(|| p.name.clone(), |version| format!("{}={version}", p.name))
}

fn overview(cluster: &Cluster, plans: &[HostPlan], out: &mut String) {
    let _ = writeln!(
        out,
        "cluster {} ({} on {}), delivery {}",
        cluster.name,
        cluster.profile.name,
        cluster.platform.name,
        cluster.delivery.method.word()
    );
    let _ = writeln!(out, "{}", first_boots(cluster));
    let width = plans.iter().map(|p| p.name.len()).max().unwrap_or(0);
    let mut last: Option<&std::sync::Arc<crate::plan::group::Group>> = None;
    for plan in plans {
        let shared = &plan.shared;
        if !last.is_some_and(|l| std::sync::Arc::ptr_eq(l, shared)) {
            let packages: Vec<String> = shared.packages.iter().map(package).collect();
            let services: Vec<&str> = shared.services.iter().map(|s| s.unit.as_str()).collect();
            let held = shared.holds.iter().filter(|unit| !services.contains(&unit.as_str())).map(String::as_str);
            let _ = writeln!(out, "\n{}", plan.roles.join(" and "));
            let _ = writeln!(out, "  installs  {}", packages.join(" "));
            let _ = writeln!(out, "  starts    {}", services.join(", then "));
            let _ = writeln!(out, "  holds     {}", held.collect::<Vec<_>>().join(" "));
            for (to, given) in given(plan) {
                let _ = writeln!(out, "  submits   {} to {}, once", given.join(", "), to.service);
            }
            last = Some(shared);
        }
        let _ = writeln!(out, "  {:width$}  {:15}  {} files  plan {}", plan.name, plan.address, plan.files.len(), &plan.digest[..12]);
    }
}

/// What a host gets, in the order in which `apply` does it.
fn detail(cluster: &Cluster, plan: &HostPlan, out: &mut String) {
    let shared = &plan.shared;
    let services: Vec<&str> = shared.services.iter().map(|s| s.unit.as_str()).collect();
    let _ = writeln!(out, "{} ({}) {}: {} of {}", plan.name, plan.fqdn, plan.address, plan.roles.join(" and "), cluster.name);
    let _ = writeln!(out, "{}", first_boots(cluster));
    let _ = writeln!(out, "plan {}\n\n1 verify     the seed, the host, the platform, the disk", plan.digest);
    let _ = writeln!(out, "2 hold       {}", shared.holds.join(" "));
    files(plan, Phase::Hold, out);
    let _ = writeln!(out, "3 sources");
    for r in &shared.repositories {
        let _ = writeln!(out, "    {}\n      key {}", r.line, r.fingerprint);
    }
    files(plan, Phase::Sources, out);
    let _ = writeln!(out, "4 install");
    commands(plan, Moment::BeforeInstall, out);
    for p in &shared.packages {
        let _ = writeln!(out, "    {}", package(p));
    }
    let _ = writeln!(out, "{}", format!("5 sweep      {}", shared.sweep.join(" ")).trim_end());
    let _ = writeln!(out, "6 configure");
    files(plan, Phase::Configure, out);
    let _ = writeln!(out, "7 release    {}", services.join(" "));
    files(plan, Phase::Release, out);
    let _ = writeln!(out, "8 start");
    for service in &shared.services {
        let ports: Vec<String> = service.ports.iter().map(u16::to_string).collect();
        let wait =
            if ports.is_empty() { String::new() } else { format!(", waits {} s for port {}", service.wait_seconds, ports.join(" ")) };
        let _ = writeln!(out, "    {}{wait}", service.unit);
    }
    commands(plan, Moment::AfterStart, out);
    let _ = writeln!(out, "9 report     /var/lib/clusterseed/status.json");
    for (to, given) in given(plan) {
        let _ = writeln!(out, "10 submit    {} {} to {}, if it leads and does not have it", to.noun, given.join(", "), to.service);
    }
}

/// What a host gives to its services, kind by kind.
fn given(plan: &HostPlan) -> impl Iterator<Item = (&Submission, Vec<&str>)> {
    plan.submissions.iter().map(|to| {
        let own = plan.documents.iter().filter(|document| document.of == to.name);
        (to, own.map(|document| document.key.as_str()).collect())
    })
}

fn files(plan: &HostPlan, phase: Phase, out: &mut String) {
    for file in plan.files.iter().filter(|file| file.phase == phase) {
        // A short secret could be guessed from its digest or its length.
        let hex = file.content.sha256.hex();
        let (size, digest) = if file.secret { ("-".to_string(), "secret") } else { (file.content.bytes.len().to_string(), &hex[..12]) };
        let _ = writeln!(out, "    {:04o} {size:>6}  {digest:12}  {}", file.mode, file.path);
    }
}

fn commands(plan: &HostPlan, moment: Moment, out: &mut String) {
    for command in plan.commands.iter().filter(|command| command.moment == moment) {
        let _ = writeln!(out, "    your command: {}", command.run.join(" "));
    }
}

fn as_json(cluster: &Cluster, plans: &[HostPlan]) -> serde_json::Value {
    let host = |plan: &HostPlan| {
        let shared = &plan.shared;
        let files = plan.files.iter().map(|f| {
            json!({
                "path": f.path, "mode": format!("{:04o}", f.mode), "owner": f.owner, "group": f.group,
                "size": (!f.secret).then(|| f.content.bytes.len()), "sha256": (!f.secret).then(|| f.content.sha256.hex()), "phase": f.phase.word(), "restarts": f.restarts, "secret": f.secret, "origin": f.origin,
            })
        });
        let mut host = json!({
            "name": plan.name, "fqdn": plan.fqdn, "address": plan.address.to_string(), "roles": plan.roles, "digest": plan.digest,
            "instance_id": (!cluster.cloud.names_instances).then(|| meta_data::instance_id(plan, cluster)),
            "packages": shared.packages.iter().map(|p| json!({"name": p.name, "version": p.version})).collect::<Vec<_>>(),
            "services": shared.services.iter().map(|s| json!({"unit": s.unit, "ports": s.ports, "wait_seconds": s.wait_seconds})).collect::<Vec<_>>(),
            "holds": shared.holds,
            "sources": shared.repositories.iter().map(|r| json!({"path": r.list_path(), "line": r.line, "fingerprint": r.fingerprint})).collect::<Vec<_>>(),
            "files": files.collect::<Vec<_>>(),
            "commands": plan.commands.iter().map(|c| json!({"at": c.moment.word(), "run": c.run})).collect::<Vec<_>>(),
        });
        if !plan.documents.is_empty() {
            let entries = given(plan)
                .flat_map(|(to, keys)| keys.into_iter().map(move |key| json!({"of": to.name, "name": key, "service": to.service})));
            host["documents"] = entries.collect();
        }
        host
    };
    json!({
        "format": PLAN_FORMAT,
        "product": emit::PRODUCT,
        "cluster": cluster.name,
        "profile": cluster.profile.name,
        "platform": cluster.platform.name,
        "cloud": cluster.cloud.name,
        "delivery": cluster.delivery.method.word(),
        "instance_id": if cluster.cloud.names_instances { "cloud" } else { cluster.instance_id.word() },
        "hosts": plans.iter().map(host).collect::<Vec<_>>(),
    })
}
