//! A machine with a kernel of its own boots from nothing but its seed volume, and boots again without it.
//!
//! `cargo test --test main qemu:: -- --ignored --nocapture` runs it: root, QEMU (fetched when it is not there), 3 GB and some
//! minutes, because the processor is emulated. The disk is made once, in $CLUSTERSEED_CACHE or target/real: `qemu/disk.sh`.
//! What the machine looks at after each boot is in `qemu/look.sh`; the host reads it from the disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clusterseed::format::checksum::Sha256Sum;

use super::support::{clusterseed, data, root};

/// An emulated boot takes two minutes on an idle machine.
const PATIENCE: Duration = Duration::from_secs(900);

const SPEC: &str = r#"version: 1
cluster: volumes
profile: zookeeper
platform: debian-12
delivery: DELIVERY
network: {subnet: 192.0.2.0/24, interface: eth0}
hosts:
  - {name: member1, role: member, address: 192.0.2.1}      # is not booted
  - {name: client1, role: client, address: 192.0.2.11}
  - {name: client2, role: client, address: 192.0.2.12}
allow: [zookeeper/single-member]
"#;

/// How a volume is attached.
#[derive(Clone, Copy, PartialEq)]
enum Attached {
    CdRom,
    Disk,
}

/// A machine, its disk and its volume.
struct Machine {
    name: &'static str,
    /// What it writes, and its disk.
    home: PathBuf,
    kernel: PathBuf,
    /// Its host's folder of the output.
    host: PathBuf,
    attached: Attached,
}

fn succeed(command: &mut Command) {
    let status = command.stdin(Stdio::null()).status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

impl Machine {
    /// Builds the spec with this delivery and makes the disk of one of its hosts.
    fn new(name: &'static str, delivery: &str, attached: Attached, cache: &Path) -> Self {
        let home = cache.join("qemu-test").join(name);
        let _ = fs::remove_dir_all(&home);
        fs::create_dir_all(&home).expect("a folder for the machine");
        let (spec, out) = (home.join("spec.yaml"), home.join("out"));
        fs::write(&spec, SPEC.replace("DELIVERY", delivery)).expect("a spec");
        succeed(clusterseed().args(["build", "-q", "--profile-dir"]).arg(data("profiles")).arg(&spec).arg("-o").arg(&out));
        let kernel = cache.join("qemu");
        succeed(Command::new("cp").arg("--sparse=always").arg(kernel.join("disk.img")).arg(home.join("disk.img")));
        Self { name, host: out.join("hosts").join(name), home, kernel, attached }
    }

    fn volume(&self) -> PathBuf {
        self.host.join(if self.attached == Attached::CdRom { "seed.iso" } else { "seed.img" })
    }

    /// Switches it on; it switches itself off.
    fn boot(&self, boot: usize, with_volume: bool) -> Child {
        let drive = |id: &str, file: &Path, rest: &str| format!("if=none,id={id},format=raw,file={}{rest}", file.display());
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "1", "-m", "1024"]);
        command.args(["-nodefaults", "-no-reboot", "-display", "none", "-device", "virtio-rng-pci"]);
        // A network card with nobody at the other end.
        command.args(["-nic", "user,model=virtio-net-pci,restrict=on"]);
        command.arg("-kernel").arg(self.kernel.join("vmlinuz")).arg("-initrd").arg(self.kernel.join("initrd"));
        command.args(["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1"]);
        command.arg("-serial").arg(format!("file:{}", self.home.join(format!("console{boot}")).display()));
        command
            .arg("-drive")
            .arg(drive("disk", &self.home.join("disk.img"), ",cache=unsafe"))
            .args(["-device", "virtio-blk-pci,drive=disk"]);
        if with_volume {
            command.arg("-drive").arg(drive("seed", &self.volume(), ",readonly=on"));
            match self.attached {
                Attached::CdRom => command.args(["-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=seed"]),
                Attached::Disk => command.args(["-device", "virtio-blk-pci,drive=seed"]),
            };
        }
        command.stdin(Stdio::null()).spawn().expect("qemu-system-x86_64")
    }

    fn console(&self, boot: usize) -> String {
        String::from_utf8_lossy(&fs::read(self.home.join(format!("console{boot}"))).unwrap_or_default()).into_owned()
    }

    /// What it saw after a boot, by name.
    fn saw(&self, boot: usize) -> BTreeMap<String, String> {
        let into = self.home.join("look");
        let _ = fs::remove_dir_all(&into);
        let request = format!("rdump /srv/look {}", self.home.display());
        succeed(Command::new("debugfs").args(["-R", &request]).arg(self.home.join("disk.img")).env("PATH", path()).stderr(Stdio::null()));
        let folder = into.join(boot.to_string());
        let files = fs::read_dir(&folder).unwrap_or_else(|_| panic!("{}: boot {boot} came to no end:\n{}", self.name, self.console(boot)));
        let text = |path: PathBuf| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned();
        files.map(|file| file.expect("an entry")).map(|file| (file.file_name().to_string_lossy().into_owned(), text(file.path()))).collect()
    }

    /// What holds after every boot.
    fn is_well(&self, boot: usize, saw: &BTreeMap<String, String>) {
        let name = self.name;
        let is = |file: &str, wanted: &str| assert_eq!(saw[file].trim_end(), wanted, "{name}, boot {boot}: {file}");
        assert!(saw["cloud-init"].starts_with("status: done\n"), "{name}, boot {boot}: {}", saw["cloud-init"]);
        is("complaints", "");
        is("failed", "");
        is("name", name);
        is("instance-id", &format!("volumes-{name}"));
        let result: serde_json::Value = serde_json::from_str(&saw["result.json"]).expect("JSON");
        assert_eq!(result["v1"]["errors"], serde_json::json!([]), "{name}, boot {boot}");
        let status: serde_json::Value = serde_json::from_str(&saw["status.json"]).expect("JSON");
        assert_eq!(status["result"], "done", "{name}, boot {boot}: {status:#}");
        let address = if name == "client1" { " 192.0.2.11/24 " } else { " 192.0.2.12/24 " };
        assert!(saw["address"].contains(address), "{name}, boot {boot}: {}", saw["address"]);
        // Private, and what cloud-init takes for a seed; nothing of the tarball.
        let kept = ["meta-data", "network-config", "user-data"].map(|file| format!("600 root /var/lib/cloud/seed/nocloud/{file}"));
        let mut found: Vec<&str> = saw["kept"].lines().collect();
        found.sort_unstable();
        assert_eq!(found, kept, "{name}, boot {boot}");
    }

    /// Every file of the volume, as Linux shows it.
    fn was_read(&self, tree: &str, saw: &BTreeMap<String, String>, line: impl Fn(&str, &str, usize) -> String) {
        let wanted: Vec<String> = ["meta-data", "network-config", "seed.tar.gz", "user-data"]
            .into_iter()
            .map(|name| {
                let bytes = fs::read(self.host.join(name)).expect("a file of the output");
                line(name, &Sha256Sum::of(&bytes).hex(), bytes.len())
            })
            .collect();
        let found = saw.get(tree).unwrap_or_else(|| panic!("{}: {}", tree, saw[&format!("{tree}.error")]));
        assert_eq!(found.lines().collect::<Vec<_>>(), wanted, "{}: {tree}", self.name);
    }
}

