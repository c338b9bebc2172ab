//! `check`, and the first half of every command that reads a spec.

use anyhow::Result;

use super::args::{Check, Format, Global, Input};
use super::{Verdict, report};
use crate::cluster::{Cluster, InstanceId};
use crate::compile::{self, Inputs};
use crate::diag::{Diagnostic, Diagnostics, Sources, codes, nearest};
use crate::io::load;

/// Finds every problem of a spec.
pub fn run(options: &Check, global: &Global) -> Result<Verdict> {
    let Some(checked) = Checked::load(&options.input, global, options.format)? else { return Ok(Verdict::Wrong) };
    if options.format == Format::Text {
        report::say(&summary(&checked.cluster));
    }
    Ok(Verdict::Done)
}

/// A spec without errors, and what was read for it.
#[derive(Debug)]
pub struct Checked {
    /// What the spec means.
    pub cluster: Cluster,
    /// What it was made of.
    pub inputs: Inputs,
    /// The texts that places point into, for what is found later.
    pub sources: Sources,
    /// What was said of it.
    pub warnings: Diagnostics,
}

impl Checked {
    /// Loads and checks a spec with the lock that was named, or that lies beside it, and shows what is wrong. `None` when there are
    /// errors.
    pub fn load(input: &Input, global: &Global, format: Format) -> Result<Option<Self>> {
        let lock = input.lock.clone().map_or(load::Lock::BesideSpec, load::Lock::At);
        Self::load_with(input, lock, global, format)
    }

    /// The same with a lock of the caller's choice, or with none.
    pub fn load_with(input: &Input, lock: load::Lock, global: &Global, format: Format) -> Result<Option<Self>> {
        let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
        let options = load::Options { profile_dirs: global.profile_dir.clone(), cloud: input.cloud.clone(), lock };
        let inputs = load::inputs(&input.spec, &options, &mut sources, &mut diags)?;
        let cluster = compile::check(&inputs, &mut sources, &mut diags);
        let allowed = allowed(&inputs, cluster.as_ref(), &mut diags);
        diags.finish(&allowed, input.strict);
        report::diagnostics(&diags, &sources, format)?;
        // What is found later is drawn on the same lines.
        diags.hidden().iter().for_each(|at| sources.hide(*at));
        let cluster = cluster.filter(|_| !diags.has_errors());
        Ok(cluster.map(|cluster| Self { cluster, inputs, sources, warnings: diags }))
    }
}

/// Codes that the spec allows; unknown ones are reported.
fn allowed(inputs: &Inputs, cluster: Option<&Cluster>, diags: &mut Diagnostics) -> Vec<String> {
    let Some(spec) = &inputs.spec else { return Vec::new() };
    let rules = cluster.into_iter().flat_map(|c| c.profile.rules.iter().map(|rule| format!("{}/{}", c.profile.name, rule.code)));
    let known: Vec<String> = codes::ALL.iter().map(|c| c.name.to_string()).chain(rules).collect();
    for code in &spec.allow {
        // Without a cluster the profile's rules are not known, and a code of theirs cannot be judged.
        let judged = cluster.is_some() || !code.value.contains('/');
        if judged && !known.contains(&code.value) {
            let bare = format!("/{}", code.value);
            let near = known.iter().find(|known| known.ends_with(&bare)).map(String::as_str);
            let near = near.or_else(|| nearest(&code.value, known.iter().map(String::as_str)));
            let help = near.map_or("`clusterseed explain` lists all codes".to_string(), |near| format!("did you mean `{near}`?"));
            diags.push(Diagnostic::error(codes::UNKNOWN_CODE, code.at, format!("there is no code `{}`", code.value)).help(help));
        }
    }
    spec.allow.iter().map(|code| code.value.clone()).collect()
}

/// One line that says what the cluster is.
pub fn summary(cluster: &Cluster) -> String {
    let roles = cluster.profile.roles.iter().filter_map(|role| {
        let n = cluster.with_role(&role.name).count();
        (n > 0).then(|| format!("{n} {}", role.name))
    });
    let roles: Vec<String> = roles.collect();
    format!(
        "{}: {} ({}) of {} on {}, no errors",
        cluster.name,
        report::count(cluster.hosts.len(), "host"),
        roles.join(", "),
        cluster.profile.name,
        cluster.platform.name
    )
}

/// One line that says when first boot runs again.
pub fn first_boots(cluster: &Cluster) -> String {
    match cluster.instance_id {
        _ if cluster.cloud.names_instances => {
            format!("first boot: once for each machine, {} gives the instance ids", cluster.cloud.summary)
        }
        InstanceId::Stable => "first boot: once, a changed spec does not run it again (instance_id: stable)".into(),
        InstanceId::Content => "first boot: again on each host whose plan changed, with new SSH host keys (instance_id: content)".into(),
    }
}
