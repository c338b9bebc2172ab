//! Files as they stand in a git revision, through the `git` program: no repository is ever changed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A file of a revision, written `REVISION:PATH` as git itself does; the path is that in the repository, `./PATH` from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    revision: String,
    path: String,
}

impl Blob {
    /// What a user typed. None where it cannot be meant: a file of that name wins, and so does a drive of nothing.
    pub fn parse(typed: &Path) -> Option<Self> {
        let (revision, path) = typed.to_str()?.split_once(':')?;
        // git would take a leading dash for an option.
        let sound = !revision.is_empty() && !path.is_empty() && !revision.starts_with('-') && !typed.exists();
        sound.then(|| Self { revision: revision.to_string(), path: path.to_string() })
    }

    /// A file that the one here names, relative to it. None for an absolute path, which is in no repository.
    pub fn beside(&self, path: &str) -> Option<Self> {
        if path.starts_with('/') {
            return None;
        }
        let here = self.path.starts_with("./") || self.path.starts_with("../");
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut parts: Vec<&str> = Vec::new();
        // git resolves no `..` inside a path.
        for part in folder.split('/').chain(path.split('/')).filter(|part| !matches!(*part, "" | ".")) {
            if part == ".." && parts.last().is_some_and(|last| *last != "..") {
                parts.pop();
            } else {
                parts.push(part);
            }
        }
        let path = format!("{}{}", if here { "./" } else { "" }, parts.join("/"));
        Some(Self { revision: self.revision.clone(), path })
    }

    /// Its bytes; an error in git's words when the revision or the file is not there.
    ///
    /// # Errors
    /// When there is no `git` program.
    pub fn read(&self) -> Result<Result<Vec<u8>, String>> {
        let name = self.to_string();
        // Not `show`: a filter of the user's would change what is printed.
        let run = Command::new("git").args(["cat-file", "blob", &name]).env("LC_ALL", "C").output();
        let output = run.with_context(|| format!("reading `{name}`: running `git`, which has to be installed"))?;
        if output.status.success() {
            return Ok(Ok(output.stdout));
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let line = words.lines().find(|line| !line.trim().is_empty()).unwrap_or("git gives no reason");
        Ok(Err(line.trim_start_matches("fatal: ").to_string()))
    }

    /// The folder of the working tree in which the file lies, or would lie.
    ///
    /// # Errors
    /// When there is no `git` program, or no repository here.
    pub fn folder(&self) -> Result<PathBuf> {
        let folder = Path::new(&self.path).parent().unwrap_or(Path::new(""));
        if self.path.starts_with("./") || self.path.starts_with("../") {
            return Ok(folder.to_path_buf());
        }
        let output = Command::new("git").args(["rev-parse", "--show-toplevel"]).output().context("running `git`")?;
        let top = String::from_utf8_lossy(&output.stdout);
        Ok(Path::new(top.trim_end_matches('\n')).join(folder))
    }

    /// Its bytes; the file must be there.
    ///
    /// # Errors
    /// When it is not, with what to type.
    pub fn must(&self) -> Result<Vec<u8>> {
        match self.read()? {
            Ok(bytes) => Ok(bytes),
            Err(why) => bail!("reading `{self}`: {why}; write REVISION:PATH with the path in the repository, or REVISION:./PATH from here"),
        }
    }
}

impl std::fmt::Display for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.revision, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_one_of_a_revision() {
        let blob = |text: &str| Blob::parse(Path::new(text)).expect("a revision and a path");
        for (spec, named, wanted) in [
            ("HEAD:cluster.yaml", "secrets/zk", "HEAD:secrets/zk"),
            ("HEAD~1:a/b/cluster.yaml", "../key.asc", "HEAD~1:a/key.asc"),
            ("v1:./a/cluster.yaml", "./zk", "v1:./a/zk"),
            ("v1:./cluster.yaml", "../zk", "v1:./../zk"),
        ] {
            assert_eq!(blob(spec).beside(named).expect("relative").to_string(), wanted);
        }
        assert_eq!(blob("HEAD:cluster.yaml").beside("/etc/key"), None);
        for text in ["cluster.yaml", ":cluster.yaml", "HEAD:", "-x:y"] {
            assert_eq!(Blob::parse(Path::new(text)), None, "{text}");
        }
    }
}
