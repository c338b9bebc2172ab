//! Same inputs, same bytes and modes: whatever the folder, zone, locale, umask, home, threads, or the way to the spec.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::support::{clusterseed, files, scratch, texts};

const HEAD: &str = "version: 1\ncluster: same\nprofile: mesosphere\nplatform: ubuntu-14.04\n";
/// Top-level keys whose order says nothing.
const PARTS: [&str; 7] = [
    "network: {subnet: 192.0.2.0/24, gateway: 192.0.2.254, nameservers: [192.0.2.253], search: [example.net]}\n",
    "hosts:\n- {name: \"m[1-2]\", role: master, address: 192.0.2.1}\n- {name: \"s[1-2]\", role: slave, address: 192.0.2.51}\n\
     - {name: both9, role: [slave, master], address: 192.0.2.9, settings: {slave: {cpus: 2}}}\n",
    "settings:\n  marathon: {http_credentials: {file: secret}}\n  slave: {attributes: {rack: a, zone: b}, flags: {gc_delay: 1weeks}}\n",
    "packages: {source: mirror, mirror: \"http://192.0.2.250/m\", extra: [htop, curl]}\n",
    "access: {users: [{name: ops, sudo: true, password_hash: \"$6$saltsalt$0123456789abcdef0123456789abcdef\"}]}\n",
    "files:\n- {path: /etc/motd, source: motd}\n- {path: /opt/a, content: \"a\\nb\\n\", roles: [slave]}\n",
    "commands:\n- {run: \"echo a b\"}\n- {run: [sysctl, -p], roles: [master]}\n",
];

fn spec(parts: impl IntoIterator<Item = &'static str>, more: &str) -> String {
    parts.into_iter().fold(format!("{HEAD}{more}"), |text, part| text + part)
}

/// A folder with the spec and the files that it names.
fn desk(spec: &str) -> tempfile::TempDir {
    let folder = scratch();
    for (name, text) in [("cluster.yaml", spec), ("secret", "ops:hunter2\n"), ("motd", "caf\u{e9} \u{1f600}\r\n\0x")] {
        fs::write(folder.path().join(name), text).expect("writing");
    }
    folder
}

/// Path to mode and bytes of everything below a folder, folders too.
type Tree = BTreeMap<String, (u32, Vec<u8>)>;

fn tree(folder: &Path) -> Tree {
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o7777;
    let mut found = Tree::new();
    for (name, path) in files(folder) {
        for above in Path::new(&name).ancestors().skip(1) {
            found.insert(format!("{}/", above.display()), (mode(&folder.join(above)), Vec::new()));
        }
        found.insert(name, (mode(&path), fs::read(&path).expect("a file")));
    }
    found
}

fn done(mut command: Command) {
    let output = command.stderr(Stdio::piped()).output().expect("the program");
    assert!(output.status.success(), "{}", texts(&output).1);
}

/// Builds in the spec's own folder; `change` makes the run different.
fn built(desk: &Path, change: impl FnOnce(&mut Command)) -> Tree {
    let out = scratch();
    let mut command = clusterseed();
    command.current_dir(desk).args(["build", "-q", "cluster.yaml", "-o"]).arg(out.path().join("out"));
    change(&mut command);
    done(command);
    tree(&out.path().join("out"))
}

/// The spec above with the files that it names, and what it becomes; most tests compare with it.
static DESK: LazyLock<(tempfile::TempDir, Tree)> = LazyLock::new(|| {
    let desk = desk(&spec(PARTS, ""));
    let tree = built(desk.path(), |_| ());
    (desk, tree)
});

/// Names of what differs; the bytes themselves would fill the screen.
fn differing(a: &Tree, b: &Tree) -> BTreeSet<String> {
    a.keys().chain(b.keys()).filter(|name| a.get(*name) != b.get(*name)).cloned().collect()
}

fn assert_same(a: &Tree, b: &Tree, why: &str) {
    assert_eq!(differing(a, b), BTreeSet::new(), "{why}");
}

