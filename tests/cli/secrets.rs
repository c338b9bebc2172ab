//! Secrets are in the seeds of the hosts that need them, in files of mode 0600, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::golden::golden;
use super::super::support::{self, clusterseed};
use super::{finish, run};

/// The secrets of `golden/secrets`, and who needs each.
const SECRETS: &[(&str, &str)] = &[
    ("zk-wOrd-7Qx", "ms"),
    ("sLave-secret-91", "ms"),
    ("marathon-secret-92", "m"),
    ("chronos-secret-93", "m"),
    ("spark-secret-94", "m"),
    ("keystore-pass-95", "m"),
    ("http-pass-96", "m"),
];

#[test]
fn secrets_stay_where_they_belong() {
    let spec = support::data("golden/secrets/cluster.yaml");
    let spec = spec.to_str().expect("UTF-8");
    let other = support::data("golden/single-master/cluster.yaml");
    let other = other.to_str().expect("UTF-8");
    let folder = support::scratch();
    let out = folder.path().join("out");
    let built = run(&["build", spec, "-o", out.to_str().expect("UTF-8")]);
    assert_eq!(built.code, 0, "{}", built.err);

    let mut heard = vec![("build", built.out + &built.err)];
    for arguments in [
        &["check", spec][..],
        &["check", spec, "--strict", "--format", "json"],
        &["plan", spec],
        &["plan", spec, "m1"],
        &["plan", spec, "--format", "json"],
        &["render", spec, "m1", "host.json"],
        &["render", spec, "m1", "nosuch"],
        &["report", spec, "-o", "-"],
        &["diff", spec, other],
        &["diff", other, spec, "--format", "json"],
        &["diff", out.to_str().expect("UTF-8"), other],
        &["guide", "change", spec, other],
        &["verify", out.to_str().expect("UTF-8")],
    ] {
        let done = run(arguments);
        heard.push((arguments[0], done.out + &done.err));
    }
    let manifest = fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    heard.push(("manifest.json", manifest));
    let digests: Vec<String> =
        SECRETS.iter().map(|(secret, _)| clusterseed::format::checksum::Sha256Sum::of(secret.as_bytes()).hex()).collect();
    for (who, text) in &heard {
        for (secret, _) in SECRETS {
            assert!(!text.contains(secret), "{who} tells {secret}");
        }
        for digest in &digests {
            assert!(!text.contains(&digest[..12]), "{who} tells the digest of a secret");
        }
    }

    let golden = golden("secrets");
    for host in golden.hosts() {
        for (secret, needed) in SECRETS {
            let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            let seed = format!("hosts/{host}/seed/");
            let holders: Vec<&String> =
                golden.files.iter().filter(|(path, file)| path.starts_with(&seed) && holds(&file.bytes)).map(|(path, _)| path).collect();
            assert_eq!(!holders.is_empty(), needed.contains(&host[..1]), "{secret} is in {holders:?}");
            assert!(holders.iter().all(|path| golden.files[*path].mode == 0o600), "{secret} is open to all in {holders:?}");
            for path in holders {
                let target = path.trim_start_matches(&format!("{seed}root"));
                let host_json = golden.host_json(host);
                let entry = host_json["files"].as_array().expect("files").iter().find(|entry| entry["path"] == target);
                assert_eq!(entry.expect("an entry")["mode"], "0600", "{target} on {host}");
            }
            let user_data = golden.bytes(&format!("hosts/{host}/user-data"));
            assert_eq!(holds(user_data), needed.contains(&host[..1]), "{secret} in user-data of {host}");
        }
    }
    for (path, file) in support::files(&out) {
        let mode = fs::metadata(&file).expect("a file").permissions().mode() & 0o7777;
        let private = ["user-data", "seed.tar.gz", "seed.iso"].iter().any(|name| path.ends_with(name));
        assert_eq!(mode, if private { 0o600 } else { 0o644 }, "{path}");
    }
}

