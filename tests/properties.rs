//! Whatever is typed: ranges are regular, bytes come through unchanged, nothing panics.
//!
//! The cases are the same on every run; `PROPTEST_RNG_SEED=random` or another number tries others.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::Ipv4Addr;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use clusterseed::cluster::{Cluster, LocalFiles};
use clusterseed::compile::{self, Inputs, LockFile};
use clusterseed::diag::{At, Diagnostics, FileId, Sources, render};
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::profile::catalog::Catalog;
use clusterseed::yaml::read;
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof};
use proptest::test_runner::RngSeed;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::support;

/// Longest that one check may take; a file of a few kilobytes takes milliseconds.
const LIMIT: Duration = Duration::from_secs(30);

fn cases(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let rng_seed = if std::env::var_os("PROPTEST_RNG_SEED").is_some() { default.rng_seed } else { RngSeed::Fixed(1) };
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..default }
}

/// A kind of cluster that loads quickly.
const SHOP: &str = "
profile: shop
format: 1
summary: one program
platforms: [ubuntu-14.04, debian-12]
settings:
  words: {type: string, default: none, scope: host, description: text on one line}
  text: {type: string, multiline: true, default: none, scope: host, description: any text}
  tags: {type: map, keys: '[a-z]+', values: {type: string}, default: {}, scope: host, description: texts by name}
roles:
  web: {description: serves}
files:
  - {path: /etc/shop, content: '{{ settings.words }} {{ settings.text }} {{ settings.tags | items | list }}'}
";

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let mut catalog = Catalog::embedded();
    catalog.overlay("shop/profile.yaml", SHOP.as_bytes().to_vec(), "a test");
    catalog
});

/// What came of a spec.
struct Outcome {
    cluster: Option<Cluster>,
    inputs: Inputs,
    words: String,
}

/// Everything that `check` does with the bytes of a spec, drawing included.
fn check(bytes: &[u8], local: LocalFiles) -> Outcome {
    let begin = Instant::now();
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let text = read::decode(bytes, |start, end| At::new(FileId(0), start, end), &mut diags);
    let spec = match text {
        Some(text) => compile::parse_spec(&text, "cluster.yaml", &mut sources, &mut diags),
        None => {
            sources.add("cluster.yaml", String::from_utf8_lossy(bytes));
            None
        }
    };
    let inputs =
        Inputs { digest: Sha256Sum::of(bytes), spec, catalog: CATALOG.clone(), local, lock: LockFile::Ignored, base: None, epoch: 0 };
    let cluster = compile::check(&inputs, &mut sources, &mut diags);
    assert!(cluster.is_some() != diags.has_errors(), "a cluster or errors, never both or neither");
    diags.finish(&[], false);
    diags.iter().for_each(|diagnostic| drop(render::json_line(diagnostic, &sources)));
    let words = render::all(&diags, &sources, false);
    assert!(begin.elapsed() < LIMIT, "took {:?}", begin.elapsed());
    Outcome { cluster, inputs, words }
}

/// A double-quoted scalar that stands for exactly these characters.
fn quoted(text: &str) -> String {
    let inner: String = text
        .chars()
        .map(|c| match c {
            '"' | '\\' => format!("\\{c}"),
            ' '..='~' => c.to_string(),
            c => format!("\\U{:08X}", u32::from(c)),
        })
        .collect();
    format!("\"{inner}\"")
}

fn shop(platform: &str, hosts: &str, more: &str) -> String {
    format!(
        "version: 1\ncluster: test\nprofile: shop\nplatform: {platform}\nnetwork: {{subnet: 10.0.0.0/8, interface: ens3}}\nhosts:\n  - {hosts}\n{more}"
    )
}

const ONE: &str = "{name: web1, role: web, address: 10.0.0.1}";

/// Text that trips readers more often than chance would.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        6 => any::<char>().prop_map(String::from),
        3 => (0x20u8..0x7f).prop_map(|b| char::from(b).to_string()),
        2 => proptest::sample::select(PIECES).prop_map(str::to_string),
    ];
    proptest::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

