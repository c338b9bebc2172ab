//! A change for programs; `clusterseed schema diff` publishes the form.

use serde_json::{Value, json};

use super::lines::Lines;
use super::side::Label;
use super::{Change, FileChange, Other};
use crate::emit::host_json::FileEntry;

/// Version of `diff --format json`.
pub const FORMAT: u32 = 1;

/// The whole document.
pub fn print(change: &Change) -> Value {
    json!({
        "format": FORMAT,
        "same": change.is_none(),
        "old": label(&change.old),
        "new": label(&change.new),
        "hosts": change.hosts.iter().map(|host| json!({
            "name": host.name,
            "was": host.was,
            "change": host.kind.word(),
            "address": {"old": host.address[0], "new": host.address[1]},
            "roles": {"old": host.roles[0], "new": host.roles[1]},
            "digest": {"old": host.digest[0], "new": host.digest[1]},
            "first_boot": host.first_boot.map(super::hosts::FirstBoot::word),
        })).collect::<Vec<_>>(),
        "files": change.files.iter().map(file).collect::<Vec<_>>(),
        "packages": change.packages.iter().map(|package| json!({
            "name": package.name,
            "old": package.old.as_ref().map(|version| json!({"version": version})),
            "new": package.new.as_ref().map(|version| json!({"version": version})),
            "hosts": package.hosts,
        })).collect::<Vec<_>>(),
        "services": change.services.iter().map(|step| json!({
            "service": step.service,
            "action": step.action.word(),
            "in_turns": step.in_turns,
            "because": step.because,
            "hosts": step.hosts,
        })).collect::<Vec<_>>(),
        "others": change.others.iter().map(other).collect::<Vec<_>>(),
        "first_boot_only": change.boot.iter().map(other).collect::<Vec<_>>(),
        "dangers": change.dangers.iter().map(|danger| json!({
            "code": danger.code,
            "message": danger.message,
            "help": danger.help,
            "guide": danger.guide,
            "hosts": danger.hosts,
        })).collect::<Vec<_>>(),
    })
}

fn label(label: &Label) -> Value {
    json!({
        "name": label.name,
        "cluster": label.cluster,
        "profile": label.profile,
        "platform": label.platform,
        "delivery": label.delivery,
        "product": label.product,
    })
}

fn other(other: &Other) -> Value {
    json!({"what": other.what, "hosts": other.hosts})
}

fn file(file: &FileChange) -> Value {
    let entry = |entry: &Option<FileEntry>| {
        let entry = entry.as_ref();
        entry.map(
            |e| json!({"mode": format!("{:04o}", e.mode), "owner": e.owner, "group": e.group, "phase": e.phase, "restarts": e.restarts}),
        )
    };
    let lines = match &file.lines {
        Lines::Text(lines) => Some(lines.iter().map(|line| line.as_ref().map(|(mark, text)| format!("{mark}{text}"))).collect::<Vec<_>>()),
        Lines::Same | Lines::Secret | Lines::Binary(..) => None,
    };
    json!({
        "path": file.path,
        "content": match &file.lines {
            Lines::Same => "same",
            Lines::Secret => "secret",
            Lines::Binary(..) => "binary",
            Lines::Text(_) => "text",
        },
        "lines": lines,
        "old": entry(&file.old),
        "new": entry(&file.new),
        "leaves": file.leaves().map(super::Leaves::word),
        "hosts": file.hosts,
    })
}
