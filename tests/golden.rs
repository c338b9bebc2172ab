//! Clusters whose output is known byte for byte.
//!
//! `golden/NAME/cluster.yaml` is the spec, `golden/NAME/shown` names what of the output is kept as plain files: paths below the
//! output folder, with the tarball of a host unpacked as `hosts/HOST/seed/…`; one that ends with `/` stands for all below it.
//! `golden/NAME/expect/listing` has a line for every file of the output and of the seeds. `UPDATE_EXPECT=1` writes all of it
//! again; a golden only says "as yesterday", so read the difference against the facts before you keep it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use clusterseed::artifact::Artifact;
use clusterseed::compile;
use clusterseed::diag::{Diagnostics, Sources, render};
use clusterseed::emit::host_json::HostJson;
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::format::{iso9660, vfat};
use clusterseed::io::load;
use serde_json::Value;

use super::support;

/// A golden cluster, built.
pub struct Golden {
    /// Name of its folder.
    pub name: String,
    /// Name of its platform.
    pub platform: String,
    /// Codes of the warnings that it raises.
    pub warnings: Vec<String>,
    /// Everything of the output by path, tarballs unpacked beside themselves.
    pub files: BTreeMap<String, Shown>,
}

/// A file of an output or of a seed.
pub struct Shown {
    /// Permission bits.
    pub mode: u32,
    /// All bytes.
    pub bytes: Vec<u8>,
}

impl Golden {
    /// Names of the hosts.
    pub fn hosts(&self) -> BTreeSet<&str> {
        self.files.keys().filter_map(|path| path.strip_prefix("hosts/")?.split('/').next()).collect()
    }

    /// A file that has to be there.
    pub fn bytes(&self, path: &str) -> &[u8] {
        &self.files.get(path).unwrap_or_else(|| panic!("{} has no {path}", self.name)).bytes
    }

    /// A text that has to be there.
    pub fn text(&self, path: &str) -> &str {
        std::str::from_utf8(self.bytes(path)).unwrap_or_else(|_| panic!("{path} is not UTF-8"))
    }

    /// `user-data` of a host as cloud-init sees it.
    pub fn user_data(&self, host: &str) -> String {
        String::from_utf8(readable(self.bytes(&format!("hosts/{host}/user-data")))).expect("UTF-8")
    }

    /// `host.json` of a host.
    pub fn host_json(&self, host: &str) -> Value {
        serde_json::from_str(self.text(&format!("hosts/{host}/seed/host.json"))).expect("host.json is JSON")
    }

    /// Files below `root/` of a host's seed by their path on the target.
    pub fn targets(&self, host: &str) -> BTreeMap<String, &[u8]> {
        let folder = format!("hosts/{host}/seed/root");
        self.files.iter().filter_map(|(path, file)| Some((path.strip_prefix(&folder)?.to_string(), &*file.bytes))).collect()
    }
}

/// All golden clusters, built once for every test that looks at them.
pub fn built() -> &'static [Golden] {
    static BUILT: LazyLock<Vec<Golden>> = LazyLock::new(|| {
        let folders = fs::read_dir(support::data("golden")).expect("the folder of goldens");
        let mut folders: Vec<PathBuf> = folders.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        folders.iter().map(|folder| build(folder)).collect()
    });
    &BUILT
}

/// The golden of that name.
pub fn golden(name: &str) -> &'static Golden {
    built().iter().find(|golden| golden.name == name).unwrap_or_else(|| panic!("there is no golden {name}"))
}

fn build(folder: &Path) -> Golden {
    let spec = folder.join("cluster.yaml");
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let mut inputs = load::inputs(&spec, &load::Options::default(), &mut sources, &mut diags).expect("the spec can be read");
    inputs.epoch = 0; // whatever SOURCE_DATE_EPOCH this run of the tests has
    let cluster = compile::check(&inputs, &mut sources, &mut diags);
    let allowed: Vec<String> = inputs.spec.iter().flat_map(|spec| spec.allow.iter().map(|code| code.value.clone())).collect();
    diags.finish(&allowed, false);
    let Some(cluster) = cluster else { panic!("{}", render::all(&diags, &sources, false)) };
    let files = Mutex::new(BTreeMap::new());
    let keep = |artifact: &Artifact| {
        let bytes = artifact.content.bytes().expect("nothing is carried").to_vec();
        let sha256 = Sha256Sum::of(&bytes);
        let shown = Shown { mode: artifact.mode, bytes };
        let twice = files.lock().expect("no panic before").insert(artifact.path.clone(), shown);
        if twice.is_some() { Err(format!("{} is written twice", artifact.path)) } else { Ok(sha256) }
    };
    compile::build(&cluster, &inputs, keep).expect("a checked cluster can be built");
    let mut files = files.into_inner().expect("no panic before");
    let tarballs: Vec<String> = files.keys().filter(|path| path.ends_with("/seed.tar.gz")).cloned().collect();
    for path in tarballs {
        let seed = untar(&files[&path].bytes);
        let top = path.trim_end_matches("seed.tar.gz");
        files.extend(seed.into_iter().map(|(inside, mode, bytes)| (format!("{top}{inside}"), Shown { mode, bytes })));
    }
    Golden {
        name: folder.file_name().expect("a name").to_string_lossy().into_owned(),
        platform: cluster.platform.name.clone(),
        warnings: diags.iter().map(|d| d.code.to_string()).collect(),
        files,
    }
}

