//! `schema`, `completions`, `man`: what the program says about itself.

use std::io::Write;

use anyhow::{Result, bail};
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::{Value, json};

use super::args::{self, Completions, Global, Schema, Which};
use super::{Verdict, report};
use crate::cluster::settings;
use crate::diag::{Diagnostics, Sources, did_you_mean, render};
use crate::io::load;
use crate::profile;
use crate::schema::json as schema_json;
use crate::spec::shape;

/// Prints a JSON Schema.
pub fn schema(options: &Schema, global: &Global) -> Result<Verdict> {
    let value = match options.which {
        Which::Spec => spec(&options.profile, global)?,
        Which::Profile => first_of_profile(),
        Which::Part => schema_json::document("clusterseed/profile-part-1", "part of a profile of clusterseed", &profile::shape::part()),
        Which::Diagnostics => document("clusterseed/diagnostics-1", include_str!("schemas/diagnostics.json"))?,
        Which::Next => document("clusterseed/next-1", include_str!("schemas/next.json"))?,
        Which::Manifest => document("clusterseed/manifest-1", include_str!("schemas/manifest.json"))?,
        Which::Host => document("clusterseed/host-1", include_str!("schemas/host.json"))?,
        Which::Image => document("clusterseed/image-1", include_str!("schemas/image.json"))?,
        Which::Leak => document("clusterseed/leak-1", include_str!("schemas/leak.json"))?,
        Which::Diff => document("clusterseed/diff-1", include_str!("schemas/diff.json"))?,
        Which::Fetch => document("clusterseed/fetch-1", include_str!("schemas/fetch.json"))?,
        Which::Store => document("clusterseed/store-1", include_str!("schemas/store.json"))?,
        Which::Lock => document("clusterseed/lock-1", include_str!("schemas/lock.json"))?,
        Which::Plan => document("clusterseed/plan-1", include_str!("schemas/plan.json"))?,
        Which::Apps => document("clusterseed/apps-1", include_str!("schemas/apps.json"))?,
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
    Ok(schema_json::document(
        "clusterseed/spec-1",
        "spec of clusterseed",
        &shape::spec(Some([&profile.settings_type, &settings::narrower(&profile)])),
    ))
}

/// The schema of `profile.yaml`: where it has parts, these may hold what must be there.
fn first_of_profile() -> Value {
    let mut schema = schema_json::document("clusterseed/profile-1", "profile.yaml of clusterseed", &profile::shape::profile());
    let whole = schema["required"].take();
    schema["required"] = json!(["profile", "format"]);
    schema["anyOf"] = json!([{"required": ["parts"]}, {"required": whole}]);
    schema
}

/// Prints a completion script.
pub fn completions(options: &Completions) -> Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut args::command(), "clusterseed", &mut script);
    report::bytes(&script)?;
    Ok(Verdict::Done)
}

/// Prints the manual page: every command with its options, examples, exit codes.
pub fn man() -> Result<Verdict> {
    let command = args::command();
    let page = Man::new(command.clone());
    let mut out = Vec::new();
    page.render_title(&mut out)?;
    page.render_name_section(&mut out)?;
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]).text([bold("clusterseed"), roman(" COMMAND [OPTION]... [ARGUMENT]...")]);
    roff.control("SH", ["COMMANDS"]);
    roff.to_writer(&mut out)?;
    command.get_subcommands().try_for_each(|sub| man_command(sub, "clusterseed", &mut out))?;
    writeln!(out, ".SH \"OPTIONS OF EVERY COMMAND\"")?;
    out.extend(options(command.clone().disable_help_flag(true).disable_version_flag(true))?);
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    let examples: Vec<&str> = args::EXAMPLES.iter().flat_map(|(_, lines)| lines.iter()).flat_map(|line| line.lines()).collect();
    roff.text([roman(examples.join("\n"))]).control("fi", []);
    roff.control("SH", ["EXIT CODES"]);
    let codes = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    roff.text([roman(codes.trim_start_matches("Exit codes: "))]);
    roff.to_writer(&mut out)?;
    report::bytes(&out)?;
    Ok(Verdict::Done)
}

/// One command of the manual page; those below it come after it.
fn man_command(command: &Command, above: &str, out: &mut Vec<u8>) -> Result<()> {
    let name = format!("{above} {}", command.get_name());
    if command.is_hide_set() {
        return Ok(());
    }
    let below: Vec<&Command> = command.get_subcommands().collect();
    if !below.is_empty() {
        return below.into_iter().try_for_each(|sub| man_command(sub, &name, out));
    }
    let alone = command.clone().bin_name(&name).disable_help_flag(true);
    let usage = alone.clone().render_usage().to_string();
    let mut roff = Roff::new();
    roff.control("SS", [usage.trim_start_matches("Usage: ")]);
    let about = alone.get_long_about().or(alone.get_about()).map(ToString::to_string).unwrap_or_default();
    roff.text([roman(format!("{about}."))]);
    if let Some(after) = command.get_after_help() {
        roff.control("PP", []).text([roman(after.to_string())]);
    }
    roff.to_writer(out)?;
    out.extend(options(alone)?);
    Ok(())
}

/// Arguments and options as the manual page has them, without the heading.
fn options(command: Command) -> Result<Vec<u8>> {
    let mut section = Vec::new();
    Man::new(command).render_options_section(&mut section)?;
    let text = String::from_utf8(section)?;
    let lines = text.lines().filter(|line| !line.starts_with(".SH ")).map(|line| format!("{line}\n"));
    Ok(lines.collect::<String>().into_bytes())
}
