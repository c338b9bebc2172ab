//! A `build` with carried packages that is killed, at each of its stages and at any moment, and run again: the same bytes as one that
//! never was, nothing of it left, nothing foreign touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Project;
use crate::support::files;

type Tree = BTreeMap<String, Vec<u8>>;

fn tree(folder: &Path) -> Tree {
    files(folder).into_iter().map(|(name, path)| (name, fs::read(path).expect("a file"))).collect()
}

/// Files that come into being one after the other, below the folder of the project. Those of a process have its number in place of `*`.
const STAGES: [&str; 7] = [
    "tmp/clusterseed-gpg.",
    ".out.clusterseed-stage/lock",
    ".out.clusterseed-stage/new/hosts/server1/seed.iso",
    ".out.clusterseed-stage/new/packages/pool",
    ".out.clusterseed-stage/new/packages/bom.cdx.json",
    ".out.clusterseed-stage/new/manifest.json.asc",
    ".out.clusterseed-stage/new/SHA256SUMS",
];

#[test]
fn a_build_that_is_killed_again_and_again() {
    let project = Project::new();
    let never = tree(&project.build("volume"));
    let at = |path: &str| project.folder.path().join(path);
    fs::create_dir(at("tmp")).expect("a folder");
    fs::create_dir(at("out")).expect("a folder");
    fs::write(at("out/notes.txt"), "mine").expect("a file");
    fs::write(at("tmp/clusterseed-gpg.mine"), "mine").expect("a file");
    let build = || -> Command {
        let mut command = project.command(&["build", "volume.yaml", "-q", "-o", "out", "--sign-with", "signing.key"]);
        command.env("TMPDIR", at("tmp")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let exists = |stage: &str| match stage.strip_suffix('.') {
        Some(_) => {
            let name = stage.trim_start_matches("tmp/");
            let names = fs::read_dir(at("tmp")).expect("a folder").map(|entry| entry.expect("an entry").file_name().into_string());
            names.flatten().any(|other| other.starts_with(name) && !other.ends_with("mine"))
        }
        None => at(stage).exists(),
    };
    let mut cut_off = 0;
    for stage in STAGES {
        // The notes of copyright files are made anew, too.
        let _ = fs::remove_dir_all(project.store().root().join("copyright"));
        // What the last kill left is cleared up first, or it would look like this build's.
        assert!(build().status().expect("a build").success(), "{stage}");
        check(&project, &never, stage);
        let mut child = build().spawn().expect("a build");
        let until = Instant::now() + Duration::from_secs(60);
        while !exists(stage) && child.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < until, "{stage} never comes");
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().expect("a signal");
        cut_off += u32::from(!child.wait().expect("an end").success());
    }
    assert!(cut_off >= 5, "only {cut_off} builds were cut off");
    let started = Instant::now();
    assert!(build().status().expect("a build").success());
    let whole = started.elapsed();
    check(&project, &never, "after the stages");
    for step in 0..8 {
        let mut child = build().spawn().expect("a build");
        std::thread::sleep(whole * ((step * 3) % 8) / 8);
        child.kill().expect("a signal");
        child.wait().expect("an end");
    }
    assert!(build().status().expect("a build").success());
    check(&project, &never, "at any moment");
}

/// All is as if nothing had happened.
fn check(project: &Project, never: &Tree, when: &str) {
    let mut found = tree(&project.folder.path().join("out"));
    assert_eq!(found.remove("notes.txt").as_deref(), Some(&b"mine"[..]), "{when}");
    assert!(found == *never, "{when}: other bytes");
    let names = |path: &Path| {
        let entries = fs::read_dir(path).map(|list| list.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()));
        entries.map(Iterator::collect::<Vec<_>>).unwrap_or_default()
    };
    let left: Vec<String> = names(project.folder.path()).into_iter().filter(|name| name.starts_with('.')).collect();
    assert!(left.is_empty(), "{when}: {left:?}");
    assert_eq!(names(&project.folder.path().join("tmp")), ["clusterseed-gpg.mine"], "{when}: homes of gpg, with a key in them");
    assert!(names(&project.store().root().join("incoming")).is_empty(), "{when}");
}
