//! The two sides of a comparison, from wherever they lie: a spec, a spec of a git revision, a built folder.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use rayon::prelude::*;
use serde_json::Value;

use super::args::{Format, Global, Sides};
use super::report;
use crate::artifact::MANIFEST;
use crate::change::side::{Host, Label, Parts, Side};
use crate::change::{self, Change};
use crate::cluster::VolumeForm;
use crate::compile;
use crate::diag::{Diagnostics, Sources};
use crate::emit::encoding;
use crate::emit::host_json::HostJson;
use crate::emit::manifest::FORMAT;
use crate::format::checksum::Sha256Sum;
use crate::io::git::Blob;
use crate::io::load;
use crate::io::tree::{self, Found};
use crate::profile::{Profile, load as profile_load};

/// A comparison and what it was made of.
pub struct Compared {
    /// The state before.
    pub old: Side,
    /// The state afterwards.
    pub new: Side,
    /// What the new side's profile says of changes.
    pub profile: Option<Profile>,
    /// All that lies between.
    pub change: Change,
}

/// Reads both sides and compares them.
pub fn compared(sides: &Sides, global: &Global) -> Result<Compared> {
    if sides.old == Path::new("-") && sides.new == Path::new("-") {
        bail!("standard input can be one side of a comparison, not both");
    }
    for (path, own) in [(&sides.old, &sides.old_lock), (&sides.new, &sides.new_lock)] {
        if let Some(lock) = own.as_ref().filter(|_| path.is_dir()) {
            bail!("`{}` is a built folder, which has its packages: `{}` is not for it", path.display(), lock.display());
        }
    }
    let [old_lock, new_lock] = sides.locks();
    let ((old, _), (new, profile)) = (side(&sides.old, old_lock, global)?, side(&sides.new, new_lock, global)?);
    // A spec brings its profile with it.
    let profile = if profile.is_some() { profile } else { named(&new.label.profile, global)? };
    let change = change::between(&old, &new, profile.as_ref()).map_err(|why| anyhow!(why))?;
    Ok(Compared { old, new, profile, change })
}

/// The profile that says what is dangerous; none where a built folder's is not here.
fn named(name: &str, global: &Global) -> Result<Option<Profile>> {
    let catalog = load::catalog(&global.profile_dir)?;
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let profile = profile_load::load(name, &catalog, &mut sources, &mut diags);
    report::diagnostics(&diags, &sources, Format::Text)?;
    if profile.is_none() {
        report::say(&format!("warning: the profile `{name}` is not here, so nobody says which changes need care; name its --profile-dir"));
    }
    Ok(profile)
}

fn side(path: &Path, lock: Option<&Path>, global: &Global) -> Result<(Side, Option<Profile>)> {
    let name = path.display().to_string();
    if path.is_dir() {
        return Ok((built(path, &name).with_context(|| format!("reading the built folder `{name}`"))?, None));
    }
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let lock = lock.map_or(load::Lock::BesideSpec, |lock| load::Lock::At(lock.into()));
    let options = load::Options { profile_dirs: global.profile_dir.clone(), cloud: None, lock };
    let inputs = match Blob::parse(path) {
        None => load::inputs(path, &options, &mut sources, &mut diags)?,
        Some(blob) => {
            let mut elsewhere = Vec::new();
            let inputs = load::inputs_of(&blob, &options, &mut elsewhere, &mut sources, &mut diags)?;
            for file in elsewhere {
                report::say(&format!("note: `{file}` is not in that revision of `{name}`; taken as it is now"));
            }
            inputs
        }
    };
    let cluster = compile::check(&inputs, &mut sources, &mut diags);
    // Warnings are for `check`; here only what keeps a spec from being compared is of use.
    let Some(cluster) = cluster else {
        diags.finish(&[], false);
        report::diagnostics(&diags, &sources, Format::Text)?;
        bail!("`{name}` has errors, so there is nothing to compare");
    };
    let side = Side::planned(&name, &cluster, &compile::plans(&cluster), inputs.epoch).map_err(|why| anyhow!("`{name}`: {why}"))?;
    Ok((side, Some(cluster.profile)))
}

/// Reads a folder that `build` wrote. Whether its bytes are as they were built is for `verify` to say.
fn built(folder: &Path, name: &str) -> Result<Side> {
    if !folder.join(MANIFEST).is_file() {
        bail!("it holds no {MANIFEST}; name a spec, or a folder that `clusterseed build` wrote");
    }
    let manifest: Value = serde_json::from_slice(&tree::read(&folder.join(MANIFEST))?).with_context(|| format!("{MANIFEST} is no JSON"))?;
    if manifest["format"] != FORMAT {
        bail!("{MANIFEST}: format {} is not known", manifest["format"]);
    }
    let found = tree::list(folder)?;
    let text = |value: &Value| value.as_str().map(str::to_string).with_context(|| format!("{MANIFEST} is incomplete"));
    let names = manifest["hosts"].as_array().into_iter().flatten().map(|host| text(&host["name"]));
    let names: Vec<String> = names.collect::<Result<_>>()?;
    let hosts: Result<Vec<(Host, Sha256Sum)>> = names.par_iter().map(|host| built_host(host, &found)).collect();
    let (hosts, programs): (Vec<Host>, Vec<Sha256Sum>) = hosts?.into_iter().unzip();
    let label = Label {
        name: name.to_string(),
        cluster: text(&manifest["cluster"])?,
        profile: text(&manifest["profile"]["name"])?,
        platform: text(&manifest["platform"])?,
        delivery: text(&manifest["delivery"])?,
        product: text(&manifest["product"])?,
    };
    let volumes = [VolumeForm::Iso, VolumeForm::Vfat].into_iter().filter_map(VolumeForm::file_name);
    let attached = |volume: &&str| names.iter().any(|host| found.contains_key(&format!("hosts/{host}/{volume}")));
    let volume = { volumes }.find(|volume| attached(volume));
    Ok(Side::new(label, programs.first().copied(), volume, hosts))
}

/// A host, and the digest of its `apply`.
fn built_host(name: &str, found: &BTreeMap<String, Found>) -> Result<(Host, Sha256Sum)> {
    let file = |file: &str| found.get(&format!("hosts/{name}/{file}")).filter(|found| found.regular);
    let must = |what: &str| tree::read(&file(what).with_context(|| format!("hosts/{name}/{what} is missing"))?.path);
    let mut seed = tree::unpack(&must("seed.tar.gz")?[..]).with_context(|| format!("hosts/{name}/seed.tar.gz is damaged"))?;
    let mut take = |path: &str| seed.remove(path).map(|member| member.bytes).with_context(|| format!("the seed of `{name}` lacks {path}"));
    let (host_json, program) = (take("host.json")?, Sha256Sum::of(&take("apply")?));
    let files = seed.into_iter().filter_map(|(path, member)| {
        let path = path.strip_prefix("root")?.to_string();
        // A secret's place in the tarball is for its owner alone; its mode on the host may be another.
        Some((path, (member.bytes, member.mode & 0o077 == 0)))
    });
    let parts = Parts {
        files: files.collect(),
        user_data: encoding::readable(must("user-data")?).map_err(|why| anyhow!("hosts/{name}: {why}"))?,
        meta_data: must("meta-data")?,
        network_config: file("network-config").map(|found| tree::read(&found.path)).transpose()?,
        host_json: HostJson::read(&host_json).map_err(|why| anyhow!("hosts/{name}: {why}"))?,
    };
    Ok((Host::read(parts).map_err(|why| anyhow!("hosts/{name}: {why}"))?, program))
}
