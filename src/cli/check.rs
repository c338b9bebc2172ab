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
    let Some((cluster, _)) = checked(&options.input, global, options.format)? else { return Ok(Verdict::Wrong) };
    if options.format == Format::Text {
        report::say(&summary(&cluster));
    }
    Ok(Verdict::Done)
}

/// Loads and checks a spec and shows what is wrong. `None` when there are errors.
pub fn checked(input: &Input, global: &Global, format: Format) -> Result<Option<(Cluster, Inputs)>> {
    Ok(examined(input, global, format)?.0)
}

/// The same, with all that was said.
pub fn examined(input: &Input, global: &Global, format: Format) -> Result<(Option<(Cluster, Inputs)>, Diagnostics)> {
    let lock = input.lock.clone().map_or(load::Lock::Beside, load::Lock::At);
    examined_with(input, lock, global, format, &mut Sources::default())
}

/// Loads and checks with a lock of the caller's choice, or with none, and with the texts that places point into.
pub fn checked_with(
    input: &Input,
    lock: load::Lock,
    global: &Global,
    format: Format,
    sources: &mut Sources,
) -> Result<Option<(Cluster, Inputs)>> {
    Ok(examined_with(input, lock, global, format, sources)?.0)
}

fn examined_with(
    input: &Input,
    lock: load::Lock,
    global: &Global,
    format: Format,
    sources: &mut Sources,
) -> Result<(Option<(Cluster, Inputs)>, Diagnostics)> {
    let mut diags = Diagnostics::new();
    let options = load::Options { profile_dirs: global.profile_dir.clone(), cloud: input.cloud.clone(), lock };
    let inputs = load::inputs(&input.spec, &options, sources, &mut diags)?;
    let cluster = compile::check(&inputs, sources, &mut diags);
    let allowed = allowed(&inputs, cluster.as_ref(), &mut diags);
    diags.finish(&allowed, input.strict);
    report::diagnostics(&diags, sources, format)?;
    Ok((cluster.filter(|_| !diags.has_errors()).map(|cluster| (cluster, inputs)), diags))
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
