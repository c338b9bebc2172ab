//! `lock`: what is chosen, what stays, upon which base, and out of which folders.

use std::fs;
use std::process::Command;

use clusterseed::format::checksum::Sha256Sum;

use super::desk::Desk;
use crate::cli::finish;

fn package(name: &str, version: &str, more: &str) -> String {
    let sha256 = Sha256Sum::of(format!("{name} {version}").as_bytes()).hex();
    format!("Package: {name}\nVersion: {version}\nArchitecture: all\nFilename: {name}_{version}.deb\nSize: 10\nSHA256: {sha256}\n{more}\n")
}

#[test]
fn what_is_locked_stays() {
    let desk = Desk::new("app", &[]);
    let old = [package("app", "1", "Depends: lib\n"), package("lib", "1", "")].concat();
    let new = [old.clone(), package("app", "2", "Depends: lib (>= 2)\n"), package("lib", "2", ""), package("tool", "1", "Depends: lib\n")]
        .concat();
    let source = desk.flat("pool", &old);
    desk.spec("app", std::slice::from_ref(&source), "");
    let first = desk.lock(&[]);
    assert_eq!(first.code, 0, "{}", first.err);
    let versions = || desk.locked().lines().filter_map(|line| line.strip_prefix("    version: ")).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(versions(), ["\"1\"", "\"1\""]);
    assert_eq!(desk.lock(&["--locked"]).code, 0);
    // More is offered: nothing changes.
    desk.flat("pool", &new);
    let again = desk.lock(&[]);
    assert!(again.code == 0 && again.err.contains("unchanged"), "{}", again.err);
    // More is wanted: what is there stays.
    desk.spec("app, tool", std::slice::from_ref(&source), "");
    let locked = desk.lock(&["--locked"]);
    assert_eq!((locked.code, locked.out.as_str()), (1, "+ tool 1\n"), "{}", locked.err);
    let more = desk.lock(&[]);
    assert_eq!((more.code, more.out.as_str()), (0, "+ tool 1\n"), "{}", more.err);
    // One shall be new: what it needs follows, the rest stays.
    let one = desk.lock(&["--upgrade=app"]);
    assert_eq!((one.code, one.out.as_str()), (0, "~ app 1 -> 2\n~ lib 1 -> 2\n"), "{}", one.err);
    let unknown = desk.lock(&["--upgrade=ap"]);
    assert!(unknown.code == 2 && unknown.err.contains("the lock names no such package"), "{}", unknown.err);
    // A version of the spec's own goes before what is locked.
    desk.spec("app, tool", std::slice::from_ref(&source), "  versions: {app: \"1\"}\n");
    assert_eq!(desk.lock(&[]).out, "~ app 2 -> 1\n");
    desk.spec("app, tool", std::slice::from_ref(&source), "");
    assert_eq!(desk.lock(&["--upgrade=app"]).out, "~ app 1 -> 2\n");
    // What is locked is gone from the source: the next best is taken, and said.
    let newest = [new.clone(), package("tool", "2", "")].concat().replace(&package("tool", "1", "Depends: lib\n"), "");
    desk.flat("pool", &newest);
    let gone = desk.lock(&[]);
    assert_eq!((gone.code, gone.out.as_str()), (0, "~ tool 1 -> 2\n"), "{}", gone.err);
    desk.flat("pool", &[newest, package("tool", "3", "")].concat());
    assert_eq!(desk.lock(&["--upgrade"]).out, "~ tool 2 -> 3\n");
    assert!(desk.locked().contains("      node: app\n"), "{}", desk.locked());
}

#[test]
fn a_base_has_its_packages_already() {
    let desk = Desk::new("app", &[]);
    let source = desk.flat(
        "pool",
        &[package("app", "1", "Depends: lib (>= 1), helper\n"), package("lib", "1", ""), package("helper", "1", "")].concat(),
    );
    let status = "Package: lib\nStatus: install ok installed\nVersion: 1.5\nArchitecture: all\n\n";
    let root = desk.path().join("root/var/lib/dpkg");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("status"), status).unwrap();
    let tar = |name: &str, option: &str| {
        let made = Command::new("tar").args(["-C", "root", option, name, "./var"]).current_dir(desk.path()).status().unwrap();
        assert!(made.success());
    };
    tar("root.tar", "-cf");
    tar("root.tar.gz", "-czf");
    tar("root.tar.xz", "-cJf");
    for base in ["root", "root/var/lib/dpkg/status", "root.tar", "root.tar.gz", "root.tar.xz"] {
        desk.spec("app", std::slice::from_ref(&source), &format!("  base: {base}\n"));
        let done = desk.lock(&["--upgrade"]);
        assert_eq!(done.code, 0, "{base}: {}", done.err);
        assert!(!desk.locked().contains("name: lib\n") && desk.locked().contains("name: helper\n"), "{base}");
        assert!(desk.locked().contains(&Sha256Sum::of(status.as_bytes()).hex()), "{base}");
    }
    // A lock that was made for another base says so, wherever it is used.
    fs::write(root.join("status"), status.replace("1.5", "1.6")).unwrap();
    desk.spec("app", std::slice::from_ref(&source), "  base: root.tar.xz\n");
    assert_eq!(desk.lock(&[]).code, 0);
    desk.spec("app", std::slice::from_ref(&source), "  base: root\n");
    let stale = finish(&mut desk.command(&["check", "cluster.yaml"]));
    assert!(stale.code == 1 && stale.err.contains("error[lock-stale]"), "{}", stale.err);
    for (name, bytes, words) in [
        ("manifest", &b"adduser\t3.134\nlibc6:amd64\t2.36-9\n"[..], "a list of names and versions"),
        ("image.qcow2", b"QFI\xfb\0\0\0\x03", "is a disk image"),
        ("empty", b"\n", "is empty"),
        ("text", b"hello: it is me\n", "is no dpkg status"),
        ("half", b"Package: lib\nStatus: install ok half-installed\nVersion: 1\nArchitecture: all\n", "the base is not whole"),
    ] {
        fs::write(desk.path().join(name), bytes).unwrap();
        desk.spec("app", std::slice::from_ref(&source), &format!("  base: {name}\n"));
        let done = desk.lock(&[]);
        assert!(done.code == 2 && done.err.contains(words), "{name}: {}", done.err);
    }
}

