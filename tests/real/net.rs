//! The network of a spec, in the hands of programs that we did not write: booted machines of three releases; and every form of
//! `tests/network` through the renderers, netplan and ifupdown of those releases.
//!
//! The kernel of a test machine may have no bonds and VLANs, and interfaces of containers have no permanent hardware address. Of those
//! forms it is shown here what the release's own programs make of them; `kernel` has them brought up.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::host::as_planned;
use super::lab::{Lab, bare};
use crate::network;

/// Release, platform, and the name of its test.
const RELEASES: [(&str, &str, &str); 3] =
    [("bullseye", "debian-11", "net-bullseye"), ("bookworm", "debian-12", "net-bookworm"), ("trixie", "debian-13", "net-trixie")];

const SPEC: &str = "network:
  subnet: 192.0.2.0/24
  gateway: 192.0.2.250
  nameservers: [192.0.2.251, 192.0.2.252]
  search: [example.net, example.org]
  interface: host0
  mtu: 1400
  routes:
    - {to: 203.0.113.0/24, via: 192.0.2.249}
    - {to: 10.1.0.0/16, via: 192.0.2.249, metric: 50}
    - {to: 10.2.0.0/16, via: 192.0.2.11}
  interfaces:
    - {name: host1, subnet: 198.51.100.0/25, mtu: 1300, routes: [{to: 10.3.4.0/30, via: 198.51.100.126}]}
    - {name: host2}
hosts:
  - {name: alpha, role: node, address: 192.0.2.11}
access:
  users:
    - name: ops
      sudo: true
      ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2nqLKnOzXFvmXnlyGZvWJUPIh9PbGnVnBcNHuSJHqm ops@example.net]
allow: [interface-package]
";

/// What `ip` says of a host of [`SPEC`]; the route through itself is not there.
const ROUTES: [&str; 6] = [
    "10.1.0.0/16 via 192.0.2.249 dev host0 metric 50",
    "10.3.4.0/30 via 198.51.100.126 dev host1",
    "192.0.2.0/24 dev host0",
    "198.51.100.0/25 dev host1",
    "203.0.113.0/24 via 192.0.2.249 dev host0",
    "default via 192.0.2.250 dev host0",
];

#[test]
#[ignore = "needs root: boots machines of three releases with systemd-nspawn; run with --ignored"]
fn releases_boot_with_their_network() {
    std::thread::scope(|scope| RELEASES.iter().for_each(|release| drop(scope.spawn(|| boots(*release)))));
}

fn boots((suite, platform, name): (&str, &str, &'static str)) {
    let Some(lab) = Lab::begin_on(suite, "host0 host1 host2", name) else { return };
    let built = lab.build("spec", &bare(platform, SPEC));
    lab.schema(&built.seed("alpha").join("user-data"));
    lab.first_boot(&[("alpha", built.seed("alpha"))]);
    as_planned(&lab, &built, "alpha");
    has_its_network(&lab);
    lab.reboot(&["alpha"]);
    assert_eq!(lab.verdict("alpha"), "", "{suite}: complaints after a reboot");
    has_its_network(&lab);
    lab.say("addresses, routes, MTU and resolver are those of the spec, again after a reboot");
}

fn has_its_network(lab: &Lab) {
    let addresses = lab.shell("alpha", "ip -4 -o address show | awk '{ print $2, $4 }'", &[]);
    assert_eq!(addresses, "lo 127.0.0.1/8\nhost0 192.0.2.11/24\nhost1 198.51.100.11/25\n");
    assert_eq!(lab.shell("alpha", "cd /sys/class/net && cat host0/mtu host1/mtu", &[]), "1400\n1300\n");
    let routes = lab.shell("alpha", "ip -4 route show", &[]);
    assert_eq!(routes_of(&routes), BTreeSet::from(ROUTES.map(str::to_string)), "{routes}");
    let resolver = lab.shell(
        "alpha",
        "resolvectl --no-pager dns host0 2>/dev/null; resolvectl --no-pager domain host0 2>/dev/null; cat /etc/resolv.conf",
        &[],
    );
    for word in ["192.0.2.251", "192.0.2.252", "example.net", "example.org"] {
        assert!(resolver.split_whitespace().any(|found| found == word), "no {word}: {resolver}");
    }
}

/// Routes without what differs by who has set them.
fn routes_of(text: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let mut kept = Vec::new();
        let mut words = line.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "proto" | "scope" | "src" => drop(words.next()),
                "onlink" | "linkdown" => {}
                _ => kept.push(word),
            }
        }
        kept.join(" ")
    };
    text.lines().map(line).collect()
}

