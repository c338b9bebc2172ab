//! `status`: asks the machines of a spec what they are.

pub(super) mod view;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

use super::args::{Format, Global, Status};
use super::check::Checked;
use super::page::{self, Target};
use super::{Verdict, report};
use crate::cluster::Cluster;
use crate::compile;
use crate::diag::{Diagnostics, did_you_mean};
use crate::emit::report::live::Live;
use crate::emit::report::{HostDetails, Page};
use crate::io::probe;
use crate::status::{Report, ask, judge};

/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_secs(2);

/// Asks once, or until all is as planned.
pub fn run(options: &Status, global: &Global) -> Result<Verdict> {
    // Before anybody is asked, which may take as long as `--wait` says.
    let target = options.html.as_deref().map(Target::new).transpose()?;
    let printed = target.as_ref().is_some_and(Target::is_stdout);
    if printed && options.asking.format == Format::Json {
        bail!("stdout holds one of both: name a file for `--html`, or leave `--format json` out");
    }
    let Some(checked) = Checked::load(&options.input, global, Format::Text)? else { bail!("the spec has errors, so nobody was asked") };
    let warnings = page::warnings(&checked.warnings);
    let Checked { cluster, inputs, .. } = checked;
    let elsewhere = elsewhere(&cluster, &options.asking.resolve)?;
    let mut diags = Diagnostics::new();
    let model = ask::model(&cluster, &mut diags);
    if model.targets.is_empty() {
        bail!(
            "nobody can be asked: the profile `{}` does not say how (`status` of its services), or no host runs such a service",
            cluster.profile.name
        );
    }
    let (requests, places) = (model.requests(&elsewhere), model.places(&elsewhere));
    let asked = Cell::new(0);
    let look = || {
        asked.set(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
        judge::judge(&model, &probe::ask(&requests, &places, options.asking.timeout))
    };
    let seen = match options.asking.wait {
        Some(wait) => patiently(look, wait),
        None => look(),
    };
    match options.asking.format {
        _ if printed => report::say(view::findings(&seen).trim_end()),
        Format::Json => report::data(&format!("{:#}\n", view::json(&cluster, &seen)))?,
        Format::Text => {
            report::data(&view::table(&cluster, &seen))?;
            report::say(view::findings(&seen).trim_end());
        }
    }
    if let Some(target) = &target {
        let (plans, details) = (compile::plans(&cluster), HostDetails::Live(Live { report: &seen, asked: asked.get() }));
        target.write(&Page { cluster: &cluster, plans: &plans, details, warnings, spec: inputs.digest })?;
    }
    if seen.silent {
        bail!("not one of the hosts could be reached: may this machine reach their network? `--resolve` names other addresses");
    }
    Ok(if seen.as_planned() { Verdict::Done } else { Verdict::Wrong })
}

/// Addresses at which hosts are reached instead of those of the spec, by name.
pub(super) fn elsewhere(cluster: &Cluster, resolve: &[(String, Ipv4Addr)]) -> Result<BTreeMap<String, Ipv4Addr>> {
    for (host, _) in resolve {
        if !cluster.hosts.iter().any(|known| known.name == *host) {
            let known: Vec<&str> = cluster.hosts.iter().map(|known| known.name.as_str()).collect();
            bail!("there is no host `{host}`; {}", did_you_mean(host, known.iter().copied()));
        }
    }
    Ok(resolve.iter().cloned().collect())
}

/// Asks again and again; says what is missing whenever that changes.
fn patiently(look: impl Fn() -> Report, wait: Duration) -> Report {
    let begun = Instant::now();
    let mut said = BTreeSet::new();
    loop {
        let seen = look();
        let differences: BTreeSet<String> = seen.findings.iter().filter(|f| !f.note).map(|f| f.message.clone()).collect();
        let left = wait.saturating_sub(begun.elapsed());
        if differences.is_empty() || left.is_zero() {
            return seen;
        }
        if differences != said {
            report::say(&format!("after {} s, waiting for {}:", begun.elapsed().as_secs(), report::count(differences.len(), "difference")));
            for message in differences.iter().take(10) {
                report::say(&format!("  {message}"));
            }
            if differences.len() > 10 {
                report::say(&format!("  and {} more", differences.len() - 10));
            }
            said = differences;
        }
        thread::sleep(PAUSE.min(left));
    }
}