#[test]
fn the_environment_does_not_matter() {
    let (desk, reference) = &*DESK;
    assert!(reference.len() > 20 && reference["hosts/m1/user-data"].0 == 0o600, "the spec of this test lost its meaning");
    let environments: [&[(&str, &str)]; 3] = [
        &[("RAYON_NUM_THREADS", "7"), ("TZ", "Asia/Kathmandu"), ("LC_ALL", "tr_TR.UTF-8"), ("LANG", "ja_JP.UTF-8"), ("HOME", "/nowhere")],
        &[("RAYON_NUM_THREADS", "1"), ("LC_ALL", "C"), ("TZ", ""), ("SOURCE_DATE_EPOCH", "0")],
        &[("RAYON_NUM_THREADS", "2"), ("USER", "somebody"), ("COLUMNS", "20"), ("TERM", "dumb"), ("TMPDIR", "/nowhere")],
    ];
    for environment in environments {
        let other = built(desk.path(), |command| {
            command.envs(environment.iter().copied());
        });
        assert_same(reference, &other, &format!("{environment:?}"));
    }
}

#[test]
fn neither_umask_nor_an_old_output_matters() {
    let (desk, reference) = &*DESK;
    let out = scratch();
    let old = spec(PARTS[..2].iter().copied(), "").replace("s[1-2]", "old[1-2]");
    fs::write(desk.path().join("old.yaml"), old).expect("writing");
    let script = "umask \"$1\"; exec \"$0\" build -q \"$2\" -o \"$3\"";
    for (umask, spec) in [("000", "cluster.yaml"), ("077", "old.yaml"), ("027", "cluster.yaml")] {
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_clusterseed"), umask, spec]).arg(out.path().join("out"));
        command.current_dir(desk.path()).env_remove("SOURCE_DATE_EPOCH");
        done(command);
        if spec == "cluster.yaml" {
            assert_same(reference, &tree(&out.path().join("out")), &format!("umask {umask}"));
        }
    }
}

#[test]
fn the_way_to_the_spec_does_not_matter() {
    let (desk, reference) = &*DESK;
    let (elsewhere, out) = (scratch(), scratch());
    std::os::unix::fs::symlink(desk.path(), elsewhere.path().join("link")).expect("a link");
    let absolute = desk.path().join("cluster.yaml");
    let ways: [(&Path, &Path); 3] =
        [(elsewhere.path(), &absolute), (elsewhere.path(), Path::new("./link/cluster.yaml")), (desk.path(), Path::new("-"))];
    for (folder, way) in ways {
        let mut command = clusterseed();
        command.current_dir(folder).args(["build", "-q"]).arg(way).arg("-o").arg(out.path().join("out"));
        command.stdin(fs::File::open(&absolute).expect("the spec"));
        done(command);
        assert_same(reference, &tree(&out.path().join("out")), &way.display().to_string());
    }
}

/// The same profile in a folder of one's own: in whatever order a file system lists it, and however it is split over folders.
#[test]
fn the_order_of_profile_folders_does_not_matter() {
    let (desk, plain) = &*DESK;
    let own = scratch();
    let mut export = clusterseed();
    export.args(["profile", "export", "mesosphere"]).arg(own.path().join("all"));
    done(export);
    let all = files(&own.path().join("all"));
    // One byte of difference, so that a folder that is not read would show.
    let changed = all.iter().find(|(name, _)| name.ends_with("zoo.cfg.j2")).expect("zoo.cfg").1.clone();
    let text = fs::read_to_string(&changed).expect("a template");
    fs::write(&changed, format!("# ours\n{text}")).expect("writing");
    for (at, (name, path)) in all.iter().rev().enumerate() {
        for folder in ["backwards", if at % 2 == 0 { "even" } else { "odd" }] {
            let to = own.path().join(folder).join(name);
            fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
            fs::copy(path, to).expect("copying");
        }
    }
    let with = |folders: &[&str]| {
        built(desk.path(), |command| {
            command.args(folders.iter().flat_map(|folder| ["--profile-dir".into(), own.path().join(folder)]));
        })
    };
    let reference = with(&["all"]);
    assert!(
        differing(&reference, plain).contains("hosts/m1/seed.tar.gz") && !differing(&reference, plain).contains("hosts/s1/seed.tar.gz")
    );
    for folders in [&["backwards"][..], &["even", "odd"], &["odd", "even"]] {
        assert_same(&reference, &with(folders), &format!("{folders:?}"));
    }
}

