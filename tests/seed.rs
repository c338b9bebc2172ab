//! The programs of a seed, `apply`, `fetch` and `keep`, under the shells that targets have: dash, and busybox with its own tools.
//!
//! `apply/run.sh` holds the cases of `apply`; some of them run here each time, all of them with `--ignored`.

mod keep; // what later boots need, off the volume
pub mod server;
mod trust; // seeds that a pinned key has signed, and all others // HTTP that fails on demand

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clusterseed::emit::seed::{PROGRAM, SUBMIT};
use clusterseed::emit::user_data::{FETCH, KEEP};
use clusterseed::format::checksum::Sha256Sum;

use regex_lite::Regex;

use super::golden::golden;
use super::support;
use server::{Reply, Server};

/// What a plain `cargo test` runs of `apply/run.sh`: a first run per init system, a second one, refusals, secrets.
const FAST_CASES: &[&str] =
    &["upstart", "systemd", "second_run", "damaged_seed", "secrets", "dry", "sweep", "by_hand", "submit_race", "own_source", "closed_pipe"];

/// Runs cases, or all with none, with every n-th of what is killed and of what is flipped. Gives all that `apply` said.
fn apply_cases(shell: &str, cases: &[&str], [kill, flip]: [usize; 2]) -> String {
    let said = support::scratch();
    let mut command = Command::new("sh");
    command.arg(support::data("apply/run.sh")).arg(shell).args(cases).stdin(Stdio::null()).env("SAID", said.path().join("said"));
    let output = command.env("EVERY", kill.to_string()).env("FLIP_EVERY", flip.to_string()).output().expect("sh");
    let (out, err) = support::texts(&output);
    assert!(output.status.success() && out.contains(", 0 failed"), "{out}{err}");
    println!("{out}");
    // Bytes that were flipped are not always UTF-8.
    String::from_utf8_lossy(&fs::read(said.path().join("said")).expect("what apply said")).into_owned()
}

#[test]
fn apply_under_dash() {
    apply_cases("dash", FAST_CASES, [5, 5]);
}

/// Killed at every second call of a tool, and a third of all bytes flipped, one after the other: `EVERY=1 FLIP_EVERY=1` before
/// `apply/run.sh` leaves out none. Every failure that `apply` knows is provoked by some case.
#[test]
#[ignore = "some minutes; full and read-only disks need root"]
fn apply_under_dash_in_every_case() {
    let said = apply_cases("dash", &[], [2, 3]);
    if rustix::process::geteuid().is_root() {
        let unseen: Vec<String> = messages(&[PROGRAM, SUBMIT].concat()).into_iter().filter(|message| !said.contains(message)).collect();
        assert!(unseen.is_empty(), "no case provokes:\n{}", unseen.join("\n"));
    }
}

#[test]
#[ignore = "some minutes; full and read-only disks need root"]
fn apply_under_busybox_in_every_case() {
    apply_cases("busybox sh", &[], [7, 7]);
}

