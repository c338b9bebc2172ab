//! One side of a comparison: the hosts of a spec, or of a built folder. Both have the same `host.json`, so that what is said of one
//! holds for the other.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use minijinja::Value as Jinja;
use serde::Serialize;
use serde_json::Value as Json;
use serde_yaml::Value as Yaml;

use crate::cluster::{Cluster, Method};
use crate::emit::host_json::{FileEntry, HostJson};
use crate::emit::repository::Repositories;
use crate::emit::{Context, PRODUCT, Signing, meta_data, network, seed, user_data};
use crate::format::checksum::Sha256Sum;
use crate::plan::{HostPlan, Service, trust};

/// A state of a cluster.
#[derive(Debug)]
pub struct Side {
    /// What it is.
    pub label: Label,
    /// Digest of `apply`, the program that travels.
    pub program: Option<Sha256Sum>,
    /// Hosts in the order of the spec.
    pub hosts: Vec<Host>,
    /// What a machine first boots with, beside the name of its host in `hosts`.
    pub medium: String,
    /// Their places, by name.
    index: BTreeMap<String, usize>,
}

/// What a side is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// How the user named it.
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    /// The kind of cluster.
    pub profile: String,
    /// Operating system.
    pub platform: String,
    /// How the seed arrives.
    pub delivery: String,
    /// Who made it.
    pub product: String,
}

/// What a host of one side is.
#[derive(Debug)]
pub struct Host {
    /// `host.json`, without the repository inside the seed.
    pub json: HostJson,
    /// Files of the target by path, with what `host.json` says of them.
    pub files: Arc<BTreeMap<String, File>>,
    /// The name of the instance; none: the cloud gives it.
    pub instance_id: Option<String>,
    /// What only the first boot does, by the key that cloud-init knows it by.
    pub boot: BTreeMap<String, String>,
    /// The set of packages that travels with its seed, by a name that is made of what is in it.
    pub carried: Option<String>,
}

/// A file of the target.
#[derive(Debug)]
pub struct File {
    /// What `host.json` says of it.
    pub entry: FileEntry,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// True when nobody may see them.
    pub secret: bool,
}

/// What is compared of one host.
#[derive(Debug)]
pub struct Parts {
    /// `host.json` of its seed.
    pub host_json: HostJson,
    /// Files below `root` of its seed by absolute path, each with its secrecy.
    pub files: BTreeMap<String, (Vec<u8>, bool)>,
    /// `user-data` as cloud-init reads it.
    pub user_data: Vec<u8>,
    /// `meta-data`.
    pub meta_data: Vec<u8>,
    /// `network-config`, where there is one.
    pub network_config: Option<Vec<u8>>,
}

/// Keys of user-data that bring the seed to the host, which is compared itself, or that `apply` does as well.
const SEEDS: [&str; 6] = ["bootcmd", "write_files", "runcmd", "apt", "apt_sources", "apt_preserve_sources_list"];

impl Host {
    /// Reads a host back.
    ///
    /// # Errors
    /// In words, when a file is not what this program writes.
    pub fn read(mut parts: Parts) -> Result<Self, String> {
        let mut json = parts.host_json;
        // A spec is compared without packing, so only which packages travel counts, not how they are packed and signed.
        let carried = json.apt.carried.take().map(|carried| carried.set);
        let mut files = BTreeMap::new();
        for entry in &json.files {
            let (bytes, secret) = parts.files.remove(&entry.path).ok_or_else(|| format!("the seed lacks root{}", entry.path))?;
            files.insert(entry.path.clone(), File { entry: entry.clone(), bytes, secret });
        }
        let mut boot = BTreeMap::new();
        for (name, bytes) in [("user-data", &parts.user_data), ("meta-data", &parts.meta_data)] {
            let map: serde_yaml::Mapping = serde_yaml::from_slice(bytes).map_err(|error| format!("{name}: {error}"))?;
            for (key, value) in map {
                let Some(key) = key.as_str().filter(|key| !SEEDS.contains(key)) else { continue };
                boot.insert(key.to_string(), text_of(&value));
            }
        }
        if let Some(bytes) = parts.network_config {
            boot.insert("network-config".into(), String::from_utf8_lossy(&bytes).into_owned());
        }
        let instance_id = boot.remove("instance-id");
        Ok(Self { json, files: Arc::new(files), instance_id, boot, carried })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.json.host
    }

    /// For templates: what a file of its target says, by path; none where there is no such file, or a secret one.
    pub fn reader(&self) -> Jinja {
        let files = self.files.clone();
        Jinja::from_function(move |path: String| {
            let file = files.get(&path).filter(|file| !file.secret)?;
            Some(String::from_utf8_lossy(&file.bytes).trim_end().to_string())
        })
    }

    /// Its address, as text.
    pub fn address(&self) -> String {
        self.json.addresses.first().map(Ipv4Addr::to_string).unwrap_or_default()
    }

    /// True when a seed of one may be brought to a machine of the other.
    pub fn same_machine(&self, other: &Self) -> bool {
        self.json.platform.name == other.json.platform.name && self.json.profile == other.json.profile
    }

