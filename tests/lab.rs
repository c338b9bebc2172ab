//! The lab: the guide's six machines, from a spec to a cluster that works, survives and changes.
//!
//! `cargo test --test main lab:: -- --ignored --nocapture --test-threads=1` boots them (see `real`) on Debian 12 with real
//! cloud-init, apt, dpkg, systemd, Java and ZooKeeper. All packages come along on the seed volume: those of Debian, down to the last
//! dependency, and of Mesosphere's, which are nowhere to be had, the stand-ins in `lab/fixtures`, with the same paths, conffiles and
//! rules, whose daemons really meet in ZooKeeper. No machine has a way out, and every frame that looks for one is seen: see
//! `lab/packets.py`. The image holds leftovers that would each end a daemon or start it wrongly: see `lab/image.sh`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::real::carried;
use crate::real::host::{as_planned, status, word};
use crate::real::lab::{Built, Lab};
use crate::support::root;

mod apps; // what is submitted once
mod cluster; // what all six must agree on
mod packets; // that nothing looks for a way out
mod starts; // with what the daemons were started

use packets::Packets;

/// Name, address.
const MACHINES: [(&str, &str); 6] = [
    ("master1", "192.0.2.1"),
    ("master2", "192.0.2.2"),
    ("master3", "192.0.2.3"),
    ("slave1", "192.0.2.51"),
    ("slave2", "192.0.2.52"),
    ("slave3", "192.0.2.53"),
];
const MASTERS: [&str; 3] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
const APPLY: &str = "/var/lib/clusterseed/seed/apply";

#[test]
#[ignore = "boots six machines: needs root, 2 GB and some minutes"]
fn guide() {
    let Some(lab) = Lab::begin("lab-guide") else { return };
    image(&lab, "carried");
    let spec = include_str!("lab/cluster.yaml").replace("TREE", &lab.tree().to_string_lossy());
    let built = lab.build("guide", &spec);
    lab.say("locked, fetched and built");
    let packets = Packets::watch(&lab, &MACHINES);
    first_boot(&lab, &built);
    for (machine, _) in MACHINES {
        as_planned(&lab, &built, machine);
        carried::from_the_seed_alone(&lab, machine);
    }
    lab.say("each machine is what its plan says");
    cluster::formed(&lab, &MASTERS);
    packets.none_to_elsewhere(&lab, "slave1");
    apps::submitted_once(&lab);
    asked(&lab, &built);
    lab.say("they have formed one cluster, and `status` says so");
    flags(&lab, &built);
    again(&lab);
    upgrade(&lab);
    let (changed, text) = change(&lab, &spec);
    lose_a_master(&lab, &changed);
    let changed = turns(&lab, &changed, &text);
    identity(&lab, &text);
    carried_in(&lab, &changed, "slave1");
    lab.reboot(&MACHINES.map(|(machine, _)| machine));
    cluster::formed(&lab, &MASTERS);
    for (machine, _) in MACHINES {
        as_planned(&lab, &changed, machine);
    }
    flags(&lab, &changed);
    packets.none_to_elsewhere(&lab, "slave3");
    apps::never_again(&lab);
    lab.say("all were rebooted, and are one cluster again");
}

/// What all daemons say of themselves is the plan.
fn asked(lab: &Lab, built: &Built) {
    let seen = lab.status(built, &["--wait", "1mins"]);
    assert_eq!((seen.code, seen.err.ends_with("as the spec says\n")), (0, true), "{}{}", seen.out, seen.err);
    for line in
        ["  zookeeper     3 of 3 answer, master", "  mesos-slave   3 of 3 answer, 3 registered\n", "  chronos       3 of 3 answer, master"]
    {
        assert!(seen.out.contains(line), "{}", seen.out);
    }
}

