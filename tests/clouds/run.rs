//! `run.sh` under dash and busybox, with stubs in place of QEMU: which processes it would start, and how it looks after them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::cli::finish;
use super::super::support::{clusterseed, scratch};
use super::next::stubs;
use super::spec;

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];

/// A machine with an output, stubs, and nothing of the user's.
struct Desk {
    folder: tempfile::TempDir,
    shell: &'static [&'static str],
}

impl Desk {
    /// With the output in a folder whose name is a trap, for one base image or none.
    fn new(shell: &'static [&'static str], base: Option<&str>) -> Option<Self> {
        let known = Command::new(shell[0]).args(&shell[1..]).args(["-c", ":"]).output();
        if known.is_err() {
            eprintln!("skipped: {} is not installed", shell[0]);
            return None;
        }
        let desk = Self { folder: scratch(), shell };
        let text = spec("qemu", "inline", "").replace("role: [master, slave]", "role: master");
        let text = text.replace("hosts: [", "hosts: [{name: \"s[1-2]\", role: slave, address: 192.0.2.51}, ");
        fs::write(desk.path("spec.yaml"), text).expect("a spec");
        let mut command = clusterseed();
        command.args(["build", "-q", "spec.yaml", "-o", "my out, put", "--target", "qemu"]).current_dir(desk.folder.path());
        command.args(base.iter().flat_map(|base| ["--base", base]));
        let done = finish(&mut command);
        assert_eq!(done.code, 0, "{}", done.err);
        for host in ["m1", "s1", "s2"] {
            fs::write(desk.path(&format!("my out, put/hosts/{host}/seed.iso")), "a volume").expect("a seed volume");
        }
        fs::write(desk.path("base.img"), "an image").expect("an image");
        // QEMU goes to the background and leaves the number of its process; `qemu-img` knows formats and makes files.
        let qemu = "accel=$2 name=; while [ $# -gt 0 ]; do case $1 in -name) name=$2 ;; -pidfile) file=$2 ;; esac; shift; done\n\
                    case $accel$name in ${BROKEN:-none}) exit 1 ;; esac\n\
                    sh -c 'while :; do sleep 0.1; done' \"$name\" >/dev/null 2>&1 &\necho $! >\"$file\"\n";
        stubs(&desk.path("stubs"), &["qemu-system-x86_64"], qemu);
        stubs(
            &desk.path("stubs"),
            &["qemu-img"],
            "case $1 in info) echo 'image: x'; echo 'file format: raw' ;; create) for new; do last=$new; case $new in *.new) made=$new ;; esac; done; : \"$last\"; echo disk >\"$made\" ;; esac\n",
        );
        Some(desk)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Exit code, both streams together.
    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]).arg("my out, put/run.sh").args(arguments).current_dir(self.folder.path());
        let path = format!("{}:{}", self.path("stubs").display(), std::env::var("PATH").unwrap_or_default());
        command.env_clear().env("PATH", path).env("CALLS", self.path("calls")).envs(environment.iter().copied());
        let output = command.output().expect("a shell");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        (output.status.code().expect("it ends by itself"), text)
    }

    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        text.lines().map(str::to_string).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.run(&["down"], &[]);
    }
}

