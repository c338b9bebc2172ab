//! Every form of the network on every platform, as known bytes. What programs that we did not write make of them: `real/net.rs`.
//!
//! `network/FORM/cluster.yaml` is a spec for any platform; `network/FORM/PLATFORM` holds what is said and written for it. Platforms
//! whose cloud-init takes the same are compared with one of them. `UPDATE_EXPECT=1` writes the files again.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use clusterseed::profile::catalog::Catalog;

use super::{dialect, support};

/// Platforms with files of their own, and those for which the same bytes go out.
const PLATFORMS: &[(&str, &[&str])] = &[
    ("ubuntu-14.04", &[]),
    ("ubuntu-16.04", &[]),
    ("debian-11", &[]),
    ("debian-12", &["ubuntu-18.04"]),
    ("debian-13", &["ubuntu-20.04", "ubuntu-22.04", "ubuntu-24.04"]),
];

/// Names of all forms.
pub fn forms() -> Vec<String> {
    let entries = fs::read_dir(support::data("network")).expect("the folder of forms");
    let mut forms: Vec<String> = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    forms.sort();
    forms
}

/// Builds a form for a platform into `out`; gives what was said when it cannot be built.
pub fn build(form: &str, platform: &str, out: &Path) -> Result<String, String> {
    let spec = fs::read_to_string(support::data("network").join(form).join("cluster.yaml")).expect("the spec of a form");
    build_spec(&spec.replace("PLATFORM", platform), out)
}

/// Builds a spec with the profiles of the tests.
pub fn build_spec(spec: &str, out: &Path) -> Result<String, String> {
    let folder = support::scratch();
    fs::write(folder.path().join("cluster.yaml"), spec).expect("writing the spec");
    let mut command = support::clusterseed();
    command.current_dir(folder.path()).arg("--profile-dir").arg(support::data("profiles"));
    let done = command.args(["build", "--quiet", "cluster.yaml", "-o"]).arg(out).output().expect("build runs");
    let said = support::texts(&done).1;
    if done.status.success() { Ok(said) } else { Err(said) }
}

/// What is said and written, host by host.
fn text(form: &str, platform: &str) -> String {
    let folder = support::scratch();
    let out = folder.path().join("out");
    let said = match build(form, platform, &out) {
        Ok(said) => said,
        Err(said) => return said,
    };
    let mut text = said;
    let mut hosts: Vec<PathBuf> = fs::read_dir(out.join("hosts")).expect("hosts").map(|host| host.expect("a host").path()).collect();
    hosts.sort();
    for host in &hosts {
        let name = host.file_name().expect("a name").to_string_lossy();
        if let Some(content) = interfaces(host) {
            let _ = write!(text, "--- {name}: network-interfaces\n{content}");
        }
        if let Ok(content) = fs::read_to_string(host.join("network-config")) {
            let _ = write!(text, "--- {name}: network-config\n{content}");
        }
    }
    text
}

/// The text that cloud-init puts in place of /etc/network/interfaces.
pub fn interfaces(host: &Path) -> Option<String> {
    let meta_data = fs::read_to_string(host.join("meta-data")).expect("meta-data");
    let parsed: serde_yaml::Value = serde_yaml::from_str(&meta_data).expect("YAML");
    let text = parsed.get("network-interfaces")?.as_str().expect("a string").to_string();
    assert_eq!(format!("{:?}", dialect::meta_data(&meta_data)), "[]", "{}", host.display());
    Some(text)
}

#[test]
fn every_form_is_what_it_was_on_every_platform() {
    let forms = forms();
    let jobs: Vec<_> = forms.iter().flat_map(|form| PLATFORMS.iter().map(move |(platform, like)| (form, platform, like))).collect();
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some((form, platform, like)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = text(form, platform);
                    let mut wrong: Vec<String> =
                        support::expect(&support::data("network").join(form).join(platform), &found).err().into_iter().collect();
                    // A warning names the platform; what is written does not.
                    wrong.extend(like.iter().filter(|other| text(form, other) != found).map(|other| format!("{form} differs on {other}")));
                    problems.lock().expect("no panic before").extend(wrong);
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no panic before");
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

#[test]
fn no_platform_is_forgotten() {
    let named: BTreeSet<&str> = PLATFORMS.iter().flat_map(|(platform, like)| std::iter::once(platform).chain(*like)).copied().collect();
    let catalog = Catalog::embedded();
    assert_eq!(named, catalog.platforms().into_iter().collect());
}
