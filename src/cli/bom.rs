//! `bom`: the bill of materials of the packages that a cluster carries, as `build` writes it.

use anyhow::{Context, Result, anyhow};

use super::args::{Bom as Options, Format, Global};
use super::carried::{self, Packages, Use};
use super::check::Checked;
use super::{Verdict, report};
use crate::bom::{Bom, Material, cyclonedx, table};
use crate::cluster::Cluster;
use crate::compile::Inputs;
use crate::io::copyright;

/// Prints the bill.
pub fn run(options: &Options, global: &Global) -> Result<Verdict> {
    let Some((checked, packages)) = carried::load(&options.input, global, options.format, Use::Image)? else {
        return Ok(Verdict::Wrong);
    };
    let Checked { cluster, inputs, .. } = checked;
    let Some(packages) = packages else {
        report::say(&format!(
            "{}: nothing is carried (`packages: {{source: {}}}`), so this build has no bill of materials",
            cluster.name,
            cluster.packages.source.word()
        ));
        return Ok(Verdict::Done);
    };
    let bom = of(&cluster, &inputs, &packages)?;
    if options.format == Format::Json {
        report::bytes(&cyclonedx::print(&bom))?;
        return Ok(Verdict::Done);
    }
    report::data(&table::print(&bom))?;
    let unsaid = match table::unsaid(&bom) {
        0 => "all say their licences in a form for programs".to_string(),
        n => format!("{n} do not say their licences in a form for programs"),
    };
    let (count, sets) = (report::count(bom.parts.len(), "package"), report::count(bom.sets.len(), "set"));
    report::say(&format!("{}: {count}, {} bytes, for {sets} of hosts; {unsaid}", cluster.name, bom.bytes()));
    Ok(Verdict::Done)
}

/// The bill of a cluster whose packages were read.
///
/// # Errors
/// When a package cannot be read.
pub fn of(cluster: &Cluster, inputs: &Inputs, packages: &Packages) -> Result<Bom> {
    let context = "making the bill of materials";
    let copyright = match &cluster.lock {
        Some(lock) => copyright::read(lock, &packages.store).context(context)?,
        None => Default::default(),
    };
    let material = Material { cluster, lock: inputs.lock.digest(), known: &packages.known, copyright: &copyright, epoch: inputs.epoch };
    Bom::of(material).map_err(|why| anyhow!(why)).context(context)
}
