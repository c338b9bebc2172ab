//! `lock`: who is believed and who is not, what is chosen, what stays, and what is said.
//!
//! Repositories lie in `repository`, signed by the keys in `keys`; `make.sh` in both makes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use clusterseed::format::checksum::Sha256Sum;

use super::server::{Reply, Request, Server};
use crate::cli::{Done, finish};
use crate::support::{self, clusterseed};

const SIGNER: &str = include_str!("keys/signer.fingerprint");

/// A folder with a spec whose packages come from `sources`, lines of YAML.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(extra: &str, sources: &[String]) -> Self {
        let desk = Self(support::scratch());
        desk.spec(extra, sources, "");
        desk
    }

    fn spec(&self, extra: &str, sources: &[String], more: &str) {
        let sources: String = sources.iter().map(|source| format!("    - {source}\n")).collect();
        let text = format!(
            "version: 1\ncluster: test\nprofile: bare\nplatform: debian-12\nnetwork: {{subnet: 192.0.2.0/24}}\n\
             hosts:\n  - {{name: a1, role: node, address: 192.0.2.1}}\ndelivery: hand\n\
             packages:\n  source: carried\n  extra: [{extra}]\n{more}  from:\n{sources}"
        );
        fs::write(self.path().join("cluster.yaml"), text).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clusterseed();
        for name in ["http_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name);
        }
        command.current_dir(self.path()).env("CLUSTERSEED_STORE", self.path().join("store")).env("CLUSTERSEED_PATIENCE", "2");
        command.arg("--profile-dir").arg(support::data("profiles")).args(arguments);
        command
    }

    fn lock(&self, more: &[&str]) -> Done {
        finish(&mut self.command(&[&["lock", "cluster.yaml"], more].concat()))
    }

    fn locked(&self) -> String {
        fs::read_to_string(self.path().join("cluster.lock")).unwrap_or_default()
    }

    /// A repository without suites and signature, below the desk.
    fn flat(&self, name: &str, packages: &str) -> String {
        let folder = self.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Packages"), packages).unwrap();
        format!("{{name: {name}, url: \"file://{}\", suites: [\"./\"], unsigned: true}}", folder.display())
    }
}

