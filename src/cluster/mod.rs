//! Pass 2: [`Spec`](crate::spec::Spec) and profile to [`Cluster`]: every reference resolved, every value typed, checked as a whole.

pub mod carried;
pub mod checks;
pub mod delivery;
pub mod documents;
pub mod hosts;
pub mod network;
mod overrides;
pub mod own;
pub mod packages;
pub mod resolve;
pub mod settings;
pub mod view;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::diag::{At, Diagnostics, Spanned};
use crate::format::checksum::Content;
use crate::lock::Lock;
use crate::platform::{Cloud, Platform};
use crate::profile::Profile;
pub use carried::{Carried, Origin, OriginLocation, SourcesList, Trust};
pub use network::{Addressing, Network};
pub use own::{Account, Moment, OwnCommand, OwnFile};

/// Local files that the spec names, by the path that was typed; an error is in words.
pub type LocalFiles = BTreeMap<String, Result<Vec<u8>, String>>;

/// A resolved cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Where the spec as a whole stands.
    pub at: At,
    /// Where the profile is named.
    pub profile_at: At,
    /// The kind of cluster.
    pub profile: Profile,
    /// Operating system.
    pub platform: Platform,
    /// Cloud whose limits hold.
    pub cloud: Cloud,
    /// How the seed arrives.
    pub delivery: Delivery,
    /// What makes a host a new instance.
    pub instance_id: InstanceId,
    /// Addresses.
    pub network: Network,
    /// Hosts in spec order.
    pub hosts: Vec<Host>,
    /// Settings, by who set them.
    pub settings: settings::Layers,
    /// Packages.
    pub packages: Packages,
    /// Full fingerprints of the keys that may sign seeds, in upper case; none: hosts do not ask.
    pub trust: Vec<String>,
    /// Accounts of every host.
    pub accounts: Vec<Account>,
    /// The user's own files.
    pub files: Vec<OwnFile>,
    /// The user's own commands.
    pub commands: Vec<OwnCommand>,
    /// What templates see of the cluster as a whole.
    pub view: view::ClusterView,
    /// Local files that the spec names, secrets among them.
    pub local: LocalFiles,
    /// Exactly which packages are carried; none where none are, or where a lock is still to be made.
    pub lock: Option<Lock>,
    /// Armored keys of the profile's repositories, by catalog path.
    pub keys: BTreeMap<String, String>,
    /// Files of the profile that are copied byte for byte, by catalog path.
    pub data: BTreeMap<String, Arc<Content>>,
    /// True when every setting has a sound value, so that the profile's values and rules can be evaluated.
    pub evaluated: bool,
    /// Which parts are as they were typed.
    pub sound: Sound,
    /// Where parts of the spec stand that have no typed home in the model: `gateway`, `platform`, ….
    pub places: BTreeMap<&'static str, At>,
}

/// Parts that were read without a mistake. What is said about any other would only follow from the mistake.
#[derive(Clone, Copy, Debug)]
pub struct Sound {
    /// All hosts, each with all its roles.
    pub hosts: bool,
    /// Packages.
    pub packages: bool,
    /// The platform.
    pub platform: bool,
    /// The network.
    pub network: bool,
}

/// How the seed arrives.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The method.
    pub method: Method,
    /// Whether user-data is compressed.
    pub compress: Compress,
    /// The seed volume of each host.
    pub volume: VolumeForm,
    /// Where the spec says so, or the spec as a whole.
    pub at: At,
}

/// How the seed arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// In user-data.
    Inline,
    /// On the seed volume.
    Volume,
    /// Fetched below this URL.
    Url(String),
    /// In user-data, without what the image holds.
    Image,
    /// Unpacked by hand.
    Hand,
}

/// File system of a seed volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeForm {
    /// ISO 9660 with Joliet and Rock Ridge.
    Iso,
    /// FAT with long names.
    Vfat,
    /// No volume is written.
    None,
}

impl VolumeForm {
    /// Name of the file, where there is one.
    pub fn file_name(self) -> Option<&'static str> {
        match self {
            Self::Iso => Some("seed.iso"),
            Self::Vfat => Some("seed.img"),
            Self::None => None,
        }
    }
}

impl Method {
    /// The word in the spec.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Volume => "volume",
            Self::Url(_) => "url",
            Self::Image => "image",
            Self::Hand => "hand",
        }
    }
}

/// Whether user-data is compressed, in a form that the cloud takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compress {
    /// When it does not fit otherwise.
    Auto,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// What makes a host a new instance to cloud-init, which runs first boot once for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceId {
    /// Nothing that a spec says: first boot never runs again.
    Stable,
    /// Another plan, accounts and network included: the id carries its digest.
    Content,
}