/// Makes what the machines boot from, in one of the forms of `image.sh`.
pub fn image(lab: &Lab, form: &str) {
    let cache = lab.home.parent().expect("a folder for all labs");
    let made = Command::new("sh").arg(root().join("tests/lab/image.sh")).arg(form).arg(cache).arg(&lab.home).status().expect("sh runs");
    assert!(made.success(), "image.sh: {made}");
    fs::copy(lab.home.join("layers"), lab.home.join("work/root")).expect("layers for boot.sh");
    lab.say("the image is there");
}

/// Five machines boot at once. The third master comes late, so the others start without it, and the registry, which needs all
/// three, cannot form before.
fn first_boot(lab: &Lab, built: &Built) {
    let (late, early): (Vec<&str>, Vec<&str>) = MACHINES.map(|(machine, _)| machine).iter().partition(|m| **m == "master3");
    for machine in early.iter().chain(&late) {
        trap_hosts(lab, machine);
        carried::on_the_volume(lab, built, machine);
    }
    for machine in &early {
        lab.boot(&["up", &lab.work(), machine, &built.seed(machine).to_string_lossy()]);
    }
    for machine in early.iter().filter(|machine| machine.starts_with("slave")) {
        lab.boot(&["wait", &lab.work(), machine]);
    }
    lab.say("the slaves have booted");
    lab.first_boot(&[(late[0], built.seed(late[0]))]);
    for machine in &early {
        lab.boot(&["wait", &lab.work(), machine]);
    }
    for machine in ["master1", "master2"] {
        let log = fs::read_to_string(lab.on_disk(machine, "/var/log/clusterseed.log")).expect("apply's log");
        assert!(
            log.contains("waiting 600 s at most for ") && log.contains("master3 (192.0.2.3: zookeeper, mesos-master)"),
            "{machine}: {log}"
        );
        assert!(log.contains("all other hosts of its services are there"), "{machine}: {log}");
    }
    lab.say("the other masters have booted, and waited for the third");
}

/// The line of Debian's images by which a daemon would announce itself at 127.0.1.1.
fn trap_hosts(lab: &Lab, machine: &str) {
    let path = lab.on_disk(machine, "/etc/hosts");
    fs::create_dir_all(path.parent().expect("/etc")).expect("/etc");
    fs::write(path, format!("127.0.0.1 localhost\n127.0.1.1 {machine}.example.net {machine}\n")).expect("/etc/hosts");
}

/// The flags that the packages' wrappers made of the files are the planned ones, at every start there was.
fn flags(lab: &Lab, built: &Built) {
    for (machine, address) in MACHINES {
        starts::never_with_defaults(lab, machine, address);
        starts::as_planned(lab, machine, &unpacked(lab, built, machine));
    }
    lab.say("no daemon ever started with other flags than the planned ones");
}

/// The seed of a host, unpacked beside the machines.
fn unpacked(lab: &Lab, built: &Built, machine: &str) -> PathBuf {
    let folder = lab.home.join("unpacked").join(machine);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let done = Command::new("tar").arg("-xzf").arg(built.seed(machine).join("seed.tar.gz")).arg("-C").arg(&folder).status();
    assert!(done.expect("tar runs").success());
    folder.join("seed")
}

/// Everything that a needless run could touch: files with their times, and the processes of the cluster.
fn trace(lab: &Lab, machine: &str) -> String {
    let script = "find /etc /usr /root /var/lib/dpkg /var/lib/apt /var/lib/cloud /var/lib/clusterseed/seed /var/lib/clusterseed/state \
        -printf '%p %M %U %G %T@ %C@\\n' | sort; ps -eo pid,lstart,args --sort pid | grep -E 'mesos|marathon|chronos|java' | grep -v grep";
    lab.shell(machine, script, &[])
}