/// Path, mode and bytes.
type Member = (String, u32, Vec<u8>);

/// Members of a tarball, and the times of all of them.
fn members(tarball: &[u8]) -> (Vec<Member>, BTreeSet<u64>) {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(tarball));
    let (mut found, mut times) = (Vec::new(), BTreeSet::new());
    for entry in archive.entries().expect("a tarball") {
        let mut entry = entry.expect("a member");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        times.insert(entry.header().mtime().expect("a time"));
        found.push((entry.path().expect("a path").display().to_string(), entry.header().mode().expect("a mode"), bytes));
    }
    (found, times)
}

/// What the epoch may change inside a seed: the time before which no clock of a host can be right, and the sum of the file that says so.
fn without_epoch(members: Vec<(String, u32, Vec<u8>)>) -> Vec<(String, u32, Vec<u8>)> {
    let follows = |(name, mode, bytes): (String, u32, Vec<u8>)| {
        let unwanted = match name.as_str() {
            "seed/host.json" => "\"not_before\"",
            "seed/SHA256SUMS" => "  host.json",
            _ => return (name, mode, bytes),
        };
        let text = String::from_utf8(bytes).expect("UTF-8");
        let kept = text.lines().filter(|line| !line.contains(unwanted)).collect::<Vec<_>>().join("\n");
        (name, mode, kept.into_bytes())
    };
    members.into_iter().map(follows).collect()
}

#[test]
fn the_epoch_changes_only_times() {
    const EPOCH: u64 = 1_800_000_000;
    let (desk, reference) = &*DESK;
    let later = built(desk.path(), |command| {
        command.env("SOURCE_DATE_EPOCH", EPOCH.to_string());
    });
    let follows =
        |name: &&String| ["seed.tar.gz", "seed.iso", "user-data", "manifest.json", "SHA256SUMS"].iter().any(|file| name.ends_with(file));
    assert_eq!(differing(reference, &later), reference.keys().filter(follows).cloned().collect());
    for file in reference.keys().filter(|name| name.ends_with("seed.tar.gz")) {
        let ((old, zero), (new, times)) = (members(&reference[file].1), members(&later[file].1));
        assert!(zero == BTreeSet::from([0]) && times == BTreeSet::from([EPOCH]), "{file}: {zero:?} {times:?}");
        assert_eq!(without_epoch(old), without_epoch(new), "{file}");
    }
}

#[test]
fn the_order_of_top_level_keys_does_not_matter() {
    let build = |text: &str| built(desk(text).path(), |_| ());
    let (_, reference) = &*DESK;
    let backwards =
        PARTS.iter().rev().copied().collect::<String>() + &HEAD.lines().rev().map(|line| format!("{line}\n")).collect::<String>();
    let turned = spec(PARTS[3..].iter().chain(&PARTS[..3]).copied(), "");
    for text in [backwards, turned] {
        let mut other = build(&text);
        assert_eq!(differing(reference, &other), ["SHA256SUMS", "manifest.json"].map(String::from).into());
        let manifest = |tree: &Tree| serde_json::from_slice::<serde_json::Value>(&tree["manifest.json"].1).expect("JSON");
        let (mut ours, theirs) = (manifest(reference), manifest(&other));
        assert_ne!(ours["spec"], theirs["spec"]);
        ours["spec"] = theirs["spec"].clone();
        assert_eq!(ours, theirs);
        // SHA256SUMS differs by the line of the manifest alone.
        let lines = |tree: &mut Tree| {
            let text = String::from_utf8(tree.remove("SHA256SUMS").expect("SHA256SUMS").1).expect("UTF-8");
            text.lines().filter(|line| !line.ends_with("  manifest.json")).map(str::to_string).collect::<Vec<_>>()
        };
        assert_eq!(lines(&mut other), lines(&mut reference.clone()));
    }
}
