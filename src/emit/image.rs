//! What `bake` brings to the system that becomes an image: a seed tree of the role, and the programs and tables beside it.

use std::io;

use serde_json::json;

use super::{Context, PRODUCT, seed};
use crate::format::tarball::{self, Head, Member};
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

/// `/etc/clusterseed/image.json`: what the image is. No time and no place: the same inputs give the same bytes.
pub fn json(plan: &ImagePlan, base: &str) -> String {
    let image = &plan.image;
    super::pretty(&json!({
        "format": FORMAT,
        "product": PRODUCT,
        "profile": image.profile,
        "platform": image.platform,
        "roles": image.roles,
        "digest": image.digest,
        "base": base,
        "packages": plan.host.shared.packages,
        "state": plan.state,
    }))
}

/// Everything, as a tarball to be unpacked in /var/lib/clusterseed: the folders `seed` and `bake`. `base` is the digest of the base.
pub fn tarball(plan: &ImagePlan, base: &str, context: Context<'_>) -> io::Result<Vec<u8>> {
    let tree = seed::tree(&plan.host, context)?;
    let json = json(plan, base);
    let state = state_table(plan);
    let paths: Vec<String> = tree.iter().map(|file| format!("seed/{}", file.path)).collect();
    let pins = trust::pins(context.cluster);
    let trusts =
        pins.iter().flat_map(|pins| [("bake/accept", 0o755, trust::ACCEPT.as_bytes()), ("bake/trusted-keys", 0o644, pins.as_bytes())]);
    let own: [(&str, u32, &[u8]); 6] = [
        ("bake/bake", 0o755, BAKE.as_bytes()),
        ("bake/image.json", 0o644, json.as_bytes()),
        ("bake/leaks", 0o644, leaks::TABLE.as_bytes()),
        ("bake/seal", 0o755, SEAL.as_bytes()),
        ("bake/start", 0o755, FIRST.as_bytes()),
        ("bake/state", 0o644, state.as_bytes()),
    ];
    let own = own.into_iter().chain(trusts).map(|(path, mode, bytes)| Member { path, mode, bytes });
    let seed = tree.iter().zip(&paths).map(|(file, path)| Member { path, mode: file.mode, bytes: &file.content.bytes });
    let members: Vec<Member<'_>> = own.chain(seed).collect();
    let pieces = tarball::tar_gz(&Head::pack(&[], context.epoch)?, &members, &[], context.epoch)?;
    pieces.bytes().map(<[u8]>::to_vec).ok_or_else(|| io::Error::other("an image is not baked from the store"))
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
        mount -o ro \"$(blkid -L cidata)\" /run/clusterseed-bake && tar -xzf /run/clusterseed-bake/bake.tar.gz -C /var/lib/clusterseed; \
        umount /run/clusterseed-bake; sh /var/lib/clusterseed/bake/bake --off >/dev/ttyS0 2>&1";
    let entries = vec![
        // No account: whose it is, is for each machine's own user-data to say.
        ("users".into(), Yaml::Seq(Vec::new())),
        ("manage_etc_hosts".into(), Yaml::Bool(false)),
        ("apt_preserve_sources_list".into(), Yaml::Bool(true)),
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
