//! The text of a lock to a [`Lock`], with the place of every package.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Lock, Package, Release, Set, Source, SourceLocation, VERSION, Wanted};
use crate::diag::{At, Diagnostic, Diagnostics, FileId, codes};
use crate::format::checksum::Sha256Sum;
use crate::schema::check::Checker;
use crate::schema::scalar::Syntax;
use crate::schema::{Field, Type, Value};
use crate::yaml::read;

/// How a package came into a set that wanted it itself; two words, so that no package is called so.
pub const ITSELF: &str = "asked for";
/// Between the packages of a chain.
pub const THROUGH: &str = " > ";

/// Parses a lock that lies in `file`. `None` where anything is wrong: there is no half of a lock.
pub fn parse(text: &str, file: FileId, diags: &mut Diagnostics) -> Option<Lock> {
    let mut own = Diagnostics::new();
    let lock = read::parse(text, file, &mut own).and_then(|node| {
        let mut checker = Checker { diags: &mut own, unknown: codes::UNKNOWN_FIELD, noun: "field" };
        let value = checker.check("", &node, &shape())?;
        decode(&value, &mut own)
    });
    let sound = !own.has_errors();
    diags.append(own);
    lock.filter(|_| sound)
}

fn shape() -> Type {
    let digest = || Type::pattern("[0-9a-f]{64}", "sixty-four lower-case hexadecimal digits");
    let fingerprint = || Type::pattern("[0-9A-F]{40}", "forty upper-case hexadecimal digits");
    let package = || Type::pattern("[a-z0-9][a-z0-9+.-]+", "a package's name");
    let architecture = || Type::pattern("[a-z0-9-]+", "an architecture");
    let release = vec![
        Field::new("suite", Type::text(), "the suite").required(),
        Field::new("date", Type::text(), "date of its Release"),
        Field::new("signed_by", fingerprint(), "key that signed it"),
        Field::new("sha256", digest(), "SHA-256 of its Release"),
    ];
    let source = vec![
        Field::new("name", Type::text(), "the source's name").required(),
        Field::new("folder", Type::text(), "folder of packages"),
        Field::new("url", Type::list(Type::Scalar(Syntax::Url)), "base URLs"),
        Field::new("components", Type::list(Type::text()), "components"),
        Field::new("fingerprints", Type::list(fingerprint()), "keys that may sign it"),
        Field::new("unsigned", Type::Bool, "taken unsigned"),
        Field::new("priority", Type::Int { min: 1, max: 1000 }, "priority").required(),
        Field::new("suites", Type::list(Type::Object(release)), "suites"),
    ];
    let set = vec![
        Field::new("name", Type::text(), "the set's name").required(),
        Field::new("wanted", Type::list(Type::pattern("[a-z0-9][a-z0-9+.-]+(=.+)?", "a package, or `package=version`")), "what is wanted")
            .required(),
    ];
    let path = Type::pattern(r"[^/\\][^\\]*", "a path below the source");
    let packages = vec![
        Field::new("name", package(), "its name").required(),
        Field::new("version", Type::Scalar(Syntax::Version), "its version").required(),
        Field::new("architecture", architecture(), "its architecture").required(),
        Field::new("size", Type::Int { min: 1, max: i64::MAX }, "bytes of the .deb file").required(),
        Field::new("sha256", digest(), "SHA-256 of the .deb file").required(),
        Field::new("source", Type::text(), "name of its source").required(),
        Field::new("path", path, "path below the source").required(),
        Field::new("for", Type::Map { keys: None, values: Box::new(Type::text()) }, "sets that it is for").required(),
    ];
    let base = vec![
        Field::new("path", Type::text(), "as the spec names it").required(),
        Field::new("sha256", digest(), "SHA-256 of its dpkg status").required(),
    ];
    Type::Object(vec![
        Field::new("version", Type::Int { min: VERSION, max: VERSION }, "version of this format").required(),
        Field::new("platform", Type::text(), "the platform").required(),
        Field::new("architecture", architecture(), "its architecture").required(),
        Field::new("base", Type::Object(base), "what the image has already"),
        Field::new("sources", Type::list(Type::Object(source)), "where packages come from").required(),
        Field::new("sets", Type::list(Type::Object(set)), "who wants what").required(),
        Field::new("packages", Type::list(Type::Object(packages)), "the packages").required(),
    ])
}

