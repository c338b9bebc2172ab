//! An output appears whole or stays as it was, whatever ends the program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::support::{self, clusterseed};
use super::{finish, run};

type Tree = BTreeMap<String, (u32, Vec<u8>)>;

/// Everything below a folder.
fn tree(folder: &Path) -> Tree {
    let read = |(path, file): (String, PathBuf)| {
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        (path, (mode, fs::read(&file).expect("a file")))
    };
    support::files(folder).into_iter().map(read).collect()
}

fn build(spec: &Path, out: &Path) -> Command {
    let mut command = clusterseed();
    command.args(["build", "--quiet"]).arg(spec).arg("-o").arg(out).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Two specs that differ in every file of their outputs, and what each builds.
fn two(folder: &Path) -> [(PathBuf, Tree); 2] {
    let guide = fs::read_to_string(support::data("golden/guide/cluster.yaml")).expect("the guide");
    ["alpha", "beta"].map(|name| {
        let spec = folder.join(format!("{name}.yaml"));
        fs::write(&spec, guide.replace("cluster: guide", &format!("cluster: {name}"))).expect("a spec");
        let out = folder.join(format!("whole-{name}"));
        assert!(build(&spec, &out).status().expect("a run").success());
        (spec, tree(&out))
    })
}

/// Killed at thirty moments, spread over the time that a build takes and a little more.
#[test]
fn a_killed_build_leaves_the_old_output_or_the_new() {
    let folder = support::scratch();
    let specs = two(folder.path());
    let out = folder.path().join("out");
    let started = Instant::now();
    assert!(build(&specs[0].0, &out).status().expect("a run").success());
    let whole = started.elapsed();
    let (mut current, mut cut_off) = (0, 0);
    for step in 0..30u32 {
        let next = 1 - current;
        let mut child = build(&specs[next].0, &out).spawn().expect("a run");
        // In an order that jumps about, so that what the last kill left is met at every stage.
        std::thread::sleep(whole * ((step * 7) % 30) / 26);
        child.kill().expect("a signal");
        child.wait().expect("an end");
        let found = tree(&out);
        let which = specs.iter().position(|(_, tree)| *tree == found);
        current = which.unwrap_or_else(|| panic!("step {step}: the output is neither the old nor the new one"));
        cut_off += u32::from(current != next);
    }
    assert!(cut_off >= 5, "only {cut_off} builds were cut off");
    // The next build clears up whatever is left.
    assert!(build(&specs[1 - current].0, &out).status().expect("a run").success());
    assert_eq!(tree(&out), specs[1 - current].1);
    let beside = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = beside.filter(|name| name.to_string_lossy().contains("clusterseed")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A spec that gets an error, a mirror key that vanishes: nothing of the earlier output changes.
#[test]
fn a_failed_build_changes_nothing() {
    let folder = support::scratch();
    let [(spec, whole), _] = two(folder.path());
    let out = folder.path().join("out");
    assert!(build(&spec, &out).status().expect("a run").success());
    let good = fs::read_to_string(&spec).expect("a spec");
    for bad in
        [good.replace("192.0.2.2}", "192.0.2.1}"), format!("{good}packages: {{source: mirror, mirror: \"http://m/x\", key: gone.asc}}\n")]
    {
        fs::write(&spec, bad).expect("a bad spec");
        assert_eq!(finish(build(&spec, &out).stderr(Stdio::piped())).code, 1);
        assert!(tree(&out) == whole, "the output has changed");
    }
}

/// A file system of its own, gone with the value.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// None where this user or place may not mount.
    fn mount(place: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&place).expect("a folder");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&place).stderr(Stdio::null()).status();
        done.is_ok_and(|status| status.success()).then_some(Self(place))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_leaves_the_old_output() {
    let folder = support::scratch();
    let [(alpha, whole), (beta, _)] = two(folder.path());
    // One output fits, two do not; every file takes whole pages.
    let pages: usize = whole.values().map(|(_, bytes)| bytes.len().div_ceil(4096)).sum();
    let Some(small) = Tmpfs::mount(folder.path().join("small"), &format!("{}k", pages * 4 * 3 / 2)) else {
        eprintln!("skipped: no tmpfs can be mounted here");
        return;
    };
    let out = small.0.join("out");
    assert!(build(&alpha, &out).status().expect("a run").success(), "one output fits");
    for _ in 0..3 {
        let done = run(&["build", beta.to_str().expect("UTF-8"), "-o", out.to_str().expect("UTF-8")]);
        assert_eq!(done.code, 2, "{}", done.err);
        assert!(done.err.contains("No space left on device"), "{}", done.err);
        assert!(tree(&out) == whole, "the output has changed");
        assert_eq!(fs::read_dir(&small.0).expect("a folder").count(), 1, "the failed build has cleared up");
    }
    assert_eq!(run(&["verify", out.to_str().expect("UTF-8")]).code, 0);
    // `init` on a disk without a free byte.
    let fill = vec![0; 4 << 20];
    let _ = fs::write(small.0.join("fill"), &fill);
    let done = run(&["init", small.0.join("new").to_str().expect("UTF-8")]);
    assert_eq!(done.code, 2, "{}", done.err);
    assert!(!small.0.join("new/cluster.yaml").exists(), "half a spec");
    // Long enough for the kernel to let go of the files.
    std::thread::sleep(Duration::from_millis(10));
}
