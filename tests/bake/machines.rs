//! Six machines from two images, as root: a member's and a client's, baked from a root tree of Debian 12 with real packages. They
//! come up from their small seeds on a network where there is nobody else; beside it, the time of the same cluster without images.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ends_at;
use crate::real::host::as_planned;
use crate::real::lab::{Built, Lab};
use crate::support::key;

const MACHINES: [&str; 6] = ["member1", "member2", "member3", "client1", "client2", "client3"];
const SPEC: &str = include_str!("cluster.yaml");
/// Packages out of the store, for which apt of the tree has no source.
const CARRIED: &str = include_str!("carried.yaml");

#[test]
#[ignore = "needs root, 5 GB and some minutes: bakes images and boots machines with systemd-nspawn; run with --ignored"]
fn six_machines_from_two_images() {
    let Some(lab) = Lab::begin("bake") else { return };
    let built = lab.build("images", &format!("{SPEC}{}", CARRIED.replace("TREE", &lab.tree().to_string_lossy())));
    for role in ["member", "client"] {
        bake(&lab, &built, role, &format!("{role}.tar"));
        lab.say(&format!("baked the image of a {role}"));
        unpack(&lab, role);
    }
    as_locked(&lab);
    killed(&lab, &built);
    from_a_mirror(&lab);
    assert!(same(&lab.home.join("client.tar"), &lab.home.join("again.tar")), "a second bake of the same gives other bytes");
    lab.say("bakes that were killed left nothing, and a second bake gives the same bytes");

    let baked = power_on(&lab, &built, |name| tree(&lab, &name[..6]));
    lab.say(&format!("from images: {:.1} s from power-on to one cluster", baked.as_secs_f64()));
    lab.each(&MACHINES, |machine| {
        as_planned(&lab, &built, machine);
        let log = fs::read_to_string(lab.on_disk(machine, "/var/log/clusterseed.log")).expect("apply's log");
        assert!(!log.contains("apt-get"), "{machine}: something was installed at first boot:\n{log}");
    });
    for what in ["cat /etc/machine-id", "cat /etc/ssh/ssh_host_ed25519_key.pub", "cat /var/lib/cloud/data/instance-id"] {
        let all: BTreeSet<String> = MACHINES.iter().map(|machine| lab.shell(machine, what, &[])).collect();
        assert!(all.len() == MACHINES.len() && all.iter().all(|one| one.trim().len() > 8), "{what}: {all:?}");
    }
    // Java reads the store of certificates whose times were set.
    let store = "keytool -list -storepass changeit -keystore /etc/ssl/certs/java/cacerts 2>/dev/null | grep -c trustedCertEntry";
    let count: usize = lab.shell("member1", store, &[]).trim().parse().expect("a number");
    assert!(count > 100, "{count} certificates");
    refused(&lab);
    drop(lab);

    let Some(lab) = Lab::begin("bake-plain") else { return };
    let built = lab.build("plain", &SPEC.replace("delivery: image", "delivery: inline"));
    let plain = power_on(&lab, &built, |_| lab.tree().to_path_buf());
    lab.say(&format!(
        "without images: {:.1} s from power-on to one cluster; with them it was {:.1} s",
        plain.as_secs_f64(),
        baked.as_secs_f64()
    ));
    assert!(baked < plain, "images are no faster");
}

fn command(lab: &Lab, built: &Built, role: &str, output: &str) -> Command {
    let mut command = built.clusterseed("bake");
    command.arg(&built.spec).args(["--role", role, "--offline", "--base"]).arg(lab.tree());
    if built.spec.ends_with("images.yaml") {
        command.arg("--sign-with").arg(key("repository/signing.key"));
    }
    command.arg("-o").arg(lab.home.join(output)).stdin(Stdio::null());
    command
}

fn bake(lab: &Lab, built: &Built, role: &str, output: &str) {
    let done = command(lab, built, role, output).output().expect("the program");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // The folder in which it was made is gone.
    let left =
        fs::read_dir(&lab.home).expect("a folder").filter_map(Result::ok).any(|e| e.file_name().to_string_lossy().ends_with(".bake"));
    assert!(!left, "the bake left its folder");
}

/// The same role out of the tree's own `file:` mirror.
fn from_a_mirror(lab: &Lab) {
    let built = lab.build("mirror", SPEC);
    bake(lab, &built, "client", "mirror.tar");
    let (_, json) = (unpack(lab, "mirror"), tree(lab, "mirror").join("etc/clusterseed/image.json"));
    let json: serde_json::Value = serde_json::from_slice(&fs::read(json).expect("image.json")).expect("JSON");
    assert_eq!(json["lock"], serde_json::Value::Null);
    lab.say("baked the same from a mirror");
}

