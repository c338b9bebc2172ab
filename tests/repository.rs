//! Carried packages: repositories that real tools take, three ways to one tree, and everything that somebody may have done to it.
//! `apt` itself, on the machines of `real`: [`super::real`].

mod diff;
mod fetch;
mod keys;
mod killed;
mod large;
mod project;
mod tamper;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::{files, texts};
pub use project::Project;

/// Runs a tool that we did not write; what it printed, and whether it was content.
fn tool(program: &str, arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let (out, err) = texts(&output);
    (output.status.success(), out + &err)
}

fn there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "CI needs {program}");
        println!("skipped: no {program} here");
    }
    there
}

#[test]
fn gpgv_takes_every_signature() {
    let project = Project::new();
    let packages = project.build("volume").join("packages");
    let keyring = packages.join("key.gpg").display().to_string();
    // gnupg 1.4 is what Ubuntu 14.04 checks with; Debian still carries it.
    for gpgv in ["gpgv", "gpgv1"].into_iter().filter(|gpgv| there(gpgv)) {
        for set in project.sets(&packages) {
            let (good, said) = tool(gpgv, &["--keyring", &keyring, "InRelease"], &packages.join(&set));
            assert!(good && said.contains("Good signature"), "{gpgv}: {said}");
            let (good, said) = tool(gpgv, &["--keyring", &keyring, "Release.gpg", "Release"], &packages.join(&set));
            assert!(good && said.contains("Good signature"), "{gpgv}: {said}");
        }
    }
    let set = project.sets(&packages).remove(0);
    let (_, said) = tool("gpg", &["--list-packets", "Release.gpg"], &packages.join(&set));
    assert!(said.contains("digest algo 10"), "SHA-512: {said}");
    assert!(!fs::read_to_string(packages.join(&set).join("Release")).expect("a Release").contains("Valid-Until"));
}

#[test]
fn indexes_say_what_debians_own_tools_say() {
    let project = Project::new();
    let packages = project.build("volume").join("packages");
    if !there("apt-ftparchive") {
        return;
    }
    let (good, theirs) = tool("apt-ftparchive", &["packages", "pool"], &packages);
    assert!(good, "{theirs}");
    let fields = |index: &str| -> Vec<String> {
        // What both say, and not which order they say it in.
        let kept = ["Package", "Version", "Architecture", "Depends", "Installed-Size", "Filename", "Size", "SHA256", "Description"];
        let paragraphs = index.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
        let mut all: Vec<String> = paragraphs
            .map(|paragraph| {
                let mut lines: Vec<&str> = paragraph
                    .lines()
                    .map(str::trim_end)
                    .filter(|line| line.starts_with(' ') || kept.contains(&line.split(':').next().unwrap_or_default()))
                    .collect();
                lines.sort_unstable();
                lines.join("\n")
            })
            .collect();
        all.sort();
        all
    };
    let whole = project.sets(&packages).into_iter().map(|set| fs::read_to_string(packages.join(set).join("Packages")).expect("an index"));
    let ours = whole.max_by_key(String::len).expect("a set");
    assert_eq!(fields(&ours), fields(&theirs));
}

#[test]
fn packed_by_hand_tar_and_gzip_take_it() {
    let project = Project::new();
    let out = project.build("hand");
    let host = out.join("hosts/server1");
    let (good, said) = tool("gzip", &["-tv", "seed.tar.gz"], &host);
    assert!(good, "{said}");
    let unpacked = crate::support::scratch();
    let (good, said) = tool("tar", &["-xzf", &host.join("seed.tar.gz").display().to_string()], unpacked.path());
    assert!(good, "{said}");
    let (good, said) = tool("sha256sum", &["-c", "--quiet", "SHA256SUMS"], &unpacked.path().join("seed"));
    assert!(good, "{said}");
    let pool = files(&unpacked.path().join("seed/repo/pool"));
    assert_eq!(pool.len(), 3, "{pool:?}");
    for (name, path) in pool {
        assert!(fs::read(path).ok() == fs::read(out.join("packages/pool").join(&name)).ok(), "{name} is stored as it is");
    }
    if there("busybox") {
        let again = crate::support::scratch();
        let (good, said) = tool("busybox", &["tar", "-xzf", &host.join("seed.tar.gz").display().to_string()], again.path());
        assert!(good, "{said}");
    }
}

#[test]
fn same_key_and_input_same_bytes() {
    let (one, other) = (Project::new(), Project::new());
    for delivery in ["volume", "hand"] {
        let (first, second) = (one.build(delivery), other.build(delivery));
        let (first, second) = (files(&first), files(&second));
        assert_eq!(first.iter().map(|f| &f.0).collect::<Vec<_>>(), second.iter().map(|f| &f.0).collect::<Vec<_>>());
        for ((name, a), (_, b)) in first.iter().zip(&second) {
            assert!(fs::read(a).ok() == fs::read(b).ok(), "{delivery}: {name} differs");
        }
    }
    // Every package is there once, however many sets have it; nobody else's files are secret.
    let out = one.folder.path().join("out-volume");
    assert_eq!(files(&out.join("packages/pool")).len(), 3);
    assert!(files(&out).iter().all(|(_, path)| fs::metadata(path).expect("a file").permissions().mode() & 0o777 == 0o644));
    let dated = one
        .command(&["build", "volume.yaml", "-q", "-o", "dated", "--sign-with", "signing.key"])
        .env("SOURCE_DATE_EPOCH", "1800000000")
        .output();
    assert!(dated.expect("a build").status.success());
    let set = one.sets(&one.folder.path().join("dated/packages")).remove(0);
    let release = fs::read_to_string(one.folder.path().join("dated/packages").join(set).join("Release")).expect("a Release");
    assert!(release.contains("\nDate: Fri, 15 Jan 2027 08:00:00 UTC\n"), "{release}");
}
