//! The next commands are what they should be to the programs that they call: every one is run, with stubs that write down their words.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use clusterseed::format::base64;
use serde_json::Value;

use super::super::cli::{Done, finish, schema, stdout_of};
use super::super::golden::readable;
use super::super::support::{clusterseed, data, scratch};
use super::{clouds, spec, targets};

/// A folder that is a trap for whoever does not quote.
const OUT: &str = "it's $HOME, 100% \"out\"; ls";

/// Puts stubs of programs into a folder; each appends its words to the file `calls`, one call a line, words parted by `|`.
pub fn stubs(folder: &Path, names: &[&str], more: &str) {
    fs::create_dir_all(folder).expect("a folder for stubs");
    for name in names {
        let path = folder.join(name);
        let text = format!("#!/bin/sh\n{{ printf '%s' \"${{0##*/}}\"; printf '|%s' \"$@\"; echo; }} >>\"$CALLS\"\n{more}");
        fs::write(&path, text).expect("a stub");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable");
    }
}

/// Builds for a target into [`OUT`] and gives the line that says what comes next.
fn next(folder: &Path, cloud: &str, target: &str, more: &[&str]) -> Value {
    let text = spec(cloud, "{method: url, url: \"http://boot.example.net/x\"}", "").replace("name: m1", "name: \"m[1-2]\"");
    let text =
        text.replace("role: [master, slave]", "role: slave").replace("hosts: [", "hosts: [{name: m9, role: master, address: 192.0.2.9}, ");
    fs::write(folder.join("spec.yaml"), text).expect("a spec");
    let mut command = clusterseed();
    command.args(["build", "spec.yaml", "-q", "--format", "json", "--target", target, "-o", OUT]).args(more).current_dir(folder);
    let done = finish(&mut command);
    assert_eq!((done.code, done.err.as_str()), (0, ""), "{target}: {}", done.out);
    let line = done.out.lines().last().expect("a line");
    let value: Value = serde_json::from_str(line).expect("JSON");
    let published: Value = serde_json::from_str(&stdout_of(&["schema", "next"])).expect("a schema");
    assert_eq!(schema::check(&published, &value), Vec::<String>::new(), "{target}: {line}");
    value["next"].clone()
}

