//! What the targets share: an input goes the whole way that a spec goes, without touching a disk.

use std::convert::Infallible;

use clusterseed::cluster::{Cluster, LocalFiles};
use clusterseed::compile::{self, Inputs};
use clusterseed::diag::{At, Diagnostics, FileId, Sources, render};
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::profile::catalog::Catalog;
use clusterseed::yaml::read;

/// Larger clusters only repeat what a small one does, slowly.
const MAX_HOSTS: usize = 64;

/// Checks a spec, and builds it when it is sound. Whatever is refused must be refused with a reason.
#[allow(dead_code, reason = "each target is a program of its own and takes what it needs")]
pub fn whole_way(bytes: &[u8], catalog: Catalog) {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let text = read::decode(bytes.to_vec(), |start, end| At::new(FileId(0), start, end), &mut diags).unwrap_or_default();
    let spec = if diags.has_errors() {
        sources.add("cluster.yaml", "");
        None
    } else {
        compile::parse_spec(&text, "cluster.yaml", &mut sources, &mut diags)
    };
    if spec.as_ref().is_some_and(|spec| spec.hosts.iter().map(|host| width(&host.name.value)).sum::<usize>() > MAX_HOSTS) {
        return;
    }
    let mut local = LocalFiles::new();
    for (at, reference) in spec.iter().flat_map(|spec| spec.references()).enumerate() {
        local.insert(reference.value, if at % 3 == 0 { Err("not found".into()) } else { Ok(b"hunter2\n".to_vec()) });
    }
    let inputs = Inputs { digest: Sha256Sum::of(bytes), spec, catalog, local, epoch: 0 };
    let cluster = compile::check(&inputs, &mut sources, &mut diags);
    assert!(cluster.is_some() || diags.has_errors(), "refused without a reason");
    drawn(&mut diags, &sources);
    if let Some(cluster) = cluster {
        built(&cluster, &inputs);
    }
}

/// Hosts that an entry stands for.
fn width(name: &str) -> usize {
    let range = name.split_once('[').and_then(|(_, range)| range.strip_suffix(']')?.split_once('-'));
    match range.map(|(from, to)| (from.parse::<usize>(), to.parse::<usize>())) {
        Some((Ok(from), Ok(to))) => to.saturating_sub(from).saturating_add(1),
        _ => 1,
    }
}

/// Every diagnostic has a place that can be shown, in both forms.
pub fn drawn(diags: &mut Diagnostics, sources: &Sources) {
    diags.finish(&[], false);
    for diagnostic in diags.iter().take(20) {
        let line = render::json_line(diagnostic, sources);
        assert!(!line.contains('\n'), "{line}");
        assert!(!diagnostic.message.is_empty() && !render::text(diagnostic, sources, false).is_empty());
    }
}

/// What passes the check can be built, and what is YAML in it can be read.
fn built(cluster: &Cluster, inputs: &Inputs) {
    let done = compile::build(cluster, inputs, |artifact| {
        artifact.check().unwrap_or_else(|error| panic!("{artifact:?}: {error}"));
        if artifact.path.ends_with("/user-data") {
            let text = std::str::from_utf8(&artifact.content).expect("UTF-8");
            let read: serde_yaml::Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(artifact.path.split('/').nth(1), read["hostname"].as_str(), "{text}");
        }
        Ok::<(), Infallible>(())
    });
    done.expect("a checked cluster can be built");
}

/// True for templates whose values may grow without taking steps, which the engine does not count: a value that is
/// joined to itself again and again. Profiles are trusted as programs are, so this is no mistake of ours to find.
#[allow(dead_code, reason = "each target is a program of its own and takes what it needs")]
pub fn amplifies(bytes: &[u8]) -> bool {
    let count = |word: &str| bytes.windows(word.len()).filter(|window| *window == word.as_bytes()).count();
    let joins = ["~", "+", "join", "replace", "indent", "format", "tojson", "pprint", "set"].into_iter().map(count).sum::<usize>();
    // `[0] * 10000000000` is a list without memory, until a filter wants all of it in one step.
    count("*") > 0 || joins > 6 || (joins > 0 && ["namespace", "macro", "caller", "include", "import", "extends", "recursive"].into_iter().any(|word| count(word) > 0))
}
