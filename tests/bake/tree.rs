//! The engine for root trees, with a tree of busybox whose apt-get does what maintainer scripts may try. As root, or with ranges in
//! /etc/subuid.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{ends_at, put};
use crate::support::{clusterseed, data, scratch, texts};

/// True where this account may bake root trees.
pub fn able() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let able = Command::new("unshare").args(["--user", "--map-root-user", "--map-auto", "true"]).output();
    let able = able.is_ok_and(|output| output.status.success());
    if !able {
        println!("skipped: baking a root tree is for root, or for accounts with ranges in /etc/subuid");
    }
    able
}

/// A root tree that can be baked; `install` is what its packages do.
pub fn base(folder: &Path, install: &str) -> PathBuf {
    let root = folder.join("base");
    let made = Command::new("sh").arg(data("bake/mini.sh")).arg(&root).output().expect("sh");
    assert!(made.status.success(), "{}", texts(&made).1);
    fs::write(root.join("srv/install"), install).expect("a script");
    root
}

/// Bakes, for a caller that left this machine's root open; whether it went well, and what it said.
fn bake(base: &Path, output: &Path, more: &[&str]) -> (bool, String) {
    let program = clusterseed();
    let mut command = Command::new("bash");
    command.args(["-c", "exec 200</; exec \"$0\" \"$@\""]).arg(program.get_program());
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.arg("--profile-dir").arg(data("profiles")).arg("bake").arg(data("bake/cluster.yaml"));
    command.args(["--role", "client", "--base"]).arg(base).arg("-o").arg(output).args(more);
    let done = command.output().expect("the program");
    ends_at(&output.with_file_name(format!(".{}.bake", output.file_name().expect("a name").to_string_lossy())));
    (done.status.success(), texts(&done).1)
}

/// A file of the image; none where there is none.
pub fn read(image: &Path, path: &str) -> Option<String> {
    let output = Command::new("tar").arg("-xOf").arg(image).arg(format!("./{path}")).output().expect("tar");
    output.status.success().then(|| texts(&output).0)
}

