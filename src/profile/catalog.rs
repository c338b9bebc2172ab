//! Every data file that a build may read: compiled in, and laid over by `--profile-dir`, file by file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};

static PROFILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/profiles");
static VENDOR: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/vendor");

/// Where a file came from when it was compiled in.
pub const EMBEDDED: &str = "built in";

/// A data file.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// `built in`, or the folder that laid it over.
    pub origin: String,
    /// 0: compiled in; then the folders that were laid over it, in their order.
    layer: usize,
}

impl Entry {
    /// How messages name the file at this path: where it lies when a folder laid it over, the path itself when it is compiled in.
    pub fn place(&self, path: &str) -> String {
        if self.origin == EMBEDDED {
            return path.to_string();
        }
        format!("{}/{}", self.origin.trim_end_matches('/'), path.strip_prefix("profiles/").unwrap_or(path))
    }
}

/// All data files by path: `profiles/…` and `vendor/…`, sorted.
#[derive(Clone, Debug)]
pub struct Catalog {
    files: BTreeMap<String, Entry>,
    /// Folders that were laid over, the last one on top.
    layers: Vec<String>,
}

impl Catalog {
    /// What is compiled in. The embedding lists entries in directory order; the map sorts them.
    pub fn embedded() -> Self {
        let mut files = BTreeMap::new();
        collect(&PROFILES, "profiles", &mut files);
        collect(&VENDOR, "vendor", &mut files);
        Self { files, layers: Vec::new() }
    }

    /// Lays a file over: `path` is relative to the folder given by the user; `vendor/…` stays, all else is a profile's.
    pub fn overlay(&mut self, path: &str, bytes: Vec<u8>, origin: &str) {
        let key = if path.starts_with("vendor/") { path.to_string() } else { format!("profiles/{path}") };
        // A file and its template are two forms of one thing: what is laid over takes the place of either.
        let other = key.strip_suffix(".j2").map_or_else(|| format!("{key}.j2"), str::to_string);
        if self.files.get(&other).is_some_and(|entry| entry.origin != origin) {
            self.files.remove(&other);
        }
        if self.layers.last().is_none_or(|layer| layer != origin) {
            self.layers.push(origin.to_string());
        }
        self.files.insert(key, Entry { bytes: Cow::Owned(bytes), origin: origin.to_string(), layer: self.layers.len() });
    }

    /// True for a file of the profile `name` that lies below its `profile.yaml`: of what this one was laid over it may use what it likes.
    pub fn is_below(&self, name: &str, entry: &Entry) -> bool {
        self.get(&format!("profiles/{name}/profile.yaml")).is_some_and(|first| entry.layer < first.layer)
    }

    /// A file by path.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.files.get(path)
    }

    /// Files below a folder, with the path below it.
    pub fn below<'c>(&'c self, folder: &'c str) -> impl Iterator<Item = (&'c str, &'c Entry)> {
        let range = self.files.range(folder.to_string()..);
        range.map_while(move |(path, entry)| Some((path.strip_prefix(folder)?, entry)))
    }

    /// Names of all profiles.
    pub fn profiles(&self) -> Vec<&str> {
        let names = self.files.keys().filter_map(|path| path.strip_prefix("profiles/")?.strip_suffix("/profile.yaml"));
        names.filter(|name| !name.contains('/')).collect()
    }

    /// Names of all platforms.
    pub fn platforms(&self) -> Vec<&str> {
        self.below("profiles/platforms/").filter_map(|(path, _)| path.strip_suffix(".yaml")).collect()
    }
}

fn collect(dir: &'static Dir<'static>, prefix: &str, files: &mut BTreeMap<String, Entry>) {
    for file in dir.files() {
        let path = format!("{prefix}/{}", file.path().to_string_lossy());
        files.insert(path, Entry { bytes: Cow::Borrowed(file.contents()), origin: EMBEDDED.into(), layer: 0 });
    }
    dir.dirs().for_each(|sub| collect(sub, prefix, files));
}
