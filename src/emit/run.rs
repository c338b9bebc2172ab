//! `run.sh`: boots the cluster on the machine of whoever built it.

use super::cards::Cards;
use crate::artifact::Artifact;
use crate::cluster::{Cluster, Host};
use crate::format::checksum::Sha256Sum;
use crate::format::shell::always_quoted;

/// The script, with an example in the lines that are filled in.
const SCRIPT: &str = include_str!("run.sh");

/// The whole script; `image` is the base image as it was typed, so that the output depends on nothing but the command.
pub fn emit(cluster: &Cluster, image: Option<&str>) -> Artifact {
    let cards = Cards::new(cluster);
    let words = |host: &Host| cards.of(host).iter().fold(host.name.clone(), |line, mac| format!("{line} {mac}"));
    let hosts: Vec<String> = cluster.hosts.iter().map(words).collect();
    // Clusters that run side by side must not hear each other.
    let [high, low, ..] = Sha256Sum::of(cluster.name.as_bytes()).0;
    let port = 20_000 + u32::from(u16::from_be_bytes([high, low])) % 10_000;
    // Where none is written, the script says that it is missing.
    let volume = cluster.delivery.volume.file_name().unwrap_or("seed.iso");
    let lines = [
        ("cluster='example'", format!("cluster='{}'", cluster.name)),
        ("volume='seed.iso'", format!("volume='{volume}'")),
        ("image=''", format!("image={}", always_quoted(image.unwrap_or_default()))),
        ("port=20000", format!("port={port}")),
        ("hosts='one 52:54:c0:00:02:01'", format!("hosts='{}'", hosts.join("\n"))),
    ];
    let filled = |line: &str| lines.iter().find(|(example, _)| *example == line).map_or(line.to_string(), |(_, own)| own.clone());
    let script = SCRIPT.lines().map(|line| filled(line) + "\n").collect::<String>();
    Artifact { path: "run.sh".into(), mode: 0o755, content: script.into_bytes().into() }
}
