//! Seeds that a pinned key has signed, and all others: `accept.sh` has the cases of a host, what follows those of a build.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clusterseed::plan::trust;

use crate::golden::untar;
use crate::real::lab::Lab;
use crate::support::{clusterseed, data, files, key, scratch, texts};

/// Cases of `accept.sh` under a shell, with programs that verify; none: all.
fn accept(shell: &str, cases: &str, verifiers: &[&str]) {
    let mut command = Command::new("sh");
    command.arg(data("seed/accept.sh")).arg(shell).args(verifiers).env("ONLY", cases).stdin(Stdio::null());
    let (out, err) = texts(&command.output().expect("sh"));
    assert!(out.contains(", 0 failed"), "{out}{err}");
    println!("{out}");
}

/// A verifier that is not here is said to be missing; where everything is tested it has to be here.
fn have(verifier: &str) -> bool {
    let there = ["gpg", verifier].iter().all(|name| Command::new(name).arg("--version").output().is_ok());
    assert!(there || std::env::var_os("CI").is_none(), "CI needs gpg and {verifier}");
    if !there {
        eprintln!("skipped: no gpg or no {verifier} here");
    }
    there
}

#[test]
fn a_host_takes_what_is_signed_under_dash() {
    if have("gpgv") {
        accept("dash", "accepted unsigned foreign other_bytes pins", &["gpgv"]);
    }
}

#[test]
#[ignore = "half a minute; every case under both shells, with gnupg 1.4 and 2"]
fn a_host_takes_what_is_signed_in_every_case() {
    if have("gpgv") && have("gpgv1") {
        std::thread::scope(|scope| {
            scope.spawn(|| accept("dash", "", &["gpgv1"]));
            scope.spawn(|| accept("busybox sh", "", &["gpgv"]));
        });
    }
}

/// Debian 13 has sqv, and no gpgv: the release's own one, with its own libraries; and a built seed inside that system.
#[test]
#[ignore = "needs root: a root tree of Debian 13"]
fn a_host_of_debian_13_asks_sqv() {
    let Some(lab) = Lab::begin_on("trixie", "host0", "trust") else { return };
    let tree = lab.tree().display().to_string();
    assert!(lab.tree().join("usr/bin/sqv").exists() && !lab.tree().join("usr/bin/gpgv").exists(), "it is as its release is");
    let bin = scratch();
    let libraries = format!("{tree}/usr/lib/x86_64-linux-gnu");
    let program = format!("#!/bin/sh\nexec {libraries}/ld-linux-x86-64.so.2 --library-path {libraries} {tree}/usr/bin/sqv \"$@\"\n");
    let path = bin.path().join("sqv");
    fs::write(&path, program).expect("a program");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    let path = format!("{}:{}", bin.path().display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.arg(data("seed/accept.sh")).args(["dash", "sqv"]).env("PATH", path).stdin(Stdio::null());
    let (out, err) = texts(&command.output().expect("sh"));
    assert!(out.contains(", 0 failed"), "{out}{err}");
    lab.say("every case with sqv");

    // In the system itself nothing is set up for a test: the program asks for root's own paths.
    let project = Project::new("debian-13", "hand");
    let out = project.built("signer");
    let root = lab.home.join("root");
    let script = r#"set -e; root=$1 seed=$2; shift 2; mkdir -p "$root/upper" "$root/work" "$root/m"
        mount -t overlay -o "lowerdir=$TREE,upperdir=$root/upper,workdir=$root/work" overlay "$root/m"
        mkdir -p "$root/m/etc/clusterseed" "$root/m/srv/in"; mount -t tmpfs tmpfs "$root/m/run"; mount -t proc proc "$root/m/proc"
        cp "$seed"/root/etc/clusterseed/trusted-keys "$root/m/etc/clusterseed/"; cp -r "$seed" "$root/m/srv/in/seed"
        accept=usr/local/sbin/clusterseed-accept; cp "$seed/root/$accept" "$root/m/$accept"
        chmod 0644 "$root/m/etc/clusterseed/trusted-keys"; chroot "$root/m" sh /$accept --signature /srv/in/seed; echo "took $?"
        echo x >>"$root/m/srv/in/seed/SHA256SUMS"; chroot "$root/m" sh /$accept --signature /srv/in/seed || echo "refused $?""#;
    let seed = project.unpacked(&out, "node1");
    fs::create_dir_all(&root).expect("a folder");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]).arg(&root).arg(&seed).env("TREE", &tree);
    let (out, err) = texts(&command.output().expect("unshare"));
    assert!(out.contains("took 0") && out.contains("refused 4") && err.contains("sqv does not take its signature"), "{out}{err}");
    lab.say("a built seed inside the system");
}

