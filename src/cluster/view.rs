//! What templates and expressions see: the contract of `profiles/README.md`, nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value as Jinja;
use minijinja::value::{Enumerator, Object};

use super::{Host, Network, Packages};
use crate::platform::Platform;
use crate::profile::Profile;

/// The parts that every host of a cluster shares.
#[derive(Clone, Debug, Default)]
pub struct ClusterView {
    parts: Arc<BTreeMap<&'static str, Jinja>>,
    /// Derived values of the cluster as a whole.
    pub derived: Derived,
    /// The same with those that all hosts of one variant of the settings share, by variant.
    pub shared: BTreeMap<usize, Derived>,
}

/// Derived values by name.
pub type Derived = Arc<BTreeMap<String, Jinja>>;

/// Adds a value, if there is one. Copies nothing as long as no scope holds the values.
pub fn add(derived: &mut Derived, name: &str, value: Option<Jinja>) {
    if let Some(value) = value {
        Arc::make_mut(derived).insert(name.to_string(), value);
    }
}

/// One evaluation's names.
#[derive(Debug)]
struct Scope {
    shared: Arc<BTreeMap<&'static str, Jinja>>,
    settings: Jinja,
    derived: Jinja,
    host: Option<Jinja>,
}

const NAMES: &[&str] = &["cluster", "platform", "network", "roles", "packages", "settings", "derived", "host"];

impl Object for Scope {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        match key.as_str()? {
            "settings" => Some(self.settings.clone()),
            "derived" => Some(self.derived.clone()),
            "host" => self.host.clone(),
            name => self.shared.get(name).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(NAMES)
    }
}

impl ClusterView {
    /// Everything but settings and derived values.
    pub fn new(name: &str, platform: &Platform, network: &Network, packages: &Packages, hosts: &[Host], profile: &Profile) -> Self {
        let text = |value: &str| Jinja::from(value);
        let cluster = Jinja::from_iter([("name", text(name))]);
        let platform = Jinja::from_iter([
            ("name", text(&platform.name)),
            ("distribution", text(&platform.distribution)),
            ("version", text(&platform.version)),
            ("codename", text(&platform.codename)),
            ("architecture", text(&platform.architecture)),
            ("init", text(platform.init.word())),
        ]);
        let addresses = |list: &[std::net::Ipv4Addr]| list.iter().map(|a| Jinja::from(a.to_string())).collect::<Jinja>();
        let network = Jinja::from_iter([
            ("subnet", text(&network.subnet.to_string())),
            ("prefix", Jinja::from(network.subnet.prefix)),
            ("netmask", text(&network.subnet.netmask().to_string())),
            ("gateway", network.gateway.map_or_else(|| Jinja::from(()), |g| Jinja::from(g.to_string()))),
            ("nameservers", addresses(&network.nameservers)),
            ("search", network.search.iter().map(|s| text(s)).collect::<Jinja>()),
            ("interface", text(&network.interface)),
        ]);
        let roles = profile.roles.iter().map(|role| {
            let members = hosts.iter().filter(|h| h.has_role(&role.name)).map(host_view).collect::<Vec<_>>();
            (role.name.clone(), Jinja::from(members))
        });
        let versions =
            packages.versions.iter().map(|(name, pin)| (name.clone(), pin.version.as_deref().map_or_else(|| Jinja::from(()), text)));
        let packages = Jinja::from_iter([
            ("versions", versions.collect::<Jinja>()),
            ("set", text(&packages.set)),
            ("source", text(packages.source.word())),
        ]);
        let parts = BTreeMap::from([
            ("cluster", cluster),
            ("platform", platform),
            ("network", network),
            ("roles", roles.collect::<Jinja>()),
            ("packages", packages),
        ]);
        Self { parts: Arc::new(parts), ..Self::default() }
    }

    /// The names of one evaluation.
    pub fn scope(&self, settings: Jinja, host: Option<&Host>, derived: &Derived) -> Jinja {
        let derived = Jinja::from_dyn_object(derived.clone());
        Jinja::from_object(Scope { shared: self.parts.clone(), settings, derived, host: host.map(host_view) })
    }
}

fn host_view(host: &Host) -> Jinja {
    Jinja::from_iter([
        ("name", Jinja::from(host.name.as_str())),
        ("fqdn", Jinja::from(host.fqdn.as_str())),
        ("address", Jinja::from(host.address.to_string())),
        ("id", host.id.map_or_else(|| Jinja::from(()), Jinja::from)),
        ("roles", host.roles.iter().map(|r| Jinja::from(r.as_str())).collect::<Jinja>()),
    ])
}
