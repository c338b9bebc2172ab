//! Packages that travel with the seed, on machines that boot it.

use super::lab::{Built, Lab};
use crate::support::files;

/// Puts into a machine's seed folder what its volume would bring beside the files that cloud-init reads.
pub fn on_the_volume(lab: &Lab, built: &Built, machine: &str) {
    lab.preload(machine, "seed.tar.gz", &built.read(machine, "seed.tar.gz"));
    for (name, path) in files(&built.hosts().join("../packages/pool")) {
        lab.preload_link(machine, &name, &path);
    }
}

/// Every package came from the seed, and the image's own source is set aside.
pub fn from_the_seed_alone(lab: &Lab, machine: &str) {
    let script = "cd /etc/apt && ls sources.list.disabled && ! ls sources.list && ! grep -F /srv/debs /var/log/clusterseed.log && \
        grep -c '^Get:.* file:/var/lib/clusterseed/seed/repo ' /var/log/clusterseed.log";
    let said = lab.shell(machine, script, &[]);
    let taken: usize = said.lines().last().and_then(|count| count.parse().ok()).unwrap_or_default();
    assert!(taken > 20, "{machine}: {said}");
}
