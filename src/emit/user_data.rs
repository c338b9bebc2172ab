//! `user-data`: one plain `#cloud-config` document in the dialect of the platform.
//!
//! Only what cloud-init must do itself stands here: names, accounts, the package source, and bringing the seed tree to the host.
//! Everything else is `apply`'s, which checks, records and can be run again; cloud-init does neither.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::image::START;
use super::repository::FOLDER;
use super::seed::{APPLY, PLACE, SeedFile};
use super::{Context, PRODUCT};
use crate::cluster::{Account, Cluster, InstanceId, Method};
use crate::format::base64;
use crate::format::checksum::Sha256Sum;
use crate::format::shell;
use crate::plan::HostPlan;
use crate::plan::trust;
use crate::platform::{AptForm, Dialect};
use crate::yaml::write::{Style, Yaml, write, written};

type Entries<'a> = Vec<(Cow<'a, str>, Yaml<'a>)>;

/// Brings the tarball to the host, for deliveries that do not carry the tree in user-data.
pub const FETCH: &str = include_str!("../seed/fetch");
/// Copies what cloud-init itself read from a seed volume, for later boots.
pub const KEEP: &str = include_str!("../seed/keep");
const STATE: &str = "/var/lib/clusterseed";

/// What `bootcmd` does at every boot, before the other modules.
///
/// cloud-init marks a module as done before it begins (helpers.py, FileSemaphores), so a power cut in the first boot would leave a
/// host that never gets its seed, its accounts or its SSH host keys. Until `apply` has taken over, this has them run again; all of
/// them when that boot did not come to its end. Where a changed plan makes a new instance, its first boot is looked at by itself,
/// and begins without the old tree: `write_files` takes nothing away.
fn every_boot(plan: &HostPlan, cluster: &Cluster) -> Yaml<'static> {
    let begun = match cluster.instance_id {
        InstanceId::Stable => format!("[ -e {STATE}/state/begun ]"),
        InstanceId::Content => format!("grep -qxs {} {STATE}/state/begun", plan.digest),
    };
    let mut commands = Vec::new();
    if cluster.instance_id == InstanceId::Content {
        commands.push(format!("{begun} || rm -rf {PLACE}").into());
    }
    // write_files makes parents for everybody and files readable for a moment: the folder is made first, for root alone.
    commands.push(format!("mkdir -p {PLACE} && chmod 0700 {PLACE}").into());
    commands.push(
        format!(
            "{begun} || (cd /var/lib/cloud/instance && if [ -e boot-finished ]; \
             then rm -f sem/config_write_files sem/config_runcmd sem/config_scripts_user; else rm -f sem/config_*; fi)"
        )
        .into(),
    );
    Yaml::Seq(commands)
}

/// The whole document, for one way in which the seed may arrive. `tree` is the seed, `tarball` the digest of its tar.gz.
pub fn emit(plan: &HostPlan, tree: &[SeedFile], tarball: Sha256Sum, method: &Method, context: Context<'_>) -> String {
    let cluster = context.cluster;
    let dialect = cluster.platform.dialect;
    let carried: usize = tree.iter().map(|file| file.content.bytes.len()).sum();
    let mut out = String::with_capacity(carried / 4 * 5 + 16 * 1024);
    out.push_str("#cloud-config\n");
    let roles = plan.roles.join(" and ");
    out.push_str(&format!(
        "# {} of the cluster {}: {roles} of {} on {}. Made by {PRODUCT}.\n",
        plan.name, cluster.name, cluster.profile.name, cluster.platform.name
    ));
    let mut entries: Entries<'_> = vec![("hostname".into(), plan.name.as_str().into())];
    if plan.fqdn != plan.name {
        entries.push(("fqdn".into(), plan.fqdn.as_str().into()));
    }
    // The template of images maps the host's own name to 127.0.1.1, where no peer finds it.
    entries.push(("manage_etc_hosts".into(), Yaml::Bool(false)));
    apt(plan, dialect, &mut entries);
    if !cluster.accounts.is_empty() {
        let own = cluster.accounts.iter().map(user);
        entries.push(("users".into(), Yaml::Seq(std::iter::once("default".into()).chain(own).collect())));
    }
    delivery(plan, tree, tarball, method, cluster, &mut entries);
    write(&Yaml::Map(entries), if dialect.literal { Style::Literal } else { Style::Quoted }, &mut out);
    out
}

