//! The table of leaks: `src/seed/leaks`, and rows that a profile adds for what its services leave behind.

use anyhow::{Context, Result, bail};
use regex_lite::Regex;

/// The table that `seal` reads too; its head says what the kinds mean.
pub const TABLE: &str = include_str!("../seed/leaks");

/// How something is a leak. The words are those of the table.
#[derive(Debug)]
pub enum Kind {
    /// Anything that the pattern matches.
    Gone,
    /// The same, but for links.
    Own,
    /// A file with content.
    Empty,
    /// A file with content, anywhere below.
    Hollow,
    /// Anything of this name, anywhere below.
    Named(Regex),
    /// A line that matches.
    Lines(Regex),
    /// A line that does not match, if it is not empty.
    Only(Regex),
    /// A line that matches, in a file of which `seal` removes nothing: a base that has it is refused.
    Never(Regex),
}

/// A row of the table.
#[derive(Debug)]
pub struct Leak {
    /// How.
    pub kind: Kind,
    /// Path as a pattern of the shell.
    pub pattern: String,
    /// The same as an expression over whole paths; for what lies below, over the folder's.
    pub path: Regex,
    /// Why it matters: goes on from "it".
    pub why: String,
}

impl Leak {
    /// Whether the content of a file at this path decides.
    pub fn reads(&self, path: &str) -> bool {
        matches!(self.kind, Kind::Lines(_) | Kind::Only(_) | Kind::Never(_)) && self.path.is_match(path)
    }
}

/// The row for what a service leaves behind, a file or a folder; a link to elsewhere is the package's own.
pub fn row(path: &str, why: &str) -> String {
    format!("own\t{path}\t-\t{why}\n")
}

/// Reads tables.
///
/// # Errors
/// A row that `seal` would not take either.
pub fn parse(table: &str) -> Result<Vec<Leak>> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(leak).collect()
}

fn leak(line: &str) -> Result<Leak> {
    let cells: Vec<&str> = line.split('\t').collect();
    let [kind, pattern, more, why] = cells[..] else { bail!("a row of the leaks has {} cells, not 4: {line}", cells.len()) };
    let regex = |text: &str| Regex::new(text).with_context(|| format!("an expression of the leaks: {line}"));
    let kind = match kind {
        "gone" => Kind::Gone,
        "own" => Kind::Own,
        "empty" => Kind::Empty,
        "hollow" => Kind::Hollow,
        // `find -name` lets a star match a leading dot, unlike the shell.
        "named" => Kind::Named(regex(&expression(more).replace("[^/.][^/]*", "[^/]*"))?),
        "lines" => Kind::Lines(regex(more)?),
        "only" => Kind::Only(regex(more)?),
        "never" => Kind::Never(regex(more)?),
        _ => bail!("a row of the leaks has an unknown kind: {line}"),
    };
    Ok(Leak { kind, pattern: pattern.into(), path: regex(&expression(pattern))?, why: why.into() })
}

/// A pattern of the shell as an expression over the whole text: `*`, and `[…]` with `!` for all others.
fn expression(pattern: &str) -> String {
    let (mut out, mut begins) = (String::from("^"), true);
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            // At the beginning of a name it matches no dot, and a name is never empty.
            '*' if begins => out.push_str("[^/.][^/]*"),
            '*' => out.push_str("[^/]*"),
            '[' => {
                let inside: String = rest.by_ref().take_while(|c| *c != ']').collect();
                out.push_str(&format!("[{}]", inside.replacen('!', "^/", 1)));
            }
            c if c.is_ascii_alphanumeric() || c == '/' => out.push(c),
            c => out.extend(['\\', c]),
        }
        begins = c == '/';
    }
    out + "$"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_understood_and_says_why() {
        let leaks = parse(TABLE).expect("the table");
        assert!(leaks.len() > 60);
        for leak in leaks {
            assert!(leak.pattern.starts_with('/') && !leak.why.ends_with('.'), "{leak:?}");
            assert!(leak.why.len() > 10 && !leak.why.starts_with(char::is_uppercase), "{leak:?}");
        }
    }

    #[test]
    fn patterns_are_those_of_the_shell() {
        for (pattern, path, matches) in [
            ("/etc/ssh/ssh_host_*", "/etc/ssh/ssh_host_rsa_key.pub", true),
            ("/etc/ssh/ssh_host_*", "/etc/ssh/moduli", false),
            ("/tmp/*", "/tmp/a", true),
            ("/tmp/*", "/tmp/.a", false),
            ("/tmp/.[!.]*", "/tmp/.a", true),
            ("/tmp/.[!.]*", "/tmp/..", false),
            ("/tmp/*", "/tmp/a/b", false),
            ("/root/.*history", "/root/.bash_history", true),
            ("/root/.*history", "/root/bash_history", false),
            ("/home/*/.ssh/*", "/home/ops/.ssh/authorized_keys", true),
        ] {
            let leak = leak(&format!("gone\t{pattern}\t-\tis a test")).expect("a row");
            assert_eq!(leak.path.is_match(path), matches, "{pattern} {path}");
        }
    }
}
