//! The plug is pulled in each phase of a first boot, and before the first: at the next boot the machine goes on by itself, to the
//! same end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::host::{matches_plan, status, word};
use super::lab::{Built, Lab};
use crate::support::root;

/// Each is a cluster of one.
const PHASES: [&str; 9] = ["verify", "hold", "sources", "install", "sweep", "configure", "release", "start", "report"];

/// `mv` of a machine that stops in the phase that /stall names: apply tells a phase by renaming its status into place.
const STALL: &str = r#"#!/bin/sh
/usr/bin/mv.real "$@"
rc=$?
if [ -e /stall ] && grep -q "\"phase\": \"$(cat /stall)\"" /var/lib/clusterseed/status.json 2>/dev/null; then
    /usr/bin/mv.real /stall /stalled
    sleep 1000
fi
exit $rc
"#;

fn spec(name: &str, last: usize) -> String {
    format!(
        r#"version: 1
cluster: {name}
profile: zookeeper
platform: debian-12
network: {{subnet: 192.0.2.0/24, interface: host0}}
hosts:
  - {{name: {name}1, role: member, address: 192.0.2.{last}}}
allow: [zookeeper/single-member]
"#
    )
}

struct Machine {
    host: String,
    built: Built,
}

fn machine(lab: &Lab, name: &str, last: usize) -> Machine {
    Machine { host: format!("{name}1"), built: lab.build(name, &spec(name, last)) }
}

fn up(lab: &Lab, machine: &Machine) {
    lab.boot(&["up", &lab.work(), &machine.host, machine.built.seed(&machine.host).to_str().expect("UTF-8")]);
}

fn cut_when(lab: &Lab, machine: &str, what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(600), "{machine}: no {what}");
        sleep(Duration::from_millis(10));
    }
    lab.boot(&["cut", &lab.work(), machine]);
}

#[test]
#[ignore = "needs root: boots eleven machines with systemd-nspawn; run with --ignored"]
fn power_cut() {
    let Some(lab) = Lab::begin("cut") else { return };
    let cache = lab.home.parent().expect("a folder for all labs");
    let plain = fs::read_to_string(lab.home.join("work/root")).expect("the layers of a machine");
    let java = with_java(cache, plain.trim());

    // The root of this one lacks Java, so that dpkg is at work for long.
    let dpkg = machine(&lab, "dpkg", 90);
    up(&lab, &dpkg);
    let log = lab.on_disk(&dpkg.host, "/var/log/clusterseed.log");
    cut_when(&lab, &dpkg.host, "unpacking", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("\nUnpacking openjdk-17-jre-headless:"))
    });
    lab.say("one was cut while dpkg was at work");

    fs::write(lab.home.join("work/root"), java).expect("layers");
    let before = machine(&lab, "before", 91);
    up(&lab, &before);
    let sums = lab.on_disk(&before.host, "/var/lib/clusterseed/seed/SHA256SUMS");
    cut_when(&lab, &before.host, "seed", || sums.exists());
    assert!(!lab.on_disk(&before.host, "/var/lib/clusterseed/status.json").exists(), "apply was faster than the cut");
    lab.say("one was cut before apply began");

    let machines: Vec<Machine> = PHASES.iter().enumerate().map(|(n, phase)| machine(&lab, phase, 100 + n)).collect();
    for (machine, phase) in machines.iter().zip(PHASES) {
        stalls(&lab, &machine.host, phase);
        up(&lab, machine);
    }
    for (machine, phase) in machines.iter().zip(PHASES) {
        let stalled = lab.on_disk(&machine.host, "/stalled");
        cut_when(&lab, &machine.host, "end of the way", || stalled.exists());
        let cut = status(&lab, &machine.host);
        assert_eq!((word(&cut["result"]), word(&cut["phase"])), ("running", phase), "{cut:#}");
    }
    lab.say("nine were cut, one in each phase");

    let all: Vec<&Machine> = [&dpkg, &before].into_iter().chain(&machines).collect();
    for machine in &all {
        lab.boot(&["up", &lab.work(), &machine.host, "-"]);
    }
    for machine in &all {
        lab.boot(&["wait", &lab.work(), &machine.host]);
        finished(&lab, machine);
    }
    lab.say("booted again: all eleven went on by themselves, to the planned end");
}

/// Nothing is left to do, and nothing is left over.
fn finished(lab: &Lab, machine: &Machine) {
    matches_plan(lab, &machine.built, &machine.host);
    assert_eq!(lab.verdict(&machine.host), "", "{}", machine.host);
    let script = "sh /var/lib/clusterseed/seed/apply --check && dpkg --audit && \
        ls /usr/sbin/policy-rc.d /var/lib/clusterseed/state/unfinished 2>/dev/null; :";
    assert_eq!(lab.shell(&machine.host, script, &[]), "this host is what its seed says\n", "{}", machine.host);
}

/// Makes a machine stop at the beginning of a phase.
fn stalls(lab: &Lab, machine: &str, phase: &str) {
    let place = |path: &str, bytes: &[u8]| {
        let to = lab.on_disk(machine, path);
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::write(&to, bytes).expect("a file");
        fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).expect("a mode");
    };
    place("/usr/bin/mv.real", &fs::read(lab.tree.join("usr/bin/mv")).expect("mv"));
    place("/usr/bin/mv", STALL.as_bytes());
    place("/stall", format!("{phase}\n").as_bytes());
}

/// The lab's layer with a Java runtime over the root, made when it is not there.
fn with_java(cache: &Path, plain: &str) -> String {
    let made = std::process::Command::new("sh").arg(root().join("tests/lab/java.sh")).arg(cache).status().expect("sh runs");
    assert!(made.success(), "java.sh: {made}");
    format!("{}:{plain}\n", cache.join("java").display())
}
