//! The next commands: what an operator types to bring up what was built, as lines of sh. Nothing here runs them.

use std::cmp::Ordering;

use super::cards::Cards;
use super::network;
use crate::cluster::network::Mac;
use crate::cluster::{Cluster, Compress, Host};
use crate::format::debversion;
use crate::format::shell::quoted;
use crate::platform::Target;
use crate::platform::target::{Piece, Placeholder, Word};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The host that it is for; none: all of them.
    pub host: Option<String>,
    /// A line of sh.
    pub shell: String,
}

/// All commands of a target, host by host; `output` is the output folder as it was typed.
pub fn steps(cluster: &Cluster, target: &Target, output: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let cards = Cards::new(cluster);
    for (index, host) in cluster.hosts.iter().enumerate() {
        let line = Line { cluster, target, host, index, output, cards: cards.of(host) };
        steps.extend(target.hosts.iter().map(|command| Step { host: Some(host.name.clone()), shell: line.shell(command) }));
    }
    if let Some(host) = cluster.hosts.first() {
        let line = Line { cluster, target, host, index: 0, output, cards: cards.of(host) };
        steps.extend(target.once.iter().map(|command| Step { host: None, shell: line.shell(command) }));
    }
    steps
}

/// What the commands of a target do not do for the network that the spec describes, in words.
pub fn shortcomings(cluster: &Cluster, target: &Target) -> Vec<String> {
    let cards = Cards::new(cluster);
    let names: Vec<&str> = cards.names().collect();
    let several = names.len() > 1;
    if target.has(Placeholder::Run) {
        return Vec::new();
    }
    if target.has(Placeholder::Cards) {
        let word = "all network cards of a machine come to the same network; write another one where a card belongs to another";
        return several.then(|| word.to_string()).into_iter().collect();
    }
    let several = several
        .then(|| format!("each machine gets one network card, and the spec has {}: give it the others before it starts", names.join(", ")));
    let given = "the hardware addresses of the spec are not set: give the machines those, or the spec those that the machines get";
    several.into_iter().chain((cards.are_given() && !target.has(Placeholder::Mac)).then(|| given.to_string())).collect()
}

/// What the words of a command are made of.
struct Line<'a> {
    cluster: &'a Cluster,
    target: &'a Target,
    host: &'a Host,
    index: usize,
    output: &'a str,
    cards: Vec<Mac>,
}

impl Line<'_> {
    fn shell(&self, command: &[Word]) -> String {
        let mut words = Vec::new();
        for word in command {
            if word[..] == [Piece::Placeholder(Placeholder::Cards)] {
                let each = self.cards.iter().enumerate().flat_map(|(at, _)| self.target.card.iter().map(move |word| self.word(word, at)));
                words.extend(each);
            } else {
                words.push(self.word(word, 0));
            }
        }
        words.join(" ")
    }

    /// A word; `card` is the number of the card that it speaks of.
    fn word(&self, word: &Word, card: usize) -> String {
        let Self { cluster, host, index, output, .. } = *self;
        let (mut out, mut text) = (String::new(), String::new());
        for piece in word {
            match piece {
                Piece::Text(own) => text.push_str(own),
                Piece::Placeholder(Placeholder::Card) => text.push_str(&card.to_string()),
                Piece::Placeholder(Placeholder::Mac) => text.extend(self.cards.get(card).map(Mac::to_string)),
                Piece::Placeholder(place) => match read(*place, cluster, host, output) {
                    Some(command) => flush(&mut out, &mut text, &command),
                    None => text.push_str(&fill(*place, cluster, host, output)),
                },
                Piece::Variable(name) => flush(&mut out, &mut text, &format!("\"${name}\"")),
                Piece::Numbered(name) => flush(&mut out, &mut text, &format!("\"$(({name} + {index}))\"")),
            }
        }
        flush(&mut out, &mut text, "");
        out
    }
}

/// Quotes what was gathered of a word, and adds what is quoted already.
fn flush(out: &mut String, text: &mut String, more: &str) {
    if !text.is_empty() {
        out.push_str(&quoted(text));
        text.clear();
    }
    out.push_str(more);
}

