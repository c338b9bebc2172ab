//! Clouds: user-data at its limit and one byte over it, what it is packed into, and what the README says of them.

mod cards; // network cards, and what of the network is not fetched
mod instances; // ids that follow the content
mod next; // the commands that are printed, run with stubs
mod run; // run.sh under dash and busybox, with stubs for QEMU

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use clusterseed::diag::{Diagnostics, Sources};
use clusterseed::format::gzip;
use clusterseed::platform::{self, Cloud, Encoding, Target};
use clusterseed::profile::catalog::Catalog;

use super::cli::{Done, finish};
use super::golden::{built, readable};
use super::support::{clusterseed, root, scratch};

/// Keys of the account below: a key may have 16384 characters.
const KEYS: usize = 20;

fn clouds() -> Vec<Cloud> {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    platform::clouds(&Catalog::embedded(), &mut sources, &mut diags)
}

fn targets() -> Vec<Target> {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let found = platform::targets(&Catalog::embedded(), &mut sources, &mut diags);
    assert!(diags.is_empty(), "{diags:?}");
    found
}

/// A spec whose user-data is larger by exactly the length of `pad`: it becomes the comments of keys.
fn spec(cloud: &str, delivery: &str, pad: &str) -> String {
    let part = |at: usize| &pad[pad.len() * at / KEYS..pad.len() * (at + 1) / KEYS];
    let key = |comment: &str| format!("\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2nqLKnOzXFvmXnlyGZvWJUPIh9PbGnVnBcNHuSJHqm x{comment}\"");
    let keys: Vec<String> = (0..KEYS).map(|at| key(part(at))).collect();
    format!(
        "version: 1\ncluster: test\nprofile: mesosphere\nplatform: ubuntu-14.04\ncloud: {cloud}\ndelivery: {delivery}\n\
         packages: {{mirror: \"http://mirror.example.net/mesosphere\"}}\nnetwork: {{subnet: 192.0.2.0/24, nameservers: [192.0.2.253]}}\n\
         hosts: [{{name: m1, role: [master, slave], address: 192.0.2.1}}]\nallow: [mesosphere/single-master]\n\
         access: {{users: [{{name: ops, ssh_keys: [{}]}}]}}\n",
        keys.join(", ")
    )
}

/// Checks and builds a spec; both must agree. Gives what `check` said, and user-data when there was no error.
fn outcome(folder: &Path, text: &str) -> (Done, Option<Vec<u8>>) {
    fs::write(folder.join("spec.yaml"), text).expect("a spec");
    let run = |arguments: &[&str]| finish(clusterseed().args(arguments).current_dir(folder));
    let checked = run(&["check", "spec.yaml", "--format", "json"]);
    let built = run(&["build", "spec.yaml", "--format", "json", "-q", "-o", "out"]);
    // The last line of a build says what comes next.
    let said: String =
        built.out.lines().filter(|line| !line.starts_with("{\"format\":1,\"next\"")).map(|line| format!("{line}\n")).collect();
    assert_eq!((checked.code, &checked.out), (built.code, &said), "check and build say the same");
    let user_data = (built.code == 0).then(|| fs::read(folder.join("out/hosts/m1/user-data")).expect("user-data"));
    (checked, user_data)
}

#[test]
fn every_limit_holds_to_the_byte() {
    let folder = scratch();
    let limited: Vec<Cloud> = clouds().into_iter().filter(|cloud| cloud.limit.is_some()).collect();
    assert!(limited.len() >= 7, "{limited:?}");
    for cloud in limited {
        let limit = usize::try_from(cloud.limit.expect("a limit")).expect("a small limit");
        let most = if cloud.base64 { limit / 4 * 3 } else { limit };
        let delivery = "{method: url, url: \"http://boot.example.net/x\", compress: never}";
        let of = |pad: usize| spec(&cloud.name, delivery, &"y".repeat(pad));
        let (_, bare) = outcome(folder.path(), &of(0));
        let pad = most - bare.expect("without padding it fits").len();
        let (checked, user_data) = outcome(folder.path(), &of(pad));
        assert_eq!(user_data.unwrap_or_else(|| panic!("{}: {}", cloud.name, checked.out)).len(), most, "{}", cloud.name);
        let (checked, user_data) = outcome(folder.path(), &of(pad + 1));
        assert!(user_data.is_none() && checked.code == 1, "{}: one byte over is refused", cloud.name);
        let by = if cloud.base64 { most / 3 * 4 + 4 - limit } else { 1 };
        let words = format!("is {by} byte{} too large: {}", if by == 1 { "" } else { "s" }, cloud.summary);
        assert!(checked.out.contains(&words) && checked.out.contains("`compress: auto` fits"), "{}: {}", cloud.name, checked.out);
        // The same, left to itself, is packed.
        let (checked, user_data) = outcome(folder.path(), &of(pad + 1).replace("never", "auto"));
        let packed = user_data.unwrap_or_else(|| panic!("{}: {}", cloud.name, checked.out));
        assert!(packed.len() < most && readable(&packed).len() == most + 1, "{}", cloud.name);
    }
}

