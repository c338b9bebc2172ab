//! What the targets do with an input: it goes the whole way that it would go in the program, without touching a disk.
//!
//! A panic is a finding. So is whatever is refused without a reason, cannot be shown, or is sound and cannot be built.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::LazyLock;

use clusterseed::apt::resolve::{Failure, Request, Source, Universe, Versions, Want, resolve};
use clusterseed::apt::verify::verify;
use clusterseed::apt::{control, deb, index, status};
use clusterseed::cluster::{Cluster, LocalFiles};
use clusterseed::compile::{self, Inputs, LockFile};
use clusterseed::diag::{At, Diagnostic, Diagnostics, FileId, Sources, codes, render};
use clusterseed::emit::encoding;
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::profile::catalog::Catalog;
use clusterseed::profile::engine::Engine;
use clusterseed::profile::load;
use clusterseed::yaml::read::{self, Kind, Node};
use clusterseed::yaml::write::{Style, Yaml, write};
use minijinja::Value as Jinja;
use serde_yaml::Value;

/// Larger clusters only repeat what a small one does, slowly.
const MAX_HOSTS: usize = 64;
/// Deeper than anything that is emitted.
const DEPTH: usize = 20;
/// The spec whose first host templates see.
const GUIDE: &str = include_str!("../../src/cli/cluster.yaml");

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::embedded);

/// Bytes as a spec: parsed, resolved with the shipped profiles, checked, shown, built.
pub fn spec(bytes: &[u8]) {
    whole_way(bytes, CATALOG.clone());
}

/// Bytes as the profile.yaml of a cluster kind and, from the first line `---` on, its part more.yaml, laid over the shipped ones; what
/// loads is used for a host of each role.
pub fn profile(bytes: &[u8]) {
    if amplifies(bytes) {
        return;
    }
    let mut catalog = CATALOG.clone();
    let mark = b"\n---\n";
    let at = bytes.windows(mark.len()).position(|window| window == mark);
    let (first, more) = at.map_or((bytes, None), |at| (&bytes[..at + 1], Some(&bytes[at + mark.len()..])));
    if let Some(more) = more {
        catalog.overlay("fuzz/more.yaml", more.to_vec(), "fuzz");
    }
    let table = b"name\tfrom\tto\told\tform\nzk\t0.1\t0.9\t\tvalue\nquiet\tv0.2\t0.9\tsilent\ttoggle\n";
    catalog.overlay("fuzz/flags.tsv", table.to_vec(), "fuzz");
    catalog.overlay("fuzz/profile.yaml", first.to_vec(), "fuzz");
    // Only a profile that asks for them gets files: otherwise each would be an orphan, and nothing would load.
    if has(bytes, b"/etc/a") {
        catalog.overlay("fuzz/files/etc/a", b"verbatim\n".to_vec(), "fuzz");
    }
    if has(bytes, b"/etc/b") {
        catalog.overlay("fuzz/files/etc/b.j2", b"{{ host.name }}{% for h in roles.a %} {{ h.address }}{% endfor %}\n".to_vec(), "fuzz");
    }
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let loaded = load::load("fuzz", &catalog, &mut sources, &mut diags);
    assert!(loaded.is_some() || diags.has_errors(), "refused without a reason");
    drawn(&mut diags, &sources);
    let Some(profile) = loaded else { return };
    let mut spec = format!(
        "version: 1\ncluster: c\nprofile: fuzz\nplatform: {}\nnetwork: {{subnet: 192.0.2.0/24, search: [example.net]}}\nhosts:\n",
        profile.platforms.first().map_or("ubuntu-14.04", String::as_str)
    );
    for (number, role) in profile.roles.iter().enumerate().take(8) {
        spec.push_str(&format!("- {{name: h{}, role: \"{}\", address: 192.0.2.{}}}\n", number + 1, role.name.escape_default(), number + 1));
    }
    whole_way(spec.as_bytes(), catalog);
}

