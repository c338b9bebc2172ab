//! Golden images: what `seal` takes out is what `image check` finds, whatever form the image has, and machines come up from images.
//!
//! The leaks that are planted are in `bake/plant.sh`, which does not know the table. Slow tests bake for real, as root: see
//! `bake/machines.rs` and `bake/disk.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clusterseed::emit::image::SEAL;
use clusterseed::image::leaks;

use crate::cli::{schema, stdout_of};
use crate::support::{clusterseed, data, files, scratch, texts};

mod carried; // images of packages that are carried
mod disk; // a disk that bakes itself under QEMU
mod machines; // six machines from two images
mod start; // the first boot of a machine that was made from an image
mod tree; // root trees: what packages may not reach, what is copied, whose name servers stay

/// What the image says of the services that it is for.
const IMAGE: &str = r#"{"format": 1, "profile": "mesosphere", "platform": "debian-12", "roles": ["master"], "digest": "00",
  "state": [{"path": "/var/lib/zookeeper/version-2", "why": "is what another server has agreed to"},
            {"path": "/var/lib/zookeeper/myid", "why": "is the id of one server"},
            {"path": "/var/lib/mesos/meta", "why": "is the identity of another slave"}]}
"#;

/// What services of that image leave behind.
const STATE: [&str; 3] = ["/var/lib/mesos/meta", "/var/lib/zookeeper/myid", "/var/lib/zookeeper/version-2"];

/// A root tree of a machine that was used, and its leaks.
fn planted(root: &Path) -> BTreeSet<String> {
    let output = Command::new("sh").arg(data("bake/plant.sh")).arg(root).output().expect("sh");
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    put(root, "/etc/clusterseed/image.json", IMAGE);
    put(root, "/var/lib/zookeeper/version-2/log.1", "x");
    put(root, "/var/lib/zookeeper/myid", "1");
    put(root, "/var/lib/mesos/meta/slaves/latest", "x");
    out.lines().chain(STATE).map(str::to_string).collect()
}

fn clean(root: &Path) {
    let done = Command::new("sh").arg(data("bake/plant.sh")).arg(root).arg("clean").status().expect("sh");
    assert!(done.success());
    put(root, "/etc/clusterseed/image.json", IMAGE);
    put(root, "/etc/zookeeper/conf/myid", "replace this");
    fs::create_dir_all(root.join("var/lib/zookeeper")).expect("a folder");
    std::os::unix::fs::symlink("/etc/zookeeper/conf/myid", root.join("var/lib/zookeeper/myid")).expect("a link");
}

fn put(root: &Path, path: &str, content: &str) {
    let path = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, content).expect("a file");
}

/// The exit code of `image check`, and the paths that it names.
fn check(image: &Path) -> (Option<i32>, BTreeSet<String>) {
    let output = clusterseed().args(["image", "check"]).arg(image).output().expect("the program");
    let (out, err) = texts(&output);
    let paths: BTreeSet<String> = out.lines().map(|line| line.split_once(": ").expect("a path and why").0.to_string()).collect();
    assert_eq!(paths.len(), out.lines().count(), "a path is named twice:\n{out}{err}");
    assert!(out.lines().all(|line| line.len() > 20), "{out}");
    (output.status.code(), paths)
}

/// The same tree as a folder, tarballs, and disks with and without a partition table; without those whose tools are not here.
fn forms(root: &Path, into: &Path) -> Vec<PathBuf> {
    fs::create_dir_all(into).expect("a folder");
    let script = r#"set -e; PATH=$PATH:/usr/sbin:/sbin; cd "$2"
        tar -cf image.tar -C "$1" . && tar -czf image.tar.gz -C "$1" . && echo image.tar && echo image.tar.gz
        if command -v mke2fs >/dev/null; then
            mke2fs -q -t ext4 -d "$1" plain.raw 16M >/dev/null && echo plain.raw
            if command -v sfdisk >/dev/null; then
                for label in dos gpt; do
                    truncate -s 20M $label.raw
                    printf 'label: %s\nstart=2048,size=2048\nstart=4096,size=32768\n' $label | sfdisk -q $label.raw >/dev/null
                    dd if=plain.raw of=$label.raw bs=1M seek=2 conv=notrunc status=none
                    echo $label.raw
                done
                if command -v qemu-img >/dev/null; then qemu-img convert -O qcow2 gpt.raw disk.qcow2 && echo disk.qcow2; fi
            fi
        fi"#;
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(root).arg(into).output().expect("sh");
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    std::iter::once(root.to_path_buf()).chain(out.lines().map(|name| into.join(name))).collect()
}

