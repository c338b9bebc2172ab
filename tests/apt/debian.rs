//! The real index of Debian 12, and what apt chooses from it.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use clusterseed::apt::index;
use clusterseed::apt::resolve::Universe;

use super::oracle::{self, Apt};
use super::world::{Texts, World};
use crate::support::{data, root, scratch};

/// What a cluster may want, small and large.
const WANTED: [&str; 5] = ["zookeeperd", "openjdk-17-jre-headless", "postgresql", "nginx-full", "docker.io"];

fn cache() -> PathBuf {
    std::env::var_os("CLUSTERSEED_CACHE").map_or_else(|| root().join("target/real"), PathBuf::from)
}

/// `Packages` of Debian 12 (main, amd64), from the mirror that this machine's apt uses; fetched once.
fn packages() -> String {
    let kept = cache().join("debian-12-Packages.xz");
    if !kept.exists() {
        fs::create_dir_all(cache()).expect("a folder");
        let format = "$(SUITE) $(CODENAME) $(COMPONENT) $(URI)";
        let targets = || {
            let words = ["indextargets", "--format", format, "Created-By: Packages", "Origin: Debian", "Architecture: amd64"];
            let output = Command::new("apt-get").args(words).output().expect("apt-get");
            let text = String::from_utf8(output.stdout).expect("UTF-8");
            text.lines().find_map(|line| line.split_once(" bookworm main ").map(|(_, uri)| uri.to_string()))
        };
        let uri = targets().or_else(|| {
            assert!(Command::new("apt-get").args(["-q", "update"]).status().expect("apt-get").success());
            targets()
        });
        let uri = uri.unwrap_or_else(|| "http://deb.debian.org/debian/dists/bookworm/main/binary-amd64/Packages".into());
        let part = kept.with_extension("part");
        // apt's own way, with its proxies and settings.
        let helper = Command::new("/usr/lib/apt/apt-helper").arg("download-file").arg(format!("{uri}.xz")).arg(&part).status();
        assert!(helper.expect("apt-helper").success(), "{uri}.xz");
        fs::rename(&part, &kept).expect("a file");
    }
    let file = fs::File::open(&kept).expect("an index");
    let mut text = String::new();
    lzma_rust2::XzReader::new(std::io::BufReader::new(file), true).read_to_string(&mut text).expect("an index");
    text
}

/// The dpkg status of a minimal root (and of the tools of a cloud image, which are in it).
fn status() -> String {
    let tree = cache().join("root");
    let made = Command::new("sh").arg(data("real/root.sh")).arg(&tree).status().expect("sh");
    assert!(made.success(), "real/root.sh");
    fs::read_to_string(tree.join("var/lib/dpkg/status")).expect("a status")
}

#[test]
#[ignore = "fetches the index of Debian 12, makes a root, asks apt for a minute"]
fn closures_of_debian_12_are_those_of_apt() {
    if !oracle::there() {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        assert!(std::env::var_os("CI").is_none(), "CI must make a root");
        println!("skipped: making a root needs root");
        return;
    }
    // Others on demand, each alone: PACKAGES="libreoffice samba".
    let asked = std::env::var("PACKAGES").unwrap_or_default();
    let asked: Vec<&str> = asked.split_whitespace().collect();
    let wanted = if asked.is_empty() { WANTED.to_vec() } else { asked.clone() };
    let together = asked.is_empty().then(|| (0..wanted.len()).collect::<Vec<usize>>());
    let index = packages();
    let begun = Instant::now();
    let count = index::read(&index).expect("an index").len();
    println!("{count} packages, {} MB, read in {:?}", index.len() >> 20, begun.elapsed());
    let mut wrong = Vec::new();
    for (base, status) in [("empty base", String::new()), ("minimal root", status())] {
        let texts = Texts { sources: vec![("main".into(), index.clone())], status, request: format!("install {}", wanted.join(" ")) };
        let world = World::read(&texts);
        let apt_root = scratch();
        let apt = Apt::new(apt_root.path(), &texts).cached();
        let begun = Instant::now();
        let universe = Universe::new(world.request()).expect("a universe");
        println!("{base}: joined in {:?}", begun.elapsed());
        for places in (0..wanted.len()).map(|place| vec![place]).chain(together.clone()) {
            let wishes: Vec<_> = places.iter().map(|place| world.wanted[*place]).collect();
            let names: Vec<&str> = places.iter().map(|place| wanted[*place]).collect();
            let begun = Instant::now();
            let answer = world.answer(&universe, &wishes);
            let (ours, took) = (World::set(&answer).unwrap_or_default(), begun.elapsed());
            let begun = Instant::now();
            let (theirs, said) = apt.install(&names);
            // What apt refuses, or cannot find, nobody is to be measured by.
            let Some(theirs) = theirs else {
                assert!(!asked.is_empty(), "{said}");
                println!("{base}, {}: apt gives up, we have {} packages", names.join(" "), ours.len());
                continue;
            };
            println!("{base}, {}: {} packages, {took:?}, apt {:?}", names.join(" "), ours.len(), begun.elapsed());
            let only = |a: &[String], b: &[String]| a.iter().filter(|line| !b.contains(line)).cloned().collect::<Vec<_>>();
            if ours != theirs {
                wrong.push(format!("{base}, {names:?}\n  only we: {:?}\n  only apt: {:?}", only(&ours, &theirs), only(&theirs, &ours)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
