//! What is printed for the network of machines: cards, volumes of a kind that they can read, and what NoCloud does not fetch.

use std::fs;

use super::super::support::{data, scratch};
use super::next::build;
use super::spec;

/// A bond over eth0 and eth10, a VLAN on it and eth2: three cards in the order of a guest, with the spec's addresses where it has some.
const CARDS: &str = r#"version: 1
cluster: test
profile: bare
platform: debian-12
cloud: CLOUD
network:
  subnet: 192.0.2.0/24
  interface: bond0.10
  vlan: {id: 10, link: bond0}
  interfaces:
    - {name: eth10}
    - {name: eth2, subnet: 198.51.100.0/24}
    - {name: eth0}
    - {name: bond0, bond: {members: [eth0, eth10], mode: active-backup}}
hosts:
  - {name: "m[1-2]", role: node, address: 192.0.2.1, interfaces: {eth10: {mac: "0a:00:00:00:00:ff"}}}
  # The address that m2 would get for its first card.
  - {name: m3, role: node, address: 192.0.2.3, interfaces: {eth0: {mac: "52:54:c0:00:02:02"}}}
allow: [interface-name, network-unread]
"#;

#[test]
fn machines_get_a_card_for_each_physical_interface() {
    let folder = scratch();
    let profiles = data("profiles");
    let profiles = profiles.to_str().expect("UTF-8");
    let printed = |cloud: &str, target: &str| {
        fs::write(folder.path().join("spec.yaml"), CARDS.replace("CLOUD", cloud)).expect("a spec");
        let done = build(folder.path(), &["spec.yaml", "--target", target, "--profile-dir", profiles]);
        assert_eq!(done.code, 0, "{target}: {}", done.err);
        done.err
    };
    let hosts = [
        ["52:54:c0:00:02:01", "52:55:c0:00:02:01", "0a:00:00:00:00:ff"],
        // Its first one is given to m3 by the spec.
        ["52:57:c0:00:02:02", "52:55:c0:00:02:02", "0a:00:00:00:01:00"],
        ["52:54:c0:00:02:02", "52:55:c0:00:02:03", "52:56:c0:00:02:03"],
    ];
    let said = printed("libvirt", "virt-install");
    for [a, b, c] in hosts {
        let wanted = [a, b, c].map(|mac| format!(" --network network=\"$NETWORK\",mac={mac}")).concat();
        assert!(said.contains(&format!("{wanted} --graphics")), "{wanted}: {said}");
    }
    assert!(said.contains("note: all network cards of a machine come to the same network"), "{said}");
    let said = printed("proxmox", "proxmox");
    let wanted = " --net0 virtio=52:54:c0:00:02:02,bridge=\"$BRIDGE\" --net1 virtio=52:55:c0:00:02:03,bridge=\"$BRIDGE\" --net2 virtio=52:56:c0:00:02:03,";
    assert!(said.contains(wanted), "{said}");
    let said = printed("qemu", "qemu");
    assert!(!said.contains("note:"), "{said}");
    let script = fs::read_to_string(folder.path().join("out/run.sh")).expect("run.sh");
    for (name, macs) in ["m1", "m2", "m3"].iter().zip(hosts) {
        assert!(script.contains(&format!("{name} {}", macs.join(" "))), "{script}");
    }
    let said = printed("openstack", "openstack");
    assert!(said.contains("note: each machine gets one network card, and the spec has eth0, eth2, eth10: give it"), "{said}");
    assert!(said.contains("note: the hardware addresses of the spec are not set"), "{said}");
    // One card with a derived address leaves nothing to say.
    fs::write(folder.path().join("spec.yaml"), spec("openstack", "{method: url, url: \"http://192.0.2.250/x\"}", "")).expect("a spec");
    assert!(!build(folder.path(), &["spec.yaml"]).err.contains("note:"));
}

