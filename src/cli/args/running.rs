//! Of the commands that talk to what runs: `status`, `apps`.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Format, Input};
use crate::schema::scalar;

/// How running machines are asked, and in which form it is told what they said.
#[derive(Debug, Args)]
pub struct Asking {
    /// Ask again until all is as planned, for at most this long, such as 10mins
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// How long a service may take to answer
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5secs")]
    pub timeout: Duration,
    /// Reach a host at another address than the spec's, as through a tunnel
    /// (repeatable)
    #[arg(long, value_name = "HOST=ADDRESS", value_parser = elsewhere)]
    pub resolve: Vec<(String, Ipv4Addr)>,
    /// Form of the report
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// `status`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the cluster is as the spec says; 1 it is not;\n2 nobody could be asked.")]
pub struct Status {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// How the machines are asked.
    #[command(flatten)]
    pub asking: Asking,
    /// Write a page as `report` does, with what the machines say; `-` prints it
    /// instead of the table
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `apps`.
#[derive(Debug, Args)]
#[command(
    after_help = "Without --submit and --delete nothing is changed.\nExit codes: 0 all is as the spec says, or was taken; 1 it is not;\n2 nobody could be asked."
)]
pub struct Apps {
    /// What to read.
    #[command(flatten)]
    pub input: Input,
    /// Put what is missing or different; with names, only these
    #[arg(long, value_name = "APP", num_args = 0.., value_delimiter = ',', require_equals = true)]
    pub submit: Option<Vec<String>>,
    /// Delete an app that the spec does not have (repeatable)
    #[arg(long, value_name = "APP")]
    pub delete: Vec<String>,
    /// Also what a deployment has locked
    #[arg(long)]
    pub force: bool,
    /// How the machines are asked.
    #[command(flatten)]
    pub asking: Asking,
}

/// More than nothing, at most a day.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = scalar::duration(text)?;
    match seconds > 0.0 && seconds <= 86_400.0 {
        true => Ok(Duration::from_secs_f64(seconds)),
        false => Err("it must be more than nothing and at most a day".into()),
    }
}

fn elsewhere(text: &str) -> Result<(String, Ipv4Addr), String> {
    let (host, address) = text.split_once('=').ok_or("write HOST=ADDRESS")?;
    Ok((host.to_string(), address.parse().map_err(|_| format!("`{address}` is no IPv4 address"))?))
}
