//! Machines that boot what the product wrote: `root.sh` and `boot.sh` as a value that cleans up after itself.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::support::{clusterseed, key, root, texts};

/// Where something `outside` of the machines stands on their network.
pub const OUTSIDE: &str = "192.0.2.250";

/// Machines on one network, and the folder of the test that boots them. All ends with the value; what a failed test needs to be
/// understood stays in the folder.
pub struct Lab {
    name: &'static str,
    /// The test's folder: specs, outputs, logs.
    pub home: PathBuf,
    /// The root of all machines.
    pub tree: PathBuf,
    nics: &'static str,
    begun: Instant,
    step: Mutex<Instant>,
}

/// What a command inside a machine answered.
pub struct Answer {
    /// Its exit status.
    pub code: i32,
    /// What it wrote to standard output.
    pub out: String,
    /// What it wrote to standard error.
    pub err: String,
}

impl Lab {
    /// Makes the root tree of Debian 12 if it is not there, and a network without machines. None without root, where nothing can be
    /// booted.
    pub fn begin(name: &'static str) -> Option<Self> {
        Self::begin_on("bookworm", "host0", name)
    }

    /// The same with the tree of another release, for machines with these interfaces.
    pub fn begin_on(suite: &str, nics: &'static str, name: &'static str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{name}: CI must boot machines, so it has to be root");
            println!("{name}: skipped, booting machines needs root");
            return None;
        }
        let cache = std::env::var_os("CLUSTERSEED_CACHE").map_or_else(|| root().join("target/real"), PathBuf::from);
        let tree = cache.join(if suite == "bookworm" { "root".to_string() } else { format!("root-{suite}") });
        let lab = Self { name, home: cache.join(name), tree, nics, begun: Instant::now(), step: Mutex::new(Instant::now()) };
        // What an earlier run left running is found by the folder's name.
        fs::create_dir_all(lab.home.join("work")).expect("a folder for the test");
        lab.boot(&["down", &lab.work()]);
        fs::remove_dir_all(&lab.home).expect("the folder of an earlier run is removed");
        fs::create_dir_all(lab.home.join("work")).expect("a folder for the test");
        succeed(Command::new("sh").arg(root().join("tests/real/root.sh")).arg(&lab.tree).arg(suite));
        lab.boot(&["lab", &lab.work(), &path(&lab.tree), &format!("{OUTSIDE}/24")]);
        lab.say("the root tree and the network are there");
        Some(lab)
    }

    /// Prints a step that is done, and how long it took.
    pub fn say(&self, what: &str) {
        let now = Instant::now();
        let Ok(mut step) = self.step.lock() else { return };
        let (since, total) = (now - std::mem::replace(&mut *step, now), now - self.begun);
        println!("{} {:6.1} s (+{:.1}): {what}", self.name, total.as_secs_f64(), since.as_secs_f64());
    }

    /// The root tree that machines boot from.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// The folder that `boot.sh` works in.
    pub fn work(&self) -> String {
        path(&self.home.join("work"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.arg(root().join("tests/real/boot.sh")).args(arguments).env("BOOT_LIMIT", "600").env("BOOT_NIC", self.nics);
        command
    }

    /// Runs `boot.sh`, which must succeed; gives what it printed.
    pub fn boot(&self, arguments: &[&str]) -> String {
        succeed(&mut self.command(arguments))
    }

    /// Writes a spec beside its local files and builds it with the profiles of the tests.
    pub fn build(&self, name: &str, spec: &str) -> Built {
        let spec_path = self.home.join(format!("{name}.yaml"));
        fs::write(&spec_path, spec).expect("writing the spec");
        let built = Built { spec: spec_path, out: self.home.join(name) };
        let mut build = built.clusterseed("build");
        if spec.contains("source: carried") {
            succeed(built.clusterseed("lock").arg(&built.spec));
            succeed(built.clusterseed("fetch").arg("--offline").arg(&built.spec));
            build.arg("--sign-with").arg(key("repository/signing.key"));
        }
        succeed(build.arg("--quiet").arg(&built.spec).arg("-o").arg(&built.out));
        built
    }

    /// A spec of this name that lies there already, and what was built from it elsewhere.
    pub fn built(&self, name: &str, out: &str) -> Built {
        Built { spec: self.home.join(format!("{name}.yaml")), out: self.home.join(out) }
    }

    /// Runs a shell script beside the machines, in the test's folder, with these commands before all others.
    pub fn beside(&self, script: &str, commands: &Path) -> Output {
        let (work, path) = (self.work(), std::env::var("PATH").unwrap_or_default());
        let mut command = self.command(&["outside", &work, "sh", "-euc", script]);
        command.current_dir(&self.home).env("PATH", format!("{}:{path}", commands.display())).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).output().expect("boot.sh runs")
    }

    /// The image's cloud-init finds nothing to say against a user-data.
    pub fn schema(&self, user_data: &Path) {
        self.boot(&["schema", &path(&self.tree), &path(user_data)]);
    }

    /// Puts a file into a machine's NoCloud seed folder before it boots, as an image or a hypervisor would.
    pub fn preload(&self, machine: &str, name: &str, content: &[u8]) {
        let folder = self.on_disk(machine, "/var/lib/cloud/seed/nocloud");
        fs::create_dir_all(&folder).expect("a seed folder");
        fs::write(folder.join(name), content).expect("writing into the seed folder");
    }

    /// The same with a file that lies on this disk already, which no machine may change.
    pub fn preload_link(&self, machine: &str, name: &str, file: &Path) {
        let folder = self.on_disk(machine, "/var/lib/cloud/seed/nocloud");
        fs::create_dir_all(&folder).expect("a seed folder");
        fs::hard_link(file, folder.join(name)).expect("a link in the seed folder");
    }

    /// Where a file that the machine has written lies on this one.
    pub fn on_disk(&self, machine: &str, target: &str) -> PathBuf {
        self.home.join("work").join(machine).join("upper").join(target.trim_start_matches('/'))
    }

    /// Boots machines, each with the seed folder of a host, and waits until all have finished their first boot.
    pub fn first_boot(&self, machines: &[(&str, PathBuf)]) {
        for (name, seed) in machines {
            self.boot(&["up", &self.work(), name, &path(seed)]);
        }
        let names: Vec<&str> = machines.iter().map(|(name, _)| *name).collect();
        self.all("wait", &names);
        self.say(&format!("booted {}", names.join(", ")));
    }

    /// Reboots machines at once and waits for all.
    pub fn reboot(&self, machines: &[&str]) {
        self.all("reboot", machines);
        self.say(&format!("rebooted {}", machines.join(", ")));
    }

    fn all(&self, verb: &str, machines: &[&str]) {
        self.each(machines, |machine| drop(self.boot(&[verb, &self.work(), machine])));
    }

    /// Does something with several machines at once.
    pub fn each(&self, machines: &[&str], work: impl Fn(&str) + Sync) {
        let work = &work;
        thread::scope(|scope| machines.iter().for_each(|machine| drop(scope.spawn(move || work(machine)))));
    }

    /// What cloud-init and systemd complain of, line by line; nothing when all is well.
    pub fn verdict(&self, machine: &str) -> String {
        let output = self.command(&["verdict", &self.work(), machine]).output().expect("boot.sh runs");
        texts(&output).0
    }

    /// Runs a shell script inside, with arguments, and gives what it wrote to standard output; it must succeed.
    pub fn shell(&self, machine: &str, script: &str, arguments: &[&str]) -> String {
        let answer = self.ask(machine, script, arguments, b"");
        assert_eq!(answer.code, 0, "{machine}: {script}\n{}{}", answer.out, answer.err);
        answer.out
    }

    /// Runs a shell script inside that may fail.
    pub fn ask(&self, machine: &str, script: &str, arguments: &[&str], input: &[u8]) -> Answer {
        let work = self.work();
        let inner = [&["exec", &work, machine, "sh", "-c", script, "sh"][..], arguments].concat();
        let output = fed(&mut self.command(&inner), input);
        let (out, err) = texts(&output);
        Answer { code: output.status.code().unwrap_or(-1), out, err }
    }

    /// What `status` says from beside the machines.
    pub fn status(&self, built: &Built, arguments: &[&str]) -> Answer {
        let (work, spec, profiles) = (self.work(), path(&built.spec), path(&root().join("tests/profiles")));
        let lock = path(&built.spec.with_extension("lock"));
        let inner = ["outside", &work, env!("CARGO_BIN_EXE_clusterseed"), "status", &spec, "--profile-dir", &profiles, "--lock", &lock];
        let output = self.command(&[&inner[..], arguments].concat()).env("NO_COLOR", "1").stdin(Stdio::null()).output().expect("boot.sh");
        let (out, err) = texts(&output);
        Answer { code: output.status.code().unwrap_or(-1), out, err }
    }

    /// Starts a program beside the machines; it ends with the value.
    pub fn outside(&self, arguments: &[&str]) -> Beside {
        use std::os::unix::process::CommandExt;
        let work = self.work();
        let mut command = self.command(&[&["outside", &work][..], arguments].concat());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn();
        Beside(child.expect("boot.sh starts"))
    }

    /// A new SSH key pair, made with the image's tools: the private key and the public line.
    pub fn key_pair(&self) -> (String, String) {
        let script = "d=$(mktemp -d) && ssh-keygen -q -t ed25519 -N '' -C ops@test -f $d/k && cat $d/k $d/k.pub; rm -rf $d";
        let text = succeed(Command::new("chroot").arg(&self.tree).args(["sh", "-c", script]));
        let end = text.find("ssh-ed25519 ").expect("a public key after the private one");
        (text[..end].to_string(), text[end..].trim_end().to_string())
    }

    /// Runs a shell script in the tree, where nothing runs, with a folder of this machine at /mnt; gives what it said on both streams.
    pub fn in_tree(&self, folder: &Path, script: &str) -> String {
        let outer = r#"mount --bind "$2" "$1/mnt"; mount -t proc proc "$1/proc"; exec chroot "$1" sh -euc "$3" 2>&1"#;
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--propagation", "private", "sh", "-euc", outer, "-"]).arg(&self.tree).arg(folder).arg(script);
        succeed(&mut command)
    }

    fn machines(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.home.join("work")) else { return Vec::new() };
        let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().join("upper").is_dir());
        let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Lab {
    /// A panic in here would hide the one that failed the test, so nothing is asserted.
    fn drop(&mut self) {
        if thread::panicking() {
            for machine in self.machines() {
                let logs = path(&self.home.join("logs").join(&machine));
                let _ = self.command(&["collect", &self.work(), &machine, &logs]).output();
                println!("{}: the logs of {machine} are in {logs}", self.name);
            }
        }
        let _ = self.command(&["down", &self.work()]).output();
        let _ = fs::remove_dir_all(self.home.join("work"));
        if !thread::panicking() {
            self.say("done");
            let _ = fs::remove_dir_all(&self.home);
        }
    }
}