/// Runs the commands of a target as an operator would, with every need set to its own name in lower case (numbers to 100).
fn calls(folder: &Path, shell: &[&str], next: &Value) -> Vec<String> {
    let log = folder.join("calls");
    let _ = fs::remove_file(&log);
    let target = &next["target"];
    let commands = target["commands"].as_array().expect("commands").iter().map(|command| command["shell"].as_str().expect("a line"));
    let script = commands.map(|line| format!("{line}\n")).collect::<String>();
    let path = format!("{}:{}", folder.join("stubs").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).args(["-eu", "-c", &script]).current_dir(folder).env("PATH", path).env("CALLS", &log).env("HOME", "/wrong");
    for need in target["needs"].as_array().expect("needs") {
        let name = need["name"].as_str().expect("a name");
        command.env(name, if name == "VMID" { "100".to_string() } else { format!("my {}", name.to_lowercase()) });
    }
    let checked = Command::new(shell[0]).args(&shell[1..]).args(["-n", "-c", &script]).status().expect("a shell");
    let output = command.output().expect("a shell");
    assert!(checked.success() && output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(log).expect("calls").lines().map(str::to_string).collect()
}

/// What programs are called with for the host m2, `OUT` standing for the folder.
const EXPECTED: &[(&str, &str, &[&str])] = &[
    (
        "aws",
        "ec2",
        &["aws|ec2|run-instances|--image-id|my image|--instance-type|my type|--subnet-id|my subnet|--private-ip-address|192.0.2.2|\
           --user-data|fileb://OUT/hosts/m2/user-data|--tag-specifications|ResourceType=instance,Tags=[{Key=Name,Value=m2}]"],
    ),
    (
        "az",
        "azure",
        &["az|vm|create|--resource-group|my group|--name|m2|--image|my image|--size|my size|--vnet-name|my vnet|--subnet|my subnet|\
           --private-ip-address|192.0.2.2|--generate-ssh-keys|--custom-data|OUT/hosts/m2/user-data"],
    ),
    (
        "cmk",
        "cloudstack",
        &["cmk|deploy|virtualmachine|name=m2|templateid=my template|serviceofferingid=my offering|zoneid=my zone|networkids=my network|\
           ipaddress=192.0.2.2|userdata=base64(user-data)"],
    ),
    (
        "doctl",
        "digitalocean",
        &["doctl|compute|droplet|create|m2|--image|my image|--size|my size|--region|my region|--vpc-uuid|my vpc|--user-data-file|\
           OUT/hosts/m2/user-data"],
    ),
    (
        "gcloud",
        "gce",
        &["gcloud|compute|instances|create|m2|--image|my image|--image-project|my project|--machine-type|my type|--zone|my zone|--subnet|\
           my subnet|--private-network-ip|192.0.2.2|--metadata-from-file|user-data=OUT/hosts/m2/user-data"],
    ),
    (
        "govc",
        "vsphere",
        &[
            "govc|datastore.upload|-ds|my datastore|OUT/hosts/m2/seed.iso|test-m2.iso",
            "govc|vm.clone|-vm|my template|-on=false|-ds|my datastore|-net|my network|m2",
            "govc|device.cdrom.add|-vm|m2",
            "govc|device.cdrom.insert|-vm|m2|-ds|my datastore|test-m2.iso",
            "govc|vm.power|-on|m2",
        ],
    ),
    (
        "govc-guestinfo",
        "vsphere",
        &[
            "govc|vm.clone|-vm|my template|-on=false|-ds|my datastore|-net|my network|m2",
            "govc|vm.change|-vm|m2|-e|guestinfo.metadata=base64(meta-data)|-e|guestinfo.metadata.encoding=base64|\
             -e|guestinfo.userdata=gzip+base64(user-data)|-e|guestinfo.userdata.encoding=gzip+base64",
            "govc|vm.power|-on|m2",
        ],
    ),
    (
        "hcloud",
        "hetzner",
        &[
            "hcloud|server|create|--name|m2|--image|my image|--type|my type|--user-data-from-file|OUT/hosts/m2/user-data|\
             --start-after-create=false",
            "hcloud|server|attach-to-network|m2|--network|my network|--ip|192.0.2.2",
            "hcloud|server|poweron|m2",
        ],
    ),
    (
        "openstack",
        "openstack",
        &["openstack|server|create|--image|my image|--flavor|my flavor|--nic|net-id=my network,v4-fixed-ip=192.0.2.2|--user-data|\
           OUT/hosts/m2/user-data|m2"],
    ),
    (
        "proxmox",
        "proxmox",
        &[
            "cp|OUT/hosts/m2/seed.iso|/var/lib/vz/template/iso/test-m2.iso",
            "qm|create|102|--name|m2|--memory|2048|--cores|2|--ostype|l26|--scsihw|virtio-scsi-pci|--serial0|socket|--net0|\
             virtio=52:54:c0:00:02:02,bridge=my bridge",
            "qm|set|102|--scsi0|my storage:0,import-from=my image|--boot|order=scsi0",
            "qm|set|102|--ide2|local:iso/test-m2.iso,media=cdrom",
            "qm|start|102",
        ],
    ),
    (
        "virt-install",
        "libvirt",
        &["virt-install|--name|test-m2|--memory|2048|--vcpus|2|--import|--os-variant|ubuntu14.04|--disk|size=20,backing_store=my image|\
           --disk|path=OUT,,/hosts/m2/seed.iso,device=cdrom|--network|network=my network,mac=52:54:c0:00:02:02|--graphics|none|\
           --noautoconsole"],
    ),
];

/// A call with the names of files for what is in them.
fn with_names(call: &str, folder: &Path) -> String {
    let file = |name: &str| fs::read(folder.join(OUT).join("hosts/m2").join(name)).expect("a file of the output");
    let word = |word: &str| {
        let Some((key, value)) = word.split_once('=') else { return word.to_string() };
        let Some(bytes) = base64::decode(value).filter(|bytes| !bytes.is_empty()) else { return word.to_string() };
        let name = if key.ends_with("metadata") { "meta-data" } else { "user-data" };
        match &file(name) {
            plain if *plain == bytes => format!("{key}=base64({name})"),
            plain if *plain == readable(&bytes) => format!("{key}=gzip+base64({name})"),
            _ => word.to_string(),
        }
    };
    call.split('|').map(word).collect::<Vec<_>>().join("|")
}

#[test]
fn commands_reach_their_programs() {
    let folder = scratch();
    stubs(
        &folder.path().join("stubs"),
        &["aws", "az", "cmk", "cp", "doctl", "gcloud", "govc", "hcloud", "openstack", "qm", "virt-install"],
        "",
    );
    let told: Vec<&str> = EXPECTED.iter().map(|(target, ..)| *target).chain(["qemu"]).collect();
    assert!(targets().iter().all(|target| told.contains(&target.name.as_str())), "a target that nothing here runs");
    for (target, cloud, wanted) in EXPECTED {
        let next = next(folder.path(), cloud, target, &[]);
        for shell in [&["dash"][..], &["busybox", "sh"], &["bash", "--posix"]] {
            if Command::new(shell[0]).arg("--help").output().is_err() {
                continue;
            }
            let calls: Vec<String> = calls(folder.path(), shell, &next).iter().map(|call| with_names(call, folder.path())).collect();
            assert_eq!(calls.len(), 3 * wanted.len(), "{target} under {shell:?}: three hosts");
            let commas = OUT.replace(',', ",,");
            let wanted: Vec<String> = wanted.iter().map(|call| call.replace("OUT,,", &commas).replace("OUT", OUT)).collect();
            assert_eq!(calls[2 * wanted.len()..], wanted, "{target} under {shell:?}");
        }
    }
}

/// Files that the commands name are there, for what this program writes itself.
#[test]
fn commands_name_files_that_are_there() {
    let folder = scratch();
    for target in targets() {
        let next = next(folder.path(), &target.clouds[0], &target.name, &[]);
        let commands = next["target"]["commands"].as_array().expect("commands");
        let all: String = commands.iter().filter_map(|command| command["shell"].as_str()).collect();
        let out = folder.path().join(OUT);
        assert!(!all.contains("user-data") || out.join("hosts/m2/user-data").is_file(), "{}", target.name);
        assert_eq!(all.contains("run.sh"), out.join("run.sh").is_file(), "{}", target.name);
        let hosts: Vec<&str> = commands.iter().filter_map(|command| command["host"].as_str()).collect();
        assert!(hosts.is_empty() || hosts.iter().filter(|host| **host == "m9").count() == target.hosts.len(), "{}", target.name);
    }
}

pub fn build(folder: &Path, arguments: &[&str]) -> Done {
    finish(clusterseed().args(["build", "-o", "out"]).args(arguments).current_dir(folder))
}

#[test]
fn wrong_targets_are_refused_before_anything_is_written() {
    let folder = scratch();
    fs::write(folder.path().join("spec.yaml"), spec("nocloud", "inline", "")).expect("a spec");
    for (arguments, says) in [
        (&["--target", "awz"][..], "did you mean `aws`?"),
        (&["--target", "aws"], "use `--cloud ec2`"),
        (&["--target", "proxmox", "--cloud", "gce"], "use `--cloud proxmox` or `--cloud nocloud`"),
        (&["--base", "x.img"], "is for `--target qemu`"),
        (&["--base", "x.img", "--target", "virt-install"], "is for `--target qemu`"),
    ] {
        let done = build(folder.path(), &[&["spec.yaml"], arguments].concat());
        assert!(done.code == 2 && done.err.contains(says), "{arguments:?}: {}", done.err);
    }
    assert!(!folder.path().join("out").exists());
}

/// A command that attaches what no build wrote would only fail on the operator's side.
#[test]
fn targets_that_attach_another_volume_are_not_told() {
    let folder = scratch();
    for volume in ["vfat", "none"] {
        let text = spec("libvirt", "inline", "").replace("inline", &format!("{{method: inline, volume: {volume}}}"));
        fs::write(folder.path().join("spec.yaml"), text).expect("a spec");
        let done = build(folder.path(), &["spec.yaml"]);
        assert!(done.code == 0 && !done.err.contains("virt-install"), "{}", done.err);
        let done = build(folder.path(), &["spec.yaml", "--target", "virt-install"]);
        assert!(done.code == 2 && done.err.contains("attaches `seed.iso`"), "{}", done.err);
    }
}

/// Targets of one's own are data, and mistakes in them are told with their place.
#[test]
fn own_targets_need_no_rust() {
    let folder = scratch();
    fs::write(folder.path().join("spec.yaml"), spec("nocloud", "inline", "")).expect("a spec");
    let target = |word: &str| {
        let text = format!(
            "targets:\n  mine:\n    summary: mine\n    clouds: [nocloud]\n    needs: {{A_1: one}}\n    hosts:\n      - [\"{word}\"]\n"
        );
        fs::create_dir_all(folder.path().join("own")).expect("a folder");
        fs::write(folder.path().join("own/targets.yaml"), text).expect("targets");
        build(folder.path(), &["spec.yaml", "--target", "mine", "--profile-dir", "own"])
    };
    let done = target("x {name} $A_1-{{y}} $(A_1){");
    assert!(done.code == 0 && done.err.contains("\n  'x m1 '\"$A_1\"'-{{y}} '\"$((A_1 + 0))\"'{'"), "{}", done.err);
    for word in ["$B", "$", "$(A_1", "$(B)", "$HOME"] {
        let done = target(word);
        assert!(done.code == 2 && done.err.contains("targets.yaml:7:10") && done.err.contains("not among `needs`"), "{word}: {}", done.err);
    }
}

/// People see ten hosts, programs all.
#[test]
fn many_hosts_do_not_flood_the_screen() {
    let folder = scratch();
    let text = spec("libvirt", "inline", "").replace("name: m1, role: [master, slave]", "name: m1, role: master");
    let text = text.replace("hosts: [", "hosts: [{name: \"s[1-40]\", role: slave, address: 192.0.2.51}, ");
    fs::write(folder.path().join("spec.yaml"), text).expect("a spec");
    let done = build(folder.path(), &["spec.yaml"]);
    assert_eq!(done.err.matches("virt-install --name").count(), 10, "{}", done.err);
    assert!(done.err.contains("# and so on for 31 more hosts; `--format json` prints all"), "{}", done.err);
    let done = build(folder.path(), &["spec.yaml", "--format", "json"]);
    assert_eq!(done.out.matches("virt-install --name").count(), 41);
}

/// NoCloud over HTTP: what is printed fits the version of cloud-init, and survives the shells that read it on its way.
#[test]
fn served_seeds_are_told_by_command_line_and_smbios() {
    let folder = scratch();
    let debian = fs::read_to_string(data("golden/content-id/cluster.yaml")).expect("a golden");
    let debian = debian.replace("{method: inline, compress: always}", "{method: url, url: \"http://boot.example.net/x/\"}");
    let trusty = spec("libvirt", "{method: url, url: \"http://boot.example.net/x\"}", "");
    for (text, smbios) in [(debian, true), (trusty, false)] {
        fs::write(folder.path().join("spec.yaml"), &text).expect("a spec");
        let done = build(folder.path(), &["spec.yaml", "--format", "json"]);
        let line: Value = serde_json::from_str(done.out.lines().last().expect("a line")).expect("JSON");
        let net = &line["next"]["nocloud"][0];
        let kernel = "ds=nocloud-net;s=http://boot.example.net/x/m1/";
        assert_eq!(net["kernel"], kernel);
        // The file is a script; what it sets is then a line for GRUB's own shell, where a backslash takes the meaning from what follows.
        let grub = format!("{}\nprintf '%s' \"$GRUB_CMDLINE_LINUX\"", net["grub"].as_str().expect("a line"));
        let read = Command::new("sh").args(["-c", &grub]).output().expect("sh");
        assert_eq!(String::from_utf8_lossy(&read.stdout).replace("\\;", ";"), kernel);
        assert!(String::from_utf8_lossy(&read.stdout).contains("\\;"));
        match net["smbios"].as_str() {
            Some(options) => {
                let read = Command::new("sh").args(["-c", &format!("printf '%s\\n' {options}")]).output().expect("sh");
                assert_eq!(String::from_utf8_lossy(&read.stdout), format!("-smbios\ntype=1,serial={kernel}\n"));
            }
            None => assert!(done.err.contains("cloud-init 0.7.5 of ubuntu-14.04 does not look at SMBIOS"), "{}", done.err),
        }
        assert_eq!(net["smbios"].is_string(), smbios);
    }
    // Where nobody can give a machine such words, none are printed.
    assert!(clouds().iter().filter(|cloud| cloud.names_instances).all(|cloud| !cloud.seed.iter().any(|place| place == "kernel")));
}