/// A folder of packages that dpkg-deb made, beside a repository; then the packages themselves, out of the folder.
#[test]
fn folders_of_packages() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        eprintln!("skipped: dpkg-deb is not installed");
        return;
    }
    let desk = Desk::new("app", &[]);
    let control = desk.path().join("made/DEBIAN");
    fs::create_dir_all(&control).unwrap();
    fs::create_dir_all(desk.path().join("debs/deep")).unwrap();
    fs::write(
        control.join("control"),
        "Package: app\nVersion: 2:1.0+x\nArchitecture: all\nMaintainer: a <a@example.net>\nDepends: lib\nDescription: x\n",
    )
    .unwrap();
    let made = Command::new("dpkg-deb").args(["--build", "made", "debs/deep/any name.deb"]).current_dir(desk.path()).output().unwrap();
    assert!(made.status.success());
    let pool = desk.flat("pool", &package("lib", "1", ""));
    desk.spec("app", &["{name: debs, folder: debs}".to_string(), pool], "");
    let done = desk.lock(&[]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(desk.locked().contains("path: deep/any name.deb\n"), "{}", desk.locked());
    fs::write(desk.path().join("pool/lib_1.deb"), b"lib 1 xx").unwrap();
    let fetched = finish(&mut desk.command(&["fetch", "cluster.yaml", "--offline"]));
    assert!(
        fetched.code == 2 && fetched.err.contains("error: lib 1 (all)") && fetched.err.contains("8 bytes, and should have 10"),
        "{}",
        fetched.err
    );
    let list = finish(&mut desk.command(&["store", "list"]));
    assert!(list.out.contains("app 2:1.0+x (all)"), "{}", list.out);
    fs::write(desk.path().join("debs/broken.deb"), b"!<arch>\nnonsense").unwrap();
    let broken = desk.lock(&[]);
    assert!(broken.code == 2 && broken.err.contains("debs/broken.deb` is no package"), "{}", broken.err);
}

/// Hosts that want the same share a set; a host with two roles has one of its own, and so has one whose settings want more.
#[test]
fn every_kind_of_host_has_its_packages() {
    let desk = Desk::new("app", &[]);
    let names = ["chronos", "marathon", "mesos", "openjdk-7-jre-headless", "zookeeperd", "docker.io", "ntp"];
    let version = |name: &str| match name {
        "chronos" => "2.3.2-0.1.20150207000917.ubuntu1404",
        "marathon" => "0.7.5-1.0.ubuntu1404",
        "mesos" => "0.20.1-1.0.ubuntu1404",
        _ => "1",
    };
    let packages: String = names.iter().map(|name| package(name, version(name), "")).collect();
    let source = desk.flat("pool", &packages);
    let text = format!(
        "version: 1\ncluster: test\nprofile: mesosphere\nplatform: ubuntu-14.04\nnetwork: {{subnet: 192.0.2.0/24}}\n\
         allow: [mesosphere/single-master]\ndelivery: hand\n\
         hosts:\n  - {{name: m1, role: [master, slave], address: 192.0.2.1}}\n  - {{name: s1, role: slave, address: 192.0.2.2}}\n\
         \x20 - {{name: s2, role: slave, address: 192.0.2.3, settings: {{docker: {{enabled: true, package: docker.io}}}}}}\n\
         \x20 - {{name: s3, role: slave, address: 192.0.2.4}}\n\
         packages:\n  source: carried\n  extra: [ntp]\n  from:\n    - {source}\n"
    );
    fs::write(desk.path().join("cluster.yaml"), text).unwrap();
    let done = desk.lock(&[]);
    assert_eq!(done.code, 0, "{}", done.err);
    let lock = desk.locked();
    let sets: Vec<&str> = lock.lines().filter_map(|line| line.strip_prefix("  - name: ")).take(3).skip(1).collect();
    assert!(
        lock.contains("  - name: master+slave\n") && lock.contains("  - name: slave\n") && lock.contains("  - name: slave@s2\n"),
        "{sets:?}\n{lock}"
    );
    let docker = lock.split("  - name: docker.io\n").nth(1).unwrap().split("  - name: ").next().unwrap();
    assert!(docker.contains("slave@s2: asked for") && !docker.contains("master+slave:"), "{docker}");
    // A version that the spec pins and nobody offers is said where it is pinned.
    let pinned = fs::read_to_string(desk.path().join("cluster.yaml"))
        .unwrap()
        .replace("  extra:", "  versions: {mesos: 0.21.0-1.0.ubuntu1404}\n  extra:");
    fs::write(desk.path().join("cluster.yaml"), pinned).unwrap();
    let refused = desk.lock(&[]);
    assert!(
        refused.code == 1 && refused.err.contains("cluster.yaml:15:21") && refused.err.contains("0.20.1-1.0.ubuntu1404"),
        "{}",
        refused.err
    );
}
