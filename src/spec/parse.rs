//! Text to [`Spec`]; purely, with every structural mistake reported.

use std::collections::BTreeMap;

use super::{Audience, Command, Delivery, File, HostEntry, RoleEntry, Spec, User, network, packages, secrets, shape};
use crate::diag::{At, Diagnostic, Diagnostics, FileId, Sources, Spanned, codes};
use crate::schema::check::Checker;
use crate::schema::{Data, Value, scalar};
use crate::yaml::read::{Kind, Node};

/// Parses a spec that lies in `file`, and hides its secrets in `sources`. `None` when too little is right to go on; `diags` says why.
pub fn parse(text: &str, file: FileId, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Spec> {
    let node = secrets::read(text, file, sources, diags)?;
    version(&node, diags)?;
    let mut checker = Checker { diags, unknown: codes::UNKNOWN_FIELD, noun: "field" };
    let value = checker.check("", &node, &shape::spec(None))?;
    let mut spec = decode(&value)?;
    if let Kind::Map(entries) = &node.kind {
        let place = |key: At, value: At| if value.start < key.start { key } else { At { end: value.end.max(key.end), ..key } };
        spec.fields = entries.iter().map(|entry| (entry.key.clone(), place(entry.key_at, entry.value.at))).collect();
    }
    Some(spec)
}

/// A spec of another version would only give misleading messages: it is refused first.
fn version(node: &Node, diags: &mut Diagnostics) -> Option<()> {
    if !matches!(node.kind, Kind::Map(_)) {
        diags.push(
            Diagnostic::error(codes::WRONG_TYPE, node.at, format!("a spec is a mapping, this is {}", node.noun()))
                .help("`clusterseed init` writes a spec to start from"),
        );
        return None;
    }
    let Some(version) = node.get("version") else { return Some(()) };
    match &version.kind {
        Kind::Scalar { text, .. } if *text == shape::VERSION.to_string() => Some(()),
        _ => {
            diags.push(Diagnostic::error(codes::SPEC_VERSION, version.at, "this version of the spec's format is not known").help(format!(
                "clusterseed {} reads `version: {}`",
                env!("CARGO_PKG_VERSION"),
                shape::VERSION
            )));
            None
        }
    }
}

fn decode(value: &Value) -> Option<Spec> {
    Some(Spec {
        at: value.at,
        fields: BTreeMap::new(),
        // A name that cannot be one hides nothing else.
        cluster: value.spanned("cluster").unwrap_or_else(|| Spanned::new("unnamed".into(), value.at)),
        profile: value.spanned("profile")?,
        platform: value.spanned("platform")?,
        cloud: value.spanned("cloud"),
        delivery: value.get("delivery").map(delivery).unwrap_or_default(),
        instance_id: value.spanned("instance_id"),
        network: network::network(value.get("network")?)?,
        hosts: items(value, "hosts").filter_map(host).collect(),
        roles: value.get("roles").map(roles).unwrap_or_default(),
        settings: value.raw("settings").cloned(),
        packages: value.get("packages").map(packages::packages).unwrap_or_default(),
        trust: value.get("trust").map(|trust| trust.texts("fingerprints")).unwrap_or_default(),
        users: value.get("access").map(|access| items(access, "users").filter_map(user).collect()).unwrap_or_default(),
        files: items(value, "files").filter_map(file).collect(),
        commands: items(value, "commands").filter_map(command).collect(),
        allow: value.texts("allow"),
    })
}

pub(super) fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).map(Value::items).unwrap_or_default().iter()
}

fn delivery(value: &Value) -> Delivery {
    match &value.data {
        Data::Text(method) => Delivery { method: Some(Spanned::new(method.clone(), value.at)), ..Delivery::default() },
        _ => Delivery {
            method: value.spanned("method"),
            url: value.spanned("url"),
            compress: value.spanned("compress"),
            volume: value.spanned("volume"),
        },
    }
}

fn host(value: &Value) -> Option<HostEntry> {
    let id = value.get("id").and_then(|id| match id.data {
        Data::Int(number) => Some(Spanned::new(number, id.at)),
        _ => None,
    });
    Some(HostEntry {
        name: value.spanned("name")?,
        roles: value.texts("role"),
        address: value.spanned("address")?,
        id,
        interfaces: value.get("interfaces").map(network::host_interfaces).unwrap_or_default(),
        settings: value.raw("settings").cloned(),
    })
}

fn roles(value: &Value) -> Vec<RoleEntry> {
    let entry = |(name, at, body): (&String, &At, &Value)| RoleEntry {
        name: Spanned::new(name.clone(), *at),
        settings: body.raw("settings").cloned(),
    };
    value.entries().map(entry).collect()
}

fn user(value: &Value) -> Option<User> {
    Some(User {
        at: value.at,
        name: value.spanned("name")?,
        gecos: value.string("gecos"),
        groups: value.texts("groups"),
        shell: value.string("shell"),
        sudo: value.bool("sudo").unwrap_or(false),
        password_hash: value.spanned("password_hash"),
        ssh_keys: value.texts("ssh_keys"),
    })
}

fn audience(value: &Value) -> Audience {
    Audience { roles: value.texts("roles"), hosts: value.texts("hosts") }
}

fn file(value: &Value) -> Option<File> {
    Some(File {
        path: value.spanned("path")?,
        content: value.get("content").cloned(),
        source: value.spanned("source"),
        mode: value.string("mode").and_then(|mode| scalar::mode(&mode).ok()),
        owner: value.string("owner"),
        group: value.string("group"),
        secret: value.bool("secret"),
        audience: audience(value),
    })
}

fn command(value: &Value) -> Option<Command> {
    Some(Command {
        run: value.texts("run"),
        shell: matches!(value.get("run")?.data, Data::Text(_)),
        moment: value.string("at"),
        audience: audience(value),
    })
}