#[test]
fn a_cluster_goes_up_and_down() {
    for desk in SHELLS.into_iter().filter_map(|shell| Desk::new(shell, Some("base.img"))) {
        let (shell, top) = (desk.shell, desk.folder.path().canonicalize().expect("a folder"));
        let top = top.display();
        assert_eq!(desk.run(&["status"], &[]), (0, "s1: off\ns2: off\nm1: off\n".into()));
        let (code, said) = desk.run(&["up"], &[]);
        assert_eq!((code, said.matches(": started with ").count()), (0, 3), "{shell:?}: {said}");
        let calls = desk.calls();
        assert_eq!(calls.len(), 9, "{calls:?}");
        assert_eq!(calls[0], format!("qemu-img|info|--|{top}/base.img"));
        assert_eq!(calls[1], format!("qemu-img|create|-q|-f|qcow2|-F|raw|-b|{top}/base.img|{top}/test-run/s1/disk.new"));
        let accel = if can_write("/dev/kvm") { "kvm" } else { "tcg" };
        let started = format!(
            "qemu-system-x86_64|-machine|accel={accel}|-name|test-s1|-cpu|max|-smp|1|-m|2048|-display|none|-daemonize|-pidfile|{top}/test-run/s1/pid|\
             -serial|file:{top}/test-run/s1/console.log|-drive|file={top}/test-run/s1/disk.qcow2,if=virtio,format=qcow2|\
             -drive|file={top}/my out,, put/hosts/s1/seed.iso,if=virtio,format=raw,readonly=on|\
             -netdev|socket,id=cluster,mcast=230.0.0.1:PORT,localaddr=127.0.0.1|-device|virtio-net-pci,netdev=cluster,mac=52:54:c0:00:02:33"
        );
        let port = calls[2].split("230.0.0.1:").nth(1).and_then(|rest| rest.split(',').next()).expect("a port").to_string();
        assert!(port.parse::<u16>().is_ok_and(|port| (20_000..30_000).contains(&port)), "{port}");
        assert_eq!(calls[2], started.replace("PORT", &port), "{shell:?}");
        assert!(calls[5].contains("mac=52:54:c0:00:02:34") && calls[8].contains("mac=52:54:c0:00:02:01"), "{calls:?}");

        let (code, said) = desk.run(&["status"], &[]);
        assert_eq!((code, said.matches(": runs as process ").count()), (0, 3), "{shell:?}: {said}");
        assert_eq!((desk.run(&["up"], &[]), desk.calls().len()), ((0, String::new()), 0), "what runs is left alone");
        assert_eq!(desk.run(&["down"], &[]), (0, "s1: off\ns2: off\nm1: off\n".into()), "{shell:?}");
        assert_eq!(desk.run(&["down"], &[]), (0, String::new()));

        // Disks stay; a second interface and other sizes are asked for by name.
        let more = [("NET", "user"), ("MEMORY", "512"), ("CPUS", "2"), ("MCAST", "230.1.2.3:4000")];
        assert_eq!(desk.run(&["up"], &more).0, 0);
        let calls = desk.calls();
        assert_eq!(calls.len(), 3, "{calls:?}");
        assert!(calls[0].contains("|-smp|2|-m|512|") && calls[0].contains("mcast=230.1.2.3:4000"), "{calls:?}");
        assert!(calls[0].ends_with("|-netdev|user,id=outside|-device|virtio-net-pci,netdev=outside"), "{calls:?}");
    }
}

/// A machine has a card for each address, all on the one network.
#[test]
fn a_machine_has_all_its_cards() {
    for desk in SHELLS.into_iter().filter_map(|shell| Desk::new(shell, Some("base.img"))) {
        let script = desk.path("my out, put/run.sh");
        let text = fs::read_to_string(&script).expect("run.sh");
        fs::write(&script, text.replace("s1 52:54:c0:00:02:33", "s1 52:54:c0:00:02:33 0a:00:00:00:00:01 0a:00:00:00:00:02"))
            .expect("run.sh");
        assert_eq!(desk.run(&["up"], &[("NET", "user")]).0, 0);
        let calls = desk.calls();
        let cards: Vec<&str> = calls[2].split('|').filter(|word| word.starts_with("virtio-net-pci")).collect();
        let wanted =
            ["netdev=cluster,mac=52:54:c0:00:02:33", "netdev=cluster1,mac=0a:00:00:00:00:01", "netdev=cluster2,mac=0a:00:00:00:00:02"];
        let wanted: Vec<String> = wanted.iter().chain(&["netdev=outside"]).map(|card| format!("virtio-net-pci,{card}")).collect();
        assert_eq!(cards, wanted, "{:?}", desk.shell);
        assert!(calls[2].contains("|socket,id=cluster2,mcast=230.0.0.1:"), "{calls:?}");
    }
}

fn can_write(path: &str) -> bool {
    Command::new("sh").args(["-c", "[ -r \"$0\" ] && [ -w \"$0\" ]", path]).status().expect("sh").success()
}

