//! A cluster of two roles that carries three small packages, with its lock and its store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clusterseed::format::checksum::Sha256Sum;
use clusterseed::io::store::Store;

use crate::support::{clusterseed, key, scratch, texts};

/// Name, version, architecture and what it depends on.
const PACKAGES: [(&str, &str, &str, &str); 3] =
    [("basis", "2:1.0", "all", ""), ("server", "1:1.0-1+x~y", "amd64", "basis, tool (>= 2)"), ("tool", "2.0", "amd64", "")];

/// What their copyright files say; a name in place of a text is a link to the folder of another package.
const COPYRIGHT: [(&str, &str); 2] = [
    (
        "basis",
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: basis\n\nFiles: *\nCopyright: 2020 A\n\
         License: Expat\n text\n\nFiles: b\nCopyright: 2021 B\nLicense: GPL-2+ or Artistic\n\nFiles: c\nCopyright: C\nLicense: GPL-2+\n",
    ),
    ("server", "basis"),
];

/// See the module.
pub struct Project {
    pub folder: tempfile::TempDir,
    platform: &'static str,
}

impl Project {
    /// For Debian 12.
    pub fn new() -> Self {
        Self::on("debian-12")
    }

    /// For another platform.
    pub fn on(platform: &'static str) -> Self {
        let project = Self { folder: scratch(), platform };
        let at = |path: &str| project.folder.path().join(path);
        fs::create_dir_all(at("profiles/small")).expect("a folder");
        fs::write(
            at("profiles/small/profile.yaml"),
            "profile: small\nformat: 1\nsummary: for tests\nplatforms: [debian-11, debian-12, debian-13]\nsettings: {}\nroles:\n  \
             server: {description: has a server, packages: {default: [server]}}\n  client: {description: has a tool, packages: {default: [tool]}}\n",
        )
        .expect("a profile");
        let mut lock = format!(
            "version: 1\nplatform: {platform}\narchitecture: amd64\n\nsources:\n  - name: debs\n    folder: debs\n    priority: 500\n\nsets:\n  \
             - name: client\n    wanted: [tool]\n  - name: server\n    wanted: [server]\n\npackages:\n"
        );
        for (name, version, architecture, depends) in PACKAGES {
            let deb = project.deb(name, version, architecture, depends);
            let bytes = fs::read(&deb).expect("a package");
            let sha256 = Sha256Sum::of(&bytes);
            project.store().put(sha256, bytes.len() as u64, &bytes[..]).expect("a store");
            let asked = |set| if set == name || set == "client" { "asked for" } else { "server" };
            let client = if name == "tool" { format!("      client: {}\n", asked("client")) } else { String::new() };
            lock.push_str(&format!(
                "  - name: {name}\n    version: \"{version}\"\n    architecture: {architecture}\n    size: {}\n    sha256: \"{}\"\n    \
                 source: debs\n    path: {name}.deb\n    for:\n{client}      server: {}\n\n",
                bytes.len(),
                sha256.hex(),
                asked("server")
            ));
        }
        fs::write(at("cluster.lock"), lock).expect("a lock");
        fs::copy(key("repository/signing.key"), at("signing.key")).expect("a key");
        project
    }

    /// The store of its packages.
    pub fn store(&self) -> Store {
        Store::at(self.folder.path().join("store"))
    }