/// Asserts that every line of `wanted` is a line of `found`, apart from indentation.
fn holds(what: &str, found: &str, wanted: &[&str]) {
    let lines: BTreeSet<&str> = found.lines().map(str::trim).collect();
    let missing: Vec<_> = wanted.iter().filter(|line| !lines.contains(**line)).collect();
    assert!(missing.is_empty(), "{what} lacks {missing:#?}:\n{found}");
}

fn built(lab: &Lab, platform: &str) -> std::path::PathBuf {
    let folder = lab.home.join(platform);
    fs::create_dir_all(&folder).expect("a folder for a platform");
    for form in network::forms() {
        if let Err(said) = network::build(&form, platform, &folder.join(&form)) {
            assert!(
                (form == "mac" && platform == "ubuntu-14.04") || matches!(form.as_str(), "dhcp-mtu" | "host-route"),
                "{form} on {platform}: {said}"
            );
        }
    }
    folder
}

/// Hosts of all forms that write something, as paths below the folder.
fn hosts(folder: &Path) -> Vec<String> {
    let files = crate::support::files(folder).into_iter().map(|(path, _)| path);
    files.filter_map(|path| path.strip_suffix("/meta-data").map(str::to_string)).collect()
}

#[test]
#[ignore = "needs root: runs cloud-init and netplan of Debian 12 and 13 in their root trees; run with --ignored"]
fn netplan_understands_version_2() {
    for (suite, platform, name) in [("bookworm", "debian-12", "netplan-bookworm"), ("trixie", "debian-13", "netplan-trixie")] {
        let Some(lab) = Lab::begin_on(suite, "host0", name) else { return };
        let folder = built(&lab, platform);
        for host in hosts(&folder) {
            lab.schema(&folder.join(&host).join("user-data"));
            if !folder.join(&host).join("network-config").exists() {
                continue;
            }
            // cloud-init hands version 2 to netplan as it is, under one key (net/netplan.py).
            let script = format!(
                "mkdir -p /tmp/o/etc/netplan /tmp/o/run; {{ echo network:; sed 's/^/  /' '/mnt/{host}/network-config'; }} >/tmp/o/etc/netplan/50.yaml
                 chmod 600 /tmp/o/etc/netplan/50.yaml; /usr/libexec/netplan/generate --root-dir /tmp/o
                 cd /tmp/o/run/systemd/network; for file in *; do echo \"# $file\"; cat $file; done; rm -rf /tmp/o"
            );
            let made = lab.in_tree(&folder, &script);
            let complaint = made.lines().find(|line| line.contains("WARNING") && !(platform == "debian-12" && line.contains("gateway4")));
            assert_eq!(complaint, None, "{suite}: {host}: {made}");
            let form = host.split('/').next().unwrap_or_default();
            let wanted: &[&str] = match form {
                "mac" if host.ends_with("alpha1") => &["PermanentMACAddress=52:54:00:00:00:0f", "Name=lan", "Address=198.51.100.11/24"],
                "mac" => &["PermanentMACAddress=52:54:00:00:01:10", "Name=store", "Address=192.0.2.12/24"],
                "bond" => &[
                    "Kind=bond",
                    "Mode=active-backup",
                    "MIIMonitorSec=100ms",
                    "Bond=bond0",
                    "PrimarySlave=true",
                    "MTUBytes=1400",
                    "Destination=203.0.113.0/24",
                ],
                "vlan" => &[
                    "Mode=802.3ad",
                    "LACPTransmitRate=fast",
                    "TransmitHashPolicy=layer3+4",
                    "Kind=vlan",
                    "Id=10",
                    "Id=20",
                    "VLAN=bond0.10",
                    "VLAN=vlan20",
                    "Gateway=192.0.2.254",
                ],
                "dhcp-mtu" => &["DHCP=ipv4", "MTUBytes=1400"],
                "host-route" => &["Destination=10.1.2.3/32"],
                "routed" => &["Destination=10.1.0.0/16", "Metric=50", "MTUBytes=1400"],
                _ => &[],
            };
            holds(&format!("{suite}: {host}"), &made, wanted);
            if suite == "trixie" {
                let said = lab.in_tree(
                    &folder,
                    &format!("cloud-init schema --schema-type network-config --config-file '/mnt/{host}/network-config'"),
                );
                assert!(said.starts_with("Valid schema ") && !said.to_lowercase().contains("deprecat"), "{host}: {said}");
            }
        }
        lab.say(&format!("netplan of {suite} takes every form"));
    }
}

