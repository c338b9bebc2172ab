//! Tables of packages whose archive is gone, by their digest: whoever has such a file can know that it is the one that was published.

use std::collections::BTreeMap;

use crate::format::checksum::Sha256Sum;

/// Published packages.
#[derive(Clone, Debug, Default)]
pub struct PublishedPackages {
    files: BTreeMap<Sha256Sum, String>,
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'k> {
    /// It is the one that was published under this name.
    Published(&'k str),
    /// One was published under its name, and was another.
    Other(Sha256Sum),
    /// Nothing.
    Unknown,
}

impl PublishedPackages {
    /// Adds a table: lines of version, path in the archive, SHA-256 and more, separated by tabs; the first line names the columns.
    pub fn add(&mut self, table: &str) {
        for line in table.lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            if let [_, path, digest, ..] = cells.as_slice()
                && let Some(sha256) = Sha256Sum::from_hex(digest)
            {
                self.files.insert(sha256, path.rsplit('/').next().unwrap_or(path).to_string());
            }
        }
    }

    /// What is known of a file that calls itself `name_version_architecture.deb` and has this digest.
    pub fn judge(&self, file: &str, sha256: &Sha256Sum) -> Verdict<'_> {
        if let Some(name) = self.files.get(sha256) {
            return Verdict::Published(name);
        }
        let other = self.files.iter().find(|(_, name)| name.as_str() == file);
        other.map_or(Verdict::Unknown, |(sha256, _)| Verdict::Other(*sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::{PublishedPackages, Verdict};
    use crate::format::checksum::Sha256Sum;

    #[test]
    fn the_table_that_is_shipped() {
        let mut known = PublishedPackages::default();
        known.add(include_str!("../../vendor/mesosphere/mesos_trusty_debs.tsv"));
        let file = "mesos_0.20.1-1.0.ubuntu1404_amd64.deb";
        let published = Sha256Sum::from_hex("26c02f7fbf4b595568b9e7ebbe4023344ab780971e56b01830df8a50a1c333b7").unwrap();
        assert_eq!(known.judge("renamed.deb", &published), Verdict::Published(file));
        assert_eq!(known.judge(file, &Sha256Sum::of(b"other")), Verdict::Other(published));
        assert_eq!(known.judge("a_1_all.deb", &Sha256Sum::of(b"other")), Verdict::Unknown);
    }
}
