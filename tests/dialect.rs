//! What Ubuntu 14.04's cloud-init 0.7.5 understands (PyYAML 3.10 under Python 2.7), enforced on every golden for 14.04.
//!
//! That version stops at nothing: broken YAML, a list where it wants text, a key of a later version leave a machine that boots
//! and is not what the spec says, with exit code 0 in every stage. So the rules stand here once more, apart from the emitter
//! that obeys them, and `bad` shows for each a document that breaks it.

mod bad;
mod keys;
mod tree;

use std::collections::BTreeSet;

use clusterseed::emit::user_data;
use clusterseed::plan::trust;
use granit_parser::ScalarStyle;

use super::golden::{built, golden};
use keys::{META_DATA, MODERN, USER, WRITE_FILE, known};
use tree::{Kind, Node};

/// All rules; `bad` has to break each.
pub const RULES: &[&str] = &[
    "apt",
    "ascii",
    "bom",
    "boolean",
    "commands",
    "content",
    "decoration",
    "dsmode",
    "duplicate",
    "first-line",
    "flow",
    "identity",
    "instance-id",
    "interfaces",
    "mapping",
    "meta-key",
    "modern-key",
    "one-part",
    "owner",
    "permissions",
    "private",
    "quoting",
    "tab",
    "unknown-key",
    "users",
    "write-files",
    "yaml",
];

/// A rule that is broken, and where.
#[derive(Debug)]
pub struct Problem {
    pub rule: &'static str,
    pub line: usize,
    pub what: String,
}

/// Collects problems.
#[derive(Default)]
struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, rule: &'static str, line: usize, what: impl Into<String>) {
        assert!(RULES.contains(&rule), "{rule} is not in the list");
        self.0.push(Problem { rule, line, what: what.into() });
    }

    fn unless(&mut self, fine: bool, rule: &'static str, node: &Node, what: &str) {
        if !fine {
            self.add(rule, node.line, what);
        }
    }
}

/// Checks a `user-data`.
pub fn user_data(text: &str) -> Vec<Problem> {
    let mut found = Found::default();
    if text.lines().next() != Some("#cloud-config") {
        found.add("first-line", 1, "anything but `#cloud-config` on the first line makes it no configuration");
    }
    // UserDataProcessor takes for MIME whatever has this word near its beginning; jinja came with 18.4.
    if text.get(..4096).unwrap_or(text).to_lowercase().contains("mime-version:") || text.contains("## template") {
        found.add("one-part", 1, "not one plain part");
    }
    let Some(root) = document(text, &mut found) else { return found.0 };
    let entries = root.entries().unwrap_or_default();
    for (key, value) in &entries {
        if MODERN.contains(key) {
            found.add("modern-key", value.line, format!("`{key}` came after 0.7.5"));
        } else if !known(key) {
            found.add("unknown-key", value.line, format!("nothing reads `{key}`"));
        }
        match *key {
            "hostname" => found.unless(is_label(value.text()), "identity", value, "set_hostname wants a short name"),
            "fqdn" => found.unless(value.text().is_some_and(|name| name.contains('.')), "identity", value, "not a full name"),
            "manage_etc_hosts" => found.unless(value.bool() == Some(false), "identity", value, "it would lead the name to 127.0.1.1"),
            "apt_sources" => apt_sources(&root, value, &mut found),
            "write_files" => write_files(&root, value, &mut found),
            "runcmd" | "bootcmd" => commands(value, &mut found),
            "users" => users(value, &mut found),
            _ => {}
        }
    }
    booleans(&root, &[], &mut found);
    found.0
}