/// Of each `die` and `warn`, the longest part that is no variable.
fn messages(program: &str) -> Vec<String> {
    let call =
        Regex::new(r#"(?:die "?\$E_[A-Z]+"?|warn) *(?:\\\n\s*)?"((?:[^"$]|\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|\$[A-Za-z_0-9]+)*)"#);
    let variable = Regex::new(r"\$\((?:[^()]|\([^()]*\))*\)|\$\{[^}]*\}|\$[A-Za-z_0-9]+").expect("a pattern");
    let mut found: Vec<String> = call
        .expect("a pattern")
        .captures_iter(program)
        .filter_map(|call| variable.split(call.get(1)?.as_str()).max_by_key(|part| part.len()).map(str::to_string))
        .filter(|part| part.trim().len() > 3)
        .collect();
    found.sort();
    found.dedup();
    assert!(found.len() > 40, "{found:?}");
    found
}

/// A seed of the guide, as it would be unpacked on its host: `apply` finds it whole, and makes the host what the seed says.
#[test]
fn apply_takes_a_built_seed() {
    let guide = golden("guide");
    let folder = support::scratch();
    for (host, address) in [("master1", "192.0.2.1"), ("slave1", "192.0.2.51")] {
        let (tarball, etc) = (folder.path().join("seed.tar.gz"), folder.path().join(host));
        fs::write(&tarball, guide.bytes(&format!("hosts/{host}/seed.tar.gz"))).expect("a tarball");
        let mut command = Command::new("sh");
        command.arg(support::data("seed/built.sh")).arg("dash").arg(&tarball).args([host, address]).arg(&etc).stdin(Stdio::null());
        let output = command.output().expect("sh");
        let (out, err) = support::texts(&output);
        assert!(output.status.success(), "{out}{err}");
        for (path, content) in guide.targets(host) {
            let place = path.replace("/etc/zookeeper/conf/", "/etc/zookeeper/conf_clusterseed/");
            let found = fs::read(etc.join(place.trim_start_matches("/etc/"))).unwrap_or_else(|error| panic!("{host}: {place}: {error}"));
            assert!(found == content, "{host}: {place} has other bytes");
        }
    }
}

/// Where and with what `fetch` runs.
struct Machine {
    folder: tempfile::TempDir,
    shell: &'static [&'static str],
    /// A root of busybox alone.
    chroot: bool,
}

/// How a run ended.
struct Ended {
    code: i32,
    words: String,
}

