//! A case: sources, a base and a request, from the texts of a folder.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clusterseed::apt::index::{self, Offer};
use clusterseed::apt::resolve::{Closure, Failure, Pin, Request, Source, Universe, Versions, Want, Why, resolve};
use clusterseed::apt::status::{self, Installed};
use clusterseed::apt::verify::verify;

/// Texts of a case, filled in so that apt and we read the same.
#[derive(Default)]
pub struct Texts {
    /// Name and `Packages` of each source.
    pub sources: Vec<(String, String)>,
    /// The dpkg status.
    pub status: String,
    /// What is asked: `install WORD...`, `pin NAME=VERSION N`, `priority SOURCE N`, `foreign ARCHITECTURE`.
    pub request: String,
}

impl Texts {
    /// Reads a folder.
    pub fn read(folder: &Path) -> Self {
        let mut texts = Self::default();
        let entries = fs::read_dir(folder).expect("a case").map(|entry| entry.expect("an entry").path());
        for path in entries {
            let text = fs::read_to_string(&path).expect("text");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            match name.as_str() {
                "status" => texts.status = filled(&text, |_| "Status: install ok installed\n".into()),
                "request" => texts.request = text,
                _ => {
                    if let Some(source) = name.strip_suffix(".packages") {
                        texts.sources.push((source.to_string(), filled(&text, of_file)));
                    }
                }
            }
        }
        texts.sources.sort();
        texts
    }

    /// Words of the lines of the request that begin with `word`.
    pub fn lines<'t>(&'t self, word: &'t str) -> impl Iterator<Item = Vec<&'t str>> + 't {
        let lines = self.request.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.filter(move |words| words.first() == Some(&word)).map(|words| words[1..].to_vec())
    }

    /// What apt-get install is given.
    pub fn wanted(&self) -> Vec<&str> {
        self.lines("install").flatten().collect()
    }

    /// Foreign architectures.
    pub fn foreign(&self) -> Vec<&str> {
        self.lines("foreign").flatten().collect()
    }

    /// Priority of a source.
    pub fn priority(&self, source: &str) -> i32 {
        let said = self.lines("priority").find(|words| words[0] == source);
        said.map_or(500, |words| words[1].parse().expect("a priority"))
    }
}

/// Fields of an index that only say where a file is.
pub fn of_file(name: &str) -> String {
    format!("Filename: ./{name}.deb\nSize: 1\nSHA256: {}\n", "a".repeat(64))
}

/// Paragraphs with the fields that a case leaves out.
fn filled(text: &str, more: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    for paragraph in text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
        let has = |field: &str| paragraph.lines().any(|line| line.starts_with(field));
        let name = paragraph.lines().find_map(|line| line.strip_prefix("Package: ")).expect("a name");
        let _ = writeln!(out, "{paragraph}");
        for (field, value) in [("Version:", "1"), ("Architecture:", "amd64")] {
            if !has(field) {
                let _ = writeln!(out, "{field} {value}");
            }
        }
        if !has("Status:") {
            out.push_str(&more(name));
        }
        // apt and dpkg want these; they decide nothing.
        out.push_str("Maintainer: nobody <nobody@example.org>\nDescription: made up\n\n");
    }
    out
}

/// Those texts, read.
pub struct World<'t> {
    pub sources: Vec<Source<'t>>,
    pub base: Vec<Installed<'t>>,
    pub pins: Vec<Pin<'t>>,
    pub wanted: Vec<Want<'t>>,
    pub foreign: Vec<&'t str>,
}

impl<'t> World<'t> {
    pub fn read(texts: &'t Texts) -> Self {
        let offers = |text: &'t str| -> Vec<Offer<'t>> { index::read(text).unwrap_or_else(|problem| panic!("{problem}\n{text}")) };
        let sources =
            texts.sources.iter().map(|(name, text)| Source { name: name.clone(), priority: texts.priority(name), offers: offers(text) });
        let wish = |word: &'t str| {
            let (name, version) = word.split_once('=').map_or((word, None), |(name, version)| (name, Some(version)));
            Want { name, versions: version.map_or(Versions::Any, Versions::read) }
        };
        let pin = |words: Vec<&'t str>| {
            let want = wish(words[0]);
            Pin { name: want.name, versions: want.versions, priority: words[1].parse().expect("a priority") }
        };
        Self {
            sources: sources.collect(),
            base: status::read(&texts.status).expect("a status").installed,
            pins: texts.lines("pin").map(pin).collect(),
            wanted: texts.wanted().into_iter().map(wish).collect(),
            foreign: texts.foreign(),
        }
    }

    pub fn request(&'t self) -> Request<'t> {
        Request { architecture: "amd64", foreign: self.foreign.clone(), sources: &self.sources, base: &self.base, pins: &self.pins }
    }

    /// What we answer; every answer has passed the verifier.
    pub fn resolve(&'t self) -> Result<Closure<'t>, Failure> {
        self.answer(&Universe::new(self.request())?, &self.wanted)
    }

    /// The same for other wishes.
    pub fn answer(&self, universe: &Universe<'t>, wanted: &[Want<'t>]) -> Result<Closure<'t>, Failure> {
        let closure = resolve(universe, wanted)?;
        let violations = verify(&universe.request, wanted, &closure);
        assert!(violations.is_empty(), "{violations:?}\n{}", self.told(&Ok(closure)));
        Ok(closure)
    }

    /// An answer in words.
    pub fn told(&self, answer: &Result<Closure<'_>, Failure>) -> String {
        let closure = match answer {
            Ok(closure) => closure,
            Err(failure) => return format!("impossible\n{failure}\n"),
        };
        let mut out = String::new();
        let name = |place: usize| closure.packages[place].offer.package.name;
        for (place, chosen) in closure.packages.iter().enumerate() {
            let package = &chosen.offer.package;
            let why = match &chosen.why {
                Why::Wanted(want) => format!("wanted as {}", self.wanted[*want]),
                Why::Needed { by, relation } => format!("{} needs {relation}", name(*by)),
                Why::Replaced { by, relation } => format!("goes with {} ({relation})", name(*by)),
                Why::Left => "left".into(),
            };
            let chain = closure.chain(place).join(" > ");
            let before = chosen.replaces.map(|version| format!(" over {version}")).unwrap_or_default();
            let source = &self.sources[chosen.source].name;
            let _ = writeln!(out, "install {package} {}{before} from {source}: {why} [{chain}]", package.architecture);
        }
        for package in &closure.removed {
            let _ = writeln!(out, "remove {package} {}", package.architecture);
        }
        if closure.searched {
            out.push_str("searched\n");
        }
        out
    }

    /// The answer as apt-get -s tells it: `+name:architecture version` and `-name:architecture`, sorted.
    pub fn set(answer: &Result<Closure<'_>, Failure>) -> Option<Vec<String>> {
        let closure = answer.as_ref().ok()?;
        let native = |architecture: &str| if architecture == "all" { "amd64".to_string() } else { architecture.to_string() };
        let added = closure.packages.iter().map(|chosen| chosen.offer.package);
        let mut set: Vec<String> = added.map(|p| format!("+{}:{} {}", p.name, native(p.architecture), p.version)).collect();
        set.extend(closure.removed.iter().map(|p| format!("-{}:{}", p.name, native(p.architecture))));
        set.sort();
        Some(set)
    }
}
