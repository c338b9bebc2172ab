//! `guide`: the steps of a change, for people who do them.

use anyhow::{Result, anyhow};

use super::args::{Global, Guide, GuideCommand};
use super::{Verdict, report, sides};
use crate::change::guide::{self, Built};

/// Prints the steps; `Wrong` means that there is no safe way in one step.
pub fn run(options: &Guide, global: &Global) -> Result<Verdict> {
    let GuideCommand::Change { sides, output } = &options.command;
    let compared = sides::compared(sides, global)?;
    let name = sides.new.display().to_string();
    let built = if sides.new.is_dir() { Built::Already(name) } else { Built::Into(output.display().to_string()) };
    let runbook = guide::runbook(&compared.change, [&compared.old, &compared.new], compared.profile.as_ref(), &built);
    let runbook = runbook.map_err(|why| anyhow!(why))?;
    report::heard_or_not(report::data(&runbook.text))?;
    Ok(if runbook.refused { Verdict::Wrong } else { Verdict::Done })
}