/// cloud-init would rewrite sources.list from its template otherwise (cc_apt_configure.py).
///
/// On 0.7.5 the source and its key stand here as well: they are only written down, and `apply` writes the very same source
/// again, whole. Newer versions run `apt-get update` as soon as a source is named, before the seed is there, and a mirror
/// that is slow to answer fails the module: there the source is `apply`'s alone.
fn apt<'a>(plan: &'a HostPlan, dialect: Dialect, entries: &mut Entries<'a>) {
    let repositories = &plan.shared.repositories;
    match dialect.apt {
        AptForm::AptSources => {
            entries.push(("apt_preserve_sources_list".into(), Yaml::Bool(true)));
            let source = |r: &'a crate::plan::apt::Repository| {
                Yaml::Map(vec![
                    ("source".into(), r.line.as_str().into()),
                    ("filename".into(), r.list.as_str().into()),
                    ("key".into(), r.armored.as_str().into()),
                ])
            };
            if !repositories.is_empty() {
                entries.push(("apt_sources".into(), Yaml::Seq(repositories.iter().map(source).collect())));
            }
        }
        AptForm::PreserveOnly => entries.push(("apt_preserve_sources_list".into(), Yaml::Bool(true))),
        AptForm::Apt => entries.push(("apt".into(), Yaml::Map(vec![("preserve_sources_list".into(), Yaml::Bool(true))]))),
    }
}

/// An account in the form that both 0.7.5 and today's schema take: groups as one string, a lock only when there is no password.
fn user(account: &Account) -> Yaml<'_> {
    let mut entries: Entries<'_> = vec![("name".into(), account.name.as_str().into())];
    if let Some(gecos) = &account.gecos {
        entries.push(("gecos".into(), gecos.as_str().into()));
    }
    if !account.groups.is_empty() {
        entries.push(("groups".into(), Yaml::Str(account.groups.join(",").into())));
    }
    entries.push(("shell".into(), account.shell.as_str().into()));
    if account.sudo {
        entries.push(("sudo".into(), "ALL=(ALL) NOPASSWD:ALL".into()));
    }
    entries.push(("lock_passwd".into(), Yaml::Bool(account.password_hash.is_none())));
    if let Some(hash) = &account.password_hash {
        entries.push(("passwd".into(), hash.value.as_str().into()));
    }
    if !account.ssh_keys.is_empty() {
        entries.push(("ssh_authorized_keys".into(), Yaml::Seq(account.ssh_keys.iter().map(|key| key.value.as_str().into()).collect())));
    }
    Yaml::Map(entries)
}

/// Two thirds of every document are the same program.
static APPLY_QUOTED: LazyLock<String> = LazyLock::new(|| apply(Style::Quoted));
static APPLY_LITERAL: LazyLock<String> = LazyLock::new(|| apply(Style::Literal));

/// `apply` as an entry of `write_files`, two lists and a mapping deep.
fn apply(style: Style) -> String {
    written(&write_file(format!("{PLACE}/apply"), &APPLY.bytes), style, 4)
}