/// A hash of a password is as good as one half of it: user-data with accounts is nobody else's to read.
#[test]
fn outputs_with_password_hashes_are_private() {
    let golden = golden("own-things");
    for host in golden.hosts() {
        let mode = |name: &str| golden.files[&format!("hosts/{host}/{name}")].mode;
        assert_eq!(mode("user-data"), 0o600);
        assert_eq!(mode("seed.tar.gz"), if host.starts_with('s') { 0o600 } else { 0o644 }, "{host}: only slaves have a secret file");
    }
}

/// What others may not read on the target, others may not read in the output.
#[test]
fn a_mode_without_others_makes_a_file_secret() {
    let head = fs::read_to_string(support::data("golden/single-master/cluster.yaml")).expect("a spec");
    let folder = support::scratch();
    for (number, (tail, wanted)) in [
        ("mode: '0600'", 0o600),
        ("mode: '0640', group: adm", 0o600),
        ("secret: true", 0o600),
        ("mode: '0600', secret: false", 0o644),
        ("mode: '0644'", 0o644),
        ("owner: root", 0o644),
    ]
    .into_iter()
    .enumerate()
    {
        let (spec, out) = (folder.path().join(format!("{number}.yaml")), folder.path().join(format!("{number}")));
        fs::write(&spec, format!("{head}\nfiles: [{{path: /etc/token, content: hunter2, {tail}}}]\n")).expect("a spec");
        let built = run(&["build", spec.to_str().expect("UTF-8"), "-o", out.to_str().expect("UTF-8")]);
        assert_eq!(built.code, 0, "{tail}: {}", built.err);
        for (path, file) in
            support::files(&out).into_iter().filter(|(path, _)| path.ends_with("seed.tar.gz") || path.ends_with("user-data"))
        {
            let mode = fs::metadata(&file).expect("a file").permissions().mode() & 0o7777;
            assert_eq!(mode, wanted, "{tail}: {path}");
        }
    }
}

/// Mistakes beside a secret: the line is shown, the secret is not.
#[test]
fn messages_do_not_repeat_secrets() {
    let head = fs::read_to_string(support::data("golden/single-master/cluster.yaml")).expect("a spec");
    let folder = support::scratch();
    let spec = folder.path().join("spec.yaml");
    for (number, tail) in [
        "settings: {zookeeper: {user: mesos, password: hunter2}}",
        "settings: {zookeeper: {user: mesos, password: hunter2, bogus: 1}}",
        "settings: {zookeeper: {user: mesos, password: 'hunter2 '}}",
        "settings: {zookeeper: {user: mesos, password: [hunter2]}}",
        "settings: {zookeeper: {user: mesos, password: hunter2, password: hunter2}}",
        "settings: {zookeeper: {user: mesos, pasword: hunter2}}",
        "settings: {zookeeper: {password: hunter2}}",
        "settings: {zookeeper: {user: mesos, password: {fil: hunter2}}}",
        "settings: {marathon: {http_credentials: nocolon-hunter2}}",
        "settings: {authentication: {enabled: true, slave_secret: hunter2, marathon_secret: 'hunter2 2'}}",
        "settings: {authentication: {enabled: true, frameworks: {a: hunter2, 'b c': hunter2}}}",
        "settings:\n  zookeeper:\n    user: mesos\n    password: hunter2\n   bogus: [",
        "files: [{path: /etc/token, content: hunter2, secret: true, bogus: 1}]",
        "files: [{path: /etc/token, content: hunter2, mode: '0600', bogus: 1}]",
        "files: [{path: /etc/token, content: hunter2, mode: '0440', bogus: 1}]",
        "files: [{path: /proc/token, content: hunter2, secret: true}]",
        "access: {users: [{name: root, password_hash: hunter2}]}",
        "access: {users: [{name: root, password_hash: $6$hunter2$0123456789abcdef0123, bogus: 1}]}",
    ]
    .iter()
    .enumerate()
    {
        fs::write(&spec, format!("{head}{tail}\n")).expect("a spec");
        for format in ["text", "json"] {
            let done = finish(clusterseed().args(["check", "--format", format]).arg(&spec));
            let heard = done.out + &done.err;
            assert!(heard.contains("spec.yaml"), "{number}: {tail}: there is something to say: {heard}");
            assert!(!heard.contains("hunter2"), "{number}: {tail}\n{heard}");
        }
    }
}
