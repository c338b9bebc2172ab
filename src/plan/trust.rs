//! Who may sign seeds, as a host knows it: the pinned keys, and the program that looks at a seed before anything of it runs.

use crate::cluster::Cluster;
use crate::format::checksum::Content;
use crate::plan::file::{Phase, PlannedFile};

/// Where the fingerprints are pinned.
pub const PINS: &str = "/etc/clusterseed/trusted-keys";

/// Where the program lies that an operator runs, and `apply` asks.
pub const PROGRAM: &str = "/usr/local/sbin/clusterseed-accept";

/// The program.
pub const ACCEPT: &str = include_str!("../seed/accept");

/// The text of [`PINS`]; none where the spec trusts nobody in particular.
pub fn pins(cluster: &Cluster) -> Option<String> {
    let mut text = String::from("# This host takes a seed only when one of these keys has signed it. Full fingerprints of primary keys.\n");
    cluster.trust.iter().for_each(|fingerprint| text.push_str(&format!("{fingerprint}\n")));
    (!cluster.trust.is_empty()).then_some(text)
}

/// Both, as files that `apply` keeps as they are: so a seed that an old key has signed brings a new one.
pub fn files(cluster: &Cluster) -> Vec<PlannedFile> {
    let Some(pins) = pins(cluster) else { return Vec::new() };
    let file = |path: &str, mode, phase, text: &str| PlannedFile {
        path: path.into(),
        content: Content::shared(text.as_bytes().to_vec()),
        mode,
        owner: "root".into(),
        group: "root".into(),
        phase,
        restarts: Vec::new(),
        secret: false,
        origin: "`trust`".into(),
    };
    // The program first: a host that is cut off between them could not go on with pins alone.
    vec![file(PINS, 0o644, Phase::Sources, &pins), file(PROGRAM, 0o755, Phase::Hold, ACCEPT)]
}
