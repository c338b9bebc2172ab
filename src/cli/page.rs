//! `report`: one page about the cluster.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rayon::prelude::*;

use super::args::{Format, Global, Report};
use super::check::examined;
use super::{Verdict, report};
use crate::compile;
use crate::emit::report::{MARK, Page, Warning};
use crate::emit::repository::Repositories;
use crate::emit::{self, Context, Signing};
use crate::io::output;

/// Writes the page, over an earlier one of ours and over nothing else.
pub fn run(options: &Report, global: &Global) -> Result<Verdict> {
    let (found, diags) = examined(&options.input, global, Format::Text)?;
    let Some((cluster, inputs)) = found else { return Ok(Verdict::Wrong) };
    let plans = compile::plans(&cluster);
    let repositories = Repositories::default();
    let context = Context { cluster: &cluster, epoch: inputs.epoch, repositories: &repositories, signing: Signing::Assumed };
    let sizes = plans.par_iter().map(|plan| {
        let output = emit::host(plan, context)?;
        let size = |name: &str| {
            let file = output.artifacts.iter().find(|file| file.path.rsplit('/').next() == Some(name))?;
            usize::try_from(file.content.size()).ok()
        };
        // Without what is carried a volume's size would say little.
        let volume = cluster.delivery.volume.file_name().filter(|_| cluster.lock.is_none()).and_then(size);
        Ok([size("user-data"), size("seed.tar.gz"), volume])
    });
    let sizes = sizes.collect::<std::io::Result<Vec<_>>>().context("packing a seed")?;
    let warnings = diags.iter().map(|d| Warning { code: d.code.to_string(), message: d.message.clone(), help: d.help.clone() });
    let page = Page { cluster: &cluster, plans: &plans, sizes: &sizes, warnings: warnings.collect(), spec: inputs.digest };
    let text = page.html();
    if options.output == Path::new("-") {
        report::data(&text)?;
        return Ok(Verdict::Done);
    }
    let path = options.output.display();
    let ours = match fs::read(&options.output) {
        Ok(bytes) if bytes.starts_with(MARK.as_bytes()) => true,
        Ok(_) => bail!("`{path}` exists already and is no report of ours: move it away, or choose another name with -o"),
        Err(_) => false,
    };
    output::write_file(&options.output, text.as_bytes(), 0o644, !ours).with_context(|| format!("writing `{path}`"))?;
    report::say(&format!("wrote {path}; open it in a browser"));
    Ok(Verdict::Done)
}