/// What the guest calls enp1s0 or ens18 is its first card, whatever others are called that get their names by their addresses.
#[test]
fn cards_that_are_named_by_address_come_last() {
    let folder = scratch();
    let profiles = data("profiles");
    for (cloud, target, own) in [("libvirt", "virt-install", "enp1s0"), ("proxmox", "proxmox", "ens18"), ("qemu", "qemu", "ens3")] {
        let text = format!(
            "version: 1\ncluster: test\nprofile: bare\nplatform: debian-12\ncloud: {cloud}\nnetwork:\n  subnet: 192.0.2.0/24\n  \
             interface: {own}\n  interfaces: [{{name: data, subnet: 198.51.100.0/24}}]\nhosts:\n  \
             - {{name: m1, role: node, address: 192.0.2.1, interfaces: {{data: {{mac: \"0a:00:00:00:00:01\"}}}}}}\n"
        );
        fs::write(folder.path().join("spec.yaml"), text).expect("a spec");
        let done = build(folder.path(), &["spec.yaml", "--target", target, "--profile-dir", profiles.to_str().expect("UTF-8")]);
        assert_eq!(done.code, 0, "{cloud}: {}", done.err);
        let script = if cloud == "qemu" { fs::read_to_string(folder.path().join("out/run.sh")).expect("run.sh") } else { done.err };
        let place = |mac: &str| script.find(mac).unwrap_or_else(|| panic!("{cloud}: no {mac}: {script}"));
        assert!(place("52:54:c0:00:02:01") < place("0a:00:00:00:00:01"), "{cloud}: {script}");
    }
}

/// A CD-ROM has sectors of 2048 bytes, and FAT with smaller ones is not mounted from there.
#[test]
fn a_fat_volume_is_attached_as_a_disk() {
    let folder = scratch();
    for (method, volume, says) in [
        ("volume", "iso", "/seed.iso to each machine, as a CD-ROM or a disk\n"),
        ("volume", "vfat", "/seed.img to each machine, as a disk\n"),
        ("inline", "vfat", "/seed.img to each machine as a disk, or give it"),
    ] {
        let text = spec("nocloud", &format!("{{method: {method}, volume: {volume}}}"), "");
        fs::write(folder.path().join("spec.yaml"), text).expect("a spec");
        let done = build(folder.path(), &["spec.yaml"]);
        assert!(format!("{}\n", done.err).contains(says), "{method} {volume}: {}", done.err);
    }
}

/// A machine is told only in ways that its cloud has, and of what it does not fetch so.
#[test]
fn what_nocloud_does_not_fetch_is_said() {
    let folder = scratch();
    let url = "{method: url, url: \"http://192.0.2.250/x\"}";
    let printed = |cloud: &str, platform: &str, more: &str| {
        let text = format!(
            "version: 1\ncluster: test\nprofile: bare\nplatform: {platform}\ncloud: {cloud}\ndelivery: {url}\n\
             network: {{subnet: 192.0.2.0/24{more}}}\nhosts: [{{name: m1, role: node, address: 192.0.2.1}}]\nallow: [interface-name]\n"
        );
        fs::write(folder.path().join("spec.yaml"), text).expect("a spec");
        let done = build(folder.path(), &["spec.yaml", "--profile-dir", data("profiles").to_str().expect("UTF-8")]);
        assert_eq!(done.code, 0, "{}", done.err);
        done.err
    };
    let old = printed("nocloud", "debian-12", "");
    assert!(old.contains("or let NoCloud fetch user-data and meta-data, each host"), "{old}");
    assert!(old.contains("not read before cloud-init 24.3, and images of debian-12 have 22.4: a DHCP server has to give"), "{old}");
    for said in
        [printed("nocloud", "debian-13", ""), printed("nocloud", "ubuntu-14.04", ""), printed("nocloud", "debian-12", ", addressing: none")]
    {
        assert!(said.contains("or let NoCloud fetch all of it, each host") && !said.contains("24.3"), "{said}");
    }
    let (metal, proxmox) = (printed("baremetal", "debian-13", ""), printed("proxmox", "debian-13", ""));
    assert!(metal.contains("kernel's command line") && !metal.contains("SMBIOS"), "{metal}");
    assert!(!proxmox.contains("kernel's command line") && proxmox.contains("by SMBIOS"), "{proxmox}");
}
