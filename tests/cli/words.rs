//! What an operator reads: the spec that `init` writes, manual pages, and failures of the machine, each said once.

use std::fs;
use std::path::Path;

use super::{Done, finish, stdout_of};
use crate::support::{self, clusterseed};

fn run_in(folder: &Path, arguments: &[&str]) -> Done {
    finish(clusterseed().args(arguments).current_dir(folder))
}

/// A comment of the spec that `init` writes is there to be uncommented.
#[test]
fn every_commented_block_of_init_is_right() {
    let desk = support::scratch();
    let text = stdout_of(&["init", "-"]);
    let (head, rest) = text.split_once("\nhosts:\n").expect("hosts");
    let is_yaml = |line: &str| {
        let key = line.split(':').next().unwrap_or_default();
        line.starts_with("  ") || (key.len() < line.len() && !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase()))
    };
    let mut blocks = 0;
    let lines = rest.lines().map(|line| match line.strip_prefix("# ").filter(|line| is_yaml(line)) {
        Some(line) => {
            blocks += usize::from(!line.starts_with(' '));
            line.to_string()
        }
        None => line.to_string(),
    });
    // What only the user can know.
    let lines: Vec<String> = lines.filter(|line| !line.contains("  key: mirror-key.asc") && !line.contains("  fingerprint: ")).collect();
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIB2nqLKnOzXFvmXnlyGZvWJUPIh9PbGnVnBcNHuSJHqm";
    let hash = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/";
    let spec =
        format!("{head}\nhosts:\n{}\n", lines.join("\n")).replace("ssh-rsa AAAA…", &format!("ssh-ed25519 {key}")).replace("$6$…", hash);
    assert!(blocks >= 5, "{blocks} blocks: {spec}");
    fs::write(desk.path().join("cluster.yaml"), &spec).expect("a spec");
    let done = run_in(desk.path(), &["check", "cluster.yaml"]);
    assert_eq!(done.code, 0, "{}\n{spec}", done.err);
    assert!(!done.err.contains("warning"), "{}\n{spec}", done.err);
}

/// What the machine refuses is said once, with the place that was typed.
#[test]
fn failures_are_said_once() {
    let desk = support::scratch();
    fs::write(desk.path().join("file"), "").expect("a file");
    for (arguments, wanted) in [
        (["init", "file/x"].as_slice(), "error: making the folder `file/x`: Not a directory (os error 20)\n"),
        (&["profile", "export", "mesosphere", "file/x"], "error: making the folder `file/x/mesosphere`: Not a directory (os error 20)\n"),
    ] {
        let done = run_in(desk.path(), arguments);
        assert_eq!((done.code, done.err.as_str()), (2, wanted), "{arguments:?}");
    }
    assert_eq!(run_in(desk.path(), &["init", "here"]).code, 0);
    let done = run_in(desk.path(), &["init", "here"]);
    assert_eq!(done.err.matches("here/cluster.yaml").count(), 1, "{}", done.err);
    let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut program = clusterseed();
    let output = program.arg("schema").stdout(full).output().expect("a run");
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(err, "error: writing to standard output: No space left on device (os error 28)\n");
    for wrong in ["", "yesterday", "-1", "1.5", "8589934592"] {
        let done = finish(clusterseed().args(["build", "here/cluster.yaml"]).current_dir(desk.path()).env("SOURCE_DATE_EPOCH", wrong));
        assert_eq!(done.code, 2, "{wrong}: {}", done.err);
        assert!(done.err.contains(&format!("SOURCE_DATE_EPOCH is `{wrong}`")) && done.err.contains("unset it"), "{}", done.err);
    }
}

/// The page has every command, those below others too, and each with the examples of its help.
#[test]
fn the_manual_page_is_whole() {
    let page = stdout_of(&["man"]);
    for command in ["init", "store prune", "profile export", "guide change", "image check", "build"] {
        assert!(page.contains(&format!(".SS \"clusterseed {command} ")), "{command} is missing");
    }
    for told_once in [".SH NAME", ".SH EXAMPLES", ".SH \"EXIT CODES\"", "\\-\\-profile\\-dir"] {
        assert_eq!(page.matches(told_once).count(), 1, "{told_once}");
    }
}
