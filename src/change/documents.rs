//! Documents that services are given: what a seed that is brought to a host does with them, which is less than one may think.

use super::side::Host;
use crate::plan::submission;

/// Keys of `host.json` that are told here.
pub const KEYS: [&str; 2] = ["submissions", "documents"];

/// One sentence for each document that comes, goes or changes.
pub fn changes(old: &Host, new: &Host, found: &mut Vec<String>) {
    let (before, after) = (documents(old), documents(new));
    for document in &after {
        match before.iter().find(|other| other.name == document.name) {
            None => found.push(format!("{}: {} is given it once, unless it has one of that name", document.name, document.service)),
            Some(other) if other.bytes != document.bytes => found.push(format!(
                "{}: {} keeps the one that it has; `clusterseed apps` with the new spec compares both, with `--submit` it gives the new one",
                document.name, document.service
            )),
            Some(_) => {}
        }
    }
    for document in before.iter().filter(|document| !after.iter().any(|other| other.name == document.name)) {
        found.push(format!("{}: {} keeps it until somebody deletes it, see `clusterseed apps --help`", document.name, document.service));
    }
}

struct Document<'h> {
    /// With its noun: `app hello2`.
    name: String,
    service: &'h str,
    bytes: Option<&'h [u8]>,
}

fn documents(host: &Host) -> Vec<Document<'_>> {
    let document = |own: &submission::Document| {
        let to = host.json.submissions.iter().find(|to| to.name == own.of)?;
        Some(Document {
            name: format!("{} {}", to.noun, own.key),
            service: &to.service,
            bytes: host.files.get(&own.file).map(|file| &file.bytes[..]),
        })
    };
    host.json.documents.iter().filter_map(document).collect()
}
