//! Documents that 0.7.5 misreads, each with the rule that catches it. A good document lies between them, so that each is bad
//! for one reason only.

use std::collections::BTreeSet;

use super::{Problem, RULES, meta_data, user_data};

const USER_DATA: &str = r##"#cloud-config
hostname: "h1"
manage_etc_hosts: false
apt_preserve_sources_list: true
apt_sources:
  - source: "deb http://mirror.example.net/m trusty main"
    filename: "m.list"
    key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"
users:
  - "default"
  - name: "ops"
    groups: "adm,sudo"
    lock_passwd: true
    ssh_authorized_keys:
      - "ssh-rsa AAAA ops"
bootcmd:
  - "mkdir -p /var/lib/clusterseed/seed && chmod 0700 /var/lib/clusterseed/seed"
write_files:
  - path: "/var/lib/clusterseed/seed/apply"
    owner: "root:root"
    permissions: "0700"
    content: "echo\n"
runcmd:
  - "sh /var/lib/clusterseed/seed/apply"
"##;

const META_DATA: &str = r#"instance-id: "c-h1"
local-hostname: "h1.example.net"
dsmode: "net"
network-interfaces: "auto lo\niface lo inet loopback\n"
"#;

/// All rules that it breaks; what to replace in the good user-data; by what.
const BAD_USER_DATA: &[(&str, &str, &str)] = &[
    ("first-line", "#cloud-config\n", "#cloud-config \n"),
    ("first-line", "#cloud-config\n", "# cloud-config\n"),
    ("first-line", "#cloud-config\n", "\n#cloud-config\n"),
    ("first-line", "#cloud-config\n", ""),
    ("one-part", "#cloud-config\n", "#cloud-config\n# MIME-Version: 1.0\n"),
    ("one-part", "#cloud-config\n", "#cloud-config\n## template: jinja\n"),
    ("ascii", "#cloud-config\n", "#cloud-config\n# \u{1f600}\n"),
    ("ascii", "\"h1\"\n", "\"h1\"\r\n"),
    ("ascii content", "echo\\n", "\u{e9}cho\\n"),
    ("tab", "    owner:", "\towner:"),
    ("yaml", "hostname: \"h1\"", "hostname: \"h1"),
    ("yaml", "  - \"default\"", " - \"default\""),
    ("decoration", "#cloud-config\n", "#cloud-config\n---\n"),
    ("decoration", "hostname: \"h1\"", "hostname: &name \"h1\""),
    ("decoration", "content: \"echo", "content: !!binary \"echo"),
    ("quoting users", "\"ops\"", "ops"),
    ("quoting users", "\"ops\"", "'ops'"),
    ("quoting permissions", "\"0700\"", "0700"),
    ("quoting users", "\"adm,sudo\"", "\n      adm"),
    ("quoting content", "content: \"echo\\n\"", "content: |\n      echo"),
    ("quoting identity", "hostname: \"h1\"", "hostname: 1234"),
    ("quoting write-files", "    owner: \"root:root\"", "    owner: \"root:root\"\n    on: \"x\""),
    ("flow", "runcmd:\n  - \"sh /var/lib/clusterseed/seed/apply\"", "runcmd: [\"sh\"]"),
    ("flow", "  - \"sh /var/lib/clusterseed/seed/apply\"", "  - [\"sh\", \"http://x\"]"),
    ("duplicate", "hostname: \"h1\"", "hostname: \"h1\"\nhostname: \"h2\""),
    ("duplicate", "    owner: \"root:root\"", "    owner: \"root:root\"\n    \"owner\": \"root:root\""),
    ("modern-key", "hostname: \"h1\"", "hostname: \"h1\"\nntp:\n  servers:\n    - \"192.0.2.1\""),
    ("modern-key", "hostname: \"h1\"", "hostname: \"h1\"\nca_certs:\n  trusted:\n    - \"x\""),
    ("unknown-key", "hostname: \"h1\"", "hostname: \"h1\"\nhost_name: \"h1\""),
    ("boolean", "hostname: \"h1\"", "hostname: \"h1\"\nlocale: true"),
    ("boolean", "apt_preserve_sources_list: true", "apt_preserve_sources_list: true\npreserve_hostname: \"no\""),
    ("identity", "hostname: \"h1\"", "hostname: \"h_1\""),
    ("identity", "hostname: \"h1\"", "hostname: \"h1.example.net\""),
    ("identity", "hostname: \"h1\"", "hostname: \"h1\"\nfqdn: \"h1\""),
    ("identity", "manage_etc_hosts: false", "manage_etc_hosts: true"),
    ("apt", "apt_preserve_sources_list: true", "apt_preserve_sources_list: false"),
    ("apt", "apt_preserve_sources_list: true\n", ""),
    ("apt", "deb http://", "ppa:http"),
    ("apt", "trusty main", "$RELEASE main"),
    ("apt", "    key: \"-----BEGIN", "    keyid: \"-----BEGIN"),
    ("apt", "  - source: \"deb", "  m:\n    source: \"deb"),
    ("commands", "  - \"sh /var/lib/clusterseed/seed/apply\"", "  - sh: \"apply\""),
    ("commands", "runcmd:\n  - \"sh /var", "runcmd:\n  \"sh /var"),
    ("commands", "\"sh /var/lib/clusterseed/seed/apply\"", "\"echo \\xe9\""),
    ("users", "  - \"default\"\n", ""),
    ("users", "    lock_passwd: true\n", ""),
    ("users", "groups: \"adm,sudo\"", "groups:\n      - \"adm\""),
    ("users", "groups: \"adm,sudo\"", "groups: \"adm, sudo\""),
    ("users", "groups: \"adm,sudo\"", "uid: \"1001\""),
    ("users", "groups: \"adm,sudo\"", "gecos: \"J\\xfcrgen\""),
    ("users", "    ssh_authorized_keys:\n      - \"ssh-rsa", "    ssh_authorized_keys:\n      \"ssh-rsa"),
    ("write-files", "clusterseed/seed/apply\"\n    owner", "clusterseed/seed/../x\"\n    owner"),
    ("write-files", "    content: \"echo\\n\"", "    content: \"echo\\n\"\n    append: \"x\""),
    ("owner", "\"root:root\"", "\"zookeeper:zookeeper\""),
    ("owner", "\"root:root\"", "\"0:0\""),
    ("owner", "    owner: \"root:root\"\n", ""),
    ("permissions", "\"0700\"", "\"700\""),
    ("permissions", "\"0700\"", "\"0o700\""),
    ("permissions", "\"0700\"", "\"4700\""),
    ("permissions", "\"0700\"", "\"0000\""),
    ("permissions", "\"0700\"", "\"0644\""),
    ("permissions", "    permissions: \"0700\"\n", ""),
    ("content", "\"echo\\n\"", "\"\\xe9cho\\n\""),
    ("content", "    content: \"echo\\n\"", "    encoding: \"gzip\"\n    content: \"echo\\n\""),
    ("content", "    content: \"echo\\n\"", "    encoding: \"b64\"\n    content: \"not base64!\""),
    ("content", "    content: \"echo\\n\"\n", ""),
    ("private", "bootcmd:\n  - \"mkdir", "bootcmd:\n  - \": mkdir"),
    ("private", "chmod 0700", "chmod 0755"),
];

