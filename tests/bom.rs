//! The bill of materials: what it says of packages, that others read it, and that it is the same bytes wherever it is made.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use clusterseed::apt::copyright::{Licence, known};
use clusterseed::apt::data::{Copyright, copyright};
use serde_json::{Value, json};

use crate::repository::Project;
use crate::support::{data, files, scratch, texts};

/// The bill as `bom` prints it.
fn bill(project: &Project) -> (Vec<u8>, Value) {
    let output = project.command(&["bom", "volume.yaml", "--format", "json"]).output().expect("the program");
    assert!(output.status.success(), "{}", texts(&output).1);
    let value = serde_json::from_slice(&output.stdout).expect("JSON");
    (output.stdout, value)
}

fn part<'b>(bill: &'b Value, name: &str) -> &'b Value {
    let all = bill["components"].as_array().expect("components");
    all.iter().find(|part| part["name"] == name && part["type"] == "library").unwrap_or_else(|| panic!("no {name}"))
}

fn properties(part: &Value) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for property in part["properties"].as_array().expect("properties") {
        found.entry(property["name"].as_str().expect("a name")).or_default().push(property["value"].as_str().expect("a value"));
    }
    found
}

fn needs<'b>(bill: &'b Value, of: &str) -> Vec<&'b str> {
    let all = bill["dependencies"].as_array().expect("dependencies");
    let one = all.iter().find(|one| one["ref"] == of).unwrap_or_else(|| panic!("nothing about {of}"));
    one["dependsOn"].as_array().expect("a list").iter().map(|need| need.as_str().expect("a name")).collect()
}

#[test]
fn it_says_what_goes_to_whom() {
    let project = Project::new();
    project.spec("volume");
    let (_, bill) = bill(&project);
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    assert_eq!(bill["metadata"]["component"]["name"], "small");
    assert!(bill["metadata"].get("timestamp").is_none(), "no time is the same tomorrow");

    let basis = part(&bill, "basis");
    let deb = fs::read(project.folder.path().join("debs/basis.deb")).expect("a package");
    assert_eq!(basis["purl"], "pkg:deb/debian/basis@2:1.0?arch=all&distro=debian-12&upstream=stack%401.0-1");
    assert_eq!(basis["hashes"], json!([{"alg": "SHA-256", "content": clusterseed::format::checksum::Sha256Sum::of(&deb).hex()}]));
    assert_eq!(basis["supplier"], json!({"name": "Nobody", "contact": [{"email": "nobody@example.net"}]}));
    assert_eq!(basis["externalReferences"], json!([{"type": "website", "url": "https://example.net/basis"}]));
    assert_eq!(basis["description"], "for tests");
    let declared = json!([
        {"license": {"id": "GPL-2.0-or-later", "acknowledgement": "declared"}},
        {"license": {"id": "MIT", "acknowledgement": "declared"}},
        {"license": {"name": "GPL-2+ or Artistic", "acknowledgement": "declared"}},
    ]);
    assert_eq!(basis["licenses"], declared);
    let said = properties(basis);
    assert_eq!(said["clusterseed:size"], [deb.len().to_string()]);
    assert_eq!((&said["clusterseed:source"][..], &said["clusterseed:architecture"][..]), (&["stack 1.0-1"][..], &["all"][..]));
    assert_eq!(said["clusterseed:for"], ["server: server"]);

    // Its folder is a link to that of a package of the same source; of `tool` nobody says anything.
    let (server, tool) = (part(&bill, "server"), part(&bill, "tool"));
    assert_eq!(server["licenses"], declared);
    assert_eq!(server["purl"], "pkg:deb/debian/server@1:1.0-1%2Bx~y?arch=amd64&distro=debian-12&upstream=stack%401.0-1");
    assert!(tool.get("licenses").is_none());
    assert_eq!(tool["purl"], "pkg:deb/debian/tool@2.0?arch=amd64&distro=debian-12");
    assert_eq!(properties(tool)["clusterseed:copyright"], ["no copyright file"]);
    assert_eq!(properties(tool)["clusterseed:for"], ["client: asked for", "server: server"]);

    let purl = |part: &'static str| bill_purl(&bill, part);
    assert_eq!(needs(&bill, "cluster"), ["set:client", "set:server"]);
    assert_eq!((needs(&bill, "set:client"), needs(&bill, "set:server")), (vec![purl("tool")], vec![purl("server")]));
    assert_eq!(needs(&bill, purl("server")), [purl("basis"), purl("tool")]);
    assert!(needs(&bill, purl("tool")).is_empty() && needs(&bill, purl("basis")).is_empty());
}

