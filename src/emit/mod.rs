//! Pass 4: a [`HostPlan`] to [`Artifact`]s. Emitters return bytes; they know dialects, not platform names, and never write.

pub mod cards;
pub mod encoding;
pub mod host_json;
pub mod image;
pub mod launch;
pub mod limits;
pub mod manifest;
pub mod meta_data;
pub mod network;
pub mod report;
pub mod repository;
pub mod run;
pub mod seed;
pub mod user_data;
pub mod volume;

use crate::artifact::Artifact;
use crate::cluster::{Cluster, Method};
use crate::format::checksum::Sha256Sum;
use crate::format::pieces::Pieces;
use crate::plan::HostPlan;
use repository::{Repositories, Repository, Signer};

/// What this program calls itself in outputs.
pub const PRODUCT: &str = concat!("clusterseed ", env!("CARGO_PKG_VERSION"));

/// What emitters may know of the cluster as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// The cluster.
    pub cluster: &'c Cluster,
    /// Time of every file of a tarball, in seconds since 1970.
    pub epoch: u64,
    /// Packages that are carried; none where none are, or where only sizes are looked at.
    pub repositories: &'c Repositories<'c>,
    /// Who signs the seeds.
    pub signing: Signing<'c>,
}

/// Who signs the seeds.
#[derive(Clone, Copy, Debug)]
pub enum Signing<'s> {
    /// Nobody.
    Nobody,
    /// Only sizes are looked at: as if the spec's key did, where the spec demands it.
    Assumed,
    /// This key.
    By(Signer<'s>),
}

impl<'c> Context<'c> {
    /// The packages that a host's seed brings; none where its image has them.
    pub fn repository(&self, plan: &HostPlan) -> Option<&'c Repository> {
        let locked = plan.shared.locked.as_ref().filter(|_| plan.image.is_none());
        self.repositories.get(locked)
    }
}

/// All files of one host.
#[derive(Debug)]
pub struct HostOutput {
    /// Files below `hosts/NAME`.
    pub artifacts: Vec<Artifact>,
    /// Digest of the plan.
    pub digest: String,
}

/// Emits everything of one host.
pub fn host(plan: &HostPlan, context: Context<'_>) -> std::io::Result<HostOutput> {
    let tree = seed::tree(plan, context)?;
    let method = &context.cluster.delivery.method;
    let repository = context.repository(plan);
    let tarball = seed::tarball(&tree, repository.filter(|_| *method == Method::Hand), context)?;
    // Only by hand are there files in it that lie elsewhere, and then nobody asks for its digest beforehand.
    let tarball_sum = tarball.bytes().map_or(Sha256Sum([0; 32]), Sha256Sum::of);
    let secret = plan.holds_secrets();
    let inline = matches!(method, Method::Inline | Method::Image);
    let user_data = user_data::emit(plan, &tree, tarball_sum, method, context);
    let user_data = encoding::encode(user_data, context.cluster);
    let cloud = &context.cluster.cloud;
    if matches!(context.signing, Signing::By(_)) && !cloud.takes(user_data.bytes.len()) {
        // Nobody knows how well a signature packs before it is made.
        let size = user_data.bytes.len();
        let why = format!(
            "user-data of `{}` has {size} bytes with its signature, more than {} takes: use `delivery: url`",
            plan.name, cloud.summary
        );
        return Err(std::io::Error::other(why));
    }
    let hashes = context.cluster.accounts.iter().any(|account| account.password_hash.is_some());
    let mut files = vec![
        ("user-data", private_if((secret && inline) || hashes), user_data.bytes.into()),
        ("meta-data", 0o644, meta_data::emit(plan, context).into_bytes().into()),
        ("seed.tar.gz", private_if(secret), tarball),
    ];
    if let Some(text) = network::network_config(plan, context) {
        files.push(("network-config", 0o644, text.into_bytes().into()));
    }
    let on_volume = repository.filter(|_| *method == Method::Volume);
    files.extend(volume::emit(&files, on_volume, context)?);
    let artifact = |(name, mode, content): (&str, u32, Pieces)| Artifact { path: format!("hosts/{}/{name}", plan.name), mode, content };
    Ok(HostOutput { artifacts: files.into_iter().map(artifact).collect(), digest: plan.digest.clone() })
}

/// JSON over many lines, with a line break at the end.
fn pretty(value: &impl serde::Serialize) -> String {
    // Our own types are plain structs: nothing in them can fail to be JSON.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn private_if(secret: bool) -> u32 {
    if secret { 0o600 } else { 0o644 }
}
