//! Bytes as the profile.yaml of a cluster kind, laid over the shipped ones; what loads is used for a host of each role.
#![no_main]

mod support;

use std::sync::LazyLock;

use clusterseed::diag::{Diagnostics, Sources};
use clusterseed::profile::catalog::Catalog;
use clusterseed::profile::load;

/// Files that a seed's `files` name; each profile lacks or leaves some, which must be reported.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let mut catalog = Catalog::embedded();
    catalog.overlay("fuzz/flags.tsv", b"name\tfrom\tto\told\tform\nzk\t0.1\t0.9\t\tvalue\nquiet\tv0.2\t0.9\tsilent\ttoggle\n".to_vec(), "fuzz");
    catalog
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if support::amplifies(bytes) {
        return;
    }
    let mut catalog = CATALOG.clone();
    catalog.overlay("fuzz/profile.yaml", bytes.to_vec(), "fuzz");
    // Only a profile that asks for them gets files: otherwise each would be an orphan, and nothing would load.
    if memchr(bytes, b"/etc/a") {
        catalog.overlay("fuzz/files/etc/a", b"verbatim\n".to_vec(), "fuzz");
    }
    if memchr(bytes, b"/etc/b") {
        catalog.overlay("fuzz/files/etc/b.j2", b"{{ host.name }}{% for h in roles.a %} {{ h.address }}{% endfor %}\n".to_vec(), "fuzz");
    }
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let loaded = load::load("fuzz", &catalog, &mut sources, &mut diags);
    assert!(loaded.is_some() || diags.has_errors(), "refused without a reason");
    support::drawn(&mut diags, &sources);
    let Some(profile) = loaded else { return };
    let mut spec = format!(
        "version: 1\ncluster: c\nprofile: fuzz\nplatform: {}\nnetwork: {{subnet: 192.0.2.0/24, search: [example.net]}}\nhosts:\n",
        profile.platforms.first().map_or("ubuntu-14.04", String::as_str)
    );
    for (number, role) in profile.roles.iter().enumerate().take(8) {
        spec.push_str(&format!("- {{name: h{}, role: \"{}\", address: 192.0.2.{}}}\n", number + 1, role.name.escape_default(), number + 1));
    }
    support::whole_way(spec.as_bytes(), catalog);
});

fn memchr(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