/// Regular files of a tarball: path, mode, bytes.
pub fn untar(bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes));
    let mut files = Vec::new();
    for entry in archive.entries().expect("a tarball") {
        let mut entry = entry.expect("a whole entry");
        if entry.header().entry_type().is_file() {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).expect("a whole file");
            let path = entry.path().expect("a path").to_string_lossy().into_owned();
            files.push((path, entry.header().mode().expect("a mode"), content));
        }
    }
    files
}

/// User-data without what carries it: gzip, or a MIME message of one part with gzip in base64.
pub fn readable(bytes: &[u8]) -> Vec<u8> {
    let packed = match bytes.strip_prefix(b"Content-Type: application/x-gzip\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n") {
        None => bytes.to_vec(),
        Some(body) => {
            let body: String = body.iter().map(|b| char::from(*b)).filter(|c| *c != '\n').collect();
            clusterseed::format::base64::decode(&body).expect("base64")
        }
    };
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return packed;
    }
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut plain).expect("gzip");
    plain
}

/// [`support::expect`] for files that need not be text.
fn expect_bytes(path: &Path, actual: &[u8]) -> Result<(), String> {
    if let Ok(text) = std::str::from_utf8(actual) {
        return support::expect(path, text);
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for expected output");
        fs::write(path, actual).expect("writing expected output");
    }
    let wanted = fs::read(path).unwrap_or_default();
    if wanted == actual { Ok(()) } else { Err(format!("{} has other bytes", path.display())) }
}

/// A file of expected output that nothing produces any more.
fn expect_gone(path: &Path) -> Result<(), String> {
    if std::env::var_os("UPDATE_EXPECT").is_none() {
        return Err(format!("{} is not produced any more", path.display()));
    }
    fs::remove_file(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// One line for each file: mode and digest in the output or the seed; for files of the target also what `apply` makes of them.
/// What follows from `apply` has no digest here, or every change of it would show in every golden; the guide's SHA256SUMS has it.
fn listing(golden: &Golden) -> String {
    let warnings = if golden.warnings.is_empty() { "none".into() } else { golden.warnings.join(" ") };
    let mut out = format!("warnings: {warnings}\n\n");
    let host_json: BTreeMap<&str, Value> = golden.hosts().into_iter().map(|host| (host, golden.host_json(host))).collect();
    for (path, file) in &golden.files {
        let name = path.rsplit('/').next().unwrap_or_default();
        let follows = matches!(name, "apply" | "SHA256SUMS" | "seed.tar.gz" | "seed.iso" | "seed.img" | "user-data" | "manifest.json")
            && !path.contains("/root/");
        let digest = if follows { format!("{:64}", "-") } else { Sha256Sum::of(&file.bytes).hex() };
        let _ = write!(out, "{:04o} {digest} {path}", file.mode);
        if let Some((host, target)) = path.strip_prefix("hosts/").and_then(|rest| rest.split_once("/seed/root/")) {
            let entry = host_json[host]["files"].as_array().expect("files").iter().find(|f| f["path"] == format!("/{target}"));
            let entry = entry.unwrap_or_else(|| panic!("host.json of {host} does not list /{target}"));
            let word = |key: &str| entry[key].as_str().unwrap_or("?").to_string();
            let _ = write!(out, "  {} {}:{} {}", word("mode"), word("owner"), word("group"), word("phase"));
        }
        if matches!(name, "seed.iso" | "seed.img") {
            let held: Vec<String> = on_volume(&file.bytes).into_keys().collect();
            let _ = write!(out, "  {}", held.join(" "));
        }
        out.push('\n');
    }
    out
}

/// What a volume holds, by name; every tree of it says the same.
pub fn on_volume(image: &[u8]) -> BTreeMap<String, &[u8]> {
    let (labels, trees) = match iso9660::read::read(image) {
        Ok(iso) => ([iso.label, iso.joliet_label], vec![iso.files, iso.joliet]),
        Err(_) => {
            let fat = vfat::read::read(image).expect("a sound volume");
            ([fat.label, fat.boot_label], vec![fat.files])
        }
    };
    assert_eq!(labels, ["cidata", "cidata"]);
    let named = trees.into_iter().map(|files| {
        files
            .into_iter()
            .map(|file| {
                let bytes = file.bytes(image);
                (file.name, bytes)
            })
            .collect()
    });
    let named: Vec<BTreeMap<String, &[u8]>> = named.collect();
    assert!(named.iter().all(|tree| *tree == named[0]), "trees differ");
    named.into_iter().next().unwrap_or_default()
}

/// What the golden keeps, by path below `expect`.
fn kept<'g>(golden: &'g Golden, folder: &Path) -> BTreeMap<String, &'g [u8]> {
    let shown = fs::read_to_string(folder.join("shown")).expect("a file `shown`");
    let mut kept = BTreeMap::new();
    for wanted in shown.lines() {
        let matches = |path: &str| if wanted.ends_with('/') { path.starts_with(wanted) } else { path == wanted };
        let before = kept.len();
        kept.extend(golden.files.iter().filter(|(path, _)| matches(path)).map(|(path, file)| (path.clone(), &*file.bytes)));
        assert!(kept.len() > before, "{}: `{wanted}` names nothing new", folder.join("shown").display());
    }
    kept
}

