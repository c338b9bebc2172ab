//! `init`: the guide's cluster with comments that teach.

use std::path::Path;

use anyhow::Result;

use super::args::Init;
use super::{Verdict, report};
use crate::format::shell::quoted;
use crate::io::output;

/// The spec that `init` writes; a test builds it.
pub const TEMPLATE: &str = include_str!("cluster.yaml");

/// Writes cluster.yaml, never over one that is there.
pub fn run(options: &Init) -> Result<Verdict> {
    if options.dir == Path::new("-") {
        report::data(TEMPLATE)?;
        return Ok(Verdict::Done);
    }
    output::make_folder(&options.dir)?;
    let path = options.dir.join("cluster.yaml");
    output::write_file(&path, TEMPLATE.as_bytes(), 0o644, true)?;
    report::say(&format!("wrote {}; next: clusterseed check {}", path.display(), quoted(&path.display().to_string())));
    Ok(Verdict::Done)
}