fn path() -> String {
    format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Boots machines side by side, and waits until they are off.
fn boot(machines: &[Machine], boot: usize, with_volume: bool) {
    let began = Instant::now();
    let mut running: Vec<(&Machine, Child)> = machines.iter().map(|machine| (machine, machine.boot(boot, with_volume))).collect();
    while running.iter_mut().any(|(_, child)| child.try_wait().expect("a child").is_none()) {
        if began.elapsed() > PATIENCE {
            running.iter_mut().for_each(|(_, child)| drop(child.kill()));
            panic!("boot {boot} takes too long:\n{}", machines.iter().map(|machine| machine.console(boot)).collect::<String>());
        }
        thread::sleep(Duration::from_millis(200));
    }
    println!("qemu: boot {boot} took {:.0} s", began.elapsed().as_secs_f64());
}

#[test]
#[ignore = "needs root, and some minutes: boots machines with QEMU; run with --ignored"]
fn boots_from_its_volume_and_without() {
    if !rustix::process::geteuid().is_root() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI must boot machines, so it has to be root");
        println!("skipped: making the disk of a machine is for root");
        return;
    }
    let began = Instant::now();
    let cache = std::env::var_os("CLUSTERSEED_CACHE").map_or_else(|| root().join("target/real"), PathBuf::from);
    succeed(Command::new("sh").arg(data("qemu/install.sh")));
    succeed(Command::new("sh").arg(data("real/root.sh")).arg(cache.join("root")));
    succeed(Command::new("sh").arg(data("qemu/disk.sh")).arg(cache.join("qemu")).arg(cache.join("root")));
    let machines = [
        Machine::new("client1", "volume", Attached::CdRom, &cache),
        Machine::new("client2", "{method: inline, volume: vfat}", Attached::Disk, &cache),
    ];
    println!("qemu: kernel, disk and volumes are there after {:.0} s", began.elapsed().as_secs_f64());

    boot(&machines, 1, true);
    let first = machines.each_ref().map(|machine| machine.saw(1));
    for (machine, saw) in machines.iter().zip(&first) {
        assert!(machine.console(1).contains(&format!("clusterseed: {}: done", machine.name)), "{}", machine.console(1));
        machine.is_well(1, saw);
    }
    let [iso, fat] = &first;
    assert!(iso["datasource"].contains("[seed=/dev/sr0]") && fat["datasource"].contains("[seed=/dev/vdb]"));
    machines[0].was_read("rock-ridge", iso, |name, sum, size| format!("{sum} {size} 644 0:0 0 {name}"));
    // Linux makes these up where a tree has no modes.
    machines[0].was_read("joliet", iso, |name, sum, size| format!("{sum} {size} 555 0:0 0 {name}"));
    machines[0].was_read("plain", iso, |name, sum, size| {
        let short = match name {
            "seed.tar.gz" => "seed_tar.gz",
            name => &name.replace('-', "_")[..8],
        };
        format!("{sum} {size} 555 0:0 0 {short}")
    });
    // FAT begins with 1980.
    machines[1].was_read("vfat", fat, |name, sum, size| format!("{sum} {size} 755 0:0 315532800 {name}"));

    boot(&machines, 2, false);
    for (machine, before) in machines.iter().zip(&first) {
        let saw = machine.saw(2);
        machine.is_well(2, &saw);
        assert!(!saw.contains_key("rock-ridge") && !saw.contains_key("vfat"), "the volume is gone");
        assert!(!before["host-keys"].is_empty() && saw["host-keys"] == before["host-keys"], "{}: its host keys changed", machine.name);
        assert_eq!(saw["status.json"], before["status.json"], "{}: nothing ran again", machine.name);
        assert!(!machine.console(2).contains("clusterseed:"), "{}: nothing ran again", machine.name);
    }
    // What a failed run needs to be understood stays; a good one gives its room back.
    machines.iter().for_each(|machine| fs::remove_dir_all(&machine.home).expect("a folder of the test"));
    println!("qemu: all of it took {:.0} s", began.elapsed().as_secs_f64());
}