/// A program beside the machines.
pub struct Beside(std::process::Child);

impl Drop for Beside {
    fn drop(&mut self) {
        // A group of its own: the shell that started it, and it.
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// A spec of hosts that know each other and nothing else; `rest` is its network, and what else there is.
pub fn bare(platform: &str, rest: &str) -> String {
    format!("version: 1\ncluster: net\nprofile: bare\nplatform: {platform}\n{rest}")
}

/// A spec and what was built from it.
pub struct Built {
    pub spec: PathBuf,
    out: PathBuf,
}

impl Built {
    /// `clusterseed VERB` with the profiles of the tests.
    pub fn clusterseed(&self, verb: &str) -> Command {
        let mut command = clusterseed();
        command.arg("--profile-dir").arg(root().join("tests/profiles")).arg(verb);
        command.env("CLUSTERSEED_STORE", self.spec.with_file_name("store"));
        if verb != "verify" {
            command.arg("--lock").arg(self.spec.with_extension("lock"));
        }
        command
    }

    /// The commands that a build for a target prints, as a script; `out` is where the output lies.
    pub fn commands(&self, target: &str, out: &Path) -> String {
        let mut command = self.clusterseed("build");
        command.args(["--quiet", "--format", "json", "--target", target]).arg(&self.spec).arg("-o").arg(out);
        let said = succeed(&mut command);
        let next: serde_json::Value = serde_json::from_str(said.lines().last().unwrap_or_default()).expect("a line of JSON");
        let commands = next["next"]["target"]["commands"].as_array().expect("commands");
        commands.iter().map(|command| format!("{}\n", command["shell"].as_str().expect("a line"))).collect()
    }

    /// The folder with the folders of all hosts.
    pub fn hosts(&self) -> PathBuf {
        self.out.join("hosts")
    }

    /// The seed folder of a host, made for its NoCloud data source.
    pub fn seed(&self, host: &str) -> PathBuf {
        self.hosts().join(host)
    }

    /// A file of a host's.
    pub fn read(&self, host: &str, name: &str) -> Vec<u8> {
        fs::read(self.seed(host).join(name)).expect("a file that build wrote")
    }

    /// What `plan --format json` says of a host.
    pub fn plan(&self, host: &str) -> serde_json::Value {
        let text = succeed(self.clusterseed("plan").args(["--format", "json"]).arg(&self.spec).arg(host));
        let mut plan: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        plan["hosts"][0].take()
    }
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_string()
}

/// Runs to the end and gives standard output; a failure ends the test with all that was said.
fn succeed(command: &mut Command) -> String {
    let output = fed(command, b"");
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out
}

fn fed(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // Inputs are shorter than a pipe holds, and a program that reads none of them may be gone already.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("an end")
}
