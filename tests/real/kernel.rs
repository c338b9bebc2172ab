//! Machines with a kernel of their own (`kernel.sh`), which find their seed where a real one does: on a volume. Booted by cloud-init of
//! three releases, with bonds, VLANs and interfaces by hardware address: all forms that the kernel of a test machine may not know.
//! And what is written for 14.04, brought up by ifupdown.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clusterseed::format::checksum::Sha256Sum;

use super::lab::{Built, Lab, bare};
use crate::network;
use crate::support::{root, texts};

/// The cards of those machines, by the names that they shall have; `BY_MAC` stands for what 14.04 cannot.
const SPEC: &str = "delivery: {method: volume, volume: FORM}
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
    let spec = bare(platform, &SPEC.replace("BY_MAC", by_mac));
    ["LEFT", "RIGHT", "STORE"].iter().zip(names).fold(spec, |spec, (word, name)| spec.replace(word, name))
}

#[test]
#[ignore = "needs root: boots a kernel of its own (User Mode Linux) for three releases; run with --ignored"]
fn volumes_are_found_and_bonds_and_vlans_come_up() {
    // Every release with both file systems; `qemu` has that of Debian 12, in machines that are closer to real ones.
    let releases = [
        ("bullseye", "debian-11", "kernel-bullseye", "iso", "vfat"),
        ("bookworm", "debian-12", "kernel-bookworm", "vfat", ""),
        ("trixie", "debian-13", "kernel-trixie", "iso", "vfat"),
    ];
    std::thread::scope(|scope| {
        for (suite, platform, name, form, other) in releases {
            scope.spawn(move || {
                let Some(lab) = Lab::begin_on(suite, "host0", name) else { return };
                let text = |form| spec(platform, ["left", "right", "store"], BY_MAC).replace("FORM", form);
                let built = lab.build("spec", &text(form));
                lab.schema(&built.seed("alpha").join("user-data"));
                let observed = observed(&lab, &[&volume(&built)]);
                came_up(&observed, ["left", "right", "store"]);
                // Above all none that waits for the network in vain.
                assert!(!observed.lines().any(|line| line.starts_with("failed ")), "{platform}: {observed}");
                was_found(&built, &observed);
                // A seed of this machine was applied, from the volume: `apply` compares the address with the host's own.
                let digest = built.plan("alpha")["digest"].as_str().expect("a digest").to_string();
                for line in [
                    "status status: done",
                    r#"apply "host":"alpha","#,
                    r#"apply "result":"done","#,
                    &format!(r#"apply "digest":"{digest}","#),
                ] {
                    assert!(observed.lines().any(|found| found == line), "{platform}: no {line}: {observed}");
                }
                for name in ["meta-data", "network-config", "user-data"] {
                    let line = format!("kept 600 /var/lib/cloud/seed/nocloud/{name}");
                    assert!(observed.lines().any(|found| found == line), "{platform}: no {line}: {observed}");
                }
                lab.say(&format!("cloud-init found the volume ({form}) and the cards, and bond and VLANs are up"));
                if !other.is_empty() {
                    let built = lab.build("other", &text(other));
                    was_found(&built, &self::observed(&lab, &[&volume(&built), Path::new("read")]));
                    lab.say(&format!("cloud-init found the volume ({other})"));
                }
            });
        }
    });
}

#[test]
#[ignore = "needs root: boots a kernel of its own (User Mode Linux); run with --ignored"]
fn ifupdown_brings_up_bonds_and_vlans_of_14_04() {
    let Some(lab) = Lab::begin_on("bullseye", "host0", "kernel-ifupdown") else { return };
    let out = lab.home.join("built");
    network::build_spec(&spec("ubuntu-14.04", ["eth1", "eth2", "eth0"], "").replace("FORM", "iso"), &out)
        .expect("a spec that can be built");
    let text = network::interfaces(&out.join("hosts/alpha")).expect("interfaces(5)");
    fs::write(lab.home.join("interfaces"), text).expect("a copy of the text");
    let observed = observed(&lab, &[&lab.home.join("interfaces")]);
    came_up(&observed, ["eth1", "eth2", "eth0"]);
    lab.say("ifupdown brings up bond and VLANs of what is written for 14.04");
}

/// The only volume of the only host.
fn volume(built: &Built) -> PathBuf {
    let files = ["seed.iso", "seed.img"].map(|name| built.seed("alpha").join(name));
    files.into_iter().find(|file| file.exists()).expect("a volume")
}

/// What a machine saw, with these words for `kernel.sh`.
fn observed(lab: &Lab, seed: &[&Path]) -> String {
    let mut command = Command::new("sh");
    command.arg(root().join("tests/real/kernel.sh")).arg(lab.home.join("machine")).arg(lab.tree()).args(seed);
    let output = command.output().expect("kernel.sh runs");
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{err}");
    out
}

/// The volume was found by its label alone, all three files of it were taken as they are, and there is nothing to complain of.
fn was_found(built: &Built, observed: &str) {
    let holds = |line: &str| assert!(observed.lines().any(|found| found == line), "no `{line}`: {observed}");
    holds("identify datasource_list: [ NoCloud, None ]");
    let source = observed.lines().find(|line| line.starts_with("source ")).unwrap_or_else(|| panic!("no source: {observed}"));
    assert!(source.starts_with("source DataSourceNoCloud: DataSourceNoCloud [seed=/dev/ubda]"), "{source}");
    holds("id net-alpha");
    holds(&format!("sum {}", Sha256Sum::of(&built.read("alpha", "user-data")).hex()));
    // The name of this card is written nowhere but in network-config.
    assert!(observed.lines().any(|line| line.trim_end() == "link store 1500 52:54:00:00:00:0a"), "{observed}");
    // Linux in user mode has neither a disk to grow nor a BIOS.
    let odd = observed.lines().filter(|line| line.starts_with("init ") && !["resizefs", "dmi"].iter().any(|word| line.contains(word)));
    assert_eq!(odd.collect::<Vec<_>>(), Vec::<&str>::new());
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