fn bill_purl<'b>(bill: &'b Value, name: &str) -> &'b str {
    part(bill, name)["purl"].as_str().expect("a package URL")
}

#[test]
fn build_writes_it_and_it_is_the_same_each_time() {
    let project = Project::new();
    let out = project.build("volume");
    let written = fs::read(out.join("packages/bom.cdx.json")).expect("a bill");
    assert!(bill(&project).0 == written, "`bom` prints what `build` writes");
    for list in ["SHA256SUMS", "manifest.json"] {
        assert!(fs::read_to_string(out.join(list)).expect("a list").contains("packages/bom.cdx.json"), "{list}");
    }
    // What was kept of copyright files is not believed where it is damaged, and not needed.
    let notes = files(&project.store().root().join("copyright"));
    assert_eq!(notes.len(), 3);
    let text = notes.iter().find(|(_, path)| fs::read_to_string(path).expect("a note").contains("Expat")).expect("a note with the text");
    fs::write(&text.1, fs::read_to_string(&text.1).expect("a note").replace("Expat", "ISC")).expect("a note");
    assert!(bill(&project).0 == written);
    fs::remove_dir_all(project.store().root().join("copyright")).expect("a folder");
    assert!(bill(&project).0 == written);
    // Another cluster, or another time, is another bill.
    let dated =
        project.command(&["bom", "volume.yaml", "--format", "json"]).env("SOURCE_DATE_EPOCH", "1800000000").output().expect("a bill");
    let dated: Value = serde_json::from_slice(&dated.stdout).expect("JSON");
    let before: Value = serde_json::from_slice(&written).expect("JSON");
    assert_eq!(dated["metadata"]["timestamp"], "2027-01-15T08:00:00Z");
    assert_ne!(dated["serialNumber"], before["serialNumber"]);
    // What leaves the store takes its note along.
    let (code, said) = project.run(&["store", "prune", "--all"]);
    assert_eq!((code, files(&project.store().root().join("copyright")).len()), (0, 0), "{said}");
}

#[test]
fn people_read_a_table() {
    let project = Project::new();
    project.spec("volume");
    let output = project.command(&["bom", "volume.yaml"]).output().expect("the program");
    let (out, err) = texts(&output);
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["package", "version", "arch", "bytes", "for", "licences"]);
    assert_eq!(
        (rows[1][..3].to_vec(), rows[1][4..].join(" ")),
        (vec!["basis", "2:1.0", "all"], "server GPL-2.0-or-later, MIT, GPL-2+ or Artistic".into())
    );
    assert_eq!(rows[3][4..].join(" "), "client server (no copyright file)");
    assert!(err.contains("for 2 sets of hosts; 1 do not say their licences"), "{err}");
    // Nothing is carried: nothing to list. Nothing is there: how it gets there.
    fs::remove_dir_all(project.store().root()).expect("a store");
    let (code, said) = project.run(&["bom", "volume.yaml"]);
    assert!(code == 1 && said.contains("error[package-not-stored]"), "{said}");
    let guide = data("golden/guide/cluster.yaml").display().to_string();
    let (code, said) = project.run(&["bom", &guide]);
    assert!(code == 0 && said.contains("nothing is carried"), "{said}");
}

