//! `lock`: decides which packages are carried, and writes it down.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::json;

use super::args::{Format, Global, Lock as Options};
use super::check::Checked;
use super::{Verdict, fetch, report};
use crate::apt::{self, deb, index, status};
use crate::cluster::{Carried, Cluster, OriginLocation, PackageSource};
use crate::compile::{Inputs, LockFile};
use crate::diag::{Diagnostic, Diagnostics, Sources, codes};
use crate::format::checksum::Sha256Sum;
use crate::format::shell::quoted;
use crate::io::source::{Reader, Suite};
use crate::io::store::Store;
use crate::io::web::Client;
use crate::io::{base, debs, load, output};
use crate::lock::choose::{self, Kind, Question, Refusal, Upgrade};
use crate::lock::published::Verdict as Judged;
use crate::lock::{self, Asked, Lock, Release, change, print::print};
use crate::plan::carried;

/// Version of the last line of `lock --format json`.
const FORMAT: u32 = 1;

/// Resolves what is asked, and writes the lock where it has changed.
pub fn run(options: &Options, global: &Global) -> Result<Verdict> {
    let Some(checked) = Checked::load_with(&options.input, load::Lock::Ignored, global, options.format)? else {
        return Ok(Verdict::Wrong);
    };
    let Checked { cluster, inputs, sources, .. } = checked;
    let PackageSource::Carried(carried) = &cluster.packages.source else {
        report::say(&format!(
            "{}: nothing is carried (`packages: {{source: {}}}`), nothing to lock",
            cluster.name,
            cluster.packages.source.word()
        ));
        return Ok(Verdict::Done);
    };
    let asked = carried::asked(&cluster, carried);
    let path = options.input.lock.clone().unwrap_or_else(|| load::folder(&options.input.spec).join(lock::FILE));
    let old = old(&path)?;
    let material = Material::read(options, carried, &asked, &inputs, old.as_ref())?;
    let indexes = material.indexes()?;
    let installed = status::read(&material.base).map_err(|error| anyhow!("the base: {error}"))?;
    if let Some((package, state)) = installed.broken.first() {
        bail!("the base is not whole: dpkg left `{}` {state}; mend it with `dpkg --configure -a` before it is built upon", package.name);
    }
    let question = Question {
        asked: &asked,
        indexes: &indexes,
        base: &installed.installed,
        old: old.as_ref(),
        upgrade: upgrade(options, old.as_ref())?,
    };
    let packages = match choose::choose(&question) {
        Ok(packages) => packages,
        Err(refusals) => {
            let mut diags = Diagnostics::new();
            refusals.iter().for_each(|refusal| diags.push(diagnostic(refusal, &cluster, &asked)));
            diags.finish(&[], false);
            report::diagnostics(&diags, &sources, options.format)?;
            return Ok(Verdict::Wrong);
        }
    };
    let base = carried.base.as_ref().map(|_| Sha256Sum::of(material.base.as_bytes()));
    let mut new = Lock { asked, base, releases: material.releases, packages, at: None };
    new.sort();
    finish(options, &path, old.as_ref(), &new)
}

/// Writes the lock, or says that it would change.
fn finish(options: &Options, path: &Path, old: Option<&Lock>, new: &Lock) -> Result<Verdict> {
    let shown = path.display();
    let change = change::between(old, new);
    let bytes: u64 = new.packages.iter().map(|package| package.size).sum();
    let whole = format!("{}, {bytes} bytes", report::count(new.packages.len(), "package"));
    if options.locked {
        if change.is_empty() && old.is_some() {
            programs(options, path, "unchanged", new, &change)?;
            report::say(&format!("{shown}: {whole}, as it is locked"));
            return Ok(Verdict::Done);
        }
        tell(options, &change)?;
        programs(options, path, "would-change", new, &change)?;
        let why = if old.is_none() { "there is no lock" } else { "the lock would change" };
        report::say(&format!("{shown}: {why}; without --locked, `clusterseed lock` writes it"));
        return Ok(Verdict::Wrong);
    }
    let text = print(new);
    // What cannot be read back would be found out by whoever needs it, too late.
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let file = sources.add(shown.to_string(), &text);
    if lock::parse::parse(&text, file, &mut diags).is_none() {
        report::diagnostics(&diags, &sources, Format::Text)?;
        bail!("the lock would not be one that can be read, and is not written: a source says something odd of a package");
    }
    let written = std::fs::read_to_string(path).is_ok_and(|there| there == text);
    if !written {
        output::write_file(path, text.as_bytes(), 0o644, false)?;
    }
    if old.is_some() {
        tell(options, &change)?;
    }
    let what = match (old, change.is_empty()) {
        (None, _) => "new".to_string(),
        (Some(_), true) => "unchanged".to_string(),
        (Some(_), false) => format!("{} changed", report::count(change.lines().len(), "package")),
    };
    let state = match (old, change.is_empty()) {
        (None, _) => "new",
        (Some(_), true) => "unchanged",
        (Some(_), false) => "changed",
    };
    programs(options, path, state, new, &change)?;
    report::say(&format!("{shown}: {whole}, {what}; next: clusterseed fetch {}", quoted(&options.input.spec.display().to_string())));
    Ok(Verdict::Done)
}