impl Machine {
    fn new(shell: &'static [&'static str], chroot: bool) -> Self {
        let machine = Self { folder: support::scratch(), shell, chroot };
        if chroot {
            machine.busybox();
        }
        machine.put("fetch", FETCH.as_bytes());
        machine.put("keep", KEEP.as_bytes());
        machine
    }

    /// Its folder as this process sees it.
    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, path: &str, content: &[u8]) {
        fs::create_dir_all(self.at(path).parent().expect("a folder")).expect("a folder");
        fs::write(self.at(path), content).expect("a file");
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    /// A root with nothing but busybox, as an initramfs or a small image is.
    fn busybox(&self) {
        let script = r#"set -e; cd "$1"; mkdir bin dev proc tmp; cp "$(command -v busybox)" bin/busybox
            ldd bin/busybox | tr ' \t' '\n\n' | grep '^/' | while read -r lib; do mkdir -p ".${lib%/*}"; cp "$lib" ".$lib"; done
            : >dev/null; for tool in $(busybox --list); do [ -e "bin/$tool" ] || ln -s busybox "bin/$tool"; done"#;
        let done = Command::new("sh").args(["-c", script, "sh"]).arg(self.folder.path()).status().expect("sh");
        assert!(done.success(), "a root of busybox");
    }

    fn fetch(&self, arguments: &[&str]) -> Ended {
        self.run("fetch", arguments)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Ended {
        let top = if self.chroot { String::new() } else { self.folder.path().display().to_string() };
        let mut command = if self.chroot { Command::new("chroot") } else { Command::new(self.shell[0]) };
        if self.chroot {
            command.arg(self.folder.path()).arg("/bin/sh");
        } else {
            command.args(&self.shell[1..]);
        }
        command.arg(format!("{top}/{program}")).args(arguments).env_clear().stdin(Stdio::null());
        let places = [
            ("STATE", "state"),
            ("NOCLOUD", "nocloud"),
            ("LABELS", "labels"),
            ("CLOUD", "cloud"),
            ("DEVICES", "devices"),
            ("LOCK", "lock"),
        ];
        for (name, value) in places {
            command.env(format!("CLUSTERSEED_{name}"), format!("{top}/{value}"));
        }
        let output = command.env("CLUSTERSEED_PAUSE", "0").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().expect("a shell");
        let (out, err) = support::texts(&output);
        Ended { code: output.status.code().expect("it ends by itself"), words: out + &err }
    }

    fn good(&self, arguments: &[&str], says: &str) {
        let ended = self.fetch(arguments);
        assert_eq!(ended.code, 0, "{:?} {arguments:?}: {}", self.shell, ended.words);
        assert!(ended.words.contains(says), "{:?} {arguments:?}: {}", self.shell, ended.words);
    }

    fn bad(&self, arguments: &[&str], says: &str) {
        let ended = self.fetch(arguments);
        assert_eq!(ended.code, 1, "{:?} {arguments:?}: {}", self.shell, ended.words);
        assert!(ended.words.contains(says), "{:?} {arguments:?}: {}", self.shell, ended.words);
    }

    /// The seed at its place is this tarball's, whole, for root alone; nothing else lies about.
    fn has(&self, tarball: &[u8]) {
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o7777;
        let mut wanted = Vec::new();
        for (path, bits, bytes) in super::golden::untar(tarball) {
            let file = self.at("state").join(&path);
            assert!(fs::read(&file).ok().as_ref() == Some(&bytes), "{path} is missing or has other bytes");
            assert_eq!(mode(&file), bits, "{path}");
            wanted.push(path.trim_start_matches("seed/").to_string());
        }
        let found: Vec<String> = support::files(&self.at("state/seed")).into_iter().map(|(path, _)| path).collect();
        wanted.sort();
        assert_eq!(found, wanted);
        assert_eq!(mode(&self.at("state/seed")), 0o700, "the folder is for root alone");
        let mut beside: Vec<_> = fs::read_dir(self.at("state")).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
        beside.sort();
        assert_eq!(beside, ["seed", "seed.sha256"]);
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256Sum::of(bytes).hex()
}

/// Every way in which a seed comes or does not come.
fn fetch_cases(machine: impl Fn() -> Machine, volumes: bool) {
    let first = golden("secrets").bytes("hosts/m1/seed.tar.gz");
    let second = golden("secrets").bytes("hosts/s1/seed.tar.gz");
    let garbage = [&first[..first.len() / 2], b"no gzip any more"].concat();
    let server = Server::start({
        let (first, second, garbage) = (first.to_vec(), second.to_vec(), garbage.clone());
        move |path, hits| match path {
            "/first" => Reply::whole(&first),
            "/second" => Reply::whole(&second),
            "/garbage" => Reply::whole(&garbage),
            "/third-time" if hits < 3 => Reply::error(503),
            "/cut-once" if hits < 2 => Reply::cut(&first, first.len() / 2),
            "/third-time" | "/cut-once" => Reply::whole(&first),
            _ => Reply::error(404),
        }
    });
    let url = |path: &str| server.url(path);
    let (one, two) = (digest(first), digest(second));

    // Over HTTP, into the folder that bootcmd made; once more; another seed; a bad one.
    let m = machine();
    fs::create_dir_all(m.at("state/seed")).expect("a folder");
    m.good(&["url", &one, &url("/first")], "seed unpacked");
    m.has(first);
    m.good(&["url", &one, &url("/first")], "here already");
    assert_eq!(server.hits("/first"), 1, "a second run asks nobody");
    m.put("state/seed/root/etc/mesos/zk", b"damaged by a power cut");
    m.good(&["url", &one, &url("/first")], "seed unpacked");
    m.has(first);
    m.put("state/seed/root/stale", b"of the old seed");
    m.good(&["url", &two, &url("/second")], "seed unpacked");
    m.has(second);
    m.bad(&["url", &one, &url("/second")], "not the one that user-data names");
    m.has(second);
    m.bad(&["url", &digest(&garbage), &url("/garbage")], "cannot unpack");
    assert_eq!(m.text("state/seed.sha256").trim(), two, "what was there is there");

    // What a killed run left is no hindrance.
    let m = machine();
    m.put("state/unpack/seed/host.json", b"half");
    m.put("state/seed.old/host.json", b"older");
    m.put("state/seed.tar.gz.new", &first[..100]);
    m.good(&["url", &one, &url("/third-time")], "seed unpacked");
    assert_eq!(server.hits("/third-time"), 3);
    m.has(first);

    let m = machine();
    m.good(&["url", &one, &url("/cut-once")], "seed unpacked");
    m.has(first);

    let m = machine();
    let before = server.hits("/nowhere");
    m.bad(&["url", &one, &url("/nowhere")], "serve out/hosts there");
    assert_eq!(server.hits("/nowhere") - before, 10, "it gives up");

    // From the seed folder of NoCloud, and of its variant for the network.
    for folder in ["nocloud", "nocloud-net"] {
        let m = machine();
        m.put(&format!("{folder}/seed.tar.gz"), first);
        m.good(&["volume", &one], "seed unpacked");
        m.has(first);
        m.put(&format!("{folder}/seed.tar.gz"), second);
        m.good(&["volume", &one], "here already");
        m.bad(&["volume", &digest(b"neither")], "not the one that user-data names");
        m.has(first);
    }
    if volumes {
        let m = machine();
        m.bad(&["volume", &one], "no volume labelled cidata");
        assert!(!m.at("state/seed").exists());
        m.put("labels/cidata", b"no file system");
        m.bad(&["volume", &one], "cannot mount");
    }

    let m = machine();
    for arguments in [&[][..], &["volume"], &["url", &one], &["iso", &one], &["url", &one, "http://x", "http://y", "more"]] {
        m.bad(arguments, "usage: fetch");
    }
}

/// No volume of this machine itself may be taken for one of the tests.
fn no_real_volume() -> bool {
    let none = !Command::new("blkid").args(["-L", "cidata"]).stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !none {
        eprintln!("skipped: this machine has a volume labelled cidata");
    }
    none
}

#[test]
fn fetch_under_dash() {
    fetch_cases(|| Machine::new(&["dash"], false), no_real_volume());
}

#[test]
fn fetch_under_busybox() {
    fetch_cases(|| Machine::new(&["busybox", "sh"], false), no_real_volume());
}

#[test]
fn fetch_with_busybox_alone() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: chroot is for root");
        return;
    }
    fetch_cases(|| Machine::new(&["busybox", "sh"], true), true);
}