/// A cluster whose hosts trust the signer of the tests.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new(platform: &str, delivery: &str) -> Self {
        let project = Self { folder: scratch() };
        let pin = fs::read_to_string(data("carried/keys/signer.fingerprint")).expect("a fingerprint");
        let spec = format!(
            "version: 1\ncluster: test\nprofile: bare\nplatform: {platform}\ndelivery: {delivery}\nnetwork: {{subnet: 192.0.2.0/24, interface: ens3}}\n\
             trust: {{fingerprints: [\"{pin}\"]}}\nhosts:\n  - {{name: \"node[1-2]\", role: node, address: 192.0.2.1}}\n"
        );
        fs::write(project.spec(), spec).expect("a spec");
        project
    }

    fn spec(&self) -> PathBuf {
        self.folder.path().join("cluster.yaml")
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = clusterseed();
        command.args(arguments).arg("--profile-dir").arg(data("profiles")).current_dir(self.folder.path()).stdin(Stdio::null());
        let output = command.output().expect("the program");
        let (out, err) = texts(&output);
        (output.status.code().expect("it ends by itself"), out + &err)
    }

    fn key(name: &str) -> String {
        key(&format!("carried/keys/{name}")).display().to_string()
    }

    /// Builds with a key of the tests; the output.
    fn built(&self, key: &str) -> PathBuf {
        let (code, said) = self.run(&["build", "cluster.yaml", "-q", "-o", "out", "--sign-with", &Self::key(&format!("{key}.key"))]);
        assert_eq!(code, 0, "{said}");
        self.folder.path().join("out")
    }

    /// The seed of a host as it would lie there.
    fn unpacked(&self, out: &Path, host: &str) -> PathBuf {
        let folder = self.folder.path().join("unpacked");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("a folder");
        let done = Command::new("tar").arg("-xzf").arg(out.join("hosts").join(host).join("seed.tar.gz")).arg("-C").arg(&folder).status();
        assert!(done.expect("tar").success());
        folder.join("seed")
    }
}

