//! The real apt, in a folder of its own: nothing of the machine's configuration, sources or packages is seen or changed.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::world::Texts;
use crate::support::texts as output_texts;

/// True when apt can be asked; says so when not. Under CI=true it has to be there.
pub fn there() -> bool {
    let there = Command::new("apt-get").arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(there || std::env::var_os("CI").is_none(), "apt-get is not installed");
    if !there {
        eprintln!("skipped: apt-get is not installed, so nothing is compared with it");
    }
    there
}

/// A root of apt's own.
pub struct Apt {
    root: PathBuf,
}

impl Apt {
    /// Lays out a root for these texts. Indexes lie where `apt-get update` would have put them.
    pub fn new(root: &Path, texts: &Texts) -> Self {
        for folder in ["etc/apt/apt.conf.d", "etc/apt/preferences.d", "lists/partial", "archives/partial", "dpkg"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        let write = |path: &str, text: &str| fs::write(root.join(path), text).expect("a file");
        let (mut list, mut preferences) = (String::new(), String::new());
        for (name, packages) in &texts.sources {
            let _ = writeln!(list, "deb [trusted=yes] file:/r/{name} ./");
            write(&format!("lists/_r_{name}_._Packages"), packages);
            write(&format!("lists/_r_{name}_._Release"), &format!("Label: {name}\nDate: Thu, 01 Jan 2026 00:00:00 UTC\n"));
            if texts.priority(name) != 500 {
                let _ = writeln!(preferences, "Package: *\nPin: release l={name}\nPin-Priority: {}\n", texts.priority(name));
            }
        }
        for words in texts.lines("pin") {
            let (package, version) = words[0].split_once('=').expect("a version");
            let _ = writeln!(preferences, "Package: {package}\nPin: version {version}\nPin-Priority: {}\n", words[1]);
        }
        write("etc/apt/sources.list", &list);
        write("etc/apt/preferences", &preferences);
        write("dpkg/status", &texts.status);
        let architectures: String = texts.foreign().iter().map(|name| format!(" \"{name}\";")).collect();
        let root = root.to_path_buf();
        let at = root.display();
        let conf = format!(
            "Dir \"{at}\";\nDir::State::lists \"{at}/lists\";\nDir::State::status \"{at}/dpkg/status\";\nDir::State::extended_states \"{at}/auto\";\n\
             Dir::Cache::archives \"{at}/archives\";\nDir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\nDir::Log \"{at}\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\";{architectures} }};\nAPT::Install-Recommends \"false\";\n\
             APT::Solver \"internal\";\nDebug::NoLocking \"true\";\nAcquire::Languages \"none\";\n"
        );
        fs::write(root.join("conf"), conf).expect("a file");
        Self { root }
    }

    /// Lets apt keep what it has read of the sources, for many questions about large ones.
    pub fn cached(self) -> Self {
        let conf = self.root.join("conf");
        let text = fs::read_to_string(&conf).expect("a file");
        let at = self.root.display();
        let kept = |kind: &str| format!("Dir::Cache::{kind}cache \"{at}/{kind}cache.bin\"");
        let text = text.replace("Dir::Cache::pkgcache \"\"", &kept("pkg")).replace("Dir::Cache::srcpkgcache \"\"", &kept("srcpkg"));
        fs::write(conf, text).expect("a file");
        self
    }

    /// What apt-get would do, as [`World::set`](super::world::World::set) tells it; none when it refuses. With all that it says.
    pub fn install(&self, wanted: &[&str]) -> (Option<Vec<String>>, String) {
        let mut command = Command::new("apt-get");
        command.env("APT_CONFIG", self.root.join("conf")).env("LC_ALL", "C").env_remove("DPKG_ROOT");
        command.args(["-s", "-q", "--no-install-recommends", "--allow-downgrades", "--allow-change-held-packages", "-y", "install"]);
        let output = command.args(wanted).output().expect("apt-get");
        let (stdout, stderr) = output_texts(&output);
        let said = format!("{stdout}{stderr}");
        if !output.status.success() {
            return (None, said);
        }
        let mut set: Vec<String> = stdout.lines().filter_map(action).collect();
        set.sort();
        (Some(set), said)
    }
}

/// `Inst name[:architecture] [old] (version …  [architecture])`, `Remv name[:architecture] [old]`.
fn action(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    let (verb, name) = (words.next()?, words.next()?);
    let full = |name: &str| if name.contains(':') { name.to_string() } else { format!("{name}:amd64") };
    match verb {
        "Inst" => {
            let version = line.split_once('(')?.1.split([' ', ')']).next()?;
            Some(format!("+{} {version}", full(name)))
        }
        "Remv" | "Purg" => Some(format!("-{}", full(name))),
        _ => None,
    }
}