fn fill(place: Placeholder, cluster: &Cluster, host: &Host, output: &str) -> String {
    let file = |name: &str| host_file(host, output, name);
    match place {
        Placeholder::Name => host.name.clone(),
        Placeholder::Cluster => cluster.name.clone(),
        Placeholder::Address => host.address.to_string(),
        // Of these, `word` speaks.
        Placeholder::Mac | Placeholder::Card | Placeholder::Cards => String::new(),
        Placeholder::Os => format!("{}{}", cluster.platform.distribution, cluster.platform.version),
        Placeholder::UserData | Placeholder::UserDataBase64 | Placeholder::UserDataGzip => file("user-data"),
        Placeholder::GuestMetadata => file("meta-data"),
        Placeholder::Seed => file("seed.iso"),
        Placeholder::SeedInOptions => file("seed.iso").replace(',', ",,"),
        Placeholder::Run => below(output, "run.sh"),
    }
}

/// What is known only when the command runs: the content of a file, read by the shell of the operator. `-w0` is not everywhere.
fn read(place: Placeholder, cluster: &Cluster, host: &Host, output: &str) -> Option<String> {
    let file = |name: &str| quoted(&host_file(host, output, name));
    let source = match place {
        Placeholder::UserDataBase64 => format!("base64 <{}", file("user-data")),
        Placeholder::UserDataGzip if cluster.delivery.compress == Compress::Always => format!("base64 <{}", file("user-data")),
        Placeholder::UserDataGzip => format!("gzip -cn9 <{} | base64", file("user-data")),
        Placeholder::GuestMetadata if network::is_a_file(cluster) => format!(
            r#"{{ cat {}; printf 'network: "%s"\nnetwork.encoding: base64\n' "$(base64 <{} | tr -d '\n')"; }} | base64"#,
            file("meta-data"),
            file("network-config")
        ),
        Placeholder::GuestMetadata => format!("base64 <{}", file("meta-data")),
        _ => return None,
    };
    Some(format!(r#""$({source} | tr -d '\n')""#))
}

fn host_file(host: &Host, output: &str, name: &str) -> String {
    below(output, &format!("hosts/{}/{name}", host.name))
}

/// A path below the output that no command takes for an option.
fn below(output: &str, path: &str) -> String {
    let dash = if output.starts_with('-') { "./" } else { "" };
    format!("{dash}{}/{path}", output.trim_end_matches('/'))
}

/// How a machine without a volume is told where its seed is served (cloud-init, NoCloud).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// A word of the kernel's command line.
    pub kernel: String,
    /// The same as a line of /etc/default/grub: there `;` ends a command unless it is escaped.
    pub grub: String,
    /// Options of QEMU that say it by SMBIOS, as words of sh; none where cloud-init does not look there.
    pub smbios: Option<String>,
    /// True when the network that the spec describes comes the same way, or the spec describes none.
    pub network: bool,
}

/// For one host; `url` is where the hosts' folders are served.
pub fn net(cluster: &Cluster, host: &Host, url: &str) -> Net {
    let since = |version| debversion::compare(&cluster.platform.cloud_init, version) != Ordering::Less;
    // `nocloud-net` is deprecated since 24.1; before, `nocloud` took no http.
    let name = if since("24.1") { "nocloud" } else { "nocloud-net" };
    let kernel = format!("ds={name};s={url}/{}/", host.name);
    let grub = format!("GRUB_CMDLINE_LINUX='{}'", kernel.replace(';', r"\;"));
    let serial = format!("type=1,serial={}", kernel.replace(',', ",,"));
    let smbios = since("17.1").then(|| format!("-smbios {}", quoted(&serial)));
    // Before 24.3, NoCloud reads `network-config` from volumes alone (canonical/cloud-init#5566). What 0.7.5 reads is in meta-data.
    Net { kernel, grub, smbios, network: !network::is_a_file(cluster) || since("24.3") }
}