/// What changes, for people: standard output belongs to problems where those are for programs.
fn tell(options: &Options, change: &change::Change) -> std::io::Result<()> {
    let lines = change.lines().into_iter().filter(|_| options.format == Format::Text);
    lines.map(|line| format!("{line}\n")).try_for_each(|line| report::data(&line))
}

/// The result for programs, after the problems: `clusterseed schema lock` publishes its form.
fn programs(options: &Options, path: &Path, state: &str, lock: &Lock, change: &change::Change) -> std::io::Result<()> {
    if options.format != Format::Json {
        return Ok(());
    }
    let package = |package: &lock::Package| {
        json!({
            "name": package.name.value, "version": package.version, "architecture": package.architecture, "size": package.size,
            "sha256": package.sha256.hex(), "source": package.source, "path": package.path, "for": package.sets,
        })
    };
    let changes = change.packages.iter().map(|package| json!({"name": package.name, "old": package.old, "new": package.new}));
    let result = json!({
        "format": FORMAT,
        "lock": {
            "file": path.display().to_string(),
            "state": state,
            "changes": changes.collect::<Vec<_>>(),
            "other_changes": change.other,
            "bytes": lock.packages.iter().map(|package| package.size).sum::<u64>(),
            "packages": lock.packages.iter().map(package).collect::<Vec<_>>(),
        },
    });
    report::data(&format!("{result}\n"))
}

/// The lock that there is; one that cannot be read is said to be replaced.
fn old(path: &Path) -> Result<Option<Lock>> {
    let LockFile::Text(name, text) = load::lock_file(path)? else { return Ok(None) };
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let file = sources.add(name, &text);
    let lock = lock::parse::parse(&text, file, &mut diags);
    if lock.is_none() {
        report::diagnostics(&diags, &sources, Format::Text)?;
        bail!(
            "`{}` cannot be read, so it is not known what it locked; take it from version control, or remove it to lock anew",
            path.display()
        );
    }
    Ok(lock)
}

fn upgrade(options: &Options, old: Option<&Lock>) -> Result<Upgrade> {
    if options.upgrade.is_empty() {
        return Ok(Upgrade::Nothing);
    }
    if options.upgrade.iter().any(String::is_empty) {
        return Ok(Upgrade::All);
    }
    let names: BTreeSet<String> = options.upgrade.iter().cloned().collect();
    let known = |name: &&String| old.is_none_or(|old| old.packages.iter().any(|package| package.name.value == **name));
    match names.iter().find(|name| !known(name)) {
        Some(name) => bail!("`--upgrade={name}`: the lock names no such package"),
        None => Ok(Upgrade::Packages(names)),
    }
}

/// Texts that were read, and what they were read from.
struct Material {
    /// Name of the source, its priority, the text of an index.
    texts: Vec<(String, i64, String)>,
    releases: Vec<Release>,
    base: String,
}

