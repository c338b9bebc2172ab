//! User-data against the limit of a cloud, with what to do when it is over.

use super::seed::{self, SeedFile};
use super::{Context, user_data};
use crate::cluster::{Cluster, Host, Method};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::format::checksum::{Content, Sha256Sum};
use crate::plan::HostPlan;

/// Room for the digest and the URL in the command that fetches a seed.
const LONGEST_COMMAND: usize = 512;

/// Reports user-data that is over the limit; names the largest files of the seed and a delivery that fits.
pub fn check(plan: &HostPlan, host: &Host, context: Context<'_>, diags: &mut Diagnostics) {
    let cluster = context.cluster;
    let Some(limit) = cluster.cloud.limit else { return };
    let tree = seed::tree(plan, context);
    let text = user_data::emit(plan, &tree, Sha256Sum([0; 32]), context);
    let size = counted(cluster, text.len());
    if size <= limit {
        return;
    }
    let form = if cluster.cloud.base64 { " as base64" } else { "" };
    let message = format!("user-data of `{}` has {size} bytes{form}, {} takes {limit}", host.name, cluster.cloud.summary);
    let mut sizes: Vec<_> = tree.iter().map(|f| (f.content.bytes.len(), f.path.as_str())).collect();
    sizes.sort_by(|a, b| b.cmp(a));
    let largest: Vec<_> = sizes.iter().take(3).map(|(size, path)| format!("{path} ({size} bytes)")).collect();
    let mut diagnostic =
        Diagnostic::error(codes::USER_DATA_SIZE, cluster.delivery.at, message).help(format!("largest: {}", largest.join(", ")));
    if cluster.delivery.method == Method::Inline {
        // The other deliveries carry the script that fetches in place of the tree, and a longer command.
        let content = Content::shared(user_data::FETCH.as_bytes().to_vec());
        let script = SeedFile { path: "fetch".into(), mode: 0o700, content, secret: false };
        let fetched = user_data::emit(plan, &[script], Sha256Sum([0; 32]), context).len() + LONGEST_COMMAND;
        let fits = counted(cluster, fetched) <= limit;
        let volume = if cluster.cloud.volume { ", or `delivery: volume`" } else { "" };
        if fits {
            diagnostic = diagnostic.help(format!("`delivery: {{method: url, url: http://…/hosts}}` fits{volume}"));
        }
    }
    diags.push(diagnostic.subject(&host.name));
}

fn counted(cluster: &Cluster, bytes: usize) -> u64 {
    let bytes = bytes as u64;
    if cluster.cloud.base64 { bytes.div_ceil(3) * 4 } else { bytes }
}