impl InstanceId {
    /// The word in the spec.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Content => "content",
        }
    }
}

/// A host.
#[derive(Clone, Debug)]
pub struct Host {
    /// Short name.
    pub name: String,
    /// With the first search domain, if there is one.
    pub fqdn: String,
    /// Address.
    pub address: Ipv4Addr,
    /// Number within its role, when one was given or ends the name.
    pub id: Option<u32>,
    /// Names of its roles, in the profile's order.
    pub roles: Vec<String>,
    /// Index of its settings.
    pub variant: usize,
    /// What it has of each interface, in the order of [`Network::interfaces`].
    pub links: Vec<network::Link>,
    /// Where its name stands.
    pub name_at: At,
    /// Where its address stands.
    pub address_at: At,
    /// Where its id stands.
    pub id_at: Option<At>,
    /// Where its roles stand.
    pub role_at: At,
}

/// Packages.
#[derive(Clone, Debug)]
pub struct Packages {
    /// Where they come from.
    pub source: PackageSource,
    /// Package set.
    pub set: String,
    /// Versions of the packages that the profile pins; none: not pinned.
    pub versions: BTreeMap<String, Pin>,
    /// More packages for every host.
    pub extra: Vec<Spanned<String>>,
}

/// A package's version and where it was said.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The version.
    pub version: Option<String>,
    /// Where the spec says so.
    pub at: Option<At>,
}

/// Where packages come from.
#[derive(Clone, Debug)]
pub enum PackageSource {
    /// The profile's own repositories.
    Official,
    /// The user's mirror.
    Mirror {
        /// Base URL.
        url: String,
        /// Its own key: armored text and fingerprint; none: the profile's.
        key: Option<(String, String)>,
    },
    /// Inside the seed.
    Carried(Carried),
}

impl PackageSource {
    /// The word in the spec.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Mirror { .. } => "mirror",
            Self::Carried(_) => "carried",
        }
    }
}

impl Cluster {
    /// Makes what templates see of settings.
    pub fn view_maker(&self) -> settings::ViewMaker<'_> {
        settings::ViewMaker { profile: &self.profile, versions: &self.packages.versions, files: &self.local }
    }

    /// What templates see for the cluster as a whole.
    pub fn scope(&self) -> minijinja::Value {
        self.view.scope(self.settings.view(None, &self.view_maker()), None, &self.view.derived)
    }

    /// What templates see for all hosts that share their settings: no `host`, no values that look at it.
    pub fn group_scope(&self, variant: usize, diags: &mut Diagnostics) -> minijinja::Value {
        let settings = self.settings.view(Some(variant), &self.view_maker());
        self.view.scope(settings.clone(), None, &self.derived(variant, &settings, None, diags))
    }

    /// What templates see for a host, derived values per host included; failures are the profile's.
    pub fn host_scope(&self, host: &Host, diags: &mut Diagnostics) -> minijinja::Value {
        let settings = self.settings.view(Some(host.variant), &self.view_maker());
        self.view.scope(settings.clone(), Some(host), &self.derived(host.variant, &settings, Some(host), diags))
    }

    /// Keeps the derived values that all hosts with these settings share, unless one of them fails.
    pub fn keep_derived(&mut self, variant: usize) {
        let mut failed = Diagnostics::new();
        let derived = self.derived(variant, &self.settings.view(Some(variant), &self.view_maker()), None, &mut failed);
        if failed.is_empty() {
            self.view.shared.insert(variant, derived);
        }
    }

    /// Derived values of all hosts with these settings; those that look at the host are there only when there is one.
    fn derived(&self, variant: usize, settings: &minijinja::Value, host: Option<&Host>, diags: &mut Diagnostics) -> view::Derived {
        let kept = self.view.shared.get(&variant);
        let mut known = kept.unwrap_or(&self.view.derived).clone();
        let missing = |d: &&crate::profile::Derived| if d.looks_at_host { host.is_some() } else { d.each_host && kept.is_none() };
        for item in self.profile.derived.iter().filter(missing) {
            let scope = self.view.scope(settings.clone(), host, &known);
            let value = resolve::evaluate(&self.profile, item, &scope, diags);
            drop(scope);
            view::add(&mut known, &item.name, value);
        }
        known
    }

    /// Hosts that have a role, in spec order.
    pub fn with_role<'c>(&'c self, role: &'c str) -> impl Iterator<Item = &'c Host> {
        self.hosts.iter().filter(move |host| host.has_role(role))
    }
}

impl Host {
    /// True when the host has the role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// True when the host has one of the roles, or none is asked for.
    pub fn has_any(&self, roles: &[String]) -> bool {
        roles.is_empty() || roles.iter().any(|role| self.has_role(role))
    }
}
