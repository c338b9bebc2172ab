//! Instance ids that follow the content: all that first boot would do otherwise makes a new instance, and nothing else does.

use std::fs;
use std::path::Path;

use super::super::cli::finish;
use super::super::support::{clusterseed, data, scratch};

const SPEC: &str = r#"version: 1
cluster: ids
profile: bare
platform: PLATFORM
instance_id: content
network:
  subnet: 192.0.2.0/24
  gateway: 192.0.2.254
  nameservers: [192.0.2.251]
  search: [example.net]
  interface: bond0
  bond: {members: [eth0, eth1], mode: active-backup, primary: eth0}
  mtu: 1400
  routes: [{to: 203.0.113.0/24, via: 192.0.2.253}]
  interfaces:
    - {name: eth0}
    - {name: eth1}
    - {name: eth2}
    - {name: eth3}
    - {name: vlan20, vlan: {id: 20, link: eth2}, subnet: 198.51.100.0/24}
hosts: [{name: alpha, role: node, address: 192.0.2.11}]
access:
  users:
    - name: ops
      groups: [adm]
      ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2nqLKnOzXFvmXnlyGZvWJUPIh9PbGnVnBcNHuSJHqm a"]
allow: [interface-package]
"#;

/// `instance-id` of the only host.
fn id(folder: &Path, text: &str) -> String {
    fs::write(folder.join("spec.yaml"), text).expect("a spec");
    let done =
        finish(clusterseed().args(["build", "-q", "spec.yaml", "-o", "out", "--profile-dir"]).arg(data("profiles")).current_dir(folder));
    assert_eq!(done.code, 0, "{}\n{text}", done.err);
    let text = fs::read_to_string(folder.join("out/hosts/alpha/meta-data")).expect("meta-data");
    text.lines().find_map(|line| line.strip_prefix("instance-id: ")).expect("an id").trim_matches('"').to_string()
}

#[test]
fn what_first_boot_sets_names_the_instance() {
    const CHANGES: &[(&str, &str)] = &[
        ("qm a\"", "qm b\""),
        ("groups: [adm]", "groups: [adm, users]"),
        ("groups: [adm]", "sudo: true"),
        ("groups: [adm]", "groups: [adm]\n      shell: /bin/sh"),
        ("name: ops", "name: op"),
        ("192.0.2.251", "192.0.2.252"),
        ("[example.net]", "[example.net, example.org]"),
        ("192.0.2.254", "192.0.2.250"),
        ("mtu: 1400", "mtu: 1450"),
        ("203.0.113.0/24", "203.0.113.0/25"),
        ("192.0.2.253}", "192.0.2.253, metric: 5}"),
        ("vlan20, vlan: {id: 20", "vlan21, vlan: {id: 21"),
        ("link: eth2", "link: eth3"),
        ("primary: eth0", "primary: eth1"),
        ("mode: active-backup, primary: eth0", "mode: balance-xor"),
        ("198.51.100.0/24", "198.51.100.0/25"),
        ("address: 192.0.2.11", "address: 192.0.2.11, interfaces: {eth0: {mac: \"52:54:00:00:00:0a\"}}"),
        ("address: 192.0.2.11", "address: 192.0.2.12"),
    ];
    let folder = scratch();
    for platform in ["debian-12", "ubuntu-14.04"] {
        let spec = SPEC.replace("PLATFORM", platform);
        let mut ids = vec![id(folder.path(), &spec)];
        assert!(ids[0].starts_with("ids-alpha-") && ids[0].len() == 22, "{}", ids[0]);
        for (old, new) in CHANGES.iter().filter(|(_, new)| platform != "ubuntu-14.04" || !new.contains("mac:")) {
            let changed = spec.replace(old, new);
            let found = id(folder.path(), &changed);
            assert!(!ids.contains(&found), "{platform}: {new}: {found}");
            ids.push(found);
        }
        // Where words stand is nobody's business, nor how the seed travels.
        for same in [format!("# a comment\n{spec}"), spec.replace("hosts: [", "hosts: [  "), format!("{spec}delivery: volume\n")] {
            assert_eq!(id(folder.path(), &same), ids[0], "{platform}: {same}");
        }
        let stable = spec.replace("instance_id: content", "instance_id: stable");
        assert_eq!(id(folder.path(), &stable), "ids-alpha");
        assert_eq!(id(folder.path(), &stable.replace("name: ops", "name: op")), "ids-alpha");
    }
}
