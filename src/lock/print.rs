//! A [`Lock`] to text: YAML with a comment at its top, blank lines between packages, and nothing that a reader would type otherwise.

use std::fmt::Write;

use super::{Lock, Package, Release, Source, SourceLocation, VERSION};

const HEAD: &str = "\
# Which packages the hosts get, to the byte, and where they come from. Written by `clusterseed lock`, read by `fetch` and `build`:
# keep it beside the spec and under version control, review its differences, and leave changing it to `lock`.
";

/// Words that a YAML reader, 1.1 or 1.2, may take for something else than text.
const OTHERWISE: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// The whole file.
pub fn print(lock: &Lock) -> String {
    let mut out = String::from(HEAD);
    let asked = &lock.asked;
    let _ = writeln!(out, "version: {VERSION}");
    let _ = writeln!(out, "platform: {}", text(&asked.platform));
    let _ = writeln!(out, "architecture: {}", text(&asked.architecture));
    if let Some(path) = &asked.base {
        let _ = writeln!(out, "base:\n  path: {}", text(path));
        if let Some(sha256) = lock.base {
            let _ = writeln!(out, "  sha256: \"{}\"", sha256.hex());
        }
    }
    out.push_str("\nsources:\n");
    for source in &asked.sources {
        print_source(source, lock.releases.iter().filter(|release| release.source == source.name), &mut out);
    }
    out.push_str("\n# Hosts that want the same packages share a set.\nsets:\n");
    for set in &asked.sets {
        let wanted: Vec<String> = set.wanted.iter().map(|wanted| text(&wanted.to_string())).collect();
        let _ = writeln!(out, "  - name: {}\n    wanted: [{}]", text(&set.name), wanted.join(", "));
    }
    let total: u64 = lock.packages.iter().map(|package| package.size).sum();
    let _ = writeln!(out, "\n# {} packages, {total} bytes.", lock.packages.len());
    out.push_str(if lock.packages.is_empty() { "packages: []\n" } else { "packages:\n" });
    for (index, package) in lock.packages.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        print_package(package, &mut out);
    }
    out
}

fn print_source<'l>(source: &Source, releases: impl Iterator<Item = &'l Release>, out: &mut String) {
    let _ = writeln!(out, "  - name: {}", text(&source.name));
    let list = |items: &[String]| items.iter().map(|item| text(item)).collect::<Vec<_>>().join(", ");
    match &source.location {
        SourceLocation::Folder(path) => {
            let _ = writeln!(out, "    folder: {}", text(path));
        }
        SourceLocation::Repository { urls, components, fingerprints, .. } => {
            let _ = writeln!(out, "    url: [{}]", list(urls));
            if !components.is_empty() {
                let _ = writeln!(out, "    components: [{}]", list(components));
            }
            match fingerprints.is_empty() {
                true => out.push_str("    unsigned: true\n"),
                false => drop(writeln!(out, "    fingerprints: [{}]", quoted_list(fingerprints))),
            }
        }
    }
    let _ = writeln!(out, "    priority: {}", source.priority);
    for (index, release) in releases.enumerate() {
        if index == 0 {
            out.push_str("    suites:\n");
        }
        let _ = writeln!(out, "      - suite: {}", text(&release.suite));
        for (key, value) in [("date", &release.date), ("signed_by", &release.signed_by), ("sha256", &release.sha256.map(|s| s.hex()))] {
            if let Some(value) = value {
                let _ = writeln!(out, "        {key}: {}", quoted(value));
            }
        }
    }
}

fn print_package(package: &Package, out: &mut String) {
    let Package { name, version, architecture, size, sha256, source, path, sets } = package;
    let _ = writeln!(out, "  - name: {}", text(&name.value));
    let _ = writeln!(out, "    version: {}", quoted(version));
    let _ = writeln!(out, "    architecture: {}", text(architecture));
    let _ = writeln!(out, "    size: {size}");
    let _ = writeln!(out, "    sha256: \"{}\"", sha256.hex());
    let _ = writeln!(out, "    source: {}", text(source));
    let _ = writeln!(out, "    path: {}", text(path));
    out.push_str("    for:\n");
    for (set, through) in sets {
        let how = if through.is_empty() { super::parse::ITSELF.to_string() } else { through.join(super::parse::THROUGH) };
        let _ = writeln!(out, "      {}: {}", text(set), text(&how));
    }
}

fn quoted_list(items: &[String]) -> String {
    items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", ")
}

/// Plain where every reader takes it for the same text, otherwise quoted.
fn text(value: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || "+._-/=~@> ".contains(c);
    let odd = value.contains("  ") || value.ends_with(' ') || OTHERWISE.contains(&value.to_ascii_lowercase().as_str());
    let plain = value.starts_with(|c: char| c.is_ascii_alphabetic()) && value.chars().all(inner) && !odd;
    if plain { value.to_string() } else { quoted(value) }
}

/// Double-quoted; what is printed here is printable ASCII, and anything else is escaped all the same.
fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