/// Checks a `meta-data` of NoCloud.
pub fn meta_data(text: &str) -> Vec<Problem> {
    let mut found = Found::default();
    let Some(root) = document(text, &mut found) else { return found.0 };
    for (key, value) in root.entries().unwrap_or_default() {
        if !META_DATA.contains(&key) {
            found.add("meta-key", value.line, format!("NoCloud does not use `{key}`"));
        }
    }
    let text = |key: &str| root.get(key).and_then(Node::text);
    // It becomes the name of a folder.
    if !text("instance-id").is_some_and(|id| !id.is_empty() && !id.contains('/') && id != "." && id != "..") {
        found.add("instance-id", root.line, "a name of one folder, or each boot may be a first one");
    }
    if !text("local-hostname").is_some_and(|name| name.split('.').all(|label| is_label(Some(label)))) {
        found.add("identity", root.line, "local-hostname is no host name");
    }
    // The default differs between seed folder and volume, and between versions (DataSourceNoCloud.py).
    if !matches!(text("dsmode"), Some("net" | "local")) {
        found.add("dsmode", root.line, "it has to be said");
    }
    if let Some(interfaces) = root.get("network-interfaces") {
        let words = |line: &str| line.split_whitespace().next().map(str::to_string);
        let has = |text: &str, line: &str| text.lines().any(|l| l == line);
        let whole = interfaces.text().is_some_and(|text| {
            // It replaces /etc/network/interfaces, and a sourced folder may hold the same interface again.
            has(text, "auto lo")
                && has(text, "iface lo inet loopback")
                && text.ends_with('\n')
                && !text.lines().filter_map(words).any(|word| word.starts_with("source"))
        });
        found.unless(whole, "interfaces", interfaces, "not a whole interfaces(5) as one string");
    }
    found.0
}

/// The rules for every document: characters, YAML of 2010, quoting.
fn document(text: &str, found: &mut Found) -> Option<Node> {
    for (number, line) in (1..).zip(text.split('\n')) {
        if line.contains('\t') {
            found.add("tab", number, "a raw tab");
        } else if let Some(odd) = line.chars().find(|c| !matches!(c, ' '..='~')) {
            found.add(if odd == '\u{feff}' { "bom" } else { "ascii" }, number, format!("{odd:?}"));
        }
    }
    if found.0.iter().any(|problem| matches!(problem.rule, "tab" | "bom")) {
        return None;
    }
    let document = match tree::parse(text) {
        Ok(document) => document,
        Err((line, why)) => {
            found.add("yaml", line, why);
            return None;
        }
    };
    document.decoration.into_iter().for_each(|(line, what)| found.add("decoration", line, what));
    let Some(root) = document.root.filter(|node| matches!(node.kind, Kind::Map { .. })) else {
        found.add("mapping", 1, "the document is not a mapping, so all of it is ignored");
        return None;
    };
    style(&root, found);
    Some(root)
}

fn style(node: &Node, found: &mut Found) {
    match &node.kind {
        Kind::Scalar { style: ScalarStyle::DoubleQuoted, .. } => {}
        Kind::Scalar { text, style } => {
            let fine = *style == ScalarStyle::Plain && matches!(text.as_str(), "true" | "false");
            found.unless(fine, "quoting", node, &format!("`{text}` is not double-quoted"));
        }
        Kind::Seq { flow, items } => {
            found.unless(!flow || items.is_empty(), "flow", node, "PyYAML 3.10 stumbles over `:` in flow style");
            items.iter().for_each(|item| style(item, found));
        }
        Kind::Map { flow, entries } => {
            found.unless(!flow || entries.is_empty(), "flow", node, "PyYAML 3.10 stumbles over `:` in flow style");
            let mut seen = BTreeSet::new();
            for (key, value) in entries {
                let plain = matches!(&key.kind, Kind::Scalar { style: ScalarStyle::Plain, .. });
                found.unless(
                    key.text().is_some() || (plain && is_word(key.raw())),
                    "quoting",
                    key,
                    "a key that may be read as something else",
                );
                found.unless(seen.insert(key.raw()), "duplicate", key, "the last one wins without a word");
                style(value, found);
            }
        }
    }
}

/// An unquoted key that YAML 1.1 takes for text.
fn is_word(key: &str) -> bool {
    let resolved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        && !resolved.contains(&key.to_lowercase().as_str())
}

fn is_label(name: Option<&str>) -> bool {
    name.is_some_and(|name| {
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !name.is_empty() && name.len() <= 63 && name.bytes().all(fine) && !name.starts_with('-') && !name.ends_with('-')
    })
}

