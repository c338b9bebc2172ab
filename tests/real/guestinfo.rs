//! A seed in guestinfo, from the printed commands to cloud-init's own reader of it; a host that answers as vSphere does is not here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::lab::{Lab, bare};

const SPEC: &str = "cloud: vsphere
delivery: {method: inline, compress: COMPRESS}
network:
  subnet: 192.0.2.0/24
  gateway: 192.0.2.254
  nameservers: [192.0.2.251]
  interface: host0
  interfaces: [{name: host1, subnet: 198.51.100.0/24}]
hosts:
  - {name: alpha, role: node, address: 192.0.2.11}
";

/// Stands for `govc`: what it would write into a machine becomes the variables that DataSourceVMware.py reads in their place.
const GOVC: &str = r#"#!/bin/sh
for word; do
    case $word in
    guestinfo.*=*) printf "VMX_%s='%s'\n" "$(printf %s "${word%%=*}" | tr a-z. A-Z_)" "${word#*=}" ;;
    esac
done >>"$ENVIRONMENT"
"#;

const READ: &str = r#"set -a; . /mnt/environment; VMX_GUESTINFO=1; set +a
python3 - <<'END'
from cloudinit import helpers, util
from cloudinit.sources import DataSourceVMware as vmware
source = vmware.DataSourceVMware({}, None, helpers.Paths({"run_dir": "/tmp", "cloud_dir": "/tmp"}))
assert source._get_data()
data = source.metadata
assert (data["instance-id"], data["local-hostname"]) == ("net-alpha", "alpha"), data
assert data["network"]["config"] == util.load_yaml(open("/mnt/out/hosts/alpha/network-config").read()), data
open("/mnt/read", "wb").write(util.encode_text(source.userdata_raw))
END"#;

#[test]
#[ignore = "needs root: runs cloud-init of Debian 13 in its root tree; run with --ignored"]
fn guestinfo_is_read() {
    let Some(lab) = Lab::begin_on("trixie", "host0", "guestinfo") else { return };
    let govc = lab.home.join("govc");
    fs::write(&govc, GOVC).expect("a stub");
    fs::set_permissions(&govc, fs::Permissions::from_mode(0o755)).expect("an executable");
    let spec = |compress| bare("debian-13", &SPEC.replace("COMPRESS", compress));
    let plain = lab.build("plain", &spec("never")).read("alpha", "user-data");
    for compress in ["never", "always"] {
        let built = lab.build("out", &spec(compress));
        let shell = built.commands("govc-guestinfo", &lab.home.join("out"));
        let path = format!("{}:{}", lab.home.display(), std::env::var("PATH").unwrap_or_default());
        let environment = lab.home.join("environment");
        let _ = fs::remove_file(&environment);
        let mut command = Command::new("sh");
        command.args(["-euc", &shell]).env("PATH", path).env("ENVIRONMENT", &environment);
        let needs = ["TEMPLATE", "DATASTORE", "NETWORK"];
        assert!(command.envs(needs.map(|name| (name, name))).status().expect("sh").success(), "{shell}");
        lab.in_tree(&lab.home, READ);
        assert_eq!(fs::read(lab.home.join("read")).expect("what was read"), plain, "{compress}");
        fs::remove_dir_all(lab.home.join("out")).expect("an output");
    }
    lab.say("cloud-init reads the seed from guestinfo, network included");
}