    /// A service of its own.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.json.services.iter().find(|service| service.unit == name)
    }

    /// True when nothing that can be read tells this plan from another one. Then their digests are of something that another version of
    /// this program has written below a key that is known.
    pub fn is_as_far_as_known(&self, other: &Self) -> bool {
        let known = |host: &Self| {
            let json = HostJson { digest: String::new(), product: String::new(), not_before: 0, disk_mb: 0, ..host.json.clone() };
            serde_json::to_value(json).unwrap_or_default()
        };
        let bytes = |host: &Self| host.files.iter().map(|(path, file)| (path.clone(), file.bytes.clone())).collect::<Vec<_>>();
        known(self) == known(other) && bytes(self) == bytes(other)
    }

    /// Parts of `host.json` of which only the difference is told, by key; what is not written is not there. The clock of the build and
    /// the size of what is packed are of no plan.
    pub fn rest(&self) -> BTreeMap<&str, Json> {
        // Plain structs and lists: nothing in them can fail to be JSON.
        fn json(value: &impl Serialize) -> Json {
            serde_json::to_value(value).unwrap_or_default()
        }
        let own = &self.json;
        let mut rest = BTreeMap::from([
            ("holds", json(&own.holds)),
            ("formation_seconds", json(&own.formation_seconds)),
            ("apt", json(&own.apt)),
            ("sweep", json(&own.sweep)),
            ("alternatives", json(&own.alternatives)),
            ("directories", json(&own.directories)),
        ]);
        rest.extend((!own.submissions.is_empty()).then(|| ("submissions", json(&own.submissions))));
        rest.extend((!own.documents.is_empty()).then(|| ("documents", json(&own.documents))));
        rest.extend(own.image.as_ref().map(|image| ("image", json(image))));
        rest.extend(own.later.iter().map(|(key, value)| (key.as_str(), value.clone())));
        rest
    }
}

/// A text stays as it is; anything else is told apart by its form.
fn text_of(value: &Yaml) -> String {
    match value {
        Yaml::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap_or_default(),
    }
}

impl Side {
    /// The side that a spec describes.
    ///
    /// # Errors
    /// Only if what is emitted could not be read back.
    pub fn planned(name: &str, cluster: &Cluster, plans: &[HostPlan], epoch: u64) -> Result<Self, String> {
        // What is carried is compared as packages, not as bytes.
        let repositories = Repositories::default();
        let context = Context { cluster, epoch, repositories: &repositories, signing: Signing::Assumed };
        let hosts = plans.iter().map(|plan| {
            let mut host = Host::read(parts(plan, context)).map_err(|why| format!("{}: {why}", plan.name))?;
            // A cloud that names instances does not look at ours.
            host.instance_id = host.instance_id.filter(|_| !cluster.cloud.names_instances);
            // With an image they come with that.
            host.carried = plan.shared.locked.as_ref().filter(|_| plan.image.is_none()).map(|locked| locked.id.clone());
            Ok::<_, String>(host)
        });
        let label = Label {
            name: name.to_string(),
            cluster: cluster.name.clone(),
            profile: cluster.profile.name.clone(),
            platform: cluster.platform.name.clone(),
            delivery: cluster.delivery.method.word().to_string(),
            product: PRODUCT.to_string(),
        };
        Ok(Self::new(label, Some(seed::APPLY.sha256), cluster.delivery.volume.file_name(), hosts.collect::<Result<_, _>>()?))
    }

    /// A side of these hosts, in the order of the spec; `volume` is the file of each that a machine finds its seed on, if there is one.
    pub fn new(label: Label, program: Option<Sha256Sum>, volume: Option<&str>, hosts: Vec<Host>) -> Self {
        let pinned = hosts.iter().any(|host| host.files.contains_key(trust::PINS));
        let medium = match (volume, label.delivery == Method::Hand.word()) {
            (Some(volume), _) => volume.to_string(),
            (None, true) if pinned => "seed.tar.gz, brought there by hand: sudo clusterseed-accept seed.tar.gz".to_string(),
            (None, true) => "seed.tar.gz, unpacked there by hand: sudo seed/apply".to_string(),
            (None, false) => "user-data".to_string(),
        };
        let index = hosts.iter().enumerate().map(|(at, host)| (host.name().to_string(), at)).collect();
        Self { label, program, hosts, medium, index }
    }

    /// A host by name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.index.get(name).map(|at| &self.hosts[*at])
    }
}

/// What would be built of a host, without packing it.
fn parts(plan: &HostPlan, context: Context<'_>) -> Parts {
    Parts {
        host_json: HostJson::of(plan, context),
        files: plan.files.iter().map(|file| (file.path.clone(), (file.content.bytes.clone(), file.secret))).collect(),
        // Without what brings the seed, which is not compared.
        user_data: user_data::emit(plan, &[], Sha256Sum([0; 32]), &Method::Hand, context).into_bytes(),
        meta_data: meta_data::emit(plan, context).into_bytes(),
        network_config: network::network_config(plan, context).map(String::into_bytes),
    }
}