/// Bytes as a .deb file; as an index and, from the first line `---` on, the dpkg status of a base, with its first packages wanted.
pub fn packages(bytes: &[u8]) {
    if let Ok(text) = deb::control(bytes) {
        let paragraph = control::paragraphs(&text).next().expect("a paragraph");
        assert_eq!(paragraph.without(&[]), text);
    }
    let text = String::from_utf8_lossy(bytes);
    let (offers, installed) = text.split_once("\n---\n").unwrap_or((&text, ""));
    let (Ok(offers), Ok(status)) = (index::read(offers), status::read(installed)) else { return };
    // What is small enough to try is enough.
    if offers.len() + status.installed.len() > 40 {
        return;
    }
    let sources = [Source { name: "fuzz".into(), priority: 500, offers }];
    let names = sources[0].offers.iter().take(2).map(|offer| Want { name: offer.package.name, versions: Versions::Any });
    let wanted: Vec<Want<'_>> = names.collect();
    let request = Request { architecture: "amd64", foreign: vec!["i386"], sources: &sources, base: &status.installed, pins: &[] };
    let Ok(universe) = Universe::new(request.clone()) else { return };
    match resolve(&universe, &wanted) {
        // Whole or not, both have an end: nonsense such as a base of an unknown architecture is for the verifier to refuse. That answers
        // are whole where the question makes sense, `apt/random.rs` looks at.
        Ok(closure) => drop(verify(&request, &wanted, &closure)),
        Err(Failure::Impossible(explanation)) => assert!(!explanation.lines.is_empty(), "refused without a reason"),
        Err(other) => assert!(!other.to_string().is_empty()),
    }
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What templates of the guide's first host see.
static SCOPE: LazyLock<Jinja> = LazyLock::new(|| {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let spec = compile::parse_spec(GUIDE, "cluster.yaml", &mut sources, &mut diags);
    let digest = Sha256Sum::of(GUIDE.as_bytes());
    let inputs = Inputs { digest, spec, catalog: CATALOG.clone(), local: LocalFiles::new(), lock: LockFile::Ignored, base: None, epoch: 0 };
    let cluster = compile::check(&inputs, &mut sources, &mut diags).expect("the guide's cluster");
    cluster.host_scope(&cluster.hosts[0], &mut diags)
});

/// Text as a template and as an expression of a profile, seen with the names of a real host: it ends, with a result or a reason.
pub fn template(text: &str) {
    if amplifies(text.as_bytes()) {
        return;
    }
    let mut engine = Engine::default();
    let checked = engine.add_text(text);
    let rendered = engine.render_text(text, &SCOPE);
    assert!(checked.is_ok() || rendered.is_err() || !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)), "{text}");
    engine.names_of_text(text);
    if engine.add("text", text).is_ok() {
        engine.names_of_template("text");
        // An endless loop takes a second until its fuel is gone: once is enough.
        if let Ok(rendered) = rendered {
            assert_eq!(Some(rendered), engine.render("text", &SCOPE).ok(), "{text}");
        }
    }
    if engine.expression(text).is_ok() {
        engine.names_of_expression(text);
        let _ = engine.eval(text, &SCOPE);
    }
}

/// Bytes as a tree: written in both styles, read back by an independent reader and by ours, and equal.
pub fn yaml(bytes: &[u8]) {
    let tree = Reader { bytes }.tree(0);
    for style in [Style::Quoted, Style::Literal] {
        let mut text = String::new();
        write(&tree, style, &mut text);
        assert!(text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n')) && text.ends_with('\n'), "{text}");
        let read: Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, value(&tree), "{text}");
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let node = read::parse(&text, sources.add("text", text.as_str()), &mut diags);
        let node = node.unwrap_or_else(|| panic!("{diags:?}\n{text}"));
        assert!(same(&node, &tree), "{node:?}\n{text}");
    }
}

/// Takes a tree out of bytes: short inputs give small trees, every string can be reached.
struct Reader<'b> {
    bytes: &'b [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.bytes.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
        self.bytes = rest;
        first
    }

    /// Up to a NUL that is not escaped by 0xFF; what is not UTF-8 becomes U+FFFD.
    fn text(&mut self) -> String {
        let mut taken = Vec::new();
        while !self.bytes.is_empty() {
            match self.byte() {
                0 => break,
                0xff => taken.push(self.byte()),
                byte => taken.push(byte),
            }
        }
        String::from_utf8_lossy(&taken).into_owned()
    }

    fn tree(&mut self, depth: usize) -> Yaml<'static> {
        match self.byte() % 8 {
            0 => Yaml::Bool(self.byte() & 1 == 1),
            1 => Yaml::Int(i64::from_be_bytes([0; 8].map(|_: u8| self.byte()))),
            2 | 3 if depth < DEPTH => Yaml::Seq((0..self.byte() % 8).map(|_| self.tree(depth + 1)).collect()),
            4 | 5 if depth < DEPTH => {
                let mut seen = BTreeSet::new();
                let entries = (0..self.byte() % 8).map(|_| (self.text(), self.tree(depth + 1)));
                // Ours takes `<<` for a merge in whatever quotes; nothing that is emitted has such a key.
                Yaml::Map(entries.filter(|(key, _)| key != "<<" && seen.insert(key.clone())).map(|(k, v)| (k.into(), v)).collect())
            }
            _ => self.text().into(),
        }
    }
}

fn value(tree: &Yaml<'_>) -> Value {
    match tree {
        Yaml::Str(text) => Value::String(text.to_string()),
        Yaml::Bool(flag) => Value::Bool(*flag),
        Yaml::Int(number) => Value::Number((*number).into()),
        Yaml::Seq(items) => Value::Sequence(items.iter().map(value).collect()),
        Yaml::Written(_) => unreachable!("no input holds what was written before"),
        Yaml::Map(entries) => Value::Mapping(entries.iter().map(|(k, v)| (Value::String(k.to_string()), value(v))).collect()),
    }
}

