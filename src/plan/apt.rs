//! apt repositories: one line in sources.list.d, one pinned key each.

use std::sync::Arc;

use super::file::{Phase, PlannedFile};
use crate::cluster::{Cluster, PackageSource};
use crate::diag::{At, Diagnostic, Diagnostics, codes};
use crate::format::checksum::Content;
use crate::format::openpgp;
use crate::platform::AptKeys;

/// A repository as the target sees it.
#[derive(Clone, Debug)]
pub struct Repository {
    /// File name below /etc/apt/sources.list.d.
    pub list: String,
    /// The `deb …` line without its line break.
    pub line: String,
    /// Path of the key on the target.
    pub key_path: String,
    /// Full fingerprint.
    pub fingerprint: String,
    /// The armored key, for user-data.
    pub armored: String,
    list_content: Arc<Content>,
    key_content: Arc<Content>,
}

/// Plans the repositories of a cluster; none when packages are carried.
pub fn repositories(cluster: &Cluster, diags: &mut Diagnostics) -> Vec<Repository> {
    if matches!(cluster.packages.source, PackageSource::Carried(_)) {
        return Vec::new();
    }
    let scope = cluster.scope();
    let mut planned = Vec::new();
    for source in &cluster.profile.sources {
        let mut render = |text: &crate::profile::Snippet| match cluster.profile.engine.render_text(&text.value, &scope) {
            Ok(text) => Some(text),
            Err(problem) => {
                profile_error(text.at, &problem.message, diags);
                None
            }
        };
        let (Some(official), Some(suite)) = (render(&source.official), render(&source.suite)) else { continue };
        let shipped = || (cluster.keys.get(&source.key_file.value).cloned().unwrap_or_default(), source.fingerprint.clone());
        let (url, (armored, fingerprint)) = match &cluster.packages.source {
            PackageSource::Mirror { url, key } => (url.clone(), key.clone().unwrap_or_else(shipped)),
            _ => (official, shipped()),
        };
        let Ok(keyring) = openpgp::dearmor(&armored) else { continue }; // reported by the checks
        let (key_path, option, key_bytes) = match cluster.platform.apt_keys {
            AptKeys::TrustedGpgD => (format!("/etc/apt/trusted.gpg.d/{}.gpg", source.name), String::new(), keyring),
            AptKeys::SignedBy => {
                let path = format!("/etc/apt/keyrings/{}.asc", source.name);
                let option = format!("[signed-by={path}] ");
                (path, option, armored.clone().into_bytes())
            }
        };
        let line = format!("deb {option}{url} {suite} {}", source.components.join(" "));
        planned.push(Repository {
            list: source.file.clone(),
            list_content: Content::shared(format!("{line}\n").into_bytes()),
            key_content: Content::shared(key_bytes),
            line,
            key_path,
            fingerprint,
            armored,
        });
    }
    planned
}

impl Repository {
    /// Path of the list on the target.
    pub fn list_path(&self) -> String {
        format!("/etc/apt/sources.list.d/{}", self.list)
    }

    /// The key and the list as files of the target.
    pub fn files(&self) -> [PlannedFile; 2] {
        let file = |path: String, content: &Arc<Content>| PlannedFile {
            path,
            content: content.clone(),
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            phase: Phase::Sources,
            restarts: Vec::new(),
            secret: false,
            origin: "the package source".into(),
        };
        [file(self.key_path.clone(), &self.key_content), file(self.list_path(), &self.list_content)]
    }
}

/// A mistake of the profile that only shows when it is evaluated.
pub fn profile_error(at: At, why: &str, diags: &mut Diagnostics) {
    diags.push(Diagnostic::error(codes::PROFILE, at, why).help("profiles/README.md says what expressions and templates may use"));
}
