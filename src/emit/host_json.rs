//! `host.json`: who the host is and what `apply` shall do with the tree. Format 1; `clusterseed schema host` publishes it.

use serde_json::{Value, json};

use super::{Context, PRODUCT};
use crate::plan::HostPlan;

/// Version of the format.
pub const FORMAT: u32 = 1;

/// Free space that an installation needs, in MiB: packages of a role unpack to a few hundred.
const DISK_WITH_PACKAGES: u32 = 1024;
const DISK_WITHOUT: u32 = 64;

/// The whole file, pure ASCII, one value per line.
pub fn emit(plan: &HostPlan, context: Context<'_>) -> String {
    let cluster = context.cluster;
    let shared = &plan.shared;
    let mode = |bits: u32| format!("{bits:04o}");
    let services: Vec<Value> =
        shared.services.iter().map(|s| json!({"name": s.unit, "ports": s.ports, "wait_seconds": s.wait_seconds})).collect();
    let packages = shared.packages.iter().map(|p| match &p.version {
        Some(version) => json!({"name": p.name, "version": version}),
        None => json!({"name": p.name}),
    });
    let packages: Vec<Value> = packages.collect();
    let alternatives: Vec<Value> =
        shared.alternatives.iter().map(|a| json!({"name": a.name, "link": a.link, "path": a.path, "priority": a.priority})).collect();
    let directories: Vec<Value> =
        shared.directories.iter().map(|d| json!({"path": d.path, "mode": mode(d.mode), "owner": d.owner, "group": d.group})).collect();
    let files = plan.files.iter().map(|f| {
        json!({"path": f.path, "mode": mode(f.mode), "owner": f.owner, "group": f.group, "phase": f.phase.word(), "restarts": f.restarts})
    });
    let files: Vec<Value> = files.collect();
    let commands: Vec<Value> = plan.commands.iter().map(|c| json!({"id": c.id, "at": c.moment, "run": c.run})).collect();
    let sources: Vec<String> = shared.repositories.iter().map(|r| r.list_path()).collect();
    let keys: Vec<Value> = shared.repositories.iter().map(|r| json!({"path": r.key_path, "fingerprint": r.fingerprint})).collect();
    let peers: Vec<Value> = plan
        .peers
        .iter()
        .map(|p| json!({"service": p.service, "name": p.name, "address": p.address.to_string(), "ports": p.ports}))
        .collect();
    let identities: Vec<Value> = plan
        .identities
        .iter()
        .map(|i| json!({"service": i.service, "paths": i.paths, "guard": i.guard, "allowed": i.allowed, "why": i.why}))
        .collect();
    let value = json!({
        "format": FORMAT,
        "product": PRODUCT,
        "cluster": cluster.name,
        "host": plan.name,
        "fqdn": plan.fqdn,
        "addresses": [plan.address.to_string()],
        "roles": plan.roles,
        "profile": cluster.profile.name,
        "platform": {
            "name": cluster.platform.name,
            "os_id": cluster.platform.distribution,
            "os_version": cluster.platform.version,
            "init": cluster.platform.init.word(),
        },
        "digest": plan.digest,
        "disk_mb": if shared.packages.is_empty() { DISK_WITHOUT } else { DISK_WITH_PACKAGES },
        // A clock that is behind what the seed was built from is wrong; without SOURCE_DATE_EPOCH that is the year 1970.
        "not_before": context.epoch,
        "holds": shared.holds,
        "services": services,
        "peers": peers,
        "formation_seconds": plan.formation_seconds,
        "identities": identities,
        "apt": {"update": true, "sources": sources, "keys": keys},
        "packages": packages,
        "sweep": shared.sweep,
        "alternatives": alternatives,
        "directories": directories,
        "files": files,
        "commands": commands,
    });
    ascii(&format!("{value:#}\n"))
}

/// JSON allows any character outside ASCII to be written as `\uXXXX`; what reads it on the target is awk.
fn ascii(text: &str) -> String {
    if text.is_ascii() {
        return text.to_string();
    }
    let mut out = String::with_capacity(text.len() + 64);
    let mut units = [0; 2];
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}