/// Text that gzip makes little of: four bits to a character.
fn noise(length: usize) -> String {
    let mut state = 1u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"0123456789abcdef"[(state >> 60) as usize])
    };
    (0..length).map(next).collect()
}

/// Where packing helps no more, there is one character that is too many.
#[test]
fn packed_user_data_has_the_same_limits() {
    let folder = scratch();
    for cloud in clouds().into_iter().filter(|cloud| cloud.limit.is_some_and(|limit| limit < 100_000)) {
        let of = |pad: usize| spec(&cloud.name, "{method: url, url: \"http://boot.example.net/x\"}", &noise(pad));
        let (mut fits, mut fails) = (0, 128_000);
        while fails - fits > 1 {
            let middle = (fits + fails) / 2;
            fs::write(folder.path().join("spec.yaml"), of(middle)).expect("a spec");
            let checked = finish(clusterseed().args(["check", "spec.yaml"]).current_dir(folder.path()));
            *(if checked.code == 0 { &mut fits } else { &mut fails }) = middle;
        }
        let (checked, user_data) = outcome(folder.path(), &of(fits));
        let largest = user_data.unwrap_or_else(|| panic!("{}: {}", cloud.name, checked.out)).len();
        assert!(cloud.takes(largest) && !cloud.takes(largest + 16), "{}: {largest} is the most that is let through", cloud.name);
        let (checked, user_data) = outcome(folder.path(), &of(fails));
        assert!(user_data.is_none() && checked.out.contains("delivery: hand"), "{}: {}", cloud.name, checked.out);
    }
}

#[test]
fn packing_is_reproducible() {
    let text = noise(5000);
    let packed = gzip::pack(text.as_bytes());
    // Magic, deflate, no flags, no time, best compression, unknown system (RFC 1952).
    assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
    assert_eq!(packed, gzip::pack(text.as_bytes()));
    assert_eq!(readable(&packed), text.as_bytes());
}

/// Another MIME reader and another gzip than ours, the ones that cloud-init uses.
#[test]
fn python_unpacks_it() {
    const SCRIPT: &str = "
import sys, gzip, email
data = sys.stdin.buffer.read()
if b'mime-version:' in data[:4096].lower():
    message = email.message_from_bytes(data)
    assert not message.is_multipart() and message.get_content_type() == 'application/x-gzip', message
    data = message.get_payload(decode=True)
sys.stdout.buffer.write(gzip.decompress(data))
";
    let golden = |name: &str| built().iter().find(|golden| golden.name == name).expect("a golden");
    for (name, host) in [("compressed", "m1"), ("content-id", "m1")] {
        let packed = golden(name).bytes(&format!("hosts/{host}/user-data"));
        assert_ne!(packed.get(..13), Some(&b"#cloud-config"[..]), "{name} is packed");
        let mut python = Command::new("python3");
        let Ok(mut child) = python.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            eprintln!("skipped: python3 is not installed");
            return;
        };
        let mut stdin = child.stdin.take().expect("a pipe");
        let bytes = packed.to_vec();
        let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &bytes));
        let output = child.wait_with_output().expect("python3 ends");
        writer.join().expect("no panic").expect("python3 reads all");
        assert!(output.status.success(), "{name}");
        assert_eq!(String::from_utf8(output.stdout).expect("UTF-8"), golden(name).user_data(host), "{name}");
        assert!(golden(name).user_data(host).starts_with("#cloud-config\n"), "{name}");
    }
}

/// Every cloud lists plain text first, and names a target that there is and that is for it.
#[test]
fn clouds_are_sound() {
    for cloud in clouds() {
        assert_eq!(cloud.encodings.first(), Some(&Encoding::Plain), "{}", cloud.name);
        assert!(!cloud.seed.is_empty() && cloud.volume == cloud.seed.iter().any(|place| place == "volume"), "{}", cloud.name);
        assert!(!(cloud.volume && cloud.names_instances), "{}: a volume brings its meta-data", cloud.name);
        let own = cloud.target.as_ref().map(|name| targets().into_iter().find(|target| target.name == *name).expect("a target"));
        assert!(own.is_none_or(|target| target.clouds.contains(&cloud.name)), "{}: its target is not for it", cloud.name);
    }
}

/// The table of the README is the data.
#[test]
fn the_readme_tells_the_same() {
    let row = |cloud: &Cloud| {
        let counted = if cloud.base64 { " in base64" } else { "" };
        let limit = cloud.limit.map_or("any size".into(), |limit| format!("{limit} bytes{counted}"));
        let forms: Vec<&str> = cloud.encodings.iter().map(|encoding| encoding.word()).collect();
        let ids = if cloud.names_instances { "the cloud's" } else { "the spec's" };
        format!("| `{}` | {} | {limit} | {} | {} | {ids} |\n", cloud.name, cloud.summary, forms.join(", "), cloud.seed.join(", "))
    };
    let table: String = clouds().iter().map(row).collect();
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    assert!(readme.contains(&format!("|---|\n{table}\n")), "the README's table of clouds should be:\n{table}");
}