/// Nothing differs, and a second run changes nothing.
fn again(lab: &Lab) {
    for (machine, _) in MACHINES {
        let check = lab.ask(machine, &format!("sh {APPLY} --check"), &[], b"");
        assert_eq!(check.code, 0, "{machine}: {}{}", check.out, check.err);
        let before = trace(lab, machine);
        lab.shell(machine, &format!("sh {APPLY}"), &[]);
        let after = trace(lab, machine);
        let known: BTreeSet<&str> = before.lines().collect();
        let touched: Vec<&str> = after.lines().filter(|line| !known.contains(line)).collect();
        assert!(touched.is_empty(), "{machine}: a second run touched {touched:#?}");
        assert_eq!(status(lab, machine)["changes"], 0, "{machine}");
    }
    lab.say("a second run changes nothing");
}

/// Packages that are installed again, as by an upgrade, enable and start both roles: each host keeps to its own.
fn upgrade(lab: &Lab) {
    for machine in ["master1", "slave1"] {
        let before = starts::counts(lab, machine);
        let script = "cd /var/lib/clusterseed/seed/repo/pool && DEBIAN_FRONTEND=noninteractive apt-get -qq install --reinstall \
            $(dpkg-query -W -f '${db:Status-Status} ./${Package}_${Version}_${Architecture}.deb\n' \
            mesos marathon chronos 2>/dev/null | sed -n 's/^installed //p') >/dev/null && dpkg --audit";
        assert_eq!(lab.shell(machine, script, &[]), "", "{machine}: dpkg has complaints");
        assert_eq!(starts::counts(lab, machine), before, "{machine}: the packages started something");
        let check = lab.ask(machine, &format!("sh {APPLY} --check"), &[], b"");
        assert_eq!(check.code, 0, "{machine}: {}{}", check.out, check.err);
    }
    lab.say("packages can be installed again: nothing starts, nothing changes");
}

/// A changed spec, carried in by hand: only what reads the change starts again.
fn change(lab: &Lab, spec: &str) -> (Built, String) {
    let text = spec
        .replace("zk_timeout: \"15000\"", "zk_timeout: \"20000\"")
        .replace("slave: {cpus: 2,", "slave: {flags: {gc_delay: 2days}, cpus: 2,");
    let changed = lab.build("changed", &text);
    for (machine, address) in MACHINES {
        let before = starts::counts(lab, machine);
        let zookeeper = lab.ask(machine, "pgrep java", &[], b"").out;
        carried_in(lab, &changed, machine);
        let after = starts::counts(lab, machine);
        let new: Vec<usize> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let wanted = if machine.starts_with("master") { [0, 0, 1, 0] } else { [0, 1, 0, 0] };
        assert_eq!(new, wanted, "{machine}: new starts of mesos-master, mesos-slave, marathon, chronos");
        assert_eq!(lab.ask(machine, "pgrep java", &[], b"").out, zookeeper, "{machine}: ZooKeeper was restarted");
        starts::never_with_defaults(lab, machine, address);
        starts::as_planned(lab, machine, &unpacked(lab, &changed, machine));
        assert_eq!(word(&status(lab, machine)["digest"]), word(&changed.plan(machine)["digest"]), "{machine}");
    }
    cluster::formed(lab, &MASTERS);
    lab.say("a changed seed restarted only what reads the change");
    (changed, text)
}

/// A change of every server reaches all masters at once, and still two of three are there at every moment.
fn turns(lab: &Lab, before: &Built, text: &str) -> Built {
    let names = MACHINES.map(|(machine, _)| machine);
    let changed = lab.build(
        "turned",
        &text.replace("zookeeper: {heap: 128m}", "zookeeper: {heap: 128m, sync_limit: 7}\n  master: {flags: {offer_timeout: 30secs}}"),
    );
    assert!(changed.read("slave1", "seed.tar.gz") == before.read("slave1", "seed.tar.gz"), "a change of masters changes slaves");
    let starts: Vec<usize> = names[..3].iter().map(|machine| starts::counts(lab, machine)[0]).collect();
    let over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watch = scope.spawn(|| cluster::watch(lab, &MASTERS, &over));
        lab.each(&names[..3], |machine| carried_in(lab, &changed, machine));
        over.store(true, Ordering::Relaxed);
        watch.join().expect("somebody watched")
    });
    assert_eq!(seen.least_up, 2, "servers of ZooKeeper that were there at the worst moment");
    // A session of Mesos with ZooKeeper lasts 10 s.
    assert!(seen.unserved < Duration::from_secs(10), "{seen:?}");
    for (machine, before) in names[..3].iter().zip(starts) {
        assert_eq!(starts::counts(lab, machine)[0], before + 1, "{machine}: starts of mesos-master");
    }
    cluster::formed(lab, &MASTERS);
    lab.say(&format!("three masters took a change at once and restarted in turns, two always there; longest election {:?}", seen.unserved));
    changed
}