#[test]
fn packages_reach_nothing_of_the_machine() {
    if !able() {
        return;
    }
    let folder = scratch();
    let marker = folder.path().join("of-this-machine");
    fs::write(&marker, "").expect("a file");
    let install = format!("set -- {}\n{}", marker.display(), include_str!("reach.sh"));
    let base = base(folder.path(), &install);
    let switch = || fs::read_to_string("/proc/sys/fs/lease-break-time").expect("a sysctl");
    let null = || fs::metadata("/dev/null").expect("/dev/null").mode();
    let program = || fs::metadata(env!("CARGO_BIN_EXE_clusterseed")).expect("the program").mode();
    let before = (switch(), null(), program());
    let image = folder.path().join("client.tar");
    let (well, said) = bake(&base, &image, &["--offline"]);
    assert!(well, "{said}");
    assert_eq!(read(&image, "srv/reached").expect("the script ran"), "", "{said}");
    assert_eq!((switch(), null(), program()), before);
    assert!(said.contains("bake: note: packages were refused what would reach this machine: "), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
}

/// A package that insists on a switch of the kernel cannot be installed, as in a container, and it is told where it could be.
#[test]
fn a_package_that_insists_ends_the_bake_with_words() {
    if !able() {
        return;
    }
    let folder = scratch();
    let base = base(folder.path(), "sysctl -w fs.lease-break-time=45");
    let image = folder.path().join("client.tar");
    let (well, said) = bake(&base, &image, &["--offline"]);
    assert!(!well && !image.exists(), "{said}");
    assert!(said.contains("installing packages failed"), "{said}");
    assert!(said.contains("here packages reach no kernel and no device (") && said.contains("Read-only file system"), "{said}");
    assert!(said.contains("which a disk that bakes itself gives them"), "{said}");
}

/// Our package source is in no image, and what it took the place of is; what the base kept when it was a host is not.
#[test]
fn what_was_overwritten_is_in_the_image() {
    if !able() {
        return;
    }
    const LIST: &str = "etc/apt/sources.list.d/mesosphere.list";
    let folder = scratch();
    let base = base(folder.path(), "true");
    put(&base, LIST, "deb http://base.example.net bookworm main\n");
    // As on a host that was switched off to become a base: its key was ours, an older one.
    put(&base, "etc/apt/keyrings/mesosphere.asc", "an older key\n");
    let digest = "04ca864dc6af46b7acf14d6629d9909d9496c2dcda6a5e53b8f176c1f5806da0";
    put(&base, "var/lib/clusterseed/state/files", &format!("/etc/of-another-host\n/etc/apt/keyrings/mesosphere.asc\u{1f}\u{1f}{digest}\n"));
    put(&base, "var/lib/clusterseed/originals/etc/of-another-host", "a secret\n");
    let spec = folder.path().join("cluster.yaml");
    fs::write(&spec, include_str!("mirror.yaml")).expect("a spec");
    let image = folder.path().join("slave.tar");
    let mut command = clusterseed();
    command.arg("bake").arg(&spec).args(["--role", "slave", "--offline", "--base"]).arg(&base).arg("-o").arg(&image);
    let done = command.output().expect("the program");
    assert!(done.status.success(), "{}", texts(&done).1);
    assert_eq!(read(&image, LIST).as_deref(), Some("deb http://base.example.net bookworm main\n"));
    let listed = Command::new("tar").arg("-tf").arg(&image).output().expect("tar");
    let listed = texts(&listed).0;
    assert!(!listed.contains("of-another-host") && !listed.contains("mesosphere.asc"), "{listed}");
}

/// Of the base everything is taken but what lies in /dev: a folder `dev` or `proc` deeper in the tree is somebody's own.
#[test]
fn folders_that_are_called_like_those_of_the_kernel_are_kept() {
    if !able() {
        return;
    }
    let folder = scratch();
    let base = base(folder.path(), "true");
    for path in ["srv/dev/kept", "home/ops/proc/kept", "opt/app/sys/dev/kept", "usr/share/tmp/run/kept", "dev/left"] {
        put(&base, path, "x");
    }
    let pack = |name: &str, what: &str| {
        let tarball = folder.path().join(name);
        let done = Command::new("tar").arg("-czf").arg(&tarball).arg("-C").arg(&base).arg(what).status().expect("tar");
        assert!(done.success());
        tarball
    };
    let names: Vec<String> =
        fs::read_dir(&base).expect("a folder").map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    let bare = folder.path().join("bare.tar");
    assert!(Command::new("tar").arg("-cf").arg(&bare).arg("-C").arg(&base).args(&names).status().expect("tar").success());
    for (number, form) in [base.clone(), pack("dotted.tar.gz", "."), bare].iter().enumerate() {
        let image = folder.path().join(format!("{number}.tar"));
        let (well, said) = bake(form, &image, &["--offline"]);
        assert!(well, "{}: {said}", form.display());
        for kept in ["srv/dev/kept", "home/ops/proc/kept", "opt/app/sys/dev/kept", "usr/share/tmp/run/kept"] {
            assert_eq!(read(&image, kept).as_deref(), Some("x"), "{}: {kept}", form.display());
        }
        assert_eq!(read(&image, "dev/left"), None, "{}", form.display());
    }
}

/// Bakes where this machine's name servers and names are files of the test: one that is written to is not the real one.
const OWN: &str = r#"mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/hosts && shift 2 && exec "$@""#;

/// Where the bake uses the machine's network it uses its name servers too; they are in no image, and its own file is never written,
/// wherever a link of the base leads, or one that a package makes.
#[test]
fn name_servers_of_the_machine_stay_its_own() {
    if !able() {
        return;
    }
    const SERVERS: &str = "nameserver 192.0.2.53\n";
    const LOOK: &str = "cat /etc/resolv.conf >/srv/seen 2>/dev/null || true\n";
    for (name, link, install, kept) in [
        ("file", None, "", Some("options rotate\n")),
        ("none", None, "", None),
        ("stub", Some("../run/systemd/resolve/stub-resolv.conf"), "", None),
        ("run", Some("/run/resolvconf/resolv.conf"), "", None),
        ("climbs from run", Some("../run/../../../../../../../../etc/resolv.conf"), "", None),
        ("names", Some("/etc/hosts"), "", Some("127.0.0.1 localhost\n")),
        ("file, made a link", None, "ln -sf /etc/hosts /etc/resolv.conf", Some("127.0.0.1 localhost\n")),
        ("none, made a link", None, "ln -sf ../../../../../../etc/hosts /etc/resolv.conf", Some("127.0.0.1 localhost\n")),
    ] {
        let folder = scratch();
        let base = base(folder.path(), &format!("{LOOK}{install}"));
        let place = base.join("etc/resolv.conf");
        match link {
            Some(to) => symlink(to, &place).expect("a link"),
            None if name.starts_with("file") => fs::write(&place, "nameserver 192.0.2.77\noptions rotate\n").expect("a file"),
            None => {}
        }
        let (servers, names) = (folder.path().join("servers"), folder.path().join("names"));
        fs::write(&servers, SERVERS).expect("a file");
        fs::write(&names, "127.0.0.1 localhost of-this-machine\n").expect("a file");
        let image = folder.path().join("client.tar");
        let mut command = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            command.args(["--user", "--map-root-user", "--map-auto"]);
        }
        command.args(["--mount", "--propagation", "private", "sh", "-c", OWN, "sh"]).arg(&servers).arg(&names);
        command.arg(clusterseed().get_program()).arg("--profile-dir").arg(data("profiles")).arg("bake").arg(data("bake/cluster.yaml"));
        let done = command.args(["--role", "client", "--base"]).arg(&base).arg("-o").arg(&image).output().expect("unshare");
        assert!(done.status.success(), "{name}: {}", texts(&done).1);
        assert_eq!(fs::read_to_string(&servers).expect("a file"), SERVERS, "{name}: this machine's own");
        assert_eq!(fs::read_to_string(&names).expect("a file"), "127.0.0.1 localhost of-this-machine\n", "{name}: this machine's own");
        let seen = read(&image, "srv/seen").unwrap_or_default();
        let lent = matches!(name, "stub" | "run") || link.is_none();
        assert_eq!(seen == SERVERS, lent, "{name}: {seen}");
        let at_place = Command::new("tar").arg("-tvf").arg(&image).arg("./etc/resolv.conf").output().expect("tar");
        let is_link = texts(&at_place).0.contains(" -> ");
        assert_eq!(is_link, link.is_some() || name.ends_with("a link"), "{name}");
        let file = if is_link { "etc/hosts" } else { "etc/resolv.conf" };
        if !is_link || kept.is_some() {
            assert_eq!(read(&image, file).as_deref(), kept, "{name}");
        }
    }
}

/// A base whose folders are links is refused: they would lead out of it.
#[test]
fn folders_that_are_links_are_refused() {
    if !able() {
        return;
    }
    let folder = scratch();
    let (base, elsewhere) = (base(folder.path(), "true"), folder.path().join("elsewhere"));
    fs::rename(base.join("var/lib"), &elsewhere).expect("a folder");
    symlink(&elsewhere, base.join("var/lib")).expect("a link");
    let (well, said) = bake(&base, &folder.path().join("client.tar"), &["--offline"]);
    assert!(!well && said.contains("/var/lib is a link in the base"), "{said}");
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 1, "behind the link");
}
