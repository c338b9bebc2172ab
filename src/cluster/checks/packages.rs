//! Packages: keys that the profile pins, versions that are left open.

use crate::cluster::{Cluster, PackageSource};
use crate::diag::{Diagnostic, Diagnostics, codes};
use crate::format::openpgp;

/// The profile's keys have the pinned fingerprints; every package has a version.
pub fn check(cluster: &Cluster, diags: &mut Diagnostics) {
    for source in &cluster.profile.sources {
        let text = cluster.keys.get(&source.key_file.value).map(String::as_str).unwrap_or_default();
        let found = openpgp::dearmor(text).and_then(|keyring| openpgp::fingerprint(&keyring));
        let problem = match found {
            Ok(found) if found == source.fingerprint => continue,
            Ok(found) => format!("the key `{}` has the fingerprint {found}, pinned is {}", source.key_file.value, source.fingerprint),
            Err(why) => format!("`{}`: {why}", source.key_file.value),
        };
        diags.push(
            Diagnostic::error(codes::KEY_FINGERPRINT, source.key_file.at, problem)
                .help("packages are trusted through this key: do not build until it is clear which of the two is right"),
        );
    }
    for (name, pin) in &cluster.packages.versions {
        if let (None, Some(at)) = (&pin.version, pin.at) {
            diags.push(
                Diagnostic::warning(
                    codes::VERSION_OPEN,
                    at,
                    format!("`{name}` is not pinned: hosts that boot on different days may differ"),
                )
                .help("write the version that was tested"),
            );
        }
    }
    if let PackageSource::Mirror { url, .. } = &cluster.packages.source
        && cluster.profile.sources.is_empty()
    {
        diags.push(
            Diagnostic::error(
                codes::MIRROR,
                cluster.profile_at,
                format!("the profile `{}` has no repository that {url} could replace", cluster.profile.name),
            )
            .help("remove `packages.mirror`: its packages come from the distribution"),
        );
    }
}