impl Material {
    fn read(options: &Options, carried: &Carried, asked: &Asked, inputs: &Inputs, old: Option<&Lock>) -> Result<Self> {
        let folder = load::folder(&options.input.spec);
        let base = carried.base.as_ref().map(|path| base::status(&folder.join(&path.value))).transpose()?.unwrap_or_default();
        let store = Store::of_user()?;
        store.sweep()?;
        let client = if options.offline { None } else { Some(Client::new()) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
        let reader =
            Reader { store: &store, client: client.as_ref(), now, allow_expired: options.allow_expired, allow_older: options.allow_older };
        let mut material = Self { texts: Vec::new(), releases: Vec::new(), base };
        for origin in &carried.from {
            match &origin.location {
                OriginLocation::Folder(path) => {
                    let text = folder_index(&folder.join(path), inputs)?;
                    material.texts.push((origin.name.clone(), origin.priority, text));
                }
                OriginLocation::Repository { urls, suites, components, trust } => {
                    for suite in suites {
                        let seen = old.and_then(|old| old.releases.iter().find(|r| r.source == origin.name && r.suite == *suite));
                        let offered =
                            reader.suite(Suite { source: &origin.name, urls, suite, components, trust }, &asked.architecture, seen)?;
                        offered.remarks.iter().for_each(|remark| report::say(&format!("warning: {remark}")));
                        for bytes in offered.indexes {
                            let text = String::from_utf8(bytes).map_err(|_| anyhow!("an index of `{}` is not UTF-8", origin.name))?;
                            material.texts.push((origin.name.clone(), origin.priority, text));
                        }
                        material.releases.push(offered.release);
                    }
                }
            }
        }
        Ok(material)
    }

    fn indexes(&self) -> Result<Vec<apt::resolve::Source<'_>>> {
        self.texts
            .iter()
            .map(|(name, priority, text)| {
                let offers = index::read(text).map_err(|error| anyhow!("an index of `{name}` cannot be read: {error}"))?;
                Ok(apt::resolve::Source {
                    name: name.clone(),
                    priority: i32::try_from(*priority).unwrap_or(apt::resolve::PRIORITY),
                    offers,
                })
            })
            .collect()
    }
}

/// The index that nobody wrote for a folder.
fn folder_index(folder: &Path, inputs: &Inputs) -> Result<String> {
    let known = fetch::known(inputs);
    let mut paragraphs = Vec::new();
    for file in debs::list(folder)? {
        let shown = file.file.display();
        if !file.path.bytes().all(|byte| matches!(byte, b' '..=b'~')) || file.path.contains('\\') {
            bail!("`{shown}`: the lock names files in printable ASCII without `\\`; rename it");
        }
        let sha256 = debs::digest(&file.file)?;
        let reader = std::io::BufReader::new(std::fs::File::open(&file.file).with_context(|| format!("reading `{shown}`"))?);
        let control = deb::control(reader).map_err(|error| anyhow!("`{shown}` is no package: {error}"))?;
        if let Judged::Other(published) = known.judge(file.path.rsplit('/').next().unwrap_or_default(), &sha256) {
            let words = "it is not the package that was published under this name, whose SHA-256 is";
            report::say(&format!("warning: {shown}: {words} {}", published.hex()));
        }
        paragraphs.push(index::entry(&control, &file.path, file.size, sha256));
    }
    Ok(paragraphs.join("\n"))
}

/// A refusal with the line of the spec that wants it.
fn diagnostic(refusal: &Refusal, cluster: &Cluster, asked: &Asked) -> Diagnostic {
    let set = asked.sets.iter().find(|set| set.name == refusal.set);
    let wanted = |place: &usize| set.and_then(|set| set.wanted.get(*place));
    let mut places = refusal.wants.iter().filter_map(wanted).map(|wanted| carried::place(cluster, &refusal.set, Some(wanted)));
    let at = places.next().unwrap_or_else(|| carried::place(cluster, &refusal.set, None));
    let (code, words, help) = match refusal.kind {
        Kind::Unavailable => (
            codes::PACKAGE_UNAVAILABLE,
            "cannot have what it wants",
            "add a source that offers it to `packages.from`, or pin another version",
        ),
        Kind::Removes => {
            (codes::BASE_CONFLICT, "cannot be built upon this base", "take another base, or remove what is in the way from the image")
        }
        Kind::Unsound => (
            codes::PACKAGE_UNAVAILABLE,
            "would not be whole",
            "this is a mistake of clusterseed, or an index that contradicts itself: please report it",
        ),
    };
    let mut lines = refusal.words.iter();
    let first = lines.next().map(|line| format!(": {line}")).unwrap_or_default();
    let found = Diagnostic::error(code, at, format!("`{}` {words}{first}", refusal.set));
    let found = places.filter(|place| *place != at).fold(found, |found, place| found.related(place, "and this"));
    lines.fold(found, |found, line| found.help(line.trim())).help(help)
}
