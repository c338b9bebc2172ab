//! A cluster boots with `run.sh` from nothing but its seed volumes, and a host of it again without; so does one from a CD-ROM.
//!
//! `cargo test --test main qemu:: -- --ignored --nocapture` runs it: root, QEMU (fetched when it is not there), 3 GB and some
//! minutes, because the processor is emulated. The disk is made once, in $CLUSTERSEED_CACHE or target/real: `qemu/disk.sh`.
//! What the machine looks at after each boot is in `qemu/look.sh`; the host reads it from the disk.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clusterseed::format::checksum::Sha256Sum;
use clusterseed::format::vfat;
use clusterseed::format::volume::{File, FileContent, Volume};

use super::support::{clusterseed, data, machine_cache, succeed, texts};

/// An emulated boot takes two minutes on an idle machine; other tests may run beside it.
const PATIENCE: Duration = Duration::from_secs(1500);

const SPEC: &str = r#"version: 1
cluster: volumes
profile: bare
platform: debian-12
delivery: volume
network: {subnet: 192.0.2.0/24, interface: eth0}
hosts:
HOSTS
"#;

/// What no volume may lack.
const FILES: [&str; 4] = ["meta-data", "network-config", "seed.tar.gz", "user-data"];

const APPEND: &str = "root=/dev/vda rw console=ttyS0 net.ifnames=0 panic=-1";

/// A machine, its disk and its host's folder of the output.
struct Machine {
    name: &'static str,
    address: &'static str,
    /// Its disk and what it wrote.
    home: PathBuf,
    /// Kernel and disk of all machines.
    kernel: PathBuf,
    host: PathBuf,
}

/// Builds a cluster of these hosts; `base` is the image of `run.sh`.
fn build(home: &Path, machines: &[Machine], base: &Path) -> PathBuf {
    let hosts = machines.iter().map(|machine| format!("  - {{name: {}, role: node, address: {}}}", machine.name, machine.address));
    let (spec, out) = (home.join(format!("{}.yaml", machines[0].name)), home.join(format!("{}-out", machines[0].name)));
    fs::write(&spec, SPEC.replace("HOSTS", &hosts.collect::<Vec<_>>().join("\n"))).expect("a spec");
    let mut command = clusterseed();
    command.args(["build", "-q", "--target", "qemu", "--base"]).arg(base).arg("--profile-dir").arg(data("profiles"));
    succeed(command.arg(&spec).arg("-o").arg(&out));
    out
}

/// The cluster of these two by `run.sh`, with its own words for QEMU, until both have switched themselves off.
fn boot_by_run_sh(home: &Path, machines: &[Machine; 2]) {
    let began = Instant::now();
    let kernel = &machines[0].kernel;
    let out = build(home, machines, &kernel.join("disk.img"));
    // The disk has no boot loader; nothing else is added to what the script says.
    let [one, two] = machines;
    let qemu = home.join("qemu");
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in *' -name volumes-{} '*) peer={} ;; *) peer={} ;; esac\n\
         exec qemu-system-x86_64 \"$@\" -no-reboot -kernel '{kernel}/vmlinuz' -initrd '{kernel}/initrd' -append \"{APPEND} look.peer=$peer\"\n",
        one.name,
        two.address,
        one.address,
        kernel = kernel.display(),
    );
    fs::write(&qemu, text).expect("a program");
    fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).expect("an executable");
    let run = |verb: &str| {
        let mut command = Command::new("sh");
        command.arg(out.join("run.sh")).arg(verb).env("STATE", home).env("QEMU", &qemu).env("MEMORY", "1024").env("ACCEL", "tcg");
        // Another run of this test on this machine, or what is left of one, has the same addresses.
        command.env("MCAST", format!("230.0.0.1:{}", 30_000 + std::process::id() % 10_000));
        let output = command.stdin(Stdio::null()).output().expect("sh");
        let (said, errors) = texts(&output);
        assert!(output.status.success() && errors.is_empty(), "run.sh {verb}: {said}{errors}");
        said
    };
    let up = run("up");
    assert_eq!(up.matches(": started with tcg, console in ").count(), 2, "{up}");
    while run("status").contains(": runs as process ") {
        if began.elapsed() > PATIENCE {
            run("down");
            panic!("run.sh up takes too long:\n{}", machines.iter().map(|machine| machine.console(1)).collect::<String>());
        }
        thread::sleep(Duration::from_millis(500));
    }
    for machine in machines {
        let disk = ["disk.qcow2", "disk.img"].map(|name| machine.home.join(name));
        succeed(Command::new("qemu-img").args(["convert", "-O", "raw"]).args(&disk));
    }
    println!("qemu: boot 1, by run.sh, took {:.0} s", began.elapsed().as_secs_f64());
}

