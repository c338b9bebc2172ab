//! The volumes of a build: where there is one, what it holds, who may read it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::golden::{built, golden, on_volume};
use super::super::support::{self, clusterseed};

/// Each holds the files beside it, and is as secret as they are.
#[test]
fn volumes_hold_what_lies_beside_them() {
    for golden in built() {
        for host in golden.hosts() {
            let beside = |name: &str| golden.files.get(&format!("hosts/{host}/{name}"));
            let Some(image) = beside("seed.iso").or(beside("seed.img")) else {
                // By hand, or in clouds that take no volume.
                assert!(
                    ["compressed", "dhcp", "hand", "no-network", "trust"].contains(&&*golden.name),
                    "{}: {host} has no volume",
                    golden.name
                );
                continue;
            };
            let names = ["meta-data", "network-config", "seed.tar.gz", "user-data"];
            let wanted: BTreeMap<String, &[u8]> =
                names.iter().filter_map(|name| Some((name.to_string(), &beside(name)?.bytes[..]))).collect();
            assert!(on_volume(&image.bytes) == wanted, "{}: {host}", golden.name);
            let secret = names.iter().any(|name| beside(name).is_some_and(|file| file.mode == 0o600));
            assert_eq!(image.mode, if secret { 0o600 } else { 0o644 }, "{}: {host}", golden.name);
        }
    }
    assert!(on_volume(golden("debian-12").bytes("hosts/m1/seed.iso")).contains_key("network-config"), "it is read there");
}

/// One spec in another folder, at another time, under another umask: the same volume.
#[test]
fn same_spec_same_volume() {
    let spec = fs::read_to_string(support::data("golden/volume/cluster.yaml")).expect("a spec");
    let made = |epoch: &str| {
        let folder = support::scratch();
        fs::write(folder.path().join("c.yaml"), &spec).expect("a spec");
        let mut command = clusterseed();
        command.args(["build", "-q", "-o", "out", "c.yaml"]).current_dir(folder.path()).env("SOURCE_DATE_EPOCH", epoch);
        assert!(command.status().expect("the program").success());
        let path = folder.path().join("out/hosts/s1/seed.iso");
        let mode = fs::metadata(&path).expect("a volume").permissions().mode() & 0o777;
        (mode, fs::read(path).expect("a volume"))
    };
    assert!(made("0") == made("0") && made("86400") == made("86400"));
    assert!(made("0") != made("86400"), "the epoch is the time of everything on it");
}

/// What the spec says is what is written, and `verify` looks into either kind.
#[test]
fn each_form_is_written_and_verified() {
    let spec = fs::read_to_string(support::data("golden/url/cluster.yaml")).expect("a spec");
    for (form, wanted) in [("iso", Some("seed.iso")), ("vfat", Some("seed.img")), ("none", None)] {
        let folder = support::scratch();
        let typed = spec.replace("url: \"http", &format!("volume: {form}, url: \"http"));
        assert_ne!(typed, spec);
        fs::write(folder.path().join("c.yaml"), typed).expect("a spec");
        for words in [&["build", "-q", "-o", "out", "c.yaml"][..], &["verify", "out"]] {
            assert!(clusterseed().args(words).current_dir(folder.path()).status().expect("the program").success(), "{form}: {words:?}");
        }
        for host in ["m1", "m2", "m3", "s1"] {
            for name in ["seed.iso", "seed.img"] {
                let there = folder.path().join("out/hosts").join(host).join(name).is_file();
                assert_eq!(there, Some(name) == wanted, "{form}: {host}/{name}");
            }
        }
    }
}
