//! What somebody may do to a store or an output, each refused with the reason.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::Project;
use crate::support::files;

/// The one package file whose name begins so.
pub fn package(pool: &Path, name: &str) -> PathBuf {
    files(pool).into_iter().find(|(file, _)| file.starts_with(&format!("{name}_"))).expect("a package").1
}

/// Changes one byte in the middle.
pub fn flip(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("a file");
}

pub fn grow(path: &Path) {
    OpenOptions::new().append(true).open(path).and_then(|mut file| file.write_all(b"x")).expect("a file");
}

pub fn cut(path: &Path) {
    let bytes = fs::read(path).expect("a file");
    fs::write(path, &bytes[..bytes.len() - 1]).expect("a file");
}

#[test]
fn of_the_store() {
    type Change = fn(&Path);
    let changes: [(&str, Change, &str); 5] = [
        ("flipped", flip, "its SHA-256 is"),
        ("longer", grow, "is not in the store"),
        ("shorter", cut, "is not in the store"),
        ("missing", |path| fs::remove_file(path).expect("a file"), "is not in the store"),
        ("empty", |path| fs::write(path, b"").expect("a file"), "is not in the store"),
    ];
    for (what, change, why) in changes {
        let project = Project::new();
        let stored = project.store().list().expect("a store").into_iter().max_by_key(|stored| stored.size).expect("a package");
        change(&stored.path);
        project.spec("hand");
        let (code, said) = project.run(&["build", "hand.yaml", "-q", "-o", "out", "--sign-with", "signing.key"]);
        assert!(code > 0 && said.contains(why) && said.contains("clusterseed fetch"), "{what}: {code} {said}");
        assert!(!project.folder.path().join("out").exists(), "{what}: nothing was written");
    }
}

#[test]
fn of_the_lock() {
    let project = Project::new();
    project.spec("volume");
    let lock = project.folder.path().join("cluster.lock");
    let text = fs::read_to_string(&lock).expect("a lock");
    for (from, to, why) in [
        ("version: \"2.0\"", "version: \"2.1\"", "the lock says tool 2.1 (amd64), and the file is tool 2.0 (amd64)"),
        ("architecture: all", "architecture: i386", "the lock says basis"),
        ("name: tool\n    version", "name: toll\n    version", "the lock says toll"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&lock, text.replace(from, to)).expect("a lock");
        let (code, said) = project.run(&["build", "volume.yaml", "-q", "-o", "out", "--sign-with", "signing.key"]);
        assert!(code == 1 && said.contains(why) && said.contains("lock-broken"), "{code} {said}");
    }
    fs::write(&lock, text.replacen("wanted: [tool]", "wanted: [spoon]", 1)).expect("a lock");
    let (code, said) = project.run(&["build", "volume.yaml", "-q", "-o", "out", "--sign-with", "signing.key"]);
    assert!(code == 1 && said.contains("lock-stale"), "{said}");
}