fn file(name: &str) -> Vec<u8> {
    fs::read(support::data("carried/repository").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What a server gives: files by path below `dists/stable`.
type Files = BTreeMap<String, Vec<u8>>;

fn files(release: &str) -> Files {
    let mut files = Files::from([("InRelease".to_string(), file(release))]);
    for ending in ["", ".gz", ".xz", ".zst"] {
        files.insert(format!("main/binary-amd64/Packages{ending}"), file(&format!("Packages{ending}")));
    }
    files
}

fn serve(files: Files) -> Server {
    Server::start(move |request: &Request| {
        let found = request.target.strip_prefix("/dists/stable/").and_then(|path| files.get(path));
        found.map_or_else(|| Reply::status(404), |bytes| Reply::part(bytes, request))
    })
}

/// A source that is signed by a key of the tests.
fn signed(url: &str, key: &str, fingerprint: &str) -> String {
    let key = support::data("carried/keys").join(format!("{key}.asc"));
    format!(
        "{{name: test, url: \"{url}\", suites: [stable], components: [main], key: \"{}\", fingerprints: [{fingerprint}]}}",
        key.display()
    )
}

fn fingerprint(key: &str) -> String {
    fs::read_to_string(support::data("carried/keys").join(format!("{key}.fingerprint"))).unwrap()
}

fn has_gpgv() -> bool {
    let there = Command::new("gpgv").arg("--version").output().is_ok();
    if !there {
        eprintln!("skipped: gpgv is not installed");
    }
    there
}

/// Name, the signed Release, the key of the spec, what is done to the files, arguments, and what is said when it is refused.
type Case = (&'static str, &'static str, &'static str, fn(&mut Files), &'static [&'static str], Option<&'static str>);

fn as_is(_: &mut Files) {}

fn flip(files: &mut Files, path: &str) {
    let bytes = files.get_mut(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

const TRUST: &[Case] = &[
    ("sound", "good.InRelease", "signer", as_is, &[], None),
    ("by one of two", "both.InRelease", "signer", as_is, &[], None),
    ("gzip", "gz.InRelease", "signer", as_is, &[], None),
    ("zstd", "zst.InRelease", "signer", as_is, &[], None),
    ("plain", "plain.InRelease", "signer", as_is, &[], None),
    (
        "beside it",
        "good.InRelease",
        "signer",
        |files| {
            files.remove("InRelease");
            files.insert("Release".into(), file("good.Release"));
            files.insert("Release.gpg".into(), file("good.Release.gpg"));
        },
        &[],
        None,
    ),
    ("it holds", "lasting.InRelease", "signer", as_is, &[], None),
    ("signed by another", "foreign.InRelease", "signer", as_is, &[], Some("which is not among the keys of the spec")),
    ("another is pinned", "good.InRelease", "both", as_is, &[], Some("whose fingerprint is not pinned")),
    ("over SHA-1", "sha1.InRelease", "signer", as_is, &[], Some("SHA-1, which can be forged|too weak")),
    ("by an expired key", "expired.InRelease", "expired", as_is, &[], Some("a key that has expired")),
    ("expired itself", "expired-signature.InRelease", "signer", as_is, &[], Some("has expired")),
    ("by a revoked key", "revoked.InRelease", "revoked", as_is, &[], Some("a key that was revoked")),
    ("by a short key", "good.InRelease", "weak", as_is, &[], Some("error[key-weak]")),
    (
        "a word is changed",
        "good.InRelease",
        "signer",
        |files| {
            let text = String::from_utf8(files["InRelease"].clone()).unwrap().replace("Suite: stable", "Suite: stale");
            files.insert("InRelease".into(), text.into_bytes());
        },
        &[],
        Some("changed after it was signed"),
    ),
    (
        "a line before it",
        "good.InRelease",
        "signer",
        |files| {
            let text = [b"Date: Sat, 06 Jul 2030 10:00:00 UTC\n\n".to_vec(), files["InRelease"].clone()].concat();
            files.insert("InRelease".into(), text);
        },
        &[],
        None,
    ),
    ("no signature", "good.Release", "signer", as_is, &[], Some("it holds no signature")),
    (
        "no signature beside it",
        "good.InRelease",
        "signer",
        |files| {
            files.remove("InRelease");
            files.insert("Release".into(), file("good.Release"));
        },
        &[],
        Some("has no signature"),
    ),
    (
        "a signature of another",
        "good.InRelease",
        "signer",
        |files| {
            files.remove("InRelease");
            files.insert("Release".into(), file("older.Release"));
            files.insert("Release.gpg".into(), file("good.Release.gpg"));
        },
        &[],
        Some("changed after it was signed"),
    ),
    ("nothing there", "good.InRelease", "signer", |files| files.clear(), &[], Some("there is no such repository or suite")),
    ("it held", "ended.InRelease", "signer", as_is, &[], Some("held until Sat, 13 Jul 2024")),
    ("it held, and so be it", "ended.InRelease", "signer", as_is, &["--allow-expired"], None),
    ("no SHA-256", "empty.InRelease", "signer", as_is, &[], Some("lists MD5 and SHA-1 alone")),
    (
        "index flipped",
        "good.InRelease",
        "signer",
        |files| flip(files, "main/binary-amd64/Packages.xz"),
        &[],
        Some("it was changed or damaged"),
    ),
    (
        "index shorter",
        "good.InRelease",
        "signer",
        |files| {
            files.get_mut("main/binary-amd64/Packages.xz").unwrap().pop();
        },
        &[],
        Some("bytes, and should have"),
    ),
    (
        "index of another form",
        "good.InRelease",
        "signer",
        |files| {
            files.insert("main/binary-amd64/Packages.xz".into(), file("Packages.gz"));
        },
        &[],
        Some("bytes, and should have"),
    ),
    (
        "index gone",
        "good.InRelease",
        "signer",
        |files| {
            files.remove("main/binary-amd64/Packages.xz");
        },
        &[],
        Some("no such file (404)"),
    ),
];

#[test]
fn who_is_believed() {
    if !has_gpgv() {
        return;
    }
    let failures: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = TRUST.iter().map(|case| scope.spawn(|| problem(case).map(|why| format!("{}: {why}", case.0)))).collect();
        running.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn problem((_, release, key, change, arguments, wanted): &Case) -> Option<String> {
    let mut files = files(release);
    change(&mut files);
    let server = serve(files);
    // `both`: the keyring has the signer, but another of its keys is pinned.
    let desk = Desk::new("app", &[]);
    let source = match *key {
        "both" => {
            let read = |name: &str| fs::read_to_string(support::data("carried/keys").join(name)).unwrap();
            fs::write(desk.path().join("both.asc"), read("signer.asc") + &read("foreign.asc")).unwrap();
            let source = signed(&server.url(), "signer", &fingerprint("foreign"));
            source.replace(&*support::data("carried/keys/signer.asc").to_string_lossy(), "both.asc")
        }
        key => signed(&server.url(), key, &fingerprint(key)),
    };
    desk.spec("app", &[source], "");
    let done = desk.lock(arguments);
    let names = ["app", "lib", "postman"].iter().all(|name| desk.locked().contains(&format!("- name: {name}\n")));
    match wanted {
        None => (done.code != 0 || !names).then(|| format!("{}: {}", done.code, done.err)),
        Some(words) => {
            let said = words.split('|').any(|words| done.err.contains(words));
            (done.code == 0 || !said || !desk.locked().is_empty()).then(|| format!("{}: {}", done.code, done.err))
        }
    }
}

#[test]
fn a_release_does_not_grow_younger() {
    if !has_gpgv() {
        return;
    }
    let desk = Desk::new("app", &[]);
    let lock = |release: &str, more: &[&str]| {
        let server = serve(files(release));
        // The same source at another address: what was seen of it stays.
        desk.spec("app", &[signed(&server.url(), "signer", SIGNER)], "");
        desk.lock(more)
    };
    assert_eq!(lock("good.InRelease", &[]).code, 0);
    let older = lock("older.InRelease", &[]);
    assert!(older.code == 2 && older.err.contains("older than that of cluster.lock"), "{}", older.err);
    let taken = lock("older.InRelease", &["--allow-older"]);
    assert!(taken.code == 0 && taken.err.contains("taken all the same"), "{}", taken.err);
    assert!(desk.locked().contains("Fri, 05 Jul 2024"));
}

#[test]
fn mirrors_and_what_was_kept() {
    if !has_gpgv() {
        return;
    }
    let mut broken = files("good.InRelease");
    flip(&mut broken, "main/binary-amd64/Packages.xz");
    let (broken, lagging, good) = (serve(broken), serve(files("foreign.InRelease")), serve(files("good.InRelease")));
    let desk = Desk::new("app", &[]);
    let source = signed(&good.url(), "signer", SIGNER)
        .replace(&format!("\"{}\"", good.url()), &format!("[\"{}\", \"{}\", \"{}\"]", broken.url(), lagging.url(), good.url()));
    desk.spec("app", &[source.clone()], "");
    let refused = desk.lock(&["--offline"]);
    assert!(refused.code == 2 && refused.err.contains("run it once without"), "{}", refused.err);
    let done = desk.lock(&[]);
    assert_eq!(done.code, 0, "{}", done.err);
    let asked = || [&broken, &lagging, &good].map(|server| server.seen().len());
    let before = asked();
    let lock = desk.locked();
    // Without a connection: the same, and nobody is asked.
    let offline = desk.lock(&["--offline"]);
    assert_eq!((offline.code, desk.locked() == lock, asked()), (0, true, before), "{}", offline.err);
    assert!(offline.err.contains("unchanged"), "{}", offline.err);
}

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
    desk.spec("app", &[source.clone()], "");
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
    desk.spec("app, tool", &[source.clone()], "");
    let locked = desk.lock(&["--locked"]);
    assert_eq!((locked.code, locked.out.as_str()), (1, "+ tool 1\n"), "{}", locked.err);
    let more = desk.lock(&[]);
    assert_eq!((more.code, more.out.as_str()), (0, "+ tool 1\n"), "{}", more.err);
    // One shall be new: what it needs follows, the rest stays.
    let one = desk.lock(&["--upgrade=app"]);
    assert_eq!((one.code, one.out.as_str()), (0, "~ app 1 -> 2\n~ lib 1 -> 2\n"), "{}", one.err);
    let unknown = desk.lock(&["--upgrade=ap"]);
    assert!(unknown.code == 2 && unknown.err.contains("the lock names no such package"), "{}", unknown.err);
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
        desk.spec("app", &[source.clone()], &format!("  base: {base}\n"));
        let done = desk.lock(&["--upgrade"]);
        assert_eq!(done.code, 0, "{base}: {}", done.err);
        assert!(!desk.locked().contains("name: lib\n") && desk.locked().contains("name: helper\n"), "{base}");
        assert!(desk.locked().contains(&Sha256Sum::of(status.as_bytes()).hex()), "{base}");
    }
    // A lock that was made upon another base says so, wherever it is used.
    fs::write(root.join("status"), status.replace("1.5", "1.6")).unwrap();
    desk.spec("app", &[source.clone()], "  base: root.tar.xz\n");
    assert_eq!(desk.lock(&[]).code, 0);
    desk.spec("app", &[source.clone()], "  base: root\n");
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
        desk.spec("app", &[source.clone()], &format!("  base: {name}\n"));
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