fn same(node: &Node, tree: &Yaml<'_>) -> bool {
    match (&node.kind, tree) {
        (Kind::Scalar { text, plain: false }, Yaml::Str(wanted)) => text == wanted,
        (Kind::Scalar { text, plain: true }, Yaml::Bool(flag)) => *text == flag.to_string(),
        (Kind::Scalar { text, plain: true }, Yaml::Int(number)) => *text == number.to_string(),
        (Kind::Seq(nodes), Yaml::Seq(items)) => nodes.len() == items.len() && nodes.iter().zip(items).all(|(n, t)| same(n, t)),
        (Kind::Map(found), Yaml::Map(entries)) => {
            found.len() == entries.len() && found.iter().zip(entries).all(|(f, (key, tree))| f.key == **key && same(&f.value, tree))
        }
        _ => false,
    }
}

/// Checks a spec, and builds it when it is sound. Whatever is refused must be refused with a reason.
fn whole_way(bytes: &[u8], catalog: Catalog) {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let text = read::decode(bytes, |start, end| At::new(FileId(0), start, end), &mut diags).unwrap_or_default();
    let spec = if diags.has_errors() {
        sources.add("cluster.yaml", "");
        None
    } else {
        compile::parse_spec(&text, "cluster.yaml", &mut sources, &mut diags)
    };
    if spec.as_ref().is_some_and(|spec| spec.hosts.iter().map(|host| width(&host.name.value)).sum::<usize>() > MAX_HOSTS) {
        return;
    }
    let mut local = LocalFiles::new();
    for reference in spec.iter().flat_map(|spec| spec.references()) {
        let found = if reference.value.ends_with('0') { Err("not found".to_string()) } else { Ok(b"ops:hunter2\n".to_vec()) };
        if let Err(why) = &found {
            diags.push(Diagnostic::error(codes::FILE_MISSING, reference.at, why.as_str()));
        }
        local.insert(reference.value, found);
    }
    let inputs = Inputs { digest: Sha256Sum::of(bytes), spec, catalog, local, lock: LockFile::Ignored, base: None, epoch: 0 };
    let cluster = compile::check(&inputs, &mut sources, &mut diags);
    assert!(cluster.is_some() || diags.has_errors(), "refused without a reason");
    drawn(&mut diags, &sources);
    if let Some(cluster) = cluster {
        built(&cluster, &inputs);
    }
}

/// Hosts that an entry stands for.
fn width(name: &str) -> usize {
    let range = name.split_once('[').and_then(|(_, range)| range.strip_suffix(']')?.split_once('-'));
    match range.map(|(from, to)| (from.parse::<usize>(), to.parse::<usize>())) {
        Some((Ok(from), Ok(to))) => to.saturating_sub(from).saturating_add(1),
        _ => 1,
    }
}

/// Every diagnostic has a place that can be shown, in both forms.
fn drawn(diags: &mut Diagnostics, sources: &Sources) {
    diags.finish(&[], false);
    for diagnostic in diags.iter().take(20) {
        let line = render::json_line(diagnostic, sources);
        assert!(!line.contains('\n'), "{line}");
        assert!(!diagnostic.message.is_empty() && !render::text(diagnostic, sources, false).is_empty());
    }
}

/// What passes the check can be built, and what is YAML in it can be read.
fn built(cluster: &Cluster, inputs: &Inputs) {
    let done = compile::build(cluster, inputs, |artifact| {
        artifact.check().unwrap_or_else(|error| panic!("{artifact:?}: {error}"));
        if artifact.path.ends_with("/user-data") {
            let text = encoding::readable(artifact.content.bytes().expect("in memory").to_vec()).expect("whole user-data");
            let text = String::from_utf8(text).expect("UTF-8");
            let read: serde_yaml::Value = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(artifact.path.split('/').nth(1), read["hostname"].as_str(), "{text}");
        }
        Ok::<_, Infallible>(Sha256Sum([0; 32]))
    });
    done.expect("a checked cluster can be built");
}

/// True for templates whose values may grow without taking steps, which the engine does not count: a text that is joined to
/// itself again and again, a list times ten thousand millions. Profiles are trusted as programs are, so this is no mistake
/// of ours to find.
fn amplifies(bytes: &[u8]) -> bool {
    let count = |word: &str| bytes.windows(word.len()).filter(|window| *window == word.as_bytes()).count();
    let joins: usize = ["~", "+", "join", "replace", "indent", "format(", "tojson", "pprint", " set "].map(count).iter().sum();
    let carries = ["namespace", "macro", "caller", "include", "import", "extends", "recursive"].map(count).iter().sum::<usize>() > 0;
    let large = bytes.windows(6).any(|window| window.iter().all(u8::is_ascii_digit));
    joins > 9 || (joins > 0 && carries) || (large && count("*") > 0)
}