#[test]
fn outputs_are_what_they_were() {
    let mut problems = Vec::new();
    for golden in built() {
        let folder = support::data("golden").join(&golden.name);
        let expect = folder.join("expect");
        let listing = listing(golden);
        let mut kept = kept(golden, &folder);
        kept.insert("listing".into(), listing.as_bytes());
        for (path, bytes) in &kept {
            problems.extend(expect_bytes(&expect.join(path), bytes).err());
        }
        for (path, stale) in if expect.is_dir() { support::files(&expect) } else { Vec::new() } {
            if !kept.contains_key(&path) {
                problems.extend(expect_gone(&stale).err());
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Nothing that a host.json says is missing in the tree, and nothing of the tree is left unsaid.
#[test]
fn host_json_and_tree_agree() {
    for golden in built() {
        for host in golden.hosts() {
            let host_json = golden.host_json(host);
            let named = host_json["files"].as_array().expect("files").iter().map(|f| f["path"].as_str().expect("a path").to_string());
            let named: Vec<String> = named.collect();
            let found: Vec<String> = golden.targets(host).into_keys().collect();
            assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len(), "{}: {host} names a file twice", golden.name);
            assert_eq!(named.into_iter().collect::<BTreeSet<_>>(), found.into_iter().collect(), "{}: {host}", golden.name);
        }
    }
}

/// What is read of a host.json is all that was written, in the same order.
#[test]
fn host_json_is_read_back_byte_for_byte() {
    for golden in built() {
        for host in golden.hosts() {
            let text = golden.text(&format!("hosts/{host}/seed/host.json"));
            let read = HostJson::read(text.as_bytes()).unwrap_or_else(|why| panic!("{}: {host}: {why}", golden.name));
            assert_eq!(read.text(), text, "{}: {host}", golden.name);
        }
    }
}

/// Within a format keys are only added: those of a later version are kept, another format is refused.
#[test]
fn host_json_of_other_versions() {
    let mut value = golden("guide").host_json("master1");
    value["weather"] = "fair".into();
    let read = HostJson::read(value.to_string().as_bytes()).expect("the same format");
    assert_eq!(read.later["weather"], "fair");
    value["format"] = 2.into();
    assert_eq!(HostJson::read(value.to_string().as_bytes()).expect_err("another format"), "host.json: format 2 is not known");
}

/// The cluster that the guide describes, word for word as in its text; the one thing that cannot be said here is that it works.
#[test]
fn the_guide_comes_out() {
    let spec = fs::read_to_string(support::data("golden/guide/cluster.yaml")).expect("the spec");
    assert_eq!(spec, include_str!("../src/cli/cluster.yaml"), "the golden is what `init` writes");
    let guide = golden("guide");
    let zk = "zk://192.0.2.1:2181,192.0.2.2:2181,192.0.2.3:2181";
    let servers = "server.1=192.0.2.1:2888:3888\nserver.2=192.0.2.2:2888:3888\nserver.3=192.0.2.3:2888:3888\n";
    for (host, address, id) in [
        ("master1", "192.0.2.1", Some(1)),
        ("master2", "192.0.2.2", Some(2)),
        ("master3", "192.0.2.3", Some(3)),
        ("slave1", "192.0.2.51", None),
        ("slave2", "192.0.2.52", None),
        ("slave3", "192.0.2.53", None),
    ] {
        let role = if id.is_some() { "master" } else { "slave" };
        let mut wanted = vec![
            ("/etc/apt/sources.list.d/mesosphere.list".to_string(), "deb http://repos.mesosphere.io/ubuntu trusty main\n".to_string()),
            ("/etc/mesos/zk".into(), format!("{zk}/mesos\n")),
            (format!("/etc/mesos-{role}/ip"), format!("{address}\n")),
            (format!("/etc/mesos-{role}/hostname"), format!("{address}\n")),
        ];
        if let Some(id) = id {
            wanted.extend([
                ("/etc/zookeeper/conf/myid".into(), format!("{id}\n")),
                ("/etc/mesos-master/quorum".into(), "2\n".into()),
                ("/etc/marathon/conf/hostname".into(), format!("{address}\n")),
                ("/etc/marathon/conf/master".into(), format!("{zk}/mesos\n")),
                ("/etc/marathon/conf/zk".into(), format!("{zk}/marathon\n")),
                ("/etc/init/mesos-slave.override".into(), "manual\n".into()),
            ]);
        } else {
            wanted.extend(["zookeeper", "mesos-master"].map(|job| (format!("/etc/init/{job}.override"), "manual\n".into())));
        }
        let targets = guide.targets(host);
        for (path, content) in &wanted {
            let found = targets.get(path).unwrap_or_else(|| panic!("{host} lacks {path}"));
            assert_eq!(&String::from_utf8_lossy(found), content, "{host}: {path}");
        }
        // Nothing of the other role, and no hold on what shall run.
        let (other, own): (&[&str], &[&str]) = if id.is_some() {
            (&["/etc/mesos-slave/"], &["zookeeper", "mesos-master"])
        } else {
            (&["/etc/mesos-master/", "/etc/zookeeper/", "/etc/marathon/", "/etc/chronos/"], &["mesos-slave"])
        };
        assert!(!targets.keys().any(|path| other.iter().any(|folder| path.starts_with(folder))), "{host} has files of another role");
        for job in own {
            assert!(!targets.contains_key(&format!("/etc/init/{job}.override")), "{host} holds {job}");
        }
        if id.is_some() {
            let zoo_cfg = String::from_utf8_lossy(targets["/etc/zookeeper/conf/zoo.cfg"]);
            assert!(zoo_cfg.ends_with(servers), "{zoo_cfg}");
            let package = ["tickTime=2000", "initLimit=10", "syncLimit=5", "dataDir=/var/lib/zookeeper", "clientPort=2181"];
            assert!(package.iter().all(|line| zoo_cfg.lines().any(|l| l == *line)), "{zoo_cfg}");
        }

        let host_json = guide.host_json(host);
        assert_eq!(host_json["addresses"], serde_json::json!([address]));
        let key = &host_json["apt"]["keys"][0];
        assert_eq!(key["fingerprint"], "8102 6D00 04C4 4CF7 EF55 ADF8 DF7D 54CB E561 51BF".replace(' ', ""));
        let armored = fs::read_to_string(support::root().join("vendor/mesosphere/archive-key.asc")).expect("the key");
        let user_data: serde_yaml::Value = serde_yaml::from_str(guide.text(&format!("hosts/{host}/user-data"))).expect("YAML");
        assert_eq!(user_data["apt_sources"][0]["key"].as_str(), Some(&*armored), "cloud-init trusts that key");
        let keyring = clusterseed::format::openpgp::dearmor(&armored).expect("an armored key");
        assert_eq!(targets[key["path"].as_str().expect("a path")], keyring, "apply trusts that key");

        let names = |list: &Value| -> Vec<String> {
            list.as_array().expect("a list").iter().map(|entry| entry["name"].as_str().expect("a name").to_string()).collect()
        };
        let services: &[&str] = if id.is_some() { &["zookeeper", "mesos-master", "marathon", "chronos"] } else { &["mesos-slave"] };
        assert_eq!(names(&host_json["services"]), services, "{host}");
        let held: Vec<&str> = host_json["holds"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        assert!(["zookeeper", "mesos-master", "mesos-slave"].iter().all(|unit| held.contains(unit)), "{host} holds {held:?}");
    }
    // The guide's own packages are a set of their own: the default names each, with its version.
    for (golden_name, host, packages) in [
        ("guide-set", "m1", vec!["mesosphere"]),
        ("guide-set", "s1", vec!["mesos"]),
        ("guide", "master1", vec!["chronos", "marathon", "mesos", "openjdk-7-jre-headless", "zookeeperd"]),
        ("guide", "slave1", vec!["mesos", "openjdk-7-jre-headless"]),
    ] {
        let host_json = golden(golden_name).host_json(host);
        let found: Vec<&str> = host_json["packages"].as_array().expect("a list").iter().filter_map(|p| p["name"].as_str()).collect();
        assert_eq!(found, packages, "{golden_name}: {host}");
    }
}
