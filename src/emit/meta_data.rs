//! `meta-data` of NoCloud: identity, and on old platforms the network.

use super::{Context, network};
use crate::cluster::{Cluster, InstanceId};
use crate::plan::HostPlan;
use crate::platform::NetworkForm;
use crate::yaml::write::{Style, Yaml, write};

/// The name of the instance: cloud-init runs first boot once for each, host keys included. It becomes the name of a folder.
pub fn instance_id(plan: &HostPlan, cluster: &Cluster) -> String {
    match cluster.instance_id {
        InstanceId::Stable => format!("{}-{}", cluster.name, plan.name),
        InstanceId::Content => format!("{}-{}-{}", cluster.name, plan.name, &plan.digest[..12]),
    }
}

/// The whole file.
pub fn emit(plan: &HostPlan, context: Context<'_>) -> String {
    let cluster = context.cluster;
    let dialect = cluster.platform.dialect;
    let mut entries: Vec<(std::borrow::Cow<'_, str>, Yaml<'_>)> = vec![
        ("instance-id".into(), Yaml::Str(instance_id(plan, cluster).into())),
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
