//! `guide`: the steps of a change, for people who do them.

use std::path::Path;

use anyhow::{Result, anyhow};

use super::args::{Global, Guide, GuideCommand, Sides};
use super::{Verdict, report, sides};
use crate::change::guide::{self, Built};
use crate::format::shell::quoted;

/// Prints the steps; `Wrong` means that there is no safe way in one step.
pub fn run(options: &Guide, global: &Global) -> Result<Verdict> {
    let GuideCommand::Change { sides, output } = &options.command;
    let compared = sides::compared(sides, global)?;
    let built = built(sides, output);
    let runbook = guide::runbook(&compared.change, [&compared.old, &compared.new], compared.profile.as_ref(), &built);
    let runbook = runbook.map_err(|why| anyhow!(why))?;
    report::data(&runbook.text)?;
    Ok(if runbook.refused { Verdict::Wrong } else { Verdict::Done })
}

/// Where the new side is built, and what names the locks of both once more.
fn built(sides: &Sides, output: &Path) -> Built {
    let option =
        |name: &str, lock: Option<&Path>| lock.map_or(String::new(), |lock| format!(" --{name} {}", quoted(&lock.display().to_string())));
    let [old, new] = sides.locks();
    let both = match &sides.lock {
        Some(_) => option("lock", new),
        None => option("old-lock", old) + &option("new-lock", new),
    };
    if sides.new.is_dir() {
        return Built::Already { folder: sides.new.display().to_string(), lock: option("old-lock", old) };
    }
    Built::Into { folder: output.display().to_string(), locks: [both, option("lock", new)] }
}
