//! `build`: checks, then writes the whole output or nothing.

use anyhow::{Context, Result};

use super::args::{Build, Global};
use super::check::checked;
use super::{Verdict, report};
use crate::cluster::{Cluster, Method};
use crate::compile::{self, BuildError};
use crate::io::output::{Stage, Summary};

/// Writes everything that the hosts need.
pub fn run(options: &Build, global: &Global) -> Result<Verdict> {
    let Some((cluster, inputs)) = checked(&options.input, global, options.format)? else { return Ok(Verdict::Wrong) };
    let stage = Stage::begin(&options.output).with_context(|| format!("preparing `{}`", options.output.display()))?;
    compile::build(&cluster, &inputs, |artifact| stage.write(artifact)).map_err(|error| match error {
        BuildError::Emit(error) => anyhow::Error::new(error).context("packing a seed"),
        BuildError::Write(error) => error,
    })?;
    let summary = stage.commit().with_context(|| format!("replacing `{}`", options.output.display()))?;
    if let Some(leftover) = &summary.leftover {
        report::say(&format!("warning: {leftover}"));
    }
    if !options.quiet {
        report::say(&words(&cluster, &summary, &options.output.display().to_string()));
    }
    Ok(Verdict::Done)
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
    lines.push(match &cluster.delivery.method {
        Method::Inline => {
            format!("next: give each machine its files of {output}/hosts: user-data to a cloud, or all on a volume labelled cidata")
        }
        Method::Volume => format!("next: give each machine its files of {output}/hosts on a volume labelled cidata"),
        Method::Url(url) => format!("next: serve {output}/hosts at {url}, then give each machine its user-data"),
        Method::Hand => {
            format!("next: copy {output}/hosts/NAME/seed.tar.gz to each machine; there: tar xzf seed.tar.gz && sudo seed/apply")
        }
    });
    lines.join("\n")
}
