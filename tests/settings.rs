//! Settings in layers: what a host gets of the cluster's, its roles' and its own.

use std::fs;

use super::cli::run;
use super::support;

const SPEC: &str = r#"version: 1
cluster: shop
profile: mesosphere
platform: ubuntu-14.04
network: {subnet: 192.0.2.0/24}
packages: {source: mirror, mirror: "http://mirror.example.net/mesosphere"}
hosts:
  - {name: "m[1-2]", role: master, address: 192.0.2.1}
  - {name: s1, role: slave, address: 192.0.2.11}
  - name: x
    role: slave
    address: 192.0.2.20
    settings:
      slave: {attributes: {own: b, all: null, rack: r9}, flags: {gc_delay: 2days}, resources: {disks: 1}}
      etc_hosts: {extra: {192.0.2.90: own}}
  - {name: both3, role: [master, slave], address: 192.0.2.30, settings: {slave: {flags: {gc_delay: null}}}}
settings:
  slave: {attributes: {all: q, rack: r0}, flags: {registration_backoff_factor: 2secs}, resources: {bugs: 2}}
  etc_hosts: {extra: {192.0.2.91: all}}
roles:
  slave: {settings: {slave: {attributes: {role: s, rack: r1}, flags: {gc_delay: 1days}}}}
"#;

/// Mappings add up key by key, the narrower layer wins for a key, and `null` takes it away.
#[test]
fn mappings_add_up() {
    let folder = support::scratch();
    let spec = folder.path().join("spec.yaml");
    fs::write(&spec, SPEC).expect("a spec");
    let spec = spec.to_str().expect("UTF-8");
    assert_eq!(run(&["check", spec]).code, 0, "{}", run(&["check", spec]).err);
    let has = |host: &str, file: &str| {
        let done = run(&["render", spec, host, &format!("/etc/mesos-slave/{file}")]);
        (done.code == 0).then(|| done.out.trim_end().to_string())
    };
    for (host, attributes, gc_delay) in [
        ("s1", [Some("q"), Some("r1"), Some("s"), None], Some("1days")),
        ("x", [None, Some("r9"), Some("s"), Some("b")], Some("2days")),
        ("both3", [Some("q"), Some("r1"), Some("s"), None], None),
    ] {
        let found = ["all", "rack", "role", "own"].map(|key| has(host, &format!("attributes/{key}")));
        assert_eq!(found.each_ref().map(Option::as_deref), attributes, "{host}");
        assert_eq!(has(host, "gc_delay").as_deref(), gc_delay, "{host}");
        assert_eq!(has(host, "registration_backoff_factor").as_deref(), Some("2secs"), "{host}");
    }
    assert_eq!(["bugs", "disks"].map(|key| has("x", &format!("resources/{key}"))), [Some("2".into()), Some("1".into())]);
    let hosts = run(&["render", spec, "x", "/etc/hosts"]).out;
    assert!(hosts.contains("192.0.2.90") && hosts.contains("192.0.2.91"), "{hosts}");
}
