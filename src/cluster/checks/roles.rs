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
        let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
        let reason = because(&count.reason);
        if n < count.min || n > count.max {
            let (limit, help) = match n < count.min {
                true => (format!("it needs at least {}", count.min), format!("add hosts{reason}")),
                false => (format!("it may have at most {}", count.max), format!("remove hosts{}", because(&count.max_reason))),
            };
            diags
                .push(Diagnostic::error(codes::ROLE_COUNT, at, format!("the cluster has {n} of role `{}`, {limit}", role.name)).help(help));
        } else if count.odd && n % 2 == 0 && n > 0 {
            diags.push(
                Diagnostic::error(codes::ROLE_EVEN, at, format!("the cluster has {n} of role `{}`, an even number", role.name))
                    .help(format!("use {} or {}{reason}", n - 1, n + 1)),
            );
        }
    }
}