/// Nobody is at work in the folder any more, after a moment.
fn ends_at(folder: &Path) {
    let since = Instant::now();
    while let Some(left) = at_work(folder) {
        assert!(since.elapsed() < Duration::from_secs(20), "a killed bake left a process: {left}");
        sleep(Duration::from_millis(50));
    }
}

/// A process that names the folder, or has its root or a file in it.
fn at_work(folder: &Path) -> Option<String> {
    let name = folder.to_string_lossy().into_owned();
    for entry in fs::read_dir("/proc").expect("/proc").filter_map(Result::ok) {
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let root = fs::read_link(entry.path().join("root")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains(&name) || root.starts_with(folder) {
            return Some(String::from_utf8_lossy(&command).replace('\0', " "));
        }
    }
    None
}

#[test]
fn every_planted_leak_is_found_in_every_form_of_image() {
    let folder = scratch();
    let (used, new) = (folder.path().join("used"), folder.path().join("new"));
    let wanted = planted(&used);
    assert!(wanted.len() >= 25, "{}", wanted.len());
    for image in forms(&used, &folder.path().join("forms")) {
        let (code, found) = check(&image);
        assert_eq!((code, &found), (Some(1), &wanted), "{}", image.display());
    }
    clean(&new);
    for image in forms(&new, &folder.path().join("clean")) {
        assert_eq!(check(&image), (Some(0), BTreeSet::new()), "{}", image.display());
    }
}

#[test]
fn seal_removes_what_the_check_finds_and_nothing_else() {
    for shell in [&["dash"][..], &["busybox", "sh"]] {
        let folder = scratch();
        let (root, tables) = (folder.path().join("root"), folder.path().join("tables"));
        planted(&root);
        fs::create_dir_all(&tables).expect("a folder");
        fs::write(tables.join("seal"), SEAL).expect("a program");
        fs::write(tables.join("leaks"), leaks::TABLE).expect("a table");
        let state: String = STATE.iter().map(|path| leaks::row(path, "is of another machine")).collect();
        fs::write(tables.join("state"), state).expect("a table");
        for _ in 0..2 {
            let mut command = Command::new(shell[0]);
            command.args(&shell[1..]).arg(tables.join("seal")).arg(tables.join("leaks")).arg(tables.join("state"));
            let output = command.env("CLUSTERSEED_ROOT", &root).stdin(Stdio::null()).output().expect("a shell");
            assert!(output.status.success(), "{shell:?}: {}", texts(&output).1);
        }
        assert_eq!(check(&root), (Some(0), BTreeSet::new()), "{shell:?}");
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{shell:?}: {path}: {error}"));
        assert_eq!(text("etc/hosts"), "127.0.0.1 localhost\n");
        assert_eq!(text("etc/network/interfaces"), "iface eth0 inet static\n");
        for kept in ["etc/ssh/sshd_config", "root/.bashrc", "etc/passwd", "var/lib/dpkg/status", "etc/clusterseed/image.json"] {
            assert!(!text(kept).is_empty(), "{shell:?}: {kept}");
        }
        // Programs expect these, even when there is nothing in them.
        for kept in ["etc/machine-id", "etc/hostname", "var/log/syslog", "var/cache/debconf/passwords.dat"] {
            assert_eq!(text(kept), "", "{shell:?}: {kept}");
        }
    }
}

/// What cannot be taken out of a file that is needed stays, and is told: no image is made of such a base.
#[test]
fn a_machine_that_the_snap_store_knows_is_no_image() {
    let state = |device: &str| format!(r#"{{"data":{{"auth":{{"last-id":1,"device":{device}}},"snaps":{{}}}},"changes":{{}}}}"#);
    for (device, leaks) in [
        (r#"{"brand":"generic","model":"generic-classic","serial":"0b9c","key-id":"x","session-macaroon":"M"}"#, true),
        (r#"{"brand":"generic","model":"generic-classic","key-id":"x"}"#, true),
        (r#"{"brand":"generic","model":"generic-classic"}"#, false),
        ("null", false),
    ] {
        let folder = scratch();
        clean(folder.path());
        put(folder.path(), "/var/lib/snapd/state.json", &state(device));
        let found: BTreeSet<String> = leaks.then(|| "/var/lib/snapd/state.json".to_string()).into_iter().collect();
        assert_eq!(check(folder.path()), (Some(i32::from(leaks)), found), "{device}");
    }
}

/// What `image check` and images say for programs has a published schema, and obeys it.
#[test]
fn leaks_obey_their_schema() {
    let schema: serde_json::Value = serde_json::from_str(&stdout_of(&["schema", "leak"])).expect("a schema is JSON");
    let folder = scratch();
    let wanted = planted(folder.path());
    let output = clusterseed().args(["image", "check", "--format", "json"]).arg(folder.path()).output().expect("the program");
    let (out, _) = texts(&output);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(lines.len(), wanted.len());
    for line in lines {
        assert_eq!(schema::check(&schema, &line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn what_is_no_image_is_refused_with_words() {
    let folder = scratch();
    let said = |name: &str, content: &[u8]| {
        let image = folder.path().join(name);
        fs::write(&image, content).expect("a file");
        let output = clusterseed().args(["image", "check"]).arg(&image).output().expect("the program");
        assert_eq!(output.status.code(), Some(2), "{name}");
        texts(&output).1
    };
    assert!(said("empty", b"").contains("no root file system that can be looked at"));
    assert!(said("zeros", &[0; 1 << 16]).contains("of its 1 partitions none is ext2, ext3 or ext4"));
    assert!(said("half.tar.gz", &[0x1f, 0x8b, 8, 0, 1, 2]).starts_with("error: "));
    let none = clusterseed().args(["image", "check", "/nowhere/at/all"]).output().expect("the program");
    assert_eq!(none.status.code(), Some(2));
}

/// A second name of a file holds what the file holds, whichever of the two is looked for; a part is no image.
#[test]
fn tarballs_are_looked_at_whole() {
    let folder = scratch();
    let script = r#"set -e; cd "$1"; mkdir -p root/etc; echo web1 > root/etc/.a; ln root/etc/.a root/etc/hostname; ln root/etc/.a root/etc/.b
        tar -C root -cf image.tar --sort=name . && tar -tvf image.tar | grep -q 'hostname link to' && echo image.tar
        gzip -k image.tar && echo image.tar.gz
        for tool in xz zstd; do ! command -v $tool >/dev/null || { $tool -qk image.tar; echo image.tar.*"${tool%td}"*; }; done
        for image in image.tar.*; do head -c $(( $(wc -c < $image) / 2 )) $image > cut-$image; done
        # Between two members, so that no single one is cut.
        head -c 1024 image.tar > cut-between.tar; printf 'BZh91AY&SY' > packed.tar.bz2"#;
    let output = Command::new("sh").args(["-c", script, "sh"]).arg(folder.path()).output().expect("sh");
    let (out, err) = texts(&output);
    assert!(output.status.success() && out.lines().count() >= 2, "{err}");
    for name in out.split_whitespace() {
        assert_eq!(check(&folder.path().join(name)), (Some(1), BTreeSet::from(["/etc/hostname".to_string()])), "{name}");
    }
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let image = entry.expect("an entry").path();
        let name = image.file_name().expect("a name").to_string_lossy().into_owned();
        if name.starts_with("cut-") || name == "packed.tar.bz2" {
            let output = clusterseed().args(["image", "check"]).arg(&image).env("PATH", "").output().expect("the program");
            let (said, why) = texts(&output);
            assert!(output.status.code() == Some(2) && said.is_empty() && why.starts_with("error: reading"), "{name}: {said}{why}");
            assert!(!name.ends_with("bz2") || why.contains("unpack it, or pack it with gzip, xz or zstd"), "{why}");
        }
    }
}

/// The disk inside an image is for whoever may read the image, and nothing of it stays.
#[test]
fn copies_of_disks_are_private_and_go() {
    let folder = scratch();
    let root = folder.path().join("root");
    planted(&root);
    let Some(disk) = forms(&root, folder.path()).into_iter().find(|image| image.ends_with("disk.qcow2")) else {
        return eprintln!("skipped: mke2fs, sfdisk or qemu-img is not installed");
    };
    let (tools, place) = (folder.path().join("tools"), folder.path().join("place"));
    // What a run that was killed left, in a container whose process had a number that is one here, too.
    fs::create_dir_all(place.join("clusterseed-image.1.0")).expect("a folder");
    put(
        &tools,
        "/qemu-img",
        "#!/bin/sh\nfor last; do :; done\nstat -c '%a' \"$last\" \"${last%/*}\" >\"$SEEN\"\nPATH=${PATH#*:} exec qemu-img \"$@\"\n",
    );
    fs::set_permissions(tools.join("qemu-img"), PermissionsExt::from_mode(0o755)).expect("a mode");
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = clusterseed();
    command.args(["image", "check"]).arg(&disk).env("PATH", path).env("TMPDIR", &place).env("SEEN", folder.path().join("seen"));
    let output = command.output().expect("the program");
    assert_eq!(output.status.code(), Some(1), "{}", texts(&output).1);
    assert_eq!(fs::read_to_string(folder.path().join("seen")).expect("modes"), "600\n700\n");
    assert_eq!(fs::read_dir(&place).expect("a folder").count(), 0, "something stays");
}

/// A bake that cannot be is refused before it begins, and leaves nothing.
#[test]
fn bakes_that_cannot_be_are_refused() {
    let folder = scratch();
    let base = folder.path().join("base");
    fs::create_dir(&base).expect("a folder");
    let spec = data("bake/cluster.yaml");
    let bake = |role: &str, base: &Path, output: &str| {
        let mut command = clusterseed();
        command.arg("--profile-dir").arg(data("profiles")).arg("bake").arg(&spec).args(["--role", role, "--base"]).arg(base);
        let output = command.arg("-o").arg(folder.path().join(output)).output().expect("the program");
        assert_eq!(output.status.code(), Some(2));
        texts(&output).1
    };
    assert!(bake("membr", &base, "a.tar").contains("no host has exactly the role membr; did you mean `member`?"));
    assert!(bake("member", &base, "a.iso").contains("does not say what to write"));
    assert!(bake("member", &base, "a.qcow2").contains("is a root tree, without boot loader and kernel"));
    assert!(bake("member", &spec, "a.tar").contains("is a disk, and gives a disk"));
    assert!(bake("member", Path::new("/nowhere"), "a.tar").contains("/nowhere"));
    fs::write(folder.path().join("a.tar"), "mine").expect("a file");
    assert!(bake("member", &base, "a.tar").contains("exists already, and is left as it is"));
    // Where somebody else may have prepared it: a link is not followed, and nothing behind it is removed.
    let theirs = scratch();
    fs::write(theirs.path().join("kept"), "theirs").expect("a file");
    std::os::unix::fs::symlink(theirs.path(), folder.path().join(".b.tar.bake")).expect("a link");
    assert!(bake("member", &base, "b.tar").contains("is there and not of this user"));
    assert_eq!(files(theirs.path()).len(), 1, "behind the link");
    fs::remove_file(folder.path().join(".b.tar.bake")).expect("the link");
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
