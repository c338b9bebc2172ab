//! Bonds, VLANs and interfaces by hardware address, on machines with a kernel of their own (`kernel.sh`): all forms that the kernel of
//! a test machine may not know. Booted by cloud-init of three releases; and what is written for 14.04, brought up by ifupdown.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::lab::Lab;
use crate::network;
use crate::support::{root, texts};

/// The cards of those machines, by the names that they shall have; `BY_MAC` stands for what 14.04 cannot.
const SPEC: &str = "version: 1
cluster: net
profile: bare
platform: PLATFORM
network:
  subnet: 192.0.2.0/24
  gateway: 192.0.2.254
  nameservers: [192.0.2.251]
  interface: bond0.10
  vlan: {id: 10, link: bond0}
  mtu: 1400
  routes: [{to: 203.0.113.0/24, via: 192.0.2.253}]
  interfaces:
    - {name: LEFT}
    - {name: RIGHT}
    - {name: bond0, bond: {members: [LEFT, RIGHT], mode: active-backup, primary: RIGHT}, mtu: 1450}
    - {name: STORE}
    - {name: vlan20, vlan: {id: 20, link: STORE}, subnet: 198.51.100.0/24}
hosts:
  - {name: alpha, role: node, address: 192.0.2.11BY_MAC}
allow: [interface-package]
";

const BY_MAC: &str =
    r#", interfaces: {left: {mac: "52:54:00:00:00:0b"}, right: {mac: "52:54:00:00:00:0c"}, store: {mac: "52:54:00:00:00:0a"}}"#;

fn spec(platform: &str, names: [&str; 3], by_mac: &str) -> String {
    let spec = SPEC.replace("PLATFORM", platform).replace("BY_MAC", by_mac);
    ["LEFT", "RIGHT", "STORE"].iter().zip(names).fold(spec, |spec, (word, name)| spec.replace(word, name))
}

#[test]
#[ignore = "needs root: boots a kernel of its own (User Mode Linux) for three releases; run with --ignored"]
fn bonds_and_vlans_come_up() {
    std::thread::scope(|scope| {
        for (suite, platform, name) in [
            ("bullseye", "debian-11", "kernel-bullseye"),
            ("bookworm", "debian-12", "kernel-bookworm"),
            ("trixie", "debian-13", "kernel-trixie"),
        ] {
            scope.spawn(move || {
                let Some(lab) = Lab::begin_on(suite, "host0", name) else { return };
                let built = lab.build("spec", &spec(platform, ["left", "right", "store"], BY_MAC));
                let observed = observed(&lab, &built.seed("alpha"));
                came_up(&observed, ["left", "right", "store"]);
                // Above all none that waits for the network in vain.
                assert!(!observed.lines().any(|line| line.starts_with("failed ")), "{platform}: {observed}");
                // A seed of this machine was applied: `apply` compares the address with the host's own.
                let odd = observed
                    .lines()
                    .filter(|line| line.starts_with("init ") && !["resizefs", "dmi"].iter().any(|word| line.contains(word)));
                assert_eq!(odd.collect::<Vec<_>>(), Vec::<&str>::new(), "{platform}");
                lab.say("cloud-init found the cards, and bond and VLANs are up");
            });
        }
    });
}

#[test]
#[ignore = "needs root: boots a kernel of its own (User Mode Linux); run with --ignored"]
fn ifupdown_brings_up_bonds_and_vlans_of_14_04() {
    let Some(lab) = Lab::begin_on("bullseye", "host0", "kernel-ifupdown") else { return };
    let out = lab.home.join("built");
    network::build_spec(&spec("ubuntu-14.04", ["eth1", "eth2", "eth0"], ""), &out).expect("a spec that can be built");
    let text = network::interfaces(&out.join("hosts/alpha")).expect("interfaces(5)");
    fs::write(lab.home.join("interfaces"), text).expect("a copy of the text");
    let observed = observed(&lab, &lab.home.join("interfaces"));
    came_up(&observed, ["eth1", "eth2", "eth0"]);
    lab.say("ifupdown brings up bond and VLANs of what is written for 14.04");
}

/// What a machine saw of its network.
fn observed(lab: &Lab, seed: &Path) -> String {
    let mut command = Command::new("sh");
    command.arg(root().join("tests/real/kernel.sh")).arg(lab.home.join("machine")).arg(lab.tree()).arg(seed);
    let output = command.output().expect("kernel.sh runs");
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    out
}

fn came_up(observed: &str, [left, right, store]: [&str; 3]) {
    let holds = |line: &str| assert!(observed.lines().any(|found| found.trim_end() == line), "no `{line}`: {observed}");
    let [a, b, c] = ["0a", "0b", "0c"].map(|end| format!("52:54:00:00:00:{end}"));
    // Members take the MTU of their bond; in this mode all of them have the address of the first.
    holds(&format!("link {store} 1500 {a}"));
    holds("address bond0.10 192.0.2.11/24");
    holds("address vlan20 198.51.100.11/24");
    holds("bond Bonding Mode: fault-tolerance (active-backup)");
    holds("bond MII Polling Interval (ms): 100");
    holds(&format!("bond Primary Slave: {right} (primary_reselect always)"));
    holds(&format!("bond Currently Active Slave: {right}"));
    holds(&format!("bond Slave Interface: {left}"));
    holds(&format!("bond Permanent HW addr: {b}"));
    holds(&format!("bond Permanent HW addr: {c}"));
    holds("vlan bond0.10|10|bond0");
    holds(&format!("vlan vlan20|20|{store}"));
    for (dev, mtu) in [("bond0", 1450), (left, 1450), (right, 1450), ("bond0.10", 1400), ("vlan20", 1500)] {
        assert!(observed.lines().any(|line| line.starts_with(&format!("link {dev} {mtu} "))), "{dev} has no MTU of {mtu}: {observed}");
    }
    for route in ["203.0.113.0/24 via 192.0.2.253 dev bond0.10", "default via 192.0.2.254 dev bond0.10"] {
        assert!(observed.lines().any(|line| line.starts_with(&format!("route {route}"))), "no route {route}: {observed}");
    }
}