fn decode(value: &Value, diags: &mut Diagnostics) -> Option<Lock> {
    let items = |key: &str| value.get(key).map(Value::items).unwrap_or_default();
    let (mut sources, mut releases) = (Vec::new(), Vec::new());
    for item in items("sources") {
        let (source, mut own) = source(item, diags)?;
        sources.push(source);
        releases.append(&mut own);
    }
    let sets: Vec<Set> = items("sets").iter().map(set).collect::<Option<_>>()?;
    let packages: Vec<Package> = items("packages").iter().map(package).collect::<Option<_>>()?;
    let known: BTreeSet<&str> = sets.iter().map(|set| set.name.as_str()).collect();
    let mut seen: BTreeMap<(&str, &str, &str), At> = BTreeMap::new();
    for package in &packages {
        let at = package.name.at;
        let name = &package.name.value;
        if !sources.iter().any(|source| source.name == package.source) {
            diags.push(broken(at, format!("`{name}` comes from `{}`, which is no source of this lock", package.source)));
        }
        if let Some(set) = package.sets.keys().find(|set| !known.contains(set.as_str())) {
            diags.push(broken(at, format!("`{name}` is for `{set}`, which is no set of this lock")));
        }
        if package.sets.is_empty() {
            diags.push(broken(at, format!("`{name}` is for nobody")));
        }
        if package.path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            diags.push(broken(at, format!("`{name}` has the path `{}`, which leads elsewhere", package.path)));
        }
        if let Some(first) = seen.insert((name, &package.version, &package.architecture), at) {
            diags.push(broken(at, format!("`{name}` {} stands twice in this lock", package.version)).related(first, "first here"));
        }
    }
    let base = value.get("base");
    let asked = Asked {
        platform: value.string("platform")?,
        architecture: value.string("architecture")?,
        base: base.and_then(|base| base.string("path")),
        sources,
        sets,
    };
    Some(Lock { asked, base: base.and_then(|base| digest(base, "sha256")), releases, packages, at: Some(value.at) })
}

fn broken(at: At, message: String) -> Diagnostic {
    Diagnostic::error(codes::LOCK_BROKEN, at, message)
        .help("somebody has edited it: take it back from version control, or write it again with `clusterseed lock`")
}

fn source(value: &Value, diags: &mut Diagnostics) -> Option<(Source, Vec<Release>)> {
    let name = value.string("name")?;
    let texts = |key: &str| value.texts(key).into_iter().map(|text| text.value).collect::<Vec<_>>();
    let suites = value.get("suites").map(Value::items).unwrap_or_default();
    let release = |item: &Value| {
        Some(Release {
            source: name.clone(),
            suite: item.string("suite")?,
            date: item.string("date"),
            sha256: digest(item, "sha256"),
            signed_by: item.string("signed_by"),
        })
    };
    let releases: Vec<Release> = suites.iter().map(release).collect::<Option<_>>()?;
    let location = match (value.string("folder"), texts("url")) {
        (Some(folder), urls) if urls.is_empty() => SourceLocation::Folder(folder),
        (None, urls) if !urls.is_empty() => {
            let fingerprints = texts("fingerprints");
            if fingerprints.is_empty() != value.bool("unsigned").unwrap_or(false) {
                diags.push(broken(value.at, format!("`{name}` is neither signed nor unsigned")));
            }
            let suites = releases.iter().map(|release| release.suite.clone()).collect();
            SourceLocation::Repository { urls, suites, components: texts("components"), fingerprints }
        }
        _ => {
            diags.push(broken(value.at, format!("`{name}` is neither a repository nor a folder")));
            return None;
        }
    };
    Some((Source { name, priority: value.int("priority")?, location }, releases))
}

fn set(value: &Value) -> Option<Set> {
    let wanted = value.texts("wanted").into_iter().map(|text| match text.value.split_once('=') {
        Some((name, version)) => Wanted { name: name.to_string(), version: Some(version.to_string()) },
        None => Wanted { name: text.value, version: None },
    });
    Some(Set { name: value.string("name")?, wanted: wanted.collect() })
}

fn package(value: &Value) -> Option<Package> {
    let through = |how: &str| match how {
        ITSELF => Vec::new(),
        chain => chain.split(THROUGH).map(str::to_string).collect(),
    };
    let sets = value.get("for")?.entries().filter_map(|(set, _, how)| Some((set.clone(), through(how.text()?)))).collect();
    Some(Package {
        name: value.spanned("name")?,
        version: value.string("version")?,
        architecture: value.string("architecture")?,
        size: u64::try_from(value.int("size")?).ok()?,
        sha256: digest(value, "sha256")?,
        source: value.string("source")?,
        path: value.string("path")?,
        sets,
    })
}

fn digest(value: &Value, key: &str) -> Option<Sha256Sum> {
    Sha256Sum::from_hex(&value.string(key)?)
}
