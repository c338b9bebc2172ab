//! The first boot of a machine that was made from an image: the small seed, and the checks that it and the image belong together.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use clusterseed::emit::image::FIRST;
use clusterseed::emit::seed::PROGRAM;
use clusterseed::plan::trust::ACCEPT;

use crate::support::{clusterseed, data, scratch, texts};

/// User-data carries the whole seed but for the program, which the image has.
#[test]
fn the_seed_is_small() {
    let folder = scratch();
    let render = |delivery: &str| {
        let spec = folder.path().join(format!("{delivery}.yaml"));
        let text = fs::read_to_string(data("bake/cluster.yaml")).expect("a spec");
        fs::write(&spec, text.replace("delivery: image", &format!("delivery: {delivery}"))).expect("a spec");
        let mut command = clusterseed();
        let output = command.arg("--profile-dir").arg(data("profiles")).arg("render").arg(&spec).arg("member1").output().expect("a run");
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{err}");
        out
    };
    let (small, whole) = (render("image"), render("inline"));
    assert!(small.len() < 20_000 && whole.len() > 60_000, "{} {}", small.len(), whole.len());
    assert!(!small.contains("seed/apply\"") && small.contains("seed/host.json") && small.contains("seed/SHA256SUMS"));
    assert!(small.contains("sh /usr/lib/clusterseed/start --wait"));
    assert!(small.contains("this machine does not come from an image that clusterseed baked"));
}

/// Runs `start` on a scratch machine with a seed; gives the exit code and the words.
fn start(root: &Path) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.arg(root.join("usr/lib/clusterseed/start")).arg("--check").env("CLUSTERSEED_ROOT", root).stdin(Stdio::null());
    let output = command.output().expect("sh");
    let (out, err) = texts(&output);
    (output.status.code(), out + &err)
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("a file");
}

#[test]
fn a_program_of_another_version_is_refused() {
    let root = scratch();
    put(root.path(), "usr/lib/clusterseed/start", FIRST);
    put(root.path(), "usr/lib/clusterseed/apply", PROGRAM);
    let (code, said) = start(root.path());
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("there is no seed at"), "{said}");
    put(root.path(), "var/lib/clusterseed/seed/SHA256SUMS", &format!("{}  apply\n", "0".repeat(64)));
    let (code, said) = start(root.path());
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("baked by another version of clusterseed") && said.contains("next: bake"), "{said}");
}

/// An image that pins keys takes no seed that none of them has signed, and runs nothing of it to find that out.
#[test]
fn an_image_with_pins_judges_its_seed() {
    let root = scratch();
    put(root.path(), "usr/lib/clusterseed/start", FIRST);
    put(root.path(), "usr/lib/clusterseed/apply", PROGRAM);
    put(root.path(), "etc/clusterseed/trusted-keys", &format!("{}\n", "A".repeat(40)));
    put(root.path(), "var/lib/clusterseed/seed/SHA256SUMS", "");
    put(root.path(), "var/lib/clusterseed/seed/apply", "echo planted");
    fs::create_dir(root.path().join("run")).expect("a folder");
    let (code, said) = start(root.path());
    assert!(
        code != Some(0) && said.contains("the signature of the seed cannot be checked") && !said.contains("planted"),
        "{code:?} {said}"
    );
    put(root.path(), "usr/local/sbin/clusterseed-accept", ACCEPT);
    let (code, said) = start(root.path());
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("the seed is not signed") && !said.contains("planted"), "{said}");
    fs::remove_file(root.path().join("etc/clusterseed/trusted-keys")).expect("pins");
    let (_, said) = start(root.path());
    assert!(said.contains("planted"), "without pins nothing is asked: {said}");
}