/// Real booleans where `util.get_cfg_option_bool` and `adduser` look for them, and nowhere else: elsewhere `true` becomes `True`.
fn booleans(node: &Node, path: &[&str], found: &mut Found) {
    const WANTED: &[&[&str]] = &[
        &["manage_etc_hosts"],
        &["preserve_hostname"],
        &["apt_preserve_sources_list"],
        &["manual_cache_clean"],
        &["users", "lock_passwd"],
        &["users", "system"],
        &["users", "no_create_home"],
        &["users", "no_user_group"],
    ];
    match &node.kind {
        Kind::Scalar { .. } => {
            let (wanted, is) = (WANTED.contains(&path), node.bool().is_some());
            found.unless(wanted == is, "boolean", node, if wanted { "not a real boolean" } else { "a boolean where text belongs" });
        }
        Kind::Seq { items, .. } => items.iter().for_each(|item| booleans(item, path, found)),
        Kind::Map { entries, .. } => {
            for (key, value) in entries {
                booleans(value, &[path, &[key.raw()]].concat(), found);
            }
        }
    }
}

fn apt_sources(root: &Node, sources: &Node, found: &mut Found) {
    // cc_apt_configure.py writes sources.list anew from its template otherwise, also where there is no network.
    let preserved = root.get("apt_preserve_sources_list").and_then(Node::bool) == Some(true);
    found.unless(preserved, "apt", sources, "without `apt_preserve_sources_list: true` sources.list is replaced");
    let Some(items) = sources.items() else { return found.add("apt", sources.line, "not a list of mappings") };
    for item in items {
        let text = |key: &str| item.get(key).and_then(Node::text);
        let known = item.entries().is_some_and(|entries| entries.iter().all(|(key, _)| ["source", "filename", "key"].contains(key)));
        found.unless(known, "apt", item, "keys other than source, filename and key");
        // A Cheetah template: an unknown `$name` fails the whole module. `word:word` goes to add-apt-repository.
        let line = text("source").is_some_and(|line| line.starts_with("deb ") && !line.contains(['$', '\n']));
        found.unless(line, "apt", item, "source is not one plain `deb …` line");
        found.unless(text("filename").is_some_and(|name| name.ends_with(".list") && !name.contains('/')), "apt", item, "no file name");
        let armored =
            |key: &str| key.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----\n") && key.ends_with("-----END PGP PUBLIC KEY BLOCK-----\n");
        found.unless(text("key").is_some_and(armored), "apt", item, "a keyid would be fetched over the network");
    }
}

