//! A folder with a spec that carries packages, and a store of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::cli::{Done, finish};
use crate::support::{self, clusterseed};

/// A folder with a spec whose packages come from `sources`, lines of YAML.
pub struct Desk(tempfile::TempDir);

impl Desk {
    pub fn new(extra: &str, sources: &[String]) -> Self {
        let desk = Self(support::scratch());
        desk.spec(extra, sources, "");
        desk
    }

    pub fn spec(&self, extra: &str, sources: &[String], more: &str) {
        let sources: String = sources.iter().map(|source| format!("    - {source}\n")).collect();
        let text = format!(
            "version: 1\ncluster: test\nprofile: bare\nplatform: debian-12\nnetwork: {{subnet: 192.0.2.0/24, interface: ens3}}\n\
             hosts:\n  - {{name: a1, role: node, address: 192.0.2.1}}\ndelivery: hand\n\
             packages:\n  source: carried\n  extra: [{extra}]\n{more}  from:\n{sources}"
        );
        fs::write(self.path().join("cluster.yaml"), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = clusterseed();
        for name in ["http_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY"] {
            command.env_remove(name);
        }
        command.current_dir(self.path()).env("CLUSTERSEED_STORE", self.path().join("store")).env("CLUSTERSEED_PATIENCE", "2");
        command.arg("--profile-dir").arg(support::data("profiles")).args(arguments);
        command
    }

    pub fn lock(&self, more: &[&str]) -> Done {
        finish(&mut self.command(&[&["lock", "cluster.yaml"], more].concat()))
    }

    pub fn locked(&self) -> String {
        fs::read_to_string(self.path().join("cluster.lock")).unwrap_or_default()
    }

    /// A repository without suites and signature, below the desk.
    pub fn flat(&self, name: &str, packages: &str) -> String {
        let folder = self.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("Packages"), packages).unwrap();
        format!("{{name: {name}, url: \"file://{}\", suites: [\"./\"], unsigned: true}}", folder.display())
    }
}
