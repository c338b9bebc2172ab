//! `schema`, `completions`, `man`: what the program says about itself.

use anyhow::{Result, bail};
use clap::CommandFactory;
use serde_json::{Value, json};

use super::args::{Arguments, Completions, Global, Schema, Which};
use super::{Verdict, report};
use crate::diag::{Diagnostics, Sources, did_you_mean, render};
use crate::io::load;
use crate::profile;
use crate::schema::json as schema_json;
use crate::spec::shape;

/// Prints a JSON Schema.
pub fn schema(options: &Schema, global: &Global) -> Result<Verdict> {
    let value = match options.which {
        Which::Spec => spec(&options.profile, global)?,
        Which::Profile => schema_json::document("clusterseed/profile-1", "profile.yaml of clusterseed", &profile::shape::profile()),
        Which::Diagnostics => document("clusterseed/diagnostics-1", include_str!("schemas/diagnostics.json"))?,
        Which::Next => document("clusterseed/next-1", include_str!("schemas/next.json"))?,
        Which::Manifest => document("clusterseed/manifest-1", include_str!("schemas/manifest.json"))?,
        Which::Host => document("clusterseed/host-1", include_str!("schemas/host.json"))?,
        Which::Image => document("clusterseed/image-1", include_str!("schemas/image.json"))?,
        Which::Leak => document("clusterseed/leak-1", include_str!("schemas/leak.json"))?,
        Which::Diff => document("clusterseed/diff-1", include_str!("schemas/diff.json"))?,
        Which::Plan => document("clusterseed/plan-1", include_str!("schemas/plan.json"))?,
        Which::Status => document("clusterseed/status-1", include_str!("schemas/status.json"))?,
    };
    report::data(&format!("{value:#}\n"))?;
    Ok(Verdict::Done)
}

fn document(id: &str, text: &str) -> Result<Value> {
    let mut value: Value = serde_json::from_str(text)?;
    value["$id"] = json!(id);
    Ok(value)
}

/// The spec's schema with the settings of a profile, so that editors complete them.
fn spec(name: &str, global: &Global) -> Result<Value> {
    let catalog = load::catalog(&global.profile_dir)?;
    if !catalog.profiles().contains(&name) {
        bail!("there is no profile `{name}`; {}", did_you_mean(name, catalog.profiles()));
    }
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let Some(profile) = profile::load::load(name, &catalog, &mut sources, &mut diags) else {
        bail!("the profile `{name}` has errors:\n{}", render::all(&diags, &sources, false));
    };
    Ok(schema_json::document("clusterseed/spec-1", "spec of clusterseed", &shape::spec(Some(&profile.settings_type))))
}

/// Prints a completion script.
pub fn completions(options: &Completions) -> Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "clusterseed", &mut script);
    report::bytes(&script)?;
    Ok(Verdict::Done)
}

/// Prints the manual page, with a section for each command.
pub fn man() -> Result<Verdict> {
    let mut page = Vec::new();
    let mut command = Arguments::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for sub in command.get_subcommands() {
        let name = format!("clusterseed {}", sub.get_name());
        page.extend(format!(".SH {}\n", name.to_uppercase()).bytes());
        let man = clap_mangen::Man::new(sub.clone());
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    report::bytes(&page)?;
    Ok(Verdict::Done)
}