/// A slave that has run is not made somebody else, unless the spec says that it may lose its tasks.
fn identity(lab: &Lab, text: &str) {
    let moved = text.replace("rack: r1", "rack: r2");
    let (refused, allowed) = (
        lab.build("moved", &moved),
        lab.build("allowed", &moved.replace("attributes: {rack", "accept_new_identity: true, attributes: {rack")),
    );
    let before = (trace(lab, "slave1"), starts::counts(lab, "slave1"));
    let run = "cd /srv && tar xz && seed/apply; code=$?; rm -rf seed; exit $code";
    let answer = lab.ask("slave1", run, &[], &refused.read("slave1", "seed.tar.gz"));
    assert_eq!(answer.code, 9, "{}{}", answer.out, answer.err);
    assert!(answer.err.contains("/etc/mesos-slave/attributes/rack would change\nnext: a slave that has run"), "{}", answer.err);
    assert_eq!((trace(lab, "slave1"), starts::counts(lab, "slave1")), before, "a refused change changed something");
    carried_in(lab, &allowed, "slave1");
    assert_eq!(starts::counts(lab, "slave1")[1], before.1[1] + 1, "starts of mesos-slave");
    carried_in(lab, &refused, "slave1"); // which is what it says by now
    cluster::formed(lab, &MASTERS);
    lab.say("a slave keeps who it is, and lets go of it when it may");
    let back = lab.build("back", &text.replace("attributes: {rack", "accept_new_identity: true, attributes: {rack"));
    carried_in(lab, &back, "slave1");
}

fn carried_in(lab: &Lab, built: &Built, machine: &str) {
    let run = "cd /root && rm -rf seed && tar xz && seed/apply && seed/apply --check && rm -rf seed";
    let answer = lab.ask(machine, run, &[], &built.read(machine, "seed.tar.gz"));
    assert_eq!(answer.code, 0, "{machine}: {}{}", answer.out, answer.err);
}

/// The plug of the leading Mesos master is pulled: the others go on, with a leader; it comes back and joins.
fn lose_a_master(lab: &Lab, built: &Built) {
    let leader = cluster::formed(lab, &MASTERS);
    let (machine, _) = *MACHINES.iter().find(|(_, address)| *address == leader).expect("one of ours");
    lab.boot(&["cut", &lab.work(), machine]);
    let rest: Vec<&str> = MASTERS.iter().copied().filter(|address| *address != leader).collect();
    cluster::formed(lab, &rest);
    let seen = lab.status(built, &["--timeout", "2secs"]);
    // Whether its address still refuses connections or nothing comes back is up to the network of the lab.
    let gone = ["refused", "unreachable"].map(|code| format!("difference[{code}]: {machine} ({leader}) "));
    assert!(seen.code == 1 && gone.iter().any(|gone| seen.err.contains(gone)), "{}{}", seen.out, seen.err);
    assert!(
        !seen.err.contains("no-leader") && seen.out.contains("  mesos-slave   3 of 3 answer, 3 registered\n"),
        "{}{}",
        seen.out,
        seen.err
    );
    lab.say(&format!("{machine}, which led, was cut: the others go on"));
    lab.boot(&["up", &lab.work(), machine, "-"]);
    lab.boot(&["wait", &lab.work(), machine]);
    cluster::formed(lab, &MASTERS);
    lab.say("it came back");
}
