//! `lock`: which repositories are believed, and what is said of those that are not.
//!
//! They lie in `repository`, signed by the keys in `keys`; `make.sh` in both makes them anew.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::desk::Desk;
use super::server::{Reply, Request, Server};
use crate::support;

const SIGNER: &str = include_str!("keys/signer.fingerprint");

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

/// A file that the server does not give.
const FORBIDDEN: &[u8] = b"forbidden";

fn serve(files: Files) -> Server {
    Server::start(move |request: &Request| {
        let found = request.target.strip_prefix("/dists/stable/").and_then(|path| files.get(path));
        match found {
            None => Reply::status(404),
            Some(bytes) if bytes == FORBIDDEN => Reply::status(403),
            Some(bytes) => Reply::part(bytes, request),
        }
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
    (
        "beside it, in an object store",
        "good.InRelease",
        "signer",
        |files| {
            files.insert("InRelease".into(), FORBIDDEN.to_vec());
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
    ("of a time to come", "future.InRelease", "signer", as_is, &[], Some("Mon, 06 Jul 2093 10:00:00 UTC, a time to come")),
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

/// gnupg 1.4: a signature beside a text is judged by it as by any other; around one, it says that it cannot.
#[test]
fn who_is_believed_by_an_old_gpgv() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let Some(old) = std::env::split_paths(&path).map(|folder| folder.join("gpgv1")).find(|file| file.exists()) else {
        assert!(std::env::var_os("CI").is_none(), "CI needs gpgv1");
        eprintln!("skipped: gpgv1 is not installed");
        return;
    };
    let tools = support::scratch();
    std::os::unix::fs::symlink(old, tools.path().join("gpgv")).unwrap();
    let beside = |release: &str| {
        let mut files = files("good.InRelease");
        files.remove("InRelease");
        files.insert("Release".into(), file(release));
        files.insert("Release.gpg".into(), file("good.Release.gpg"));
        files
    };
    for (files, key, wanted) in [
        (beside("good.Release"), "signer", None),
        (beside("older.Release"), "signer", Some("changed after it was signed")),
        (beside("good.Release"), "foreign", Some("which is not among the keys of the spec")),
        (files("good.InRelease"), "signer", Some("gpgv is of a gnupg before 2.2")),
    ] {
        let server = serve(files);
        let desk = Desk::new("app", &[signed(&server.url(), key, &fingerprint(key))]);
        let done = crate::cli::finish(desk.command(&["lock", "cluster.yaml"]).env("PATH", tools.path()));
        match wanted {
            None => assert!(done.code == 0 && desk.locked().contains("- name: app\n"), "{}", done.err),
            Some(why) => assert!(done.code == 2 && done.err.contains(why) && desk.locked().is_empty(), "{why}: {}", done.err),
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
    desk.spec("app", std::slice::from_ref(&source), "");
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
