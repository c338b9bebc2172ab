//! `build`: checks, then writes the whole output or nothing, and says what to do next.

use anyhow::{Context, Result, bail};

use super::args::{Build, Format, Global};
use super::carried::{self, Signature, Use};
use super::check::{Checked, first_boots};
use super::next::{self, Next};
use super::{Verdict, bom, report};
use crate::cluster::Cluster;
use crate::compile::{self, BuildError, BuildOptions, Inputs};
use crate::emit::run;
use crate::io::output::{Stage, Summary};
use crate::io::sign;

/// Writes everything that the hosts need.
pub fn run(options: &Build, global: &Global) -> Result<Verdict> {
    let Some((checked, packages)) = carried::load(&options.input, global, options.format, Use::Seeds)? else {
        return Ok(Verdict::Wrong);
    };
    let Checked { cluster, inputs, .. } = checked;
    let target = next::target(options.target.as_deref(), &cluster, &inputs.catalog)?;
    let boots_here = target.as_ref().is_some_and(|target| target.name == next::QEMU);
    if options.base.is_some() && !boots_here {
        bail!("`--base` is for `--target qemu`, which writes run.sh");
    }
    let mut more = if boots_here { vec![run::emit(&cluster, options.base.as_deref())] } else { Vec::new() };
    if let Some(packages) = &packages {
        more.push(bom::of(&cluster, &inputs, packages)?.artifact());
    }
    let named = options.sign_with.as_deref();
    let key = Signature { brings: packages.is_some(), named, spec: &options.input.spec, make: true }.key(&cluster, inputs.epoch)?;
    if key.as_ref().is_some_and(|key| key.made) {
        report::say(&format!("made {}: hosts trust what it signs; keep it, and keep it out of version control", sign::FILE));
    }
    let mut stage = Stage::begin(&options.output).with_context(|| format!("preparing `{}`", options.output.display()))?;
    if let Some(packages) = &packages {
        stage = stage.with_store(packages.store.clone());
    }
    let known = packages.as_ref().map(|packages| &packages.known);
    match &key {
        Some(key) => carried::signing(key, |signer| fill(&stage, &cluster, &inputs, BuildOptions { more, known, signer: Some(signer) })),
        None => fill(&stage, &cluster, &inputs, BuildOptions { more, ..BuildOptions::default() }),
    }?;
    let summary = stage.commit().with_context(|| format!("replacing `{}`", options.output.display()))?;
    if let Some(leftover) = &summary.leftover {
        report::say(&format!("warning: {leftover}"));
    }
    let output = options.output.display().to_string();
    let next = Next::new(&cluster, target.as_ref(), &output);
    if options.format == Format::Json {
        report::data(&format!("{}\n", next.as_json()))?;
    }
    if !options.quiet {
        report::say(&words(&cluster, &summary, &output));
        report::say(&next.words());
    }
    Ok(Verdict::Done)
}

fn fill(stage: &Stage, cluster: &Cluster, inputs: &Inputs, options: BuildOptions<'_>) -> Result<()> {
    compile::build_with(cluster, inputs, options, |artifact| stage.write(artifact)).map_err(|error| match error {
        BuildError::Emit(error) => anyhow::Error::new(error).context("packing a seed"),
        BuildError::Write(error) => error,
    })
}

fn words(cluster: &Cluster, summary: &Summary, output: &str) -> String {
    let (hosts, files) = (report::count(cluster.hosts.len(), "host"), report::count(summary.files, "file"));
    let mut lines = vec![format!("{}: {hosts}, {files}, {} bytes in {output}", cluster.name, summary.bytes)];
    if summary.removed > 0 {
        lines.push(format!("removed {} that the earlier build had", report::count(summary.removed, "file")));
    }
    if summary.kept > 0 {
        lines.push(format!("left {} alone that no build wrote", report::count(summary.kept, "file")));
    }
    lines.push(first_boots(cluster));
    lines.join("\n")
}
