//! Changes that need care: what `diff` watches between two states of a cluster, and which guide leads through.

use super::Snippet;
use crate::diag::{At, Spanned};

/// A change that needs care.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Code below the profile's name.
    pub code: String,
    /// What is compared.
    pub subject: Subject,
    /// Only hosts that have one of these roles.
    pub roles: Vec<String>,
    /// Over `old` and `new`: true means that care is needed; none: they differ.
    pub when: Option<Snippet>,
    /// Template: what happens.
    pub message: Snippet,
    /// Template: what to do.
    pub help: Snippet,
    /// Long text for `explain`.
    pub explain: String,
    /// Guide that leads through.
    pub guide: Option<Spanned<String>>,
    /// Where it stands.
    pub place: At,
}

/// What is compared between the two states.
#[derive(Clone, Debug)]
pub enum Subject {
    /// The hosts of a role.
    Role(Spanned<String>),
    /// A file of each host that is in both: what the pattern finds in it, or all of it.
    File(String, Option<regex_lite::Regex>),
    /// The version of a package on each host that is in both.
    Package(String),
}

impl Subject {
    /// What the pattern finds in a text: its group where it has one, each finding once, parted by blanks. None: nothing.
    pub fn part(pattern: Option<&regex_lite::Regex>, text: &str) -> Option<String> {
        let Some(pattern) = pattern else { return Some(text.trim_end().to_string()) };
        let mut found: Vec<&str> = Vec::new();
        for finding in pattern.captures_iter(text) {
            let part = finding.get(1).or_else(|| finding.get(0)).map_or("", |part| part.as_str());
            if !found.contains(&part) {
                found.push(part);
            }
        }
        (!found.is_empty()).then(|| found.join(" "))
    }
}

/// Steps that lead through a change, or through a check of the cluster.
#[derive(Clone, Debug)]
pub struct Guide {
    /// Its name: that of a watch's `guide`, or the code of a change that needs care in every kind of cluster.
    pub name: String,
    /// One line, a template.
    pub title: Snippet,
    /// Name of its template in the engine.
    pub template: String,
}

/// The guide that every other one may print as `healthy`: how to see that the cluster is well.
pub const HEALTHY: &str = "healthy";