    /// Makes a package with dpkg-deb; its files do not compress.
    pub fn deb(&self, name: &str, version: &str, architecture: &str, depends: &str) -> PathBuf {
        let tree = self.folder.path().join("trees").join(name);
        let share = tree.join(format!("usr/share/{name}"));
        fs::create_dir_all(tree.join("DEBIAN")).expect("a folder");
        fs::create_dir_all(&share).expect("a folder");
        let depends = if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
        let source = if name == "tool" { "" } else { "Source: stack (1.0-1)\n" };
        match COPYRIGHT.iter().find(|(package, _)| *package == name) {
            Some((_, link)) if !link.contains('\n') => {
                fs::create_dir_all(tree.join("usr/share/doc")).expect("a folder");
                std::os::unix::fs::symlink(link, tree.join("usr/share/doc").join(name)).expect("a link");
            }
            Some((_, text)) => {
                fs::create_dir_all(tree.join("usr/share/doc").join(name)).expect("a folder");
                fs::write(tree.join("usr/share/doc").join(name).join("copyright"), text).expect("a file");
            }
            None => {}
        }
        let control = format!(
            "Package: {name}\n{source}Version: {version}\nArchitecture: {architecture}\nMaintainer: Nobody <nobody@example.net>\nInstalled-Size: 200\n{depends}Homepage: https://example.net/{name}\nDescription: for tests\n of carried packages\n"
        );
        fs::write(tree.join("DEBIAN/control"), control).expect("a control file");
        let mut state = name.bytes().fold(1u64, |state, byte| state * 31 + u64::from(byte));
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        fs::write(share.join("noise"), noise.take(150_000).collect::<Vec<u8>>()).expect("a file");
        let deb = self.folder.path().join("debs").join(format!("{name}.deb"));
        fs::create_dir_all(deb.parent().expect("a folder")).expect("a folder");
        let mut command = Command::new("dpkg-deb");
        command.args(["--root-owner-group", "-Zxz", "--build"]).arg(&tree).arg(&deb).env("SOURCE_DATE_EPOCH", "1700000000");
        let output = command.output().expect("dpkg-deb");
        assert!(output.status.success(), "{}", texts(&output).1);
        deb
    }

    /// The program, in the project.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clusterseed();
        command.args(arguments).args(if matches!(arguments[0], "bake" | "bom" | "build" | "check" | "fetch" | "render") {
            &["--profile-dir", "profiles"][..]
        } else {
            &[]
        });
        command.current_dir(self.folder.path()).env("CLUSTERSEED_STORE", self.folder.path().join("store"));
        command
    }

    /// How a command ended, and what it said.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().expect("the program");
        let (out, err) = texts(&output);
        (output.status.code().expect("it ends by itself"), out + &err)
    }

    /// Builds for one way of the seed with the key of the tests; the output.
    pub fn build(&self, delivery: &str) -> PathBuf {
        self.spec(delivery);
        let method = delivery.split('=').next().unwrap_or_default();
        let out = format!("out-{method}");
        let (code, said) = self.run(&["build", &format!("{method}.yaml"), "-q", "-o", &out, "--sign-with", "signing.key"]);
        assert_eq!(code, 0, "{said}");
        self.folder.path().join(out)
    }

    /// Writes the spec of one way of the seed: `volume`, `hand` or `url=http://…`.
    pub fn spec(&self, delivery: &str) {
        let (method, way) = match delivery.split_once('=') {
            Some((method, url)) => (method, format!("{{method: {method}, url: \"{url}\"}}")),
            None => (delivery, delivery.to_string()),
        };
        let text = format!(
            "version: 1\ncluster: small\nprofile: small\nplatform: {}\nnetwork: {{subnet: 203.0.113.0/24, interface: ens3}}\ndelivery: {way}\nhosts:\n  \
             - {{name: server1, role: server, address: 203.0.113.1}}\n  - {{name: client1, role: client, address: 203.0.113.2}}\n\
             packages:\n  source: carried\n  from: [{{name: debs, folder: debs}}]\n  sources_list: aside\n",
            self.platform
        );
        fs::write(self.folder.path().join(format!("{method}.yaml")), text).expect("a spec");
    }

    /// Names of the sets in a folder of repositories.
    pub fn sets(&self, packages: &Path) -> Vec<String> {
        let names = fs::read_dir(packages).expect("repositories").map(|entry| entry.expect("an entry").file_name());
        let mut sets: Vec<String> = names.filter_map(|name| name.into_string().ok()).filter(|name| name.len() == 16).collect();
        sets.sort();
        assert_eq!(sets.len(), 2);
        sets
    }
}
