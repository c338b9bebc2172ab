//! What lies where a file is named: pipes, links in a circle, names that are long or like those of programs of ours.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::support::{clusterseed, data, scratch, texts};
use super::{Done, finish};

/// The smallest golden, with more lines.
fn spec(folder: &Path, more: &str) {
    let small = fs::read_to_string(data("golden/single-master/cluster.yaml")).expect("a small cluster");
    fs::write(folder.join("cluster.yaml"), format!("{small}{more}")).expect("a spec");
}

fn at(folder: &Path, arguments: &[&str]) -> Done {
    finish(clusterseed().args(arguments).current_dir(folder))
}

/// What it says in less than some seconds, and its exit code.
fn soon(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = clusterseed();
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let (mut child, begun) = (command.spawn().expect("a run"), Instant::now());
    while child.try_wait().expect("a child").is_none() {
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().expect("an end");
            panic!("{arguments:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("it ended");
    (output.status.code(), texts(&output).1)
}

#[test]
fn nobody_waits_for_a_pipe() {
    let folder = scratch();
    let pipe = |name: &str| assert!(Command::new("mkfifo").arg(folder.path().join(name)).status().expect("mkfifo").success());
    pipe("pipe");
    spec(folder.path(), "files: [{path: /etc/own, source: pipe}]\n");
    let (code, said) = soon(folder.path(), &["check", "cluster.yaml"]);
    assert!(code == Some(1) && said.contains("error[file-missing]") && said.contains("not a regular file"), "{said}");
    spec(folder.path(), "");
    fs::create_dir_all(folder.path().join("over/shop")).expect("a folder");
    pipe("over/shop/profile.yaml");
    let (code, said) = soon(folder.path(), &["check", "cluster.yaml", "--profile-dir", "over"]);
    assert!(code == Some(2) && said.contains("over/shop/profile.yaml") && said.contains("not a regular file"), "{said}");
    let source = "{name: o, url: \"http://mirror.example.net/o\", suite: s, components: [main], trust: unsigned}";
    spec(folder.path(), &format!("packages: {{source: carried, base: pipe, sources: [{source}]}}\n"));
    fs::write(folder.path().join("cluster.lock"), "version: 1\n").expect("a lock");
    let (code, said) = soon(folder.path(), &["check", "cluster.yaml"]);
    assert!(code == Some(1), "{said}");
}

/// Two links to the folder that they lie in make a tree that doubles with every step.
#[test]
fn links_in_a_circle_are_named() {
    let folder = scratch();
    spec(folder.path(), "");
    let over = folder.path().join("over");
    fs::create_dir_all(&over).expect("a folder");
    symlink(".", over.join("one")).expect("a link");
    symlink(".", over.join("two")).expect("a link");
    let (code, said) = soon(folder.path(), &["check", "cluster.yaml", "--profile-dir", "over"]);
    assert!(code == Some(2) && said.contains("is a link to a folder, and may lead in a circle"), "{said}");
}

/// Longer than a header of ustar has room for, in the last part; what `check` takes, `build` writes and `verify` reads.
#[test]
fn long_names_go_all_the_way() {
    let folder = scratch();
    let name = "n".repeat(240);
    let deep = ["d".repeat(200), "e".repeat(200)].join("/");
    for delivery in ["inline", "volume", "hand"] {
        spec(
            folder.path(),
            &format!("delivery: {delivery}\nfiles:\n  - {{path: /etc/{name}, content: long}}\n  - {{path: /srv/{deep}, content: deep}}\n"),
        );
        for arguments in [&["check", "cluster.yaml"][..], &["build", "cluster.yaml", "-q", "-o", "out"], &["verify", "out"]] {
            let done = at(folder.path(), arguments);
            assert_eq!(done.code, 0, "{delivery}: {arguments:?}: {}{}", done.out, done.err);
        }
        for tar in [&["tar"][..], &["busybox", "tar"]] {
            let mut command = Command::new(tar[0]);
            command
                .args(&tar[1..])
                .args(["-xzOf", "out/hosts/m1/seed.tar.gz", &format!("seed/root/etc/{name}")])
                .current_dir(folder.path());
            let Ok(output) = command.output() else { continue };
            assert_eq!(texts(&output).0, "long", "{tar:?}");
        }
        assert_eq!(at(folder.path(), &["diff", "out", "cluster.yaml"]).code, 0, "{delivery}");
        assert_eq!(at(folder.path(), &["render", "cluster.yaml", "m1", &format!("/srv/{deep}")]).out, "deep");
    }
}

/// Only programs of the seed may run on their way to their place.
#[test]
fn files_that_are_called_like_programs_are_none() {
    let folder = scratch();
    spec(folder.path(), "delivery: inline\nfiles: [{path: /srv/keep, content: k}, {path: /srv/apply, content: a}]\n");
    let done = at(folder.path(), &["render", "cluster.yaml", "m1"]);
    let modes = |path: &str| {
        let rest = done.out.split(&format!("{path}\"\n")).nth(1).unwrap_or_else(|| panic!("no {path}: {}", done.err));
        rest.lines().find_map(|line| line.trim().strip_prefix("permissions: ")).expect("a mode").to_string()
    };
    assert_eq!(modes("/seed/root/srv/keep"), "\"0600\"");
    assert_eq!(modes("/seed/root/srv/apply"), "\"0600\"");
    assert_eq!(modes("/seed/apply"), "\"0700\"");
}
