//! The plug is pulled while the first boot installs packages: the next boot starts nothing, and `apply` goes on from there.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::host::{held, matches_plan, status, word};
use super::lab::Lab;

const SPEC: &str = r#"version: 1
cluster: cut
profile: zookeeper
platform: debian-12
network: {subnet: 192.0.2.0/24, interface: host0}
hosts:
  - {name: member1, role: member, address: 192.0.2.1}
allow: [zookeeper/single-member]
"#;

#[test]
#[ignore = "needs root: boots machines with systemd-nspawn; run with --ignored"]
fn power_cut() {
    let Some(lab) = Lab::begin("cut") else { return };
    let built = lab.build("spec", SPEC);
    let work = lab.work();
    lab.boot(&["up", &work, "member1", built.seed("member1").to_str().expect("UTF-8")]);
    let log = lab.on_disk("member1", "/var/log/clusterseed.log");
    let begun = Instant::now();
    while !fs::read_to_string(&log).is_ok_and(|text| text.contains("\nUnpacking openjdk-17-jre-headless:")) {
        assert!(begun.elapsed() < Duration::from_secs(600), "dpkg does not begin");
        sleep(Duration::from_millis(50));
    }
    lab.boot(&["cut", &work, "member1"]);
    lab.say("cut while dpkg was at work");

    lab.boot(&["up", &work, "member1", "-"]);
    lab.boot(&["wait", &work, "member1"]);
    let cut = status(&lab, "member1");
    assert_eq!((word(&cut["result"]), word(&cut["phase"])), ("running", "install"), "{cut:#}");
    held(&lab, "member1", &built.plan("member1"), &[]);
    lab.say("booted again: nothing runs");

    lab.shell("member1", "sh /var/lib/clusterseed/seed/apply", &[]);
    matches_plan(&lab, &built, "member1");
    let said = lab.shell("member1", "sh /var/lib/clusterseed/seed/apply --check; dpkg --audit; ls /usr/sbin/policy-rc.d 2>&1 || :", &[]);
    assert!(said.starts_with("this host is what its seed says\nls: cannot access '/usr/sbin/policy-rc.d'"), "{said}");
    lab.say("a second apply finished it");
}
