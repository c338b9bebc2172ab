//! `meta-data` of NoCloud: identity, and on old platforms the network.

use super::{Context, network};
use crate::plan::HostPlan;
use crate::platform::NetworkForm;
use crate::yaml::write::{Style, Yaml, write};

/// The whole file. The instance id never changes with the spec: a changed one would run first boot again, host keys included.
pub fn emit(plan: &HostPlan, context: Context<'_>) -> String {
    let cluster = context.cluster;
    let dialect = cluster.platform.dialect;
    let mut entries: Vec<(std::borrow::Cow<'_, str>, Yaml<'_>)> = vec![
        ("instance-id".into(), Yaml::Str(format!("{}-{}", cluster.name, plan.name).into())),
        ("local-hostname".into(), Yaml::Str(plan.fqdn.as_str().into())),
    ];
    if dialect.dsmode {
        // Without it cloud-init 0.7.5 claims a seed volume before the network is up (DataSourceNoCloud.py).
        entries.push(("dsmode".into(), Yaml::Str("net".into())));
    }
    let interfaces = (dialect.network == NetworkForm::Interfaces).then(|| network::interfaces(plan, context)).flatten();
    if let Some(text) = interfaces {
        entries.push(("network-interfaces".into(), Yaml::Str(text.into())));
    }
    let mut out = String::new();
    write(&Yaml::Map(entries), if dialect.literal { Style::Literal } else { Style::Quoted }, &mut out);
    out
}