fn write_files(root: &Node, files: &Node, found: &mut Found) {
    let Some(items) = files.items() else { return found.add("write-files", files.line, "not a list") };
    let bootcmd: Vec<&str> = root.get("bootcmd").and_then(Node::items).unwrap_or_default().iter().filter_map(Node::text).collect();
    let mut paths = BTreeSet::new();
    for item in items {
        let text = |key: &str| item.get(key).and_then(Node::text);
        let known = item.entries().is_some_and(|entries| entries.iter().all(|(key, _)| WRITE_FILE.contains(key)));
        found.unless(known, "write-files", item, "keys that are ignored, such as append, defer and source");
        let path = text("path").unwrap_or_default();
        // Who may sign seeds is no secret, and lies where an operator finds it.
        let trusts = [trust::PINS, trust::PROGRAM].contains(&path);
        let ours = trusts || path.starts_with("/var/lib/clusterseed/") && !path.contains("/../");
        found.unless(ours, "write-files", item, "outside our own folder");
        found.unless(paths.insert(path), "write-files", item, "a path twice");
        // write_files runs before users and packages: an owner that the image lacks ends the module.
        found.unless(text("owner") == Some("root:root"), "owner", item, "only root is sure to exist");
        let mode =
            text("permissions").filter(|mode| mode.len() == 4 && mode.starts_with('0') && mode.bytes().all(|b| (b'0'..=b'7').contains(&b)));
        found.unless(
            mode.is_some_and(|mode| if trusts { ["0644", "0755"].contains(&mode) } else { mode.ends_with("00") && mode != "0000" }),
            "permissions",
            item,
            "not `0600` or `0700` in quotes",
        );
        let content = text("content");
        let fine = match item.get("encoding").map(Node::text) {
            None => content.is_some_and(|text| text.bytes().all(|b| matches!(b, b'\n' | b'\t' | b' '..=b'~'))),
            Some(Some("b64")) => content.is_some_and(|text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\n".contains(&b))),
            Some(_) => false,
        };
        found.unless(fine, "content", item, "neither ASCII text nor base64");
        // Files are open to all until their chmod, and parents are made 0755: only a folder made private before keeps secrets.
        let private = |command: &&str| {
            command
                .strip_prefix("mkdir -p ")
                .and_then(|rest| rest.split_once(" && chmod 0700 "))
                .is_some_and(|(made, closed)| made == closed && path.strip_prefix(made).is_some_and(|rest| rest.starts_with('/')))
        };
        let public = trusts || content.is_some_and(|text| [user_data::FETCH, user_data::KEEP].contains(&text));
        found.unless(public || bootcmd.iter().any(private), "private", item, "no bootcmd made its folder private");
    }
}

/// Strings and lists of strings; one item of another type drops the whole script (util.py, shellify).
fn commands(list: &Node, found: &mut Found) {
    let Some(items) = list.items() else { return found.add("commands", list.line, "a string would be taken letter by letter") };
    for item in items {
        let ascii = |node: &Node| node.text().is_some_and(|text| text.is_ascii());
        let fine = ascii(item) || item.items().is_some_and(|words| !words.is_empty() && words.iter().all(ascii));
        found.unless(fine, "commands", item, "neither text nor a list of texts, in ASCII");
    }
}

fn users(list: &Node, found: &mut Found) {
    let Some(items) = list.items() else { return found.add("users", list.line, "not a list") };
    found.unless(items.first().and_then(Node::text) == Some("default"), "users", list, "the image's own account would be gone");
    for item in items.iter().skip(1) {
        let known = item.entries().is_some_and(|entries| entries.iter().all(|(key, _)| USER.contains(key)));
        found.unless(known, "users", item, "keys that are ignored, such as uid");
        let text_or_none = |key: &str| item.get(key).is_none_or(|node| node.text().is_some_and(|text| text.is_ascii()));
        found.unless(item.get("name").and_then(Node::text).is_some(), "users", item, "no name");
        let plain = ["gecos", "shell", "sudo", "passwd"].iter().all(|key| text_or_none(key));
        found.unless(plain, "users", item, "gecos, shell, sudo, passwd: ASCII text; `sudo: false` ends the module");
        let groups = item.get("groups").is_none_or(|node| node.text().is_some_and(|text| !text.contains(' ')));
        found.unless(groups, "users", item, "groups as a list are ignored");
        found.unless(item.get("lock_passwd").and_then(Node::bool).is_some(), "users", item, "lock_passwd is not said");
        let keys = item.get("ssh_authorized_keys");
        let fine = keys.is_none_or(|node| node.items().is_some_and(|keys| keys.iter().all(|key| key.text().is_some())));
        found.unless(fine, "users", item, "ssh_authorized_keys as a string is taken letter by letter");
    }
}

#[test]
fn every_golden_for_14_04_speaks_it() {
    let mut problems = Vec::new();
    let mut hosts = 0;
    for golden in built().iter().filter(|golden| golden.platform == "ubuntu-14.04") {
        for host in golden.hosts() {
            hosts += 1;
            for (name, check) in [("user-data", user_data as fn(&str) -> Vec<Problem>), ("meta-data", meta_data)] {
                let path = format!("hosts/{host}/{name}");
                let text = if name == "user-data" { golden.user_data(host) } else { golden.text(&path).to_string() };
                let found = check(&text);
                problems.extend(found.iter().map(|p| format!("{} {path}:{}: {}: {}", golden.name, p.line, p.rule, p.what)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(hosts > 50, "only {hosts} hosts were looked at");
}

/// The other dialect is another one: the checker does see a difference.
#[test]
fn the_golden_for_debian_does_not() {
    let debian = golden("debian-12");
    let rules: BTreeSet<&str> = user_data(debian.text("hosts/s1/user-data")).iter().map(|problem| problem.rule).collect();
    assert!(rules.contains("modern-key") && rules.contains("quoting"), "{rules:?}");
    let rules: BTreeSet<&str> = meta_data(debian.text("hosts/s1/meta-data")).iter().map(|problem| problem.rule).collect();
    assert_eq!(rules.into_iter().collect::<Vec<_>>(), ["dsmode"]);
}
