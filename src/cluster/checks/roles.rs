//! How many hosts a role has.

use crate::cluster::Cluster;
use crate::diag::{Diagnostic, Diagnostics, codes};

/// Least, most, odd.
pub fn counts(cluster: &Cluster, diags: &mut Diagnostics) {
    if cluster.hosts.is_empty() {
        return;
    }
    for role in &cluster.profile.roles {
        let members: Vec<_> = cluster.with_role(&role.name).collect();
        let (n, count) = (members.len(), &role.count);
        let nobody = || cluster.places.get("hosts").copied().unwrap_or(cluster.at);
        let at = members.last().map_or_else(nobody, |host| host.role_at);
        let reason = if count.reason.is_empty() { String::new() } else { format!(": {}", count.reason) };
        if n < count.min || n > count.max {
            let (verb, limit) =
                if n < count.min { ("add", format!("at least {}", count.min)) } else { ("remove", format!("at most {}", count.max)) };
            diags.push(
                Diagnostic::error(codes::ROLE_COUNT, at, format!("the cluster has {n} of role `{}`, it needs {limit}", role.name))
                    .help(format!("{verb} hosts{reason}")),
            );
        } else if count.odd && n % 2 == 0 && n > 0 {
            diags.push(
                Diagnostic::error(codes::ROLE_EVEN, at, format!("the cluster has {n} of role `{}`, an even number", role.name))
                    .help(format!("use {} or {}{reason}", n - 1, n + 1)),
            );
        }
    }
}
