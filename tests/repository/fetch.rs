//! The packages of a seed on their way to the host: from its volume and over HTTP, under dash and busybox, with all that can happen.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Project;
use super::tamper::{cut, flip, grow, package};
use crate::seed::server::{Reply, Server};
use crate::support::{self, files};

/// What a run of `fetch` is given, as user-data says it.
fn arguments(out: &Path, host: &str) -> Vec<String> {
    let text = fs::read_to_string(out.join(format!("hosts/{host}/user-data"))).expect("user-data");
    let line =
        text.lines().find_map(|line| line.split_once("/fetch ").filter(|(_, rest)| rest.contains(" && sh "))).expect("a call of fetch").1;
    line.split(" && ").next().unwrap_or_default().split(' ').map(str::to_string).collect()
}

struct Host {
    folder: tempfile::TempDir,
    shell: &'static [&'static str],
}

impl Host {
    fn new(shell: &'static [&'static str]) -> Self {
        let folder = support::scratch();
        fs::write(folder.path().join("fetch"), clusterseed::emit::user_data::FETCH).expect("a program");
        fs::create_dir_all(folder.path().join("nocloud")).expect("a folder");
        Self { folder, shell }
    }

    /// Puts all that the volume of a host holds into the seed folder.
    fn attach(&self, out: &Path, host: &str) -> PathBuf {
        let nocloud = self.folder.path().join("nocloud");
        let image = fs::read(out.join(format!("hosts/{host}/seed.iso"))).expect("a volume");
        for file in clusterseed::format::iso9660::read::read(&image).expect("a sound volume").files {
            fs::write(nocloud.join(&file.name), file.bytes(&image)).expect("a file");
        }
        nocloud
    }

    fn fetch(&self, arguments: &[String]) -> (i32, String) {
        let mut command = Command::new(self.shell[0]);
        command.args(&self.shell[1..]).arg(self.folder.path().join("fetch")).args(arguments).stdin(Stdio::null());
        for (name, value) in [("STATE", "state"), ("NOCLOUD", "nocloud"), ("LABELS", "labels"), ("LOCK", "lock")] {
            command.env(format!("CLUSTERSEED_{name}"), self.folder.path().join(value));
        }
        let output = command.env("CLUSTERSEED_PAUSE", "0").output().expect("a shell");
        let (out, err) = support::texts(&output);
        (output.status.code().expect("it ends by itself"), out + &err)
    }

    /// Every file of the repository in the seed that arrived.
    fn repository(&self) -> BTreeMap<String, Vec<u8>> {
        let seed = self.folder.path().join("state/seed/repo");
        if !seed.exists() {
            return BTreeMap::new();
        }
        files(&seed).into_iter().map(|(name, path)| (name, fs::read(path).expect("a file"))).collect()
    }

    fn tidy(&self) {
        let mut beside: Vec<_> =
            fs::read_dir(self.folder.path().join("state")).expect("a folder").map(|e| e.expect("an entry").file_name()).collect();
        beside.sort();
        assert_eq!(beside, ["seed", "seed.sha256"]);
    }
}

const SHELLS: [&[&str]; 2] = [&["dash"], &["busybox", "sh"]];

fn serve(out: PathBuf) -> Server {
    Server::start(move |path, hits| {
        let path = path.replace("%2b", "+").replace("%7e", "~");
        let file =
            path.strip_prefix("/packages/").map_or_else(|| out.join("hosts").join(&path[1..]), |rest| out.join("packages").join(rest));
        match fs::read(file) {
            Ok(bytes) if path.contains("server_") && hits == 1 => Reply::cut(&bytes, bytes.len() / 2),
            Ok(bytes) => Reply::whole(&bytes),
            Err(_) => Reply::error(404),
        }
    })
}

#[test]
fn three_ways_end_in_one_tree() {
    let project = Project::new();
    let by_hand = project.build("hand");
    let wanted: BTreeMap<String, Vec<u8>> = crate::golden::untar(&fs::read(by_hand.join("hosts/server1/seed.tar.gz")).expect("a seed"))
        .into_iter()
        .filter_map(|(path, _, bytes)| Some((path.strip_prefix("seed/repo/")?.to_string(), bytes)))
        .collect();
    assert!(wanted.keys().filter(|path| path.starts_with("pool/")).count() == 3 && wanted.contains_key("key.gpg"), "{:?}", wanted.keys());
    let out = project.build("volume");
    for shell in SHELLS {
        let host = Host::new(shell);
        host.attach(&out, "server1");
        let (code, said) = host.fetch(&arguments(&out, "server1"));
        assert_eq!(code, 0, "{shell:?}: {said}");
        assert!(host.repository() == wanted, "{shell:?}: volume");
        host.tidy();

        // A server that breaks off once.
        let unknown = Server::start(|_, _| Reply::error(404));
        let out = project.build(&format!("url={}", unknown.url("")));
        let server = serve(out.clone());
        let host = Host::new(shell);
        let moved: Vec<String> = arguments(&out, "server1").iter().map(|word| word.replace(&unknown.url(""), &server.url(""))).collect();
        let (code, said) = host.fetch(&moved);
        assert_eq!(code, 0, "{shell:?}: {said}");
        assert!(host.repository() == wanted, "{shell:?}: url");
        host.tidy();
        let before = server.hits("/packages/pool/basis_1.0_all.deb");
        let (code, said) = host.fetch(&moved);
        assert!(code == 0 && said.contains("here already"), "{said}");
        assert_eq!(server.hits("/packages/pool/basis_1.0_all.deb"), before);
    }
}

#[test]
fn of_packages_on_the_volume() {
    type Change = fn(&Path);
    let project = Project::new();
    let out = project.build("volume");
    let wrong = "is not the one that the seed names";
    let changes: [(&str, Change, &str); 6] = [
        ("flipped", |pool| flip(&package(pool, "server")), wrong),
        ("longer", |pool| grow(&package(pool, "basis")), wrong),
        ("shorter", |pool| cut(&package(pool, "tool")), wrong),
        ("missing", |pool| fs::remove_file(package(pool, "tool")).expect("a file"), "is not on the volume"),
        ("swapped", |pool| assert!(fs::copy(package(pool, "basis"), package(pool, "tool")).is_ok()), wrong),
        ("another seed", |pool| flip(&pool.join("seed.tar.gz")), "is not the one that user-data names"),
    ];
    for (what, change, why) in changes {
        for shell in SHELLS {
            let host = Host::new(shell);
            let pool = host.attach(&out, "server1");
            change(&pool);
            let (code, said) = host.fetch(&arguments(&out, "server1"));
            assert!(code == 1 && said.contains(why), "{what}: {said}");
            assert!(host.repository().is_empty(), "{what}: nothing is put in place");
            // With the right ones it goes on.
            host.attach(&out, "server1");
            let (code, said) = host.fetch(&arguments(&out, "server1"));
            assert_eq!(code, 0, "{what}: {said}");
            host.tidy();
        }
    }
}