const PIECES: &[&str] = &[
    "\n", "\r\n", "\t", " ", "\n\n", " \n", "\u{85}", "\u{2028}", "\u{feff}", "\u{0}", ": ", " #", "- ", "? ", "---\n", "...\n", "%YAML",
    "&a", "*a", "!!str", "|", ">", "'", "\"", "\\", "{{", "}}", "{%", "%}", "{#", "${", "$(", "`", "null", "~", "yes", "0x1f", "1e3", "=",
    "<<", "[", "]", "{", "}", ",",
];

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn ranges_expand_to_consecutive_names_and_addresses(
        stem in proptest::sample::select(&["a", "web", "node-", "x1y"][..]),
        first in 0u32..20_000,
        count in 1u32..400,
        width in 0usize..7,
        address in 0x0a00_0001u32..0x0aff_0000,
    ) {
        let (last, first_address) = (first + count - 1, Ipv4Addr::from(address));
        // Leading zeros of the first number give the width.
        let from = format!("{first:0width$}");
        let width = if from.starts_with('0') { from.len() } else { 0 };
        let host = format!("{{name: \"{stem}[{from}-{last}]\", role: web, address: {first_address}}}");
        let outcome = check(shop("debian-12", &host, "").as_bytes(), LocalFiles::new());
        let cluster = outcome.cluster.expect(&outcome.words);
        prop_assert_eq!(cluster.hosts.len(), count as usize);
        for (offset, host) in (0..count).zip(&cluster.hosts) {
            prop_assert_eq!(&host.name, &format!("{stem}{:0width$}", first + offset));
            prop_assert_eq!(host.address, Ipv4Addr::from(address + offset));
            prop_assert_eq!(host.id, Some(first + offset));
        }
    }

    #[test]
    fn any_text_is_taken_or_refused_with_words(text in texts(), place in 0usize..8) {
        let text = quoted(&text);
        let more = match place {
            0 => format!("settings: {{words: {text}}}"),
            1 => format!("settings: {{text: {text}}}"),
            2 => format!("settings: {{tags: {{a: {text}}}}}"),
            3 => format!("settings: {{tags: {{{text}: a}}}}"),
            4 => format!("settings: {{{text}: a}}"),
            5 => format!("files: [{{path: {text}, content: a}}]"),
            6 => format!("access: {{users: [{{name: ops, gecos: {text}, password_hash: {text}, ssh_keys: [{text}]}}]}}"),
            _ => format!("commands: [{{run: {text}}}, {{run: [{text}, {text}]}}]"),
        };
        let outcome = check(shop("ubuntu-14.04", ONE, &more).as_bytes(), LocalFiles::new());
        prop_assert!(outcome.cluster.is_some() || outcome.words.contains("error["), "{}", outcome.words);
    }

    #[test]
    fn text_without_quotes_never_panics(text in texts(), place in 0usize..4) {
        let more = match place {
            0 => format!("settings:\n  words: {text}\n  text: a\n"),
            1 => format!("files:\n  - path: /srv/a\n    content: |\n      {text}\n"),
            2 => format!("{text}\n"),
            _ => format!("files: [{{path: /srv/a, content: {text}}}]\n"),
        };
        check(shop("debian-12", ONE, &more).as_bytes(), LocalFiles::new());
    }

    #[test]
    fn mutated_specs_never_panic(seed in any::<proptest::sample::Index>(), mutations in proptest::collection::vec(mutation(), 1..6)) {
        let seeds = &*SEEDS;
        let mut bytes = seeds[seed.index(seeds.len())].clone();
        mutations.iter().for_each(|mutation| mutation.apply(&mut bytes));
        check(&bytes, LocalFiles::new());
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn content_comes_back_byte_for_byte(text in texts(), bytes in proptest::collection::vec(any::<u8>(), 0..200), new in any::<bool>()) {
        let text = text.replace('\0', "");
        let more = format!("files:\n  - {{path: /srv/text, content: {}}}\n  - {{path: /srv/bytes, source: bytes.bin}}\n", quoted(&text));
        let local = LocalFiles::from([("bytes.bin".to_string(), Ok(bytes.clone()))]);
        let outcome = check(shop(if new { "debian-12" } else { "ubuntu-14.04" }, ONE, &more).as_bytes(), local);
        let cluster = outcome.cluster.expect(&outcome.words);
        let written = Mutex::new(BTreeMap::new());
        let built = compile::build(&cluster, &outcome.inputs, |artifact| {
            written.lock().unwrap().insert(artifact.path.clone(), artifact.content.bytes().expect("in memory").to_vec());
            Ok::<_, ()>(Sha256Sum([0; 32]))
        });
        prop_assert!(built.is_ok());
        let written = written.into_inner().unwrap();
        for (path, wanted) in [("root/srv/text", text.as_bytes()), ("root/srv/bytes", &bytes)] {
            let in_user_data = from_user_data(&written["hosts/web1/user-data"], path);
            prop_assert_eq!(in_user_data.as_deref(), Some(wanted), "user-data, {}", path);
            let in_seed = from_tarball(&written["hosts/web1/seed.tar.gz"], path);
            prop_assert_eq!(in_seed.as_deref(), Some(wanted), "seed.tar.gz, {}", path);
        }
    }
}

