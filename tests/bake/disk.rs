//! A disk that bakes itself: partitions, a boot loader and a kernel of its own, under QEMU with an emulated processor. As root, for
//! what makes the disk; the bake itself needs none.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clusterseed::format::checksum::Sha256Sum;
use clusterseed::image::tree;

use super::ends_at;
use crate::support::{clusterseed, data, key, machine_cache, succeed, texts};

#[test]
#[ignore = "needs root, QEMU, 5 GB and some minutes: boots a machine; run with --ignored"]
fn a_disk_bakes_itself() {
    let began = Instant::now();
    let Some(cache) = machine_cache() else { return };
    succeed(Command::new("sh").arg(data("bake/disk.sh")).arg(cache.join("bake-base")).arg(cache.join("qemu")));
    println!("bake: the base is there after {:.0} s", began.elapsed().as_secs_f64());

    let base = cache.join("bake-base/base.qcow2");
    let digest = || Sha256Sum::of(&fs::read(&base).expect("the base"));
    let before = digest();
    let home = cache.join("bake-disk");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).expect("a folder");
    let image = home.join("client.qcow2");
    // Out of the store: the disk's own apt has another source.
    let tree = cache.join("root").to_string_lossy().into_owned();
    let spec = home.join("cluster.yaml");
    let text = [include_str!("cluster.yaml"), include_str!("carried.yaml")].concat();
    fs::write(&spec, text.replace("TREE", &tree)).expect("a spec");
    let run = |verb: &str| {
        let mut command = clusterseed();
        command.arg("--profile-dir").arg(data("profiles")).arg(verb).arg(&spec).env("CLUSTERSEED_STORE", cache.join("bake-store"));
        command
    };
    for verb in ["lock", "fetch"] {
        let output = run(verb).output().expect("the program");
        assert!(output.status.success(), "{}", texts(&output).1);
    }
    // As it is before it boots: read through its GPT, of which the root is the first and lies last.
    let output = clusterseed().args(["image", "check", "--format", "json"]).arg(&base).output().expect("the program");
    // Of identities it has none yet, only what the making of a root tree leaves.
    let (leaks, said) = texts(&output);
    let leftover = ["apt/lists", "cache/", "dpkg", "/etc/.pwd.lock", "-\""];
    let known = |line: &str| leftover.iter().any(|part| line.split(',').nth(1).is_some_and(|path| path.contains(part)));
    assert!(output.status.code() == Some(1) && leaks.contains("/var/lib/dpkg/status-old") && leaks.lines().all(known), "{leaks}{said}");
    let command = || {
        let mut command = run("bake");
        command.arg("--sign-with").arg(key("repository/signing.key")).args(["--disk-size", "3G"]);
        command.args(["--role", "client", "--memory", "1024", "--minutes", "20", "--base"]).arg(&base).arg("-o").arg(&image);
        command
    };
    // Killed while the machine boots: it goes with the bake.
    let mut child = command().stderr(Stdio::piped()).spawn().expect("the program");
    let said = BufReader::new(child.stderr.take().expect("a pipe"));
    assert!(said.lines().map_while(Result::ok).any(|line| line.starts_with("bake: boot")));
    sleep(Duration::from_secs(1));
    child.kill().and_then(|()| child.wait()).expect("an end");
    ends_at(&home.join(".client.qcow2.bake"));
    assert!(!image.exists(), "a killed bake left half an image");

    let output = command().output().expect("the program");
    let (_, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    for phase in ["base", "boot", "hold", "sources", "install", "sweep", "seal", "check", "write"] {
        assert!(err.contains(&format!("bake: {phase}")), "{phase}: {err}");
    }
    println!("bake: baked after {:.0} s", began.elapsed().as_secs_f64());
    assert_eq!(digest(), before, "the base was written to");
    assert_eq!(fs::read_dir(&home).expect("a folder").count(), 3, "the bake left something beside image, spec and lock");

    let output = clusterseed().args(["image", "check"]).arg(&image).output().expect("the program");
    assert!(output.status.success(), "{}", texts(&output).0);
    // On its own, without the base, and what it says of itself.
    let alone = Command::new("qemu-img").args(["info", "--output=json"]).arg(&image).output().expect("qemu-img");
    assert!(!texts(&alone).0.contains("backing"), "{}", texts(&alone).0);
    let raw = home.join("client.raw");
    succeed(Command::new("qemu-img").args(["convert", "-O", "raw"]).arg(&image).arg(&raw));
    let tree = tree::raw(&raw).expect("a root file system");
    let read = |path: &str| String::from_utf8(tree.read(path).expect("a file").unwrap_or_default()).expect("UTF-8");
    let says: serde_json::Value = serde_json::from_str(&read("/etc/clusterseed/image.json")).expect("JSON");
    assert_eq!((&says["roles"][0], &says["base"]), (&"client".into(), &before.hex().into()), "{says:#}");
    assert!(says["lock"].as_str().is_some_and(|lock| lock.len() == 64) && says["packages"][0]["version"].is_string(), "{says:#}");
    assert!(read("/var/lib/dpkg/status").contains("Package: netcat-openbsd\nStatus: install ok installed\n"));
    // Boot loader and EFI partition are where they were, and the root has grown into the room that there was.
    let table = Command::new("sfdisk").arg("--json").arg(&raw).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().expect("sfdisk");
    let table: serde_json::Value = serde_json::from_slice(&table.stdout).expect("a partition table");
    let places: Vec<(u64, u64)> = table["partitiontable"]["partitions"]
        .as_array()
        .expect("partitions")
        .iter()
        .map(|p| (p["start"].as_u64().expect("a start"), p["size"].as_u64().expect("a size")))
        .collect();
    assert!(places[0].0 == 73728 && places[0].1 > 5_500_000 && places[1..] == [(2048, 6144), (8192, 65536)], "{places:?}");
    assert!(read("/etc/systemd/system/zookeeper.service.d/clusterseed-hold.conf").contains("ConditionPathExists=!/"));
    assert_eq!(read("/etc/machine-id"), "");
    fs::remove_dir_all(&home).expect("the test's folder");
    println!("bake: all of it took {:.0} s", began.elapsed().as_secs_f64());
}