fn delivery<'a>(
    plan: &'a HostPlan,
    tree: &'a [SeedFile],
    tarball: Sha256Sum,
    method: &Method,
    cluster: &Cluster,
    entries: &mut Entries<'a>,
) {
    let dialect = cluster.platform.dialect;
    let carry = |file: &'a SeedFile| match file.path.as_str() {
        "apply" if dialect.literal => Yaml::Written(&APPLY_LITERAL),
        "apply" => Yaml::Written(&APPLY_QUOTED),
        path => write_file(format!("{PLACE}/{path}"), &file.content.bytes),
    };
    let fetch = |arguments: String| (vec![write_file(format!("{STATE}/fetch"), FETCH.as_bytes())], arguments);
    let (mut files, fetch) = match method {
        Method::Hand => {
            let files: Vec<_> = trusts(plan).collect();
            if !files.is_empty() {
                entries.push(("write_files".into(), Yaml::Seq(files)));
            }
            return;
        }
        Method::Inline => (tree.iter().map(carry).collect(), None),
        Method::Image => (tree.iter().filter(|file| file.path != "apply").map(carry).collect(), None),
        Method::Volume => {
            let (files, arguments) = fetch(format!("volume {}", tarball.hex()));
            (files, Some(arguments))
        }
        Method::Url(url) => {
            // Relative to the same server: `out/packages` lies beside the hosts there.
            let packages =
                if plan.shared.locked.is_some() { format!(" {}", shell::quoted(&format!("{url}/{FOLDER}/pool"))) } else { String::new() };
            let seed = shell::quoted(&format!("{url}/{}/seed.tar.gz", plan.name));
            let (files, arguments) = fetch(format!("url {} {seed}{packages}", tarball.hex()));
            (files, Some(arguments))
        }
    };
    // In an image they are already, and it is the image that judges this seed.
    if *method != Method::Image {
        files.splice(0..0, trusts(plan));
    }
    // Wherever a volume may be attached: `keep` looks itself whether it was one. Not where the volume is to bring new instance ids:
    // those of the folder would win (DataSourceNoCloud.py of 0.7.5).
    let keeps = cluster.cloud.volume && cluster.instance_id == InstanceId::Stable;
    if keeps {
        files.insert(0, write_file(format!("{STATE}/keep"), KEEP.as_bytes()));
    }
    entries.push(("bootcmd".into(), every_boot(plan, cluster)));
    entries.push(("write_files".into(), Yaml::Seq(files)));
    // After a reboot in an earlier first boot, its own run may still be at work.
    let apply = match method {
        Method::Image => {
            let words = "clusterseed: this machine does not come from an image that clusterseed baked; this seed needs one";
            format!("if [ -f {START} ]; then sh {START} --wait; else echo '{words}' | tee /dev/console >&2; exit 3; fi")
        }
        _ => format!("sh {PLACE}/apply --wait"),
    };
    let command = fetch.map_or_else(|| apply.clone(), |arguments| format!("sh {STATE}/fetch {arguments} && {apply}"));
    // What it cannot keep is said, and does not stop the host.
    let command = if keeps { format!("sh {STATE}/keep; {command}") } else { command };
    // One string: its exit status is that of the script, which cloud-init reports.
    entries.push(("runcmd".into(), Yaml::Seq(vec![command.into()])));
}

/// Who may sign seeds, at its final place before any seed comes: `apply` of the first one is judged by it already.
fn trusts(plan: &HostPlan) -> impl Iterator<Item = Yaml<'_>> {
    let files = plan.files.iter().filter(|file| [trust::PINS, trust::PROGRAM].contains(&file.path.as_str()));
    files.map(|file| {
        Yaml::Map(vec![
            ("path".into(), file.path.as_str().into()),
            ("owner".into(), "root:root".into()),
            ("permissions".into(), Yaml::Str(format!("{:04o}", file.mode).into())),
            // Both are ASCII.
            ("content".into(), Yaml::Str(String::from_utf8_lossy(&file.content.bytes))),
        ])
    })
}

/// A file below the private folder. Text that is printable ASCII stays readable; anything else travels as base64, because
/// non-ASCII content ends `write_files` of 0.7.5 (cc_write_files.py).
fn write_file(path: String, bytes: &[u8]) -> Yaml<'_> {
    let programs = [(PLACE, "/apply"), (STATE, "/fetch"), (STATE, "/keep")];
    let runs = programs.iter().any(|(folder, program)| path.strip_prefix(folder) == Some(program));
    let mode = if runs { "0700" } else { "0600" };
    // Without a way out half-way, this looks at many bytes at once.
    let is_readable = bytes.iter().fold(true, |so_far, b| so_far & matches!(b, b'\n' | b'\t' | b' '..=b'~'));
    let readable = std::str::from_utf8(bytes).ok().filter(|_| is_readable);
    let mut entries: Entries<'_> =
        vec![("path".into(), path.into()), ("owner".into(), "root:root".into()), ("permissions".into(), mode.into())];
    match readable {
        Some(text) => entries.push(("content".into(), text.into())),
        None => {
            entries.push(("encoding".into(), "b64".into()));
            entries.push(("content".into(), base64::encode_lines(bytes).into()));
        }
    }
    Yaml::Map(entries)
}