#[test]
fn ranges_stay_linear() {
    let time = |count: u32| {
        let host = format!("{{name: \"web[1-{count}]\", role: web, address: 10.0.0.1}}");
        let begin = Instant::now();
        let cluster = check(shop("debian-12", &host, "").as_bytes(), LocalFiles::new()).cluster;
        assert_eq!(cluster.map(|cluster| cluster.hosts.len()), Some(count as usize));
        begin.elapsed()
    };
    let (few, many) = (time(1_000).min(time(1_000)), time(10_000));
    assert!(many < few * 60 + Duration::from_secs(1), "1,000 hosts took {few:?}, 10,000 {many:?}");
}

/// Valid specs, to be spoilt.
static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let guide = std::fs::read(support::root().join("src/cli/cluster.yaml")).unwrap();
    let full = shop(
        "ubuntu-14.04",
        "{name: \"web[1-3]\", role: [web], address: 10.0.0.1, settings: {words: own}}",
        "cloud: nocloud\ndelivery: {method: url, url: \"http://seeds.example.net/hosts\"}\nroles: {web: {settings: {text: \"two\\nlines\"}}}\n\
         settings: &all\n  words: some\n  tags: {a: b, c: d}\naccess:\n  users:\n    - {name: ops, sudo: true, groups: [adm]}\n\
         files:\n  - path: /srv/a\n    content: |\n      one\n      two\n  - {path: /srv/b, content: b, roles: [web], hosts: [web1], mode: \"0600\"}\n\
         commands:\n  - {run: [sysctl, -p], at: before-install}\nallow: [user-no-login]\n",
    );
    let blocks = shop(
        "debian-12",
        "name: web1\n    role: web\n    address: 10.0.0.1",
        "settings:\n  words: 'quoted'\n  text: >-\n    folded\n    text\n",
    );
    vec![guide, full.into_bytes(), blocks.into_bytes()]
});

/// A slip of an editor, or of a disk.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(proptest::sample::Index, u8),
    Cut(proptest::sample::Index),
    Drop(proptest::sample::Index),
    Insert(proptest::sample::Index, &'static str),
    SwapLines(proptest::sample::Index, proptest::sample::Index),
    RepeatLine(proptest::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    use Mutation::{Cut, Drop, Flip, Insert, RepeatLine, SwapLines};
    let at = any::<proptest::sample::Index>;
    prop_oneof![
        3 => (at(), 1u8..=255).prop_map(|(at, mask)| Flip(at, mask)),
        1 => at().prop_map(Cut),
        3 => at().prop_map(Drop),
        4 => (at(), proptest::sample::select(PIECES)).prop_map(|(at, piece)| Insert(at, piece)),
        3 => (at(), at()).prop_map(|(a, b)| SwapLines(a, b)),
        2 => at().prop_map(RepeatLine),
        1 => at().prop_map(|at| Insert(at, "\u{feff}")),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let lines = |bytes: &[u8]| bytes.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        match self {
            Self::Flip(at, mask) => {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Drop(at) => drop(bytes.remove(at.index(bytes.len()))),
            Self::Insert(at, piece) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, piece.bytes());
            }
            Self::SwapLines(a, b) => {
                let mut lines = lines(bytes);
                let (a, b) = (a.index(lines.len()), b.index(lines.len()));
                lines.swap(a, b);
                *bytes = lines.concat();
            }
            Self::RepeatLine(at) => {
                let mut lines = lines(bytes);
                let at = at.index(lines.len());
                lines.insert(at, lines[at].clone());
                *bytes = lines.concat();
            }
        }
    }
}

/// A file of the seed as `write_files` would put it.
fn from_user_data(user_data: &[u8], path: &str) -> Option<Vec<u8>> {
    let tree: serde_yaml::Value = serde_yaml::from_slice(user_data).ok()?;
    let files = tree.get("write_files")?.as_sequence()?;
    let file = files.iter().find(|file| file["path"].as_str().is_some_and(|p| p.ends_with(&format!("/seed/{path}"))))?;
    let content = file["content"].as_str()?;
    match file.get("encoding") {
        None => Some(content.as_bytes().to_vec()),
        Some(encoding) if encoding.as_str() == Some("b64") => from_base64(content),
        Some(_) => None,
    }
}

/// Written apart from the product's own decoder.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values = text.chars().filter(|c| !c.is_whitespace() && *c != '=').map(|c| digits.find(c)).collect::<Option<Vec<usize>>>()?;
    let bits: Vec<usize> = values.iter().flat_map(|value| (0..6).rev().map(move |bit| value >> bit & 1)).collect();
    Some(bits.chunks_exact(8).map(|byte| byte.iter().fold(0u8, |all, bit| all << 1 | u8::from(*bit == 1))).collect())
}

fn from_tarball(tarball: &[u8], path: &str) -> Option<Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(tarball));
    let mut entries = archive.entries().ok()?;
    let mut entry = entries.find_map(|entry| entry.ok().filter(|e| e.path().is_ok_and(|p| p.to_str() == Some(&format!("seed/{path}")))))?;
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