/// However dpkg packs it, and where not, why.
#[test]
fn copyright_files_in_every_packing() {
    let folder = scratch();
    let tree = folder.path().join("tree");
    let make = |kind: &str| {
        let deb = folder.path().join("x.deb");
        let made = Command::new("dpkg-deb")
            .args(["--root-owner-group", &format!("-Z{kind}"), "-b"])
            .arg(&tree)
            .arg(&deb)
            .output()
            .expect("dpkg-deb");
        made.status.success().then(|| fs::read(&deb).expect("a package"))
    };
    let doc = tree.join("usr/share/doc");
    fs::create_dir_all(doc.join("x")).expect("a folder");
    fs::create_dir_all(tree.join("DEBIAN")).expect("a folder");
    fs::write(tree.join("DEBIAN/control"), "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: x\n")
        .expect("a file");
    fs::write(doc.join("x/copyright"), b"Fran\xe7ais\n").expect("a file");
    fs::write(doc.join("x/changelog"), vec![7; 3_000_000]).expect("a file");
    let mut tried = 0;
    for kind in ["none", "gzip", "xz", "zstd"] {
        // The dpkg of Debian 11 does not know zstd.
        let Some(bytes) = make(kind).or_else(|| (kind != "zstd").then(|| panic!("dpkg-deb cannot pack {kind}"))) else { continue };
        assert_eq!(copyright(&bytes[..], "x").expect("a package"), Copyright::Text("Fran\u{fffd}ais\n".into()), "{kind}");
        assert_eq!(copyright(&bytes[..], "y").expect("a package"), Copyright::Nothing, "{kind}");
        // Cut anywhere, it says so or errs; it never panics.
        for cut in [9, 70, 200, bytes.len() / 3, bytes.len() / 2] {
            let _ = copyright(&bytes[..cut], "x");
        }
        tried += 1;
    }
    assert!(tried >= 3);
    let bytes = make("xz").expect("a package");
    let at = bytes.windows(11).position(|bytes| bytes == b"data.tar.xz").expect("data");
    let renamed = [&bytes[..at], b"data.tar.lz", &bytes[at + 11..]].concat();
    assert!(matches!(copyright(&renamed[..], "x"), Ok(Copyright::Unread(why)) if why.contains("data.tar.lz")));
    let mut damaged = bytes.clone();
    damaged[at + 100] ^= 0xff;
    assert!(matches!(copyright(&damaged[..], "x"), Ok(Copyright::Unread(why)) if why.contains("cannot be unpacked")));
    for (target, found) in
        [("../y", Copyright::Of("y".into())), ("/etc/passwd", Copyright::Nothing), ("../../../common-licenses/GPL", Copyright::Nothing)]
    {
        fs::remove_file(doc.join("x/copyright")).expect("a file");
        let target = if target == "../y" { "../y/copyright" } else { target };
        std::os::unix::fs::symlink(target, doc.join("x/copyright")).expect("a link");
        assert_eq!(copyright(&make("none").expect("a package")[..], "x").expect("a package"), found, "{target}");
    }
}

/// The schemas that CycloneDX publishes, a reader of package URLs, and the list of SPDX.
#[test]
#[ignore = "slow: fetches CycloneDX's own validator on its first run"]
fn cyclonedxs_own_validator_takes_it() {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bom");
    let made = Command::new("sh").arg(data("bom/setup.sh")).arg(&cache).output().expect("sh");
    assert!(made.status.success(), "{}{}", texts(&made).0, texts(&made).1);
    let project = Project::new();
    project.spec("volume");
    let bills = [("plain", None), ("dated", Some("1800000000"))].map(|(name, epoch)| {
        let mut command = project.command(&["bom", "volume.yaml", "--format", "json"]);
        let output = command.envs(epoch.map(|epoch| ("SOURCE_DATE_EPOCH", epoch))).output().expect("a bill");
        let path = cache.join(name).with_extension("json");
        fs::write(&path, output.stdout).expect("a file");
        path
    });
    let ids = known().into_iter().map(|name| match Licence::read(&name) {
        Licence::Spdx(id) => id + "\n",
        Licence::Named(name) => panic!("{name} is no identifier"),
    });
    fs::write(cache.join("licences"), ids.collect::<String>()).expect("a file");
    let mut command = Command::new("python3");
    command.arg(data("bom/judge.py")).arg(cache.join("python")).arg(cache.join("licences")).args(&bills);
    let judged = command.output().expect("python3");
    assert!(judged.status.success(), "{}{}", texts(&judged).0, texts(&judged).1);
    print!("{}", texts(&judged).0);
}