fn bytes(out: &Path, path: &str) -> Vec<u8> {
    fs::read(out.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_delivery_brings_the_pins_before_the_seed() {
    if !have("gpgv") {
        return;
    }
    let pin = fs::read_to_string(data("carried/keys/signer.fingerprint")).expect("a fingerprint");
    for (delivery, brings) in
        [("hand", true), ("inline", true), ("volume", true), ("{method: url, url: \"http://192.0.2.9/x\"}", true), ("image", false)]
    {
        let project = Project::new("debian-12", delivery);
        let out = project.built("signer");
        let user_data: serde_yaml::Value = serde_yaml::from_slice(&bytes(&out, "hosts/node1/user-data")).expect("YAML");
        let none = Vec::new();
        let written = user_data.get("write_files").and_then(|files| files.as_sequence()).unwrap_or(&none);
        let file = |path: &str| written.iter().find(|file| file["path"] == *path);
        assert_eq!(file(trust::PINS).is_some() && file(trust::PROGRAM).is_some(), brings, "{delivery}");
        if brings {
            let (pins, program) = (file(trust::PINS).expect("pins"), file(trust::PROGRAM).expect("a program"));
            assert!(pins["content"].as_str().expect("text").lines().any(|line| line == pin), "{delivery}");
            assert_eq!(program["content"], *trust::ACCEPT);
            let modes = (pins["permissions"].as_str(), program["permissions"].as_str(), pins["owner"].as_str());
            assert_eq!(modes, (Some("0644"), Some("0755"), Some("root:root")), "{delivery}");
            let place = |path: &str| written.iter().position(|file| file["path"].as_str().is_some_and(|found| found.starts_with(path)));
            assert!(place(trust::PROGRAM) < place("/var/lib/clusterseed/seed").or(Some(usize::MAX)), "{delivery}: they come first");
        }
        let seed: Vec<String> = untar(&bytes(&out, "hosts/node1/seed.tar.gz")).into_iter().map(|(path, ..)| path).collect();
        for path in
            ["seed/SHA256SUMS.asc", "seed/key.gpg", "seed/root/etc/clusterseed/trusted-keys", "seed/root/usr/local/sbin/clusterseed-accept"]
        {
            assert!(seed.iter().any(|found| found == path), "{delivery}: {path}");
        }
        let (code, said) = project.run(&["verify", "out", "--key", &Project::key("signer.asc")]);
        assert_eq!(code, 0, "{delivery}: {said}");
        // With pins and without the program a host that was cut off between the two could not go on.
        let (_, plan) = project.run(&["plan", "cluster.yaml", "node1"]);
        let at = |text: &str| plan.find(text).unwrap_or_else(|| panic!("{text}: {plan}"));
        assert!(at("2 hold") < at(trust::PROGRAM) && at(trust::PROGRAM) < at("3 sources") && at("3 sources") < at(trust::PINS));
    }
}

/// A host that is added changes no byte of the others', signatures included; nor does a second build.
#[test]
fn growth_and_repetition_leave_the_bytes() {
    if !have("gpg") {
        return;
    }
    let project = Project::new("debian-12", "inline");
    let spec = fs::read_to_string(project.spec()).expect("a spec").replace("profile: bare", "profile: mesosphere");
    let spec = spec.replace("debian-12", "ubuntu-14.04").replace("{name: \"node[1-2]\", role: node", "{name: master1, role: master")
        + "  - {name: \"slave[1-2]\", role: slave, address: 192.0.2.51}\npackages: {source: mirror, mirror: \"http://mirror.example.net/x\"}\n";
    fs::write(project.spec(), &spec).expect("a spec");
    let out = project.built("signer");
    let before: Vec<(String, Vec<u8>)> =
        files(&out.join("hosts")).into_iter().map(|(name, path)| (name, fs::read(path).expect("a file"))).collect();
    fs::write(project.spec(), spec.replace("slave[1-2]", "slave[1-9]")).expect("a spec");
    project.built("signer");
    for (name, was) in before {
        assert!(bytes(&out.join("hosts"), &name) == was, "{name} changed");
    }
}

#[test]
fn a_build_never_signs_what_hosts_refuse() {
    if !have("gpg") {
        return;
    }
    let project = Project::new("debian-12", "hand");
    let refused = |arguments: &[&str], why: &str| {
        let (code, said) = project.run(&[&["build", "cluster.yaml", "-q", "-o", "out"], arguments].concat());
        assert!(code == 2 && said.contains(why), "{said}");
        assert!(!project.folder.path().join("out").exists());
    };
    refused(&[], "there is no `clusterseed.key`: `clusterseed key SPEC` makes it");
    let foreign = Project::key("foreign.key");
    refused(&["--sign-with", &foreign], "hosts would refuse it: `trust` in the spec names");
    // The key beside the spec, made once, is another one too.
    let (code, made) = project.run(&["key", "cluster.yaml"]);
    assert!(code == 0 && made.contains("made clusterseed.key"), "{made}");
    let (code, again) = project.run(&["key", "cluster.yaml"]);
    assert!(code == 0 && !again.contains("made"), "{again}");
    assert_eq!(again.lines().next(), made.lines().next());
    refused(&[], "hosts would refuse it");
    let (code, public) = project.run(&["key", "cluster.yaml", "--public"]);
    assert!(code == 0 && public.contains("BEGIN PGP PUBLIC KEY BLOCK") && !public.contains("PRIVATE"), "{public}");
    // With its own fingerprint all is well, and so it is with a subkey of a primary key that is kept elsewhere.
    let spec = fs::read_to_string(project.spec()).expect("a spec");
    let signer = fs::read_to_string(data("carried/keys/signer.fingerprint")).expect("a fingerprint");
    let fingerprint = again.lines().next().expect("a line");
    fs::write(project.spec(), spec.replace(&signer, fingerprint)).expect("a spec");
    let (code, said) = project.run(&["build", "cluster.yaml", "-o", "out"]);
    assert!(code == 0 && said.contains("there: sudo clusterseed-accept seed.tar.gz"), "{said}");
    let parts = fs::read_to_string(data("carried/keys/parts.fingerprint")).expect("a fingerprint");
    fs::write(project.spec(), spec.replace(&signer, &parts)).expect("a spec");
    project.built("parts");
    let (code, said) = project.run(&["verify", "out", "--key", &Project::key("parts.asc")]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = project.run(&["render", "cluster.yaml", "node1", "SHA256SUMS.asc", "--sign-with", &Project::key("parts.key")]);
    assert!(code == 0 && said.contains("BEGIN PGP SIGNATURE"), "{said}");
}

/// At the desk the seeds are looked at as a host would, also where the output as a whole is signed well.
#[test]
fn verify_looks_into_the_seeds() {
    if !have("gpgv") {
        return;
    }
    let project = Project::new("debian-12", "hand");
    let out = project.built("signer");
    let verify = |key: &str| project.run(&["verify", "out", "--key", &Project::key(key)]);
    let (code, said) = verify("foreign.asc");
    assert!(code == 1 && said.contains("SHA256SUMS: "), "{said}");
    // A seed of another key, in an output that somebody has listed and signed anew with ours.
    let swap = |tarball: &[u8]| {
        let path = out.join("hosts/node1/seed.tar.gz");
        let was = fs::read(&path).expect("a tarball");
        fs::write(&path, tarball).expect("a tarball");
        let script = r#"set -e; cd "$1"; home=$(mktemp -d); trap 'rm -rf "$home"' EXIT
            old=$(printf '%s' "$3") new=$(sha256sum hosts/node1/seed.tar.gz | cut -d' ' -f1); size=$(stat -c %s hosts/node1/seed.tar.gz)
            sed -i "s/$old/$new/" manifest.json
            awk -v size="$size" '/seed.tar.gz/ && /node1/ { here = 1 } here && /"size"/ { sub(/[0-9]+/, size); here = 0 } { print }' manifest.json >m && mv m manifest.json
            sed -i "s/$old/$new/; s/^[0-9a-f]*  manifest.json/$(sha256sum manifest.json | cut -d' ' -f1)  manifest.json/" SHA256SUMS
            gpg --homedir "$home" --batch -q --import "$2" 2>/dev/null
            for f in manifest.json SHA256SUMS; do gpg --homedir "$home" --batch -q --yes --digest-algo SHA512 --armor -o "$f.asc" --detach-sign "$f" 2>/dev/null; done"#;
        let old = clusterseed::format::checksum::Sha256Sum::of(&was).hex();
        let mut command = Command::new("sh");
        let done = command.args(["-c", script, "sh"]).arg(&out).arg(Project::key("signer.key")).arg(old).output().expect("sh");
        assert!(done.status.success(), "{done:?}");
        verify("signer.asc")
    };
    let ours = bytes(&out, "hosts/node1/seed.tar.gz");
    let other = Project::new("debian-12", "hand");
    let text = fs::read_to_string(other.spec()).expect("a spec");
    fs::write(other.spec(), text.lines().filter(|line| !line.starts_with("trust")).map(|line| format!("{line}\n")).collect::<String>())
        .expect("a spec");
    let (code, said) = swap(&bytes(&other.built("foreign"), "hosts/node1/seed.tar.gz"));
    assert!(code == 1 && said.contains("hosts/node1: the seed: ") && said.contains("is not pinned"), "{said}");
    let (code, said) = other.run(&["build", "cluster.yaml", "-q", "-o", "plain"]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = swap(&bytes(other.folder.path(), "plain/hosts/node1/seed.tar.gz"));
    assert!(code == 1 && said.contains("hosts/node1: the seed is not signed"), "{said}");
    let (code, said) = swap(&ours);
    assert_eq!(code, 0, "{said}");
}