/// From a real volume: an ISO as it would be attached, or, where the kernel reads none, another file system.
#[test]
fn fetch_from_a_volume() {
    let first = golden("secrets").bytes("hosts/m1/seed.tar.gz");
    let m = Machine::new(&["dash"], false);
    m.put("disk/seed.tar.gz", first);
    m.put("disk/user-data", b"#cloud-config\n{}\n");
    m.put("disk/meta-data", b"instance-id: \"x\"\n");
    fs::create_dir(m.at("labels")).expect("a folder");
    fs::create_dir(m.at("try")).expect("a folder");
    let script = r#"cd "$1"
        mounts() { mount -o ro labels/cidata try 2>/dev/null && umount try; }
        genisoimage -quiet -R -V cidata -o labels/cidata disk 2>/dev/null && mounts && exit 0
        rm -f labels/cidata; mke2fs -q -t ext2 -L cidata -d disk labels/cidata 1024 >/dev/null 2>&1 && mounts"#;
    let image = Command::new("sh").args(["-c", script, "sh"]).arg(m.folder.path()).status().expect("sh");
    if !image.success() || !no_real_volume() {
        eprintln!("skipped: no image can be made and mounted here");
        return;
    }
    m.good(&["volume", &digest(first)], "seed unpacked");
    m.has(first);
    m.bad(&["volume", &digest(b"another")], "not the one that user-data names");
    m.has(first);
    let mounted = fs::read_to_string("/proc/mounts").expect("mounts");
    assert!(!mounted.contains(&m.at("state").display().to_string()), "the volume is still mounted");
}