impl Machine {
    fn new(home: &Path, cluster: &str, name: &'static str, address: &'static str, cache: &Path) -> Self {
        let host = home.join(format!("{cluster}-out/hosts")).join(name);
        let home = home.join(name);
        fs::create_dir_all(&home).expect("a folder for the machine");
        Self { name, address, host, home, kernel: cache.join("qemu") }
    }

    /// Switches it on, with a CD-ROM and a second disk where there are such; it switches itself off.
    fn boot(&self, boot: usize, volumes: Option<(&Path, &Path)>) -> Child {
        let drive = |id: &str, file: &Path, rest: &str| format!("if=none,id={id},format=raw,file={}{rest}", file.display());
        let mut command = Command::new("qemu-system-x86_64");
        command.args(["-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "1", "-m", "1024"]);
        command.args(["-nodefaults", "-no-reboot", "-display", "none", "-device", "virtio-rng-pci"]);
        // A network card with nobody at the other end.
        command.args(["-nic", "user,model=virtio-net-pci,restrict=on"]);
        command.arg("-kernel").arg(self.kernel.join("vmlinuz")).arg("-initrd").arg(self.kernel.join("initrd"));
        command.args(["-append", APPEND]);
        command.arg("-serial").arg(format!("file:{}", self.console_of(boot).display()));
        command.arg("-drive").arg(drive("disk", &self.home.join("disk.img"), ",cache=unsafe"));
        command.args(["-device", "virtio-blk-pci,drive=disk"]);
        if let Some((cd, second)) = volumes {
            command.arg("-drive").arg(drive("cd", cd, ",readonly=on")).arg("-drive").arg(drive("second", second, ",readonly=on"));
            command.args(["-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=cd", "-device", "virtio-blk-pci,drive=second"]);
        }
        command.stdin(Stdio::null()).spawn().expect("qemu-system-x86_64")
    }

    /// The first boot's is where `run.sh` puts it.
    fn console_of(&self, boot: usize) -> PathBuf {
        self.home.join(if boot == 1 { "console.log".to_string() } else { format!("console{boot}") })
    }

    fn console(&self, boot: usize) -> String {
        String::from_utf8_lossy(&fs::read(self.console_of(boot)).unwrap_or_default()).into_owned()
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
        assert!(saw["address"].contains(&format!(" {}/24 ", self.address)), "{name}, boot {boot}: {}", saw["address"]);
        // Private, and what cloud-init takes for a seed; nothing of the tarball.
        let kept = ["meta-data", "network-config", "user-data"].map(|file| format!("600 root /var/lib/cloud/seed/nocloud/{file}"));
        let mut found: Vec<&str> = saw["kept"].lines().collect();
        found.sort_unstable();
        assert_eq!(found, kept, "{name}, boot {boot}");
    }

    /// Every file of the volume, as Linux shows it.
    fn was_read(&self, tree: &str, saw: &BTreeMap<String, String>, line: impl Fn(&str, &str, usize) -> String) {
        let wanted: Vec<String> = FILES
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

/// Waits until machines are off.
fn wait(mut running: Vec<(&Machine, usize, Child)>) {
    let began = Instant::now();
    while running.iter_mut().any(|(_, _, child)| child.try_wait().expect("a child").is_none()) {
        if began.elapsed() > PATIENCE {
            running.iter_mut().for_each(|(_, _, child)| drop(child.kill()));
            panic!("a boot takes too long:\n{}", running.iter().map(|(machine, boot, _)| machine.console(*boot)).collect::<String>());
        }
        thread::sleep(Duration::from_millis(200));
    }
    println!("qemu: boot 2 took {:.0} s", began.elapsed().as_secs_f64());
}

/// The files of a host on FAT under a label that cloud-init does not look for, so that Linux reads them and nobody else.
fn beside(machine: &Machine) -> PathBuf {
    let bytes = FILES.map(|name| fs::read(machine.host.join(name)).expect("a file of the output"));
    let files = FILES.into_iter().zip(&bytes).map(|(name, bytes)| File { name, mode: 0o644, source: FileContent::Bytes(bytes) });
    let path = machine.home.join("beside.img");
    let mut image = fs::File::create(&path).expect("a file");
    vfat::write(Volume { label: "beside", epoch: 0, files: files.collect() }, &mut image).expect("a volume");
    path
}

#[test]
#[ignore = "needs root, and some minutes: boots machines with QEMU; run with --ignored"]
fn boots_from_its_volume_and_without() {
    let began = Instant::now();
    let Some(cache) = machine_cache() else { return };
    let home = cache.join("qemu-test");
    let _ = fs::remove_dir_all(&home);
    let machine = |cluster: &str, name, address| Machine::new(&home, cluster, name, address, &cache);
    let cluster = [machine("client1", "client1", "192.0.2.11"), machine("client1", "client2", "192.0.2.12")];
    let alone = machine("client3", "client3", "192.0.2.13");
    println!("qemu: kernel and disk are there after {:.0} s", began.elapsed().as_secs_f64());

    boot_by_run_sh(&home, &cluster);
    let first = cluster.each_ref().map(|machine| machine.saw(1));
    for (index, (machine, saw)) in cluster.iter().zip(&first).enumerate() {
        assert!(machine.console(1).contains(&format!("clusterseed: {}: done", machine.name)), "{}", machine.console(1));
        machine.is_well(1, saw);
        assert!(saw["datasource"].contains("[seed=/dev/vdb]"), "{}", saw["datasource"]);
        assert_eq!(saw["peer"], format!("reached {}\n", cluster[1 - index].address), "{}", machine.name);
    }

    // One host boots again without its volume; beside it one that was never booted, with a CD-ROM.
    build(&home, std::slice::from_ref(&alone), Path::new("none"));
    succeed(Command::new("cp").arg("--sparse=always").arg(alone.kernel.join("disk.img")).arg(alone.home.join("disk.img")));
    let [again, _] = &cluster;
    let (cd, second) = (alone.host.join("seed.iso"), beside(&alone));
    wait(vec![(again, 2, again.boot(2, None)), (&alone, 1, alone.boot(1, Some((&cd, &second))))]);

    let (saw, before) = (again.saw(2), &first[0]);
    again.is_well(2, &saw);
    assert!(!before["host-keys"].is_empty() && saw["host-keys"] == before["host-keys"], "its host keys changed");
    assert_eq!(saw["status.json"], before["status.json"], "nothing ran again");
    assert!(!again.console(2).contains("clusterseed:"), "nothing ran again: {}", again.console(2));

    let saw = alone.saw(1);
    alone.is_well(1, &saw);
    assert!(saw["datasource"].contains("[seed=/dev/sr0]"), "{}", saw["datasource"]);
    alone.was_read("rock-ridge", &saw, |name, sum, size| format!("{sum} {size} 644 0:0 0 {name}"));
    // Linux makes these up where a tree has no modes.
    alone.was_read("joliet", &saw, |name, sum, size| format!("{sum} {size} 555 0:0 0 {name}"));
    alone.was_read("plain", &saw, |name, sum, size| {
        let short = match name {
            "seed.tar.gz" => "seed_tar.gz",
            name => &name.replace('-', "_")[..8],
        };
        format!("{sum} {size} 555 0:0 0 {short}")
    });
    // FAT begins with 1980.
    alone.was_read("vfat", &saw, |name, sum, size| format!("{sum} {size} 755 0:0 315532800 {name}"));
    // What a failed run needs to be understood stays; a good one gives its room back.
    fs::remove_dir_all(&home).expect("a folder of the test");
    println!("qemu: all of it took {:.0} s", began.elapsed().as_secs_f64());
}