#[test]
#[ignore = "needs root: runs cloud-init and ifupdown of Debian 11 in its root tree; run with --ignored"]
fn ifupdown_understands_version_1_and_interfaces() {
    let Some(lab) = Lab::begin_on("bullseye", "host0", "ifupdown") else { return };
    for platform in ["debian-11", "ubuntu-16.04"] {
        let folder = built(&lab, platform);
        for host in hosts(&folder).iter().filter(|host| folder.join(host).join("network-config").exists()) {
            if platform == "debian-11" {
                lab.schema(&folder.join(host).join("user-data"));
            }
            let script = format!(
                "cloud-init devel net-convert -p '/mnt/{host}/network-config' -k yaml -D debian -O eni -d /tmp/o >/dev/null 2>&1
                 cat /tmp/o/etc/udev/rules.d/*; ifup --no-act --verbose --force -a -i /tmp/o/etc/network/interfaces.d/50-cloud-init
                 cat /tmp/o/etc/network/interfaces.d/*; rm -rf /tmp/o"
            );
            let made = lab.in_tree(&folder, &script);
            understood(&format!("{platform}: {host}"), host, &made, true);
        }
    }
    let folder = built(&lab, "ubuntu-14.04");
    for host in hosts(&folder) {
        let Some(text) = network::interfaces(&folder.join(&host)) else { continue };
        fs::write(folder.join("interfaces"), text).expect("a copy of the text");
        let made = lab.in_tree(&folder, "ifup --no-act --verbose --force -a -i /mnt/interfaces; cat /mnt/interfaces");
        understood(&format!("ubuntu-14.04: {host}"), &host, &made, false);
    }
    comes_up(&lab, &folder);
}

/// What `ifup` would do, and the options that its scripts for bonds and VLANs read.
fn understood(what: &str, host: &str, made: &str, by_cloud_init: bool) {
    let (form, name) = host.split_once("/hosts/").expect("a form and a host");
    let own: &[&str] = match (form, by_cloud_init) {
        ("routed", true) => &["post-up route add -net 10.1.0.0/16 gw 192.0.2.253 metric 50 || true"],
        ("routed", false) => &["up ip route add 10.1.0.0/16 via 192.0.2.253 dev eth0 metric 50"],
        ("host-route", false) => &["ip route add 10.1.2.3/32 via 192.0.2.253 dev eth0"],
        ("several", true) => &["/sbin/ip link set dev eth3 mtu 1300", "post-up route add -net 203.0.113.0/24 gw 198.51.100.126 || true"],
        ("several", false) => &["ip link set dev eth3 mtu 1300 up", "ip route add 203.0.113.0/24 via 198.51.100.126 dev eth1"],
        ("dhcp-mtu", false) => &["ip link set dev eth0 mtu 1400"],
        ("mac", true) if name == "alpha2" => {
            &[r#"SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="52:54:00:00:01:10", NAME="store""#]
        }
        _ => &[],
    };
    let every: &[&str] = match form {
        "static" => &["dns-nameservers 192.0.2.251 192.0.2.252", "dns-search example.net example.org"],
        "bond" => &["bond-master bond0", "bond-slaves none", "bond-mode active-backup", "bond-miimon 100", "bond-primary eth1", "mtu 1400"],
        "vlan" => {
            &["bond-mode 802.3ad", "bond-lacp-rate fast", "bond-xmit-hash-policy layer3+4", "vlan-raw-device bond0", "vlan-raw-device eth2"]
        }
        _ => &[],
    };
    holds(what, made, &[own, every].concat());
    let address = match form {
        "static" | "bond" => "/sbin/ip addr add 192.0.2.11/255.255.255.0 ",
        "vlan" => "/sbin/ip addr add 198.51.100.11/255.255.255.0 ",
        "several" if name == "beta" => "/sbin/ip addr add 198.51.100.101/255.255.255.128 ",
        "dhcp" | "dhcp-mtu" => "/sbin/dhclient -4 ",
        _ => return,
    };
    assert!(made.contains(address), "{what} lacks {address}: {made}");
}

/// The text of 14.04 through the real `ifup`, on interfaces of a namespace: form and host, addresses, MTUs, routes.
type Up = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const UP: [Up; 4] = [
    ("static/hosts/alpha", "eth0 192.0.2.11/24", &["eth0 1500"], &["192.0.2.0/24 dev eth0", "default via 192.0.2.254 dev eth0"]),
    (
        "routed/hosts/alpha",
        "eth0 192.0.2.11/24",
        &["eth0 1400"],
        &[
            "10.1.0.0/16 via 192.0.2.253 dev eth0 metric 50",
            "10.8.0.0/16 via 192.0.2.12 dev eth0",
            "192.0.2.0/24 dev eth0",
            "203.0.113.0/24 via 192.0.2.253 dev eth0",
            "default via 192.0.2.254 dev eth0",
        ],
    ),
    (
        "routed/hosts/beta",
        "eth0 192.0.2.12/24",
        &["eth0 1400"],
        &[
            "10.1.0.0/16 via 192.0.2.253 dev eth0 metric 50",
            "192.0.2.0/24 dev eth0",
            "203.0.113.0/24 via 192.0.2.253 dev eth0",
            "default via 192.0.2.254 dev eth0",
        ],
    ),
    (
        "several/hosts/beta",
        "eth0 192.0.2.201/24 eth1 198.51.100.101/25",
        &["eth0 1500", "eth1 9000", "eth3 1300", "eth4 1500"],
        &[
            "192.0.2.0/24 dev eth0",
            "198.51.100.0/25 dev eth1",
            "203.0.113.0/24 via 198.51.100.126 dev eth1",
            "default via 192.0.2.254 dev eth0",
        ],
    ),
];

fn comes_up(lab: &Lab, folder: &Path) {
    for (host, addresses, mtus, routes) in UP {
        let text = network::interfaces(&folder.join(host)).expect("a text");
        fs::write(folder.join("interfaces"), text).expect("a copy of the text");
        // eth2 asks a server that is not there.
        let script = "mount -t tmpfs tmpfs /run; mkdir -p /run/network /run/resolvconf/interface
            for n in 0 1 2 3 4; do ip link add eth$n type veth peer name p$n; ip link set p$n up mtu 9000; done
            ifup -a -X eth2 -i /mnt/interfaces
            ip -4 -o address show | awk '$2 != \"lo\" { print \"address\", $2, $4 }'
            ip -o link show up | awk '$2 ~ /^eth/ { sub(/@.*/, \"\", $2); print \"mtu\", $2, $5 }'
            ip -4 route show | sed 's/^/route /'";
        let said = lab.in_tree(folder, script);
        let told =
            |key: &str| said.lines().filter_map(|line| line.strip_prefix(key)).map(|line| line.trim().to_string()).collect::<Vec<_>>();
        assert_eq!(told("address ").join(" "), addresses, "{host}: {said}");
        assert_eq!(told("mtu "), mtus, "{host}: {said}");
        assert_eq!(routes_of(&told("route ").join("\n")), routes.iter().map(|route| (*route).to_string()).collect(), "{host}: {said}");
    }
    lab.say("ifup brings up what is written for 14.04");
}
