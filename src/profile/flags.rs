//! Tables of daemon flags by version: tab-separated, one line per flag, the first line names the columns.

use std::collections::BTreeMap;

use crate::format::debversion;

/// A file that a flag becomes.
#[derive(Clone, Debug)]
pub struct FlagFile {
    /// File name with `{name}`.
    pub file: String,
    /// Content with `{name}` and `{value}`.
    pub content: String,
}

impl FlagFile {
    /// Puts name and value in.
    pub fn fill(&self, name: &str, value: &str) -> (String, String) {
        let fill = |text: &str| text.replace("{name}", name).replace("{value}", value);
        (fill(&self.file), fill(&self.content))
    }
}

/// One flag.
#[derive(Clone, Debug)]
pub struct Flag {
    /// First release that was seen to have it.
    pub first: String,
    /// Last one.
    pub last: String,
    /// Its older name.
    pub alias: Option<String>,
    /// True for a switch without a value.
    pub toggle: bool,
}

/// The flags of one daemon.
#[derive(Clone, Debug)]
pub struct Table {
    /// Flags by name.
    pub flags: BTreeMap<String, Flag>,
    /// Newest release that the table knows.
    pub newest: String,
    /// Key of the package whose version decides.
    pub version: String,
    /// The daemon, for messages.
    pub command: String,
    /// How a flag with a value becomes a file.
    pub value: FlagFile,
    /// A toggle that is on.
    pub on: Option<FlagFile>,
    /// A toggle that is off.
    pub off: Option<FlagFile>,
    /// Flags that hold durations.
    pub durations: Vec<String>,
    /// Flags that the user may not set, and why.
    pub reserved: BTreeMap<String, String>,
}

/// Whether a version has a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has.
    Yes {
        /// True for a switch without a value.
        toggle: bool,
    },
    /// It came later.
    TooOld {
        /// First release with it.
        first: String,
    },
    /// It is gone.
    Gone {
        /// Last release with it.
        last: String,
        /// What it is called now.
        now: Option<String>,
    },
    /// No release has it.
    Unknown,
}

impl Table {
    /// Whether `version` has `flag`. The tables know the last release of each series, so series are compared, not releases.
    pub fn find(&self, flag: &str, version: Option<&str>) -> Found {
        let renamed = || self.flags.iter().find(|(_, f)| f.alias.as_deref() == Some(flag));
        let chosen = version.map(|v| v.trim_end_matches('*')).filter(|v| !v.is_empty());
        let at_least = |first: &str| chosen.is_none_or(|v| debversion::series(v) >= debversion::series(first));
        let still = |last: &str| last == self.newest || chosen.is_some_and(|v| debversion::series(v) <= debversion::series(last));
        match self.flags.get(flag) {
            Some(found) if !at_least(&found.first) => Found::TooOld { first: found.first.clone() },
            Some(found) if still(&found.last) => Found::Yes { toggle: found.toggle },
            Some(found) => match renamed() {
                // The old name stays an alias of the new one.
                Some((_, new)) if at_least(&new.first) => Found::Yes { toggle: new.toggle },
                other => Found::Gone { last: found.last.clone(), now: other.map(|(name, _)| name.clone()) },
            },
            None => match renamed() {
                Some((_, new)) if at_least(&new.first) => Found::Yes { toggle: new.toggle },
                Some((_, new)) => Found::TooOld { first: new.first.clone() },
                None => Found::Unknown,
            },
        }
    }
}

/// Which columns of the table mean what.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The flag's name.
    pub flag: String,
    /// First release.
    pub first: String,
    /// Last release.
    pub last: String,
    /// Older name.
    pub alias: Option<String>,
    /// `toggle` or another word.
    pub kind: Option<String>,
}

/// Reads a table's rows that match `wanted`; gives the flags and the newest release.
pub fn rows(text: &str, columns: &Columns, wanted: &[(String, String)]) -> Result<(BTreeMap<String, Flag>, String), String> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or("").split('\t').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).ok_or(format!("the table has no column `{name}`"));
    let (flag, first, last) = (column(&columns.flag)?, column(&columns.first)?, column(&columns.last)?);
    let alias = columns.alias.as_deref().map(column).transpose()?;
    let kind = columns.kind.as_deref().map(column).transpose()?;
    let wanted: Vec<(usize, &str)> =
        wanted.iter().map(|(name, value)| Ok((column(name)?, value.as_str()))).collect::<Result<_, String>>()?;
    let (mut flags, mut newest) = (BTreeMap::new(), String::new());
    for line in lines.filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or("");
        if wanted.iter().any(|(at, value)| cell(*at) != *value) {
            continue;
        }
        let release = |at: usize| cell(at).trim_start_matches('v').to_string();
        let until = release(last);
        // Most rows live until the newest release.
        if newest != until && debversion::compare(&newest, &until).is_lt() {
            newest.clone_from(&until);
        }
        let row = Flag {
            first: release(first),
            last: until,
            alias: alias.map(cell).filter(|a| !a.is_empty()).map(str::to_string),
            toggle: kind.is_some_and(|at| cell(at) == "toggle"),
        };
        flags.insert(cell(flag).to_string(), row);
    }
    if flags.is_empty() { Err("no row of the table matches".into()) } else { Ok((flags, newest)) }
}