#[test]
fn what_is_missing_is_named() {
    for desk in SHELLS.into_iter().filter_map(|shell| Desk::new(shell, None)) {
        let says = |arguments: &[&str], environment: &[(&str, &str)], words: &str| {
            let (code, said) = desk.run(arguments, environment);
            assert!(code == 1 && said.contains(words), "{:?} {arguments:?}: {code} {said}", desk.shell);
        };
        says(&[], &[], "usage: run.sh up [IMAGE] | down | status");
        says(&["up"], &[], "no base image; name a cloud image of the platform: run.sh up IMAGE");
        says(&["up", "nosuch.img"], &[], "there is no base image nosuch.img");
        says(&["up"], &[("QEMU", "nosuch-qemu")], "nosuch-qemu is missing; install QEMU");
        says(&["up", "base.img"], &[("BROKEN", "*test-s2")], "s2 does not start");
        let (_, said) = desk.run(&["status"], &[]);
        assert!(said.starts_with("s1: runs") && said.ends_with("s2: off\nm1: off\n"), "{said}");
        fs::remove_file(desk.path("my out, put/hosts/m1/seed.iso")).expect("a volume");
        says(&["up"], &[("IMAGE", "base.img")], "m1/seed.iso is missing; build for a cloud with seed volumes");
    }
}

/// KVM that is there and does not work is tried once, not once for each host.
#[test]
fn without_kvm_it_is_slower_but_goes() {
    for desk in SHELLS.into_iter().filter_map(|shell| Desk::new(shell, Some("base.img"))) {
        let (code, said) = desk.run(&["up"], &[("ACCEL", "kvm tcg"), ("BROKEN", "accel=kvm*")]);
        assert_eq!((code, said.matches("run.sh: kvm fails here; trying without").count()), (0, 1), "{said}");
        assert_eq!(said.matches(": started with tcg").count(), 3, "{said}");
        assert_eq!(desk.calls().iter().filter(|call| call.starts_with("qemu-system-x86_64|")).count(), 4);
    }
}

/// A number that was reused by somebody else's process is not ours to end.
#[test]
fn foreign_processes_are_left_alone() {
    for desk in SHELLS.into_iter().filter_map(|shell| Desk::new(shell, Some("base.img"))) {
        let mut other = Command::new("sleep").arg("60").spawn().expect("sleep");
        fs::create_dir_all(desk.path("test-run/s1")).expect("a folder");
        fs::write(desk.path("test-run/s1/pid"), other.id().to_string()).expect("a file");
        assert!(desk.run(&["status"], &[]).1.starts_with("s1: off\n"));
        assert_eq!(desk.run(&["down"], &[]), (0, String::new()));
        assert!(other.try_wait().expect("a process of ours").is_none(), "it runs on");
        other.kill().and_then(|()| other.wait()).expect("it ends");
    }
}

#[test]
fn the_script_is_part_of_the_output_and_reproducible() {
    let folder = scratch();
    fs::write(folder.path().join("spec.yaml"), spec("qemu", "inline", "")).expect("a spec");
    let build = |out: &str, base: &str| {
        let mut command = clusterseed();
        command.args(["build", "-q", "spec.yaml", "-o", out, "--base", base]).current_dir(folder.path());
        assert_eq!(finish(&mut command).code, 0);
        let read = |name: &str| fs::read_to_string(folder.path().join(out).join(name)).expect("a file of the output");
        (read("run.sh"), read("manifest.json"), read("SHA256SUMS"))
    };
    let first = build("a", "it's.img");
    assert_eq!(first, build("b", "it's.img"));
    let (script, manifest, sums) = first;
    assert!(
        script.contains("\ncluster='test'\nvolume='seed.iso'\nimage='it'\\''s.img'\nport=")
            && script.contains("\nhosts='m1 52:54:c0:00:02:01'\n")
    );
    assert!(!script.contains("example"), "every line of the example is filled in");
    assert!(manifest.contains("\"path\": \"run.sh\",\n      \"mode\": \"0755\"") && sums.contains("  run.sh\n"), "{manifest}");
    shellcheck(&folder.path().join("a/run.sh"));
    fs::write(folder.path().join("spec.yaml"), spec("qemu", "{method: inline, volume: vfat}", "")).expect("a spec");
    assert!(build("c", "base.img").0.contains("\nvolume='seed.img'\n") && folder.path().join("c/hosts/m1/seed.img").is_file());
}

fn shellcheck(script: &Path) {
    match Command::new("shellcheck").arg(script).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(_) => eprintln!("skipped: shellcheck is not installed"),
    }
}
