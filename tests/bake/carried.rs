//! Images of packages that are carried, with a tree of busybox: nothing comes from anywhere but the store, the base is the one of
//! the lock, and seeds of another lock are refused. Real packages and machines: [`super::machines`].

use std::fs;
use std::path::Path;
use std::process::Command;

use clusterseed::format::checksum::Sha256Sum;
use serde_json::Value;

use super::tree::{able, base, read};
use crate::cli::{schema, stdout_of};
use crate::repository::Project;
use crate::support::texts;

/// What is in the base beside dpkg: of these the closure of a server relies on none, as the lock was made for nothing.
fn status(extra: &str) -> String {
    format!("Package: dpkg\nStatus: install ok installed\nVersion: 1.21\nArchitecture: amd64\n\n{extra}")
}

fn installed(name: &str, version: &str, more: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n{more}\n")
}

/// Keeps what the seed in the tree holds, so that the image shows it.
const LOOK: &str = "cp -R /var/lib/clusterseed/seed /srv/seed; cat /proc/net/dev | wc -l >/srv/nets";

fn bake(project: &Project, role: &str, output: &str) -> (i32, String) {
    project.run(&["bake", "image.yaml", "--role", role, "--base", "base", "-o", output, "--sign-with", "signing.key"])
}

fn set_base(project: &Project, text: &str) {
    fs::write(project.folder.path().join("base/var/lib/dpkg/status"), text).expect("a status");
}

#[test]
fn images_are_what_the_lock_says() {
    if !able() {
        return;
    }
    let project = Project::new();
    project.spec("image");
    let at = |path: &str| project.folder.path().join(path);
    base(project.folder.path(), LOOK);
    set_base(&project, &status(""));
    let (code, said) = bake(&project, "server", "server.tar");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("network: none\n"), "{said}");
    let image = at("server.tar");
    let json: Value = serde_json::from_str(&read(&image, "etc/clusterseed/image.json").expect("image.json")).expect("JSON");
    let published: Value = serde_json::from_str(&stdout_of(&["schema", "image"])).expect("a schema");
    assert_eq!(schema::check(&published, &json), Vec::<String>::new(), "{json:#}");
    assert_eq!(json["lock"], Sha256Sum::of(&fs::read(at("cluster.lock")).expect("the lock")).hex());
    let packages = serde_json::json!([{"name": "basis", "version": "2:1.0"}, {"name": "server", "version": "1:1.0-1+x~y"}, {"name": "tool", "version": "2.0"}]);
    assert_eq!(json["packages"], packages, "down to the last dependency");
    // The repository was there, signed, and nothing of it stays.
    let host: Value = serde_json::from_str(&read(&image, "srv/seed/host.json").expect("host.json")).expect("JSON");
    let set = host["apt"]["carried"]["set"].as_str().expect("a set");
    assert!(read(&image, &format!("srv/seed/repo/{set}/InRelease")).expect("InRelease").contains("BEGIN PGP SIGNATURE"));
    assert!(read(&image, "srv/seed/SHA256SUMS").expect("sums").contains("  repo/pool/tool_2.0_amd64.deb\n"));
    assert_eq!(read(&image, "srv/nets").expect("a number").trim(), "3", "two lines of heading, and lo");
    assert_eq!(read(&image, "var/lib/clusterseed/seed/host.json"), None);
    let bytes = |path: &str| fs::read(at(path)).expect("an image");
    let (code, said) = bake(&project, "server", "again.tar");
    assert_eq!(code, 0, "{said}");
    assert!(bytes("server.tar") == bytes("again.tar"), "{}", differences(&image, &at("again.tar")));

    // The seeds of its hosts bring no packages, need no store, and name the image.
    let store = at("store");
    fs::rename(&store, at("elsewhere")).expect("no store");
    let out = project.build("image");
    assert!(!out.join("packages").exists());
    let (code, said) = project.run(&["verify", "out-image"]);
    assert_eq!(code, 0, "{said}");
    for (name, what) in [("server1", "server"), ("client1", "tool")] {
        let (code, text) = project.run(&["render", "image.yaml", name, "host.json"]);
        assert_eq!(code, 0, "{text}");
        let host: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(host["apt"].get("carried"), None, "{name}");
        assert_eq!((&host["image"]["carried"], host["image"]["digest"] == json["digest"]), (&true.into(), name == "server1"), "{name}");
        assert!(host["image"]["packages"].to_string().contains(&format!("\"{what}=")), "{name}");
        let user_data = fs::read_to_string(out.join(format!("hosts/{name}/user-data"))).expect("user-data");
        assert!(!user_data.contains(".deb") && user_data.contains("/usr/lib/clusterseed/start"), "{name}");
    }
    let (code, said) = bake(&project, "client", "client.tar");
    assert!(code == 1 && said.contains("not in the store"), "{said}");
    fs::rename(at("elsewhere"), &store).expect("the store");

    // Another file of the same version makes another image; the lock of another role does not.
    let digest = |lock: &str| -> String {
        fs::write(at("other.lock"), lock).expect("a lock");
        let (_, text) = project.run(&["render", "image.yaml", "server1", "host.json", "--lock", "other.lock"]);
        serde_json::from_str::<Value>(&text).unwrap_or_else(|_| panic!("{text}"))["image"]["digest"].as_str().expect("a digest").to_string()
    };
    let lock = fs::read_to_string(at("cluster.lock")).expect("the lock");
    let basis = lock.find("- name: basis").and_then(|at| Some(at + lock[at..].find("sha256: \"")? + 9)).expect("a digest");
    let mut other = lock.clone();
    other.replace_range(basis..basis + 64, &"0".repeat(64));
    assert_eq!(digest(&lock), json["digest"].as_str().expect("a digest"));
    assert_ne!(digest(&other), json["digest"].as_str().expect("a digest"));
}

