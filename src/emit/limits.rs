//! User-data against the limit of a cloud, with what to do when it is over.

use super::{Context, seed, user_data};
use crate::cluster::{Cluster, Host, Method};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::format::checksum::Sha256Sum;
use crate::plan::HostPlan;

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
        // What the other deliveries need is the script that fetches, the accounts and the package source.
        let rest: usize = tree.iter().map(|f| f.content.bytes.len()).sum();
        let fits = counted(cluster, text.len().saturating_sub(rest) + user_data::FETCH.len()) <= limit;
        let volume = if cluster.cloud.volume { ", or `delivery: volume`" } else { "" };
        if fits {
            diagnostic = diagnostic.help(format!("`delivery: {{method: url, url: http://…/hosts}}` fits{volume}"));
        }
    }
    diags.push(diagnostic);
}

fn counted(cluster: &Cluster, bytes: usize) -> u64 {
    let bytes = bytes as u64;
    if cluster.cloud.base64 { bytes.div_ceil(3) * 4 } else { bytes }
}