#[test]
fn of_what_is_signed() {
    let project = Project::new();
    let out = project.build("volume");
    let key = "out-volume/packages/key.asc";
    let verified = || project.run(&["verify", "out-volume", "--key", "trusted.asc"]);
    fs::copy(project.folder.path().join(key), project.folder.path().join("trusted.asc")).expect("a key");
    let (code, said) = verified();
    assert_eq!(code, 0, "{said}");
    // Signatures are files as well: both commands count the same.
    let (_, built) = project.run(&["build", "volume.yaml", "-o", "out-volume", "--sign-with", "signing.key"]);
    let count = format!(" {} files, ", files(&out).len());
    assert!(said.contains(&count) && built.contains(&count), "{count}\n{built}\n{said}");
    for (name, signed) in [("SHA256SUMS.asc", "SHA256SUMS"), ("manifest.json.asc", "manifest.json")] {
        let path = out.join(name);
        let bytes = fs::read(&path).expect("a signature");
        for change in [flip as fn(&Path), |path| fs::remove_file(path).expect("a file"), |path| fs::write(path, b"").expect("a file")] {
            change(&path);
            let (code, said) = verified();
            assert!(code == 1 && said.contains(&format!("{signed}: ")), "{name}: {said}");
            fs::write(&path, &bytes).expect("a file");
        }
    }
    // Without the key it is known that there were signatures, and that these are some.
    let (code, said) = project.run(&["verify", "out-volume"]);
    assert!(code == 0 && said.contains(" signed it, which only --key can check"), "{said}");
    for name in ["SHA256SUMS.asc", "manifest.json.asc"] {
        let path = out.join(name);
        let bytes = fs::read(&path).expect("a signature");
        let link = |path: &Path| {
            fs::remove_file(path).expect("a file");
            std::os::unix::fs::symlink("/etc/passwd", path).expect("a link");
        };
        for change in [flip as fn(&Path), grow, cut, link, |path| fs::remove_file(path).expect("a file")] {
            change(&path);
            let (code, said) = project.run(&["verify", "out-volume"]);
            assert!(code == 1 && said.contains(&format!("{name}: ")), "{name}: {said}");
            let _ = fs::remove_file(&path);
            fs::write(&path, &bytes).expect("a file");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(!clusterseed::format::openpgp::is_signature(&changed), "{name}: byte {at}");
        }
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("a mode");
        let (code, said) = project.run(&["verify", "out-volume"]);
        assert!(code == 1 && said.contains(&format!("{name}: mode 0666")), "{name}: {said}");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("a mode");
    }
    let other = project.command(&["build", "volume.yaml", "-q", "-o", "out-volume"]).output().expect("a build");
    assert!(other.status.success());
    let (code, said) = verified();
    assert!(code == 1 && said.contains("manifest.json: "), "a foreign key: {said}");
    let (code, said) = project.run(&["verify", "out-volume", "--key", "out-volume/packages/key.asc"]);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn of_an_output() {
    let project = Project::new();
    let out = project.build("volume");
    let packages = out.join("packages");
    let set = project.sets(&packages).remove(0);
    let (code, said) = project.run(&["verify", "out-volume"]);
    assert_eq!(code, 0, "{said}");
    let tool = package(&packages.join("pool"), "tool");
    let cases: Vec<(PathBuf, &str)> = vec![
        (tool.clone(), "tool"),
        (packages.join(&set).join("Packages"), "Packages"),
        (packages.join(&set).join("Packages.gz"), "Packages.gz"),
        (packages.join(&set).join("Release"), "Release"),
        (packages.join(&set).join("InRelease"), "InRelease"),
        (packages.join(&set).join("Release.gpg"), "Release.gpg"),
        (packages.join("key.gpg"), "key.gpg"),
        (out.join("hosts/server1/seed.iso"), "seed.iso"),
        (out.join("hosts/client1/seed.tar.gz"), "seed.tar.gz"),
    ];
    for (path, name) in &cases {
        let bytes = fs::read(path).expect("a file");
        for (what, change) in [("flipped", flip as fn(&Path)), ("longer", grow), ("shorter", cut)] {
            change(path);
            let (code, said) = project.run(&["verify", "out-volume"]);
            assert!(code == 1 && said.contains(name) && said.contains("changed"), "{name} {what}: {said}");
            fs::write(path, &bytes).expect("a file");
        }
        fs::remove_file(path).expect("a file");
        let (code, said) = project.run(&["verify", "out-volume"]);
        assert!(code == 1 && said.contains("missing"), "{name} missing: {said}");
        fs::write(path, &bytes).expect("a file");
    }
    let more = packages.join("pool/extra_1_all.deb");
    fs::copy(&tool, &more).expect("a file");
    let (code, said) = project.run(&["verify", "out-volume"]);
    assert!(code == 1 && said.contains("pool/extra_1_all.deb: not in the manifest"), "{said}");
    fs::remove_file(more).expect("a file");
    let base = package(&packages.join("pool"), "basis");
    let (a, b) = (fs::read(&tool).expect("a file"), fs::read(&base).expect("a file"));
    fs::write(&tool, b).expect("a file");
    fs::write(&base, a).expect("a file");
    let (code, said) = project.run(&["verify", "out-volume"]);
    assert!(code == 1 && said.matches(": changed").count() == 2, "swapped: {said}");
}