/// What differs in two tarballs, by the lists of their files and by the files.
fn differences(one: &Path, other: &Path) -> String {
    let script = r#"d=$(mktemp -d); for n in 1 2; do mkdir $d/$n; tar -tvf "$1" --full-time >$d/$n.list; tar -xf "$1" -C $d/$n; shift; done
        diff $d/1.list $d/2.list; diff -r $d/1 $d/2; rm -rf $d"#;
    texts(&Command::new("sh").args(["-c", script, "sh"]).arg(one).arg(other).output().expect("sh")).0
}

/// A base that is not the one of the lock is refused before anything starts, with what differs, and leaves nothing.
#[test]
fn a_base_that_is_not_the_one_of_the_lock_is_refused() {
    if !able() {
        return;
    }
    let project = Project::new();
    project.spec("image");
    let base = base(project.folder.path(), "echo started >/srv/started");
    let refused = |text: &str| {
        set_base(&project, text);
        let (code, said) = bake(&project, "server", "server.tar");
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("cluster.lock does not fit onto `base`:") && said.contains("packages: {base: "), "{said}");
        assert!(!said.contains("bake: hold") && !project.folder.path().join("server.tar").exists(), "{said}");
        said
    };
    let said = refused(&status(&installed("tool", "3.0", "")));
    assert!(said.contains("`tool` is 3.0 there, newer than the 2.0 of the lock"), "{said}");
    let said = refused(&status(&installed("rival", "1", "Conflicts: server\n")));
    assert!(said.contains("`rival` is there, and cannot stand beside `server` of the lock"), "{said}");
    let many: String = (0..12).map(|n| installed(&format!("rival{n}"), "1", "Breaks: tool\n")).collect();
    assert!(refused(&status(&many)).contains("\n  and 4 more\n"));
    set_base(&project, "no status");
    let (code, said) = bake(&project, "server", "server.tar");
    assert!(code == 2 && said.contains("/var/lib/dpkg/status"), "{said}");
    // An older one is brought up to the lock's.
    set_base(&project, &status(&installed("tool", "1.0", "")));
    let (code, said) = bake(&project, "server", "server.tar");
    assert_eq!(code, 0, "{said}");
    assert!(Path::new(&base).join("srv/install").exists());
}

/// Packages that are not what the lock says, or that have no room, end the bake.
#[test]
fn a_store_that_was_changed_gives_no_image() {
    if !able() {
        return;
    }
    let project = Project::new();
    project.spec("image");
    base(project.folder.path(), "true");
    set_base(&project, &status(""));
    let stored = project.store().list().expect("a store").remove(0);
    let mut bytes = fs::read(&stored.path).expect("a package");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&stored.path, bytes).expect("a package");
    let (code, said) = bake(&project, "server", "server.tar");
    assert!(code == 2 && said.contains("in the store"), "{said}");
    assert!(!project.folder.path().join("server.tar").exists());
}
