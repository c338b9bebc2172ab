//! `report`: one page about the cluster; and where such pages go.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rayon::prelude::*;

use super::args::{Format, Global, Report};
use super::check::Checked;
use super::{Verdict, report};
use crate::compile;
use crate::diag::Diagnostics;
use crate::emit::report::{HostDetails, MARK, Page, Warning};
use crate::emit::repository::Repositories;
use crate::emit::{self, Context, Signing};
use crate::io::output;

/// Writes the page, over an earlier one of ours and over nothing else.
pub fn run(options: &Report, global: &Global) -> Result<Verdict> {
    let Some(checked) = Checked::load(&options.input, global, Format::Text)? else { return Ok(Verdict::Wrong) };
    let Checked { cluster, inputs, warnings: diags, .. } = checked;
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
    let page =
        Page { cluster: &cluster, plans: &plans, details: HostDetails::Built(&sizes), warnings: warnings(&diags), spec: inputs.digest };
    Target::new(&options.output)?.write(&page)?;
    Ok(Verdict::Done)
}

/// What nobody allowed.
pub fn warnings(diags: &Diagnostics) -> Vec<Warning> {
    diags.iter().map(|d| Warning { code: d.code.to_string(), message: d.message.clone(), help: d.help.clone() }).collect()
}

/// Where a page goes: a file, or stdout.
#[derive(Debug)]
pub struct Target<'p> {
    path: &'p Path,
    /// An earlier page of ours is there.
    ours: bool,
}

impl<'p> Target<'p> {
    /// Looks at what is there.
    ///
    /// # Errors
    /// When it is a file that is no page of ours.
    pub fn new(path: &'p Path) -> Result<Self> {
        let ours = match fs::read(path) {
            _ if path == Path::new("-") => false,
            Ok(bytes) if bytes.starts_with(MARK.as_bytes()) => true,
            Ok(_) => bail!("`{}` exists already and is no report of ours: move it away, or choose another name", path.display()),
            Err(_) => false,
        };
        Ok(Self { path, ours })
    }

    /// True when the page is printed.
    pub fn is_stdout(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Writes it whole or not at all, over an earlier one and over nothing else.
    ///
    /// # Errors
    /// When the disk says no, or somebody put a file there meanwhile.
    pub fn write(&self, page: &Page<'_>) -> Result<()> {
        if self.is_stdout() {
            return Ok(report::data(&page.html())?);
        }
        let path = self.path.display();
        // What machines answer may be for few to see, such as the environment of an app.
        let mode = if matches!(page.details, HostDetails::Live(_)) { 0o600 } else { 0o644 };
        output::write_file(self.path, page.html().as_bytes(), mode, !self.ours)?;
        report::say(&format!("wrote {path}; open it in a browser"));
        Ok(())
    }
}
