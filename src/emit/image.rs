//! What `bake` brings to the system that becomes an image: a seed tree of the role, and the programs and tables beside it.

use std::io;

use serde_json::json;

use super::{Context, PRODUCT, seed};
use crate::format::pieces::Pieces;
use crate::format::tarball::{Head, Member};
use crate::image::leaks;
use crate::plan::image::ImagePlan;
use crate::plan::trust;
use crate::yaml::write::{Style, Yaml, write};

/// Makes the image.
pub const BAKE: &str = include_str!("../seed/bake");
/// Takes every identity out of it.
pub const SEAL: &str = include_str!("../seed/seal");
/// Begins the first boot of a machine that was made from it.
pub const FIRST: &str = include_str!("../seed/start");
/// Where that lies in the image.
pub const START: &str = "/usr/lib/clusterseed/start";

/// Version of `image.json`.
pub const FORMAT: u32 = 1;

/// The label of the volume that brings it to a machine; cloud-init reads its user-data from there.
pub const LABEL: &str = super::volume::LABEL;

/// What an image was made of.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'o> {
    /// SHA-256 of the base, in hexadecimal.
    pub base: &'o str,
    /// That of cluster.lock, where packages are carried.
    pub lock: Option<&'o str>,
}

/// `/etc/clusterseed/image.json`: what the image is; `clusterseed schema image` publishes it. No time and no place: the same inputs
/// give the same bytes.
pub fn json(plan: &ImagePlan, origin: Origin<'_>) -> String {
    let image = &plan.image;
    super::pretty(&json!({
        "format": FORMAT,
        "product": PRODUCT,
        "profile": image.profile,
        "platform": image.platform,
        "roles": image.roles,
        "digest": image.digest,
        "base": origin.base,
        "lock": origin.lock,
        "packages": plan.host.shared.packages,
        "state": plan.state,
    }))
}

/// Everything, as a tarball to be unpacked in /var/lib/clusterseed: the folders `bake` and `seed`. Packages that are carried come last,
/// out of the store: they are named here, and not read.
pub fn tarball(plan: &ImagePlan, origin: Origin<'_>, context: Context<'_>) -> io::Result<Pieces> {
    let tree = seed::tree(&plan.host, context)?;
    let json = json(plan, origin);
    let state = state_table(plan);
    let automatic: String = plan.automatic.iter().map(|name| format!("{name}\n")).collect();
    let pins = trust::pins(context.cluster);
    let trusts =
        pins.iter().flat_map(|pins| [("bake/accept", 0o755, trust::ACCEPT.as_bytes()), ("bake/trusted-keys", 0o644, pins.as_bytes())]);
    // What else an image is to keep for its hosts comes in here, and src/seed/bake puts it to its place.
    let own: [(&str, u32, &[u8]); 7] = [
        ("bake/automatic", 0o644, automatic.as_bytes()),
        ("bake/bake", 0o755, BAKE.as_bytes()),
        ("bake/image.json", 0o644, json.as_bytes()),
        ("bake/leaks", 0o644, leaks::TABLE.as_bytes()),
        ("bake/seal", 0o755, SEAL.as_bytes()),
        ("bake/start", 0o755, FIRST.as_bytes()),
        ("bake/state", 0o644, state.as_bytes()),
    ];
    let own: Vec<Member<'_>> = own.into_iter().chain(trusts).map(|(path, mode, bytes)| Member { path, mode, bytes }).collect();
    seed::packed(&Head::pack(&own, context.epoch)?, &tree, context.repository(&plan.host), context)
}

/// Rows for this image alone: what its services leave behind, and the package source, which each host's seed writes again.
fn state_table(plan: &ImagePlan) -> String {
    let mut table: String = plan.state.iter().map(|state| leaks::row(&state.path, &state.why)).collect();
    for file in &plan.host.files {
        table.push_str(&leaks::row(&file.path, "is the package source of one cluster, which each host's seed brings"));
    }
    table
}

/// `user-data` for a machine that bakes itself and switches itself off. Values are JSON, which every version of YAML reads alike.
pub fn user_data() -> String {
    let script = "mkdir -p /var/lib/clusterseed /run/clusterseed-bake; \
        mount -o ro \"$(blkid -L cidata)\" /run/clusterseed-bake && tar -xzf /run/clusterseed-bake/bake.tar.gz -C /var/lib/clusterseed \
        || { echo 'bake: failed: its disk does not take what is brought: --disk-size makes more room' >/dev/ttyS0; poweroff -f; }; \
        umount /run/clusterseed-bake; sh /var/lib/clusterseed/bake/bake --off >/dev/ttyS0 2>&1";
    let entries = vec![
        // No account: whose it is, is for each machine's own user-data to say.
        ("users".into(), Yaml::Seq(Vec::new())),
        ("manage_etc_hosts".into(), Yaml::Bool(false)),
        ("apt_preserve_sources_list".into(), Yaml::Bool(true)),
        // snapd would ask for a serial for this machine, and keep it. Until the power goes, and in no file of the image.
        (
            "bootcmd".into(),
            Yaml::Seq(vec!["! command -v systemctl || systemctl mask --runtime snapd.socket snapd.service snapd.seeded.service".into()]),
        ),
        ("runcmd".into(), Yaml::Seq(vec![script.into()])),
    ];
    let mut out = String::from("#cloud-config\n");
    write(&Yaml::Map(entries), Style::Quoted, &mut out);
    out
}

/// `meta-data` of that machine. Its network is whatever the image does by itself.
pub fn meta_data(plan: &ImagePlan) -> String {
    let mut out = String::new();
    let id = format!("clusterseed-bake-{}", &plan.image.digest[..12]);
    let entries =
        vec![("instance-id".into(), Yaml::Str(id.into())), ("local-hostname".into(), "localhost".into()), ("dsmode".into(), "net".into())];
    write(&Yaml::Map(entries), Style::Quoted, &mut out);
    out
}