/// The member's image has every package of the lock in its version, marked as what came along, and the tree's own source set aside.
fn as_locked(lab: &Lab) {
    let tree = tree(lab, "member");
    let json: serde_json::Value =
        serde_json::from_slice(&fs::read(tree.join("etc/clusterseed/image.json")).expect("image.json")).expect("JSON");
    let inside = |script: &str| {
        let output = Command::new("chroot").arg(&tree).args(["sh", "-c", script]).output().expect("chroot");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let there = inside("dpkg-query -W -f '${Package} ${Version} ${db:Status-Status}\\n'");
    let packages = json["packages"].as_array().expect("packages");
    assert!(packages.len() > 20 && json["lock"].as_str().is_some_and(|lock| lock.len() == 64), "{json:#}");
    for package in packages {
        let line = format!("{} {} installed", package["name"].as_str().expect("a name"), package["version"].as_str().expect("a version"));
        assert!(there.lines().any(|is| is == line), "{line}");
    }
    let manual = inside("apt-mark showmanual");
    let asked = ["zookeeperd"];
    let marked: Vec<&str> = packages.iter().filter_map(|p| p["name"].as_str()).filter(|name| manual.lines().any(|m| m == *name)).collect();
    assert_eq!(marked, asked, "packages that apt takes for asked for");
    assert!(!tree.join("etc/apt/sources.list").exists() && tree.join("etc/apt/sources.list.disabled").exists());
}

fn tree(lab: &Lab, role: &str) -> PathBuf {
    lab.home.join("tree").join(role)
}

fn unpack(lab: &Lab, role: &str) {
    let tree = tree(lab, role);
    fs::create_dir_all(&tree).expect("a folder");
    let done = Command::new("tar").arg("-xpf").arg(lab.home.join(format!("{role}.tar"))).arg("-C").arg(&tree).status().expect("tar");
    assert!(done.success());
}

/// Boots all six and waits until ZooKeeper has a leader and two followers; gives the time that it took.
fn power_on(lab: &Lab, built: &Built, root: impl Fn(&str) -> PathBuf) -> Duration {
    let began = Instant::now();
    for machine in MACHINES {
        fs::write(lab.home.join("work/root"), root(machine).to_str().expect("UTF-8")).expect("the root for boot.sh");
        lab.boot(&["up", &lab.work(), machine, &built.seed(machine).to_string_lossy()]);
    }
    let ask = "for n in 1 2 3; do echo srvr | timeout 5 nc 192.0.2.$n 2181 | sed -n 's/^Mode: //p'; done | sort | tr '\\n' ' '";
    let mut said = String::new();
    while said != "follower follower leader " {
        assert!(began.elapsed() < Duration::from_secs(600), "no ensemble: {said}");
        sleep(Duration::from_millis(200));
        said = lab.ask("client1", ask, &[], b"").out;
    }
    let took = began.elapsed();
    lab.each(&MACHINES, |machine| drop(lab.boot(&["wait", &lab.work(), machine])));
    took
}

/// A client's seed on a member's image: another role, refused with words, nothing begun.
fn refused(lab: &Lab) {
    let seed = "/var/lib/clusterseed/seed";
    let swap = format!("sed -i 's/\"roles\": \\[/&\"other\",/' /etc/clusterseed/image.json; rm -rf {seed}/../state/begun; sh {seed}/apply");
    let answer = lab.ask("client3", &swap, &[], b"");
    assert_eq!(answer.code, 3, "{}{}", answer.out, answer.err);
    assert!(answer.err.contains("the seed is for an image of the role client, this is one of other client"), "{}", answer.err);
    lab.say("a seed for another image is refused");
}

/// Killed in every phase, a bake leaves nothing under the final name, no process and no mount; the next one clears up and succeeds.
fn killed(lab: &Lab, built: &Built) {
    // Other mounts come and go on a machine at work.
    let home = lab.home.to_string_lossy().into_owned();
    let left = || {
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
        let loops = fs::read_dir("/sys/block").expect("/sys/block").filter_map(Result::ok);
        let loops = loops.filter_map(|device| fs::read_to_string(device.path().join("loop/backing_file")).ok());
        mounts.lines().map(str::to_string).chain(loops).find(|line| line.contains(&home))
    };
    for phase in ["base", "hold", "sources", "install", "sweep", "seal", "check", "write"] {
        let mut child = command(lab, built, "client", "again.tar").stderr(Stdio::piped()).spawn().expect("the program");
        let err = BufReader::new(child.stderr.take().expect("a pipe"));
        let seen = err.lines().map_while(Result::ok).any(|line| line.starts_with(&format!("bake: {phase} ")));
        assert!(seen, "the bake had no phase {phase}");
        if phase == "base" {
            sleep(Duration::from_millis(1500));
        }
        child.kill().expect("a kill");
        child.wait().expect("an end");
        ends_at(&lab.home.join(".again.tar.bake"));
        assert!(!lab.home.join("again.tar").exists(), "killed in {phase}, it left half an image");
        assert_eq!(left(), None, "killed in {phase}, it left a mount or a loop device");
    }
    bake(lab, built, "client", "again.tar");
}

fn same(one: &Path, other: &Path) -> bool {
    Command::new("cmp").arg("-s").arg(one).arg(other).status().expect("cmp").success()
}