/// The same for meta-data.
const BAD_META_DATA: &[(&str, &str, &str)] = &[
    ("mapping", META_DATA, "- \"instance-id\"\n"),
    ("yaml", "\"c-h1\"", "\"c-h1"),
    ("quoting instance-id", "\"c-h1\"", "2014"),
    ("meta-key", "local-hostname: \"h1.example.net\"\n", "local-hostname: \"h1\"\nhostname: \"h1\"\n"),
    ("instance-id", "\"c-h1\"", "\"c/h1\""),
    ("instance-id", "instance-id: \"c-h1\"\n", ""),
    ("identity", "\"h1.example.net\"", "\"h_1\""),
    ("dsmode", "dsmode: \"net\"\n", ""),
    ("dsmode", "\"net\"", "\"pass\""),
    ("interfaces", "\"auto lo\\niface lo inet loopback\\n\"", "\"auto eth0\\niface eth0 inet dhcp\\n\""),
    ("interfaces", "loopback\\n\"", "loopback\\nsource /etc/network/interfaces.d/*.cfg\\n\""),
    ("interfaces", "network-interfaces: \"auto lo", "network-interfaces:\n  - \"auto lo"),
    ("duplicate", "dsmode: \"net\"", "dsmode: \"net\"\ndsmode: \"local\""),
];

#[test]
fn the_checker_catches_every_rule() {
    let good = |check: fn(&str) -> Vec<Problem>, text| assert!(check(text).is_empty(), "{:?}", check(text));
    good(user_data, USER_DATA);
    good(meta_data, META_DATA);
    let bom = user_data(&format!("\u{feff}{USER_DATA}"));
    assert!(bom.iter().any(|problem| problem.rule == "bom"), "{bom:?}");
    for text in ["#cloud-config\n", "#cloud-config\n- \"a\"\n", "#cloud-config\n\"text\"\n"] {
        assert_eq!(rules(&user_data(text)), ["mapping"].into(), "{text}");
    }
    let mut missed = Vec::new();
    let mut broken: BTreeSet<&str> = ["bom"].into();
    for (table, document, check) in
        [(BAD_USER_DATA, USER_DATA, user_data as fn(&str) -> Vec<Problem>), (BAD_META_DATA, META_DATA, meta_data)]
    {
        for (wanted, from, to) in table {
            assert!(document.contains(from), "`{from}` is not in the good document");
            let found = check(&document.replacen(from, to, 1));
            broken.extend(wanted.split(' '));
            if rules(&found) != wanted.split(' ').collect() {
                missed.push(format!("`{from}` -> `{to}`: {wanted} is wanted, found is {found:?}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert_eq!(broken, RULES.iter().copied().collect(), "every rule has a document that breaks it");
}

fn rules(problems: &[Problem]) -> BTreeSet<&'static str> {
    problems.iter().map(|problem| problem.rule).collect()
}
