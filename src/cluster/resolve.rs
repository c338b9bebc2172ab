//! `Spec` to `Cluster`: names become things. What cannot be resolved is a diagnostic; checks over the whole come after.

use std::collections::BTreeMap;

use minijinja::Value as Jinja;

use super::settings::ViewMaker;
use super::view::{self, ClusterView};
use super::{Cluster, LocalFiles, Sound, delivery, documents, network, overrides, own, packages};
use crate::diag::{At, Diagnostic, Diagnostics, Sources, codes, did_you_mean};
use crate::format::checksum::Content;
use crate::platform::{self, Platform};
use crate::profile::catalog::Catalog;
use crate::profile::{Derived, Formula, Profile, load};
use crate::schema::{Data, Value};
use crate::spec::Spec;

/// Resolves a spec. `None` when too little is right to check the cluster as a whole.
pub fn resolve(spec: &Spec, catalog: &Catalog, local: &LocalFiles, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Cluster> {
    let clouds = platform::clouds(catalog, sources, diags);
    let cloud = delivery::cloud(spec, &clouds, diags);
    let platform = platform(spec, catalog, sources, diags);
    let profile = profile(spec, catalog, sources, diags)?;
    let network_read = spec.sound("network", diags);
    let network = network::resolve(&spec.network, diags)?;
    let packages = packages::resolve(spec, &profile, local, diags);
    let delivery = delivery::delivery(spec, &packages, &cloud, diags);
    let instance_id = delivery::instance_id(spec, &cloud, diags);
    let before = diags.blocking_errors();
    let typed = spec.settings.as_ref().map(|node| documents::expand(node, &profile.settings_type, local, sources, diags));
    let (hosts, settings, complete) = overrides::hosts_and_settings(spec, typed.as_ref(), &network, &profile, diags);
    let sound = Sound { hosts: complete, packages: spec.sound("packages", diags), platform: platform.is_some(), network: network_read };
    let platform = match platform {
        Some(platform) => platform,
        // Nothing is built for it; it only lets the checks go on.
        None => profile.platforms.iter().find_map(|name| platform::load(name, catalog, sources, &mut Diagnostics::new()))?,
    };
    if platform.name == spec.platform.value && !profile.platforms.contains(&platform.name) {
        let message = format!("the profile `{}` is not known to be sound on `{}`", profile.name, platform.name);
        let why = profile.elsewhere.get(&platform.name);
        let unsupported = Diagnostic::error(codes::PLATFORM_UNSUPPORTED, spec.platform.at, message);
        let told = why.into_iter().fold(unsupported, |diagnostic, why| diagnostic.help(why.as_str()));
        diags.push(told.help(format!("it is on: {}", profile.platforms.join(", "))));
    }
    let view = ClusterView::new(&spec.cluster.value, &platform, &network, &packages, &hosts, &profile);
    let mut cluster = Cluster {
        name: spec.cluster.value.clone(),
        at: At { end: spec.at.start, ..spec.at },
        profile_at: spec.profile.at,
        profile,
        platform,
        cloud,
        delivery,
        instance_id,
        network,
        hosts,
        settings,
        packages,
        trust: trust(spec, diags),
        accounts: own::accounts(spec),
        files: own::files(spec, local, diags),
        commands: own::commands(spec),
        view,
        local: local.clone(),
        lock: None,
        keys: BTreeMap::new(),
        data: BTreeMap::new(),
        places: places(spec),
        evaluated: false,
        sound,
    };
    cluster.data = cluster
        .profile
        .files
        .iter()
        .filter_map(|file| match &file.content {
            crate::profile::Content::Verbatim(key) => Some((key.clone(), Content::shared(catalog.get(key)?.bytes.to_vec()))),
            crate::profile::Content::Template(_) => None,
        })
        .collect();
    cluster.keys = cluster
        .profile
        .sources
        .iter()
        .filter_map(|source| {
            let entry = catalog.get(&source.key_file.value)?;
            Some((source.key_file.value.clone(), String::from_utf8_lossy(&entry.bytes).into_owned()))
        })
        .collect();
    secrets(&cluster, diags);
    let shared = keep_views(&mut cluster);
    cluster.evaluated = diags.blocking_errors() == before;
    if cluster.evaluated {
        derive(&mut cluster, diags);
        for variant in shared {
            // Failures are reported where the first host is planned.
            cluster.keep_derived(variant);
        }
    }
    Some(cluster)
}

fn platform(spec: &Spec, catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Platform> {
    let name = &spec.platform;
    if !catalog.platforms().contains(&name.value.as_str()) {
        diags.push(
            Diagnostic::error(codes::UNKNOWN_PLATFORM, name.at, format!("there is no platform `{}`", name.value))
                .help(platform::meant(&name.value, catalog)),
        );
        return None;
    }
    platform::load(&name.value, catalog, sources, diags)
}

fn profile(spec: &Spec, catalog: &Catalog, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Profile> {
    let name = &spec.profile;
    if !catalog.profiles().contains(&name.value.as_str()) {
        diags.push(
            Diagnostic::error(codes::UNKNOWN_PROFILE, name.at, format!("there is no profile `{}`", name.value))
                .help(did_you_mean(&name.value, catalog.profiles()))
                .help("profiles of your own are found with `--profile-dir`"),
        );
        return None;
    }
    load::load(&name.value, catalog, sources, diags)
}

/// The keys whose seeds hosts take.
fn trust(spec: &Spec, diags: &mut Diagnostics) -> Vec<String> {
    let mut known: BTreeMap<String, At> = BTreeMap::new();
    let mut found = Vec::new();
    for typed in &spec.trust {
        let fingerprint = typed.value.replace(' ', "").to_uppercase();
        if let Some(first) = known.insert(fingerprint.clone(), typed.at) {
            diags.push(
                Diagnostic::error(codes::TRUST_FINGERPRINTS, typed.at, "this key is named twice")
                    .related(first, "first here")
                    .help("remove one; a second key is for the day when the first is replaced"),
            );
        }
        found.push(fingerprint);
    }
    if let (Some(at), true) = (spec.fields.get("trust"), found.is_empty())
        && spec.sound("trust", diags)
    {
        diags.push(
            Diagnostic::error(codes::TRUST_FINGERPRINTS, *at, "`trust` names no key: hosts would take no seed at all")
                .help("`clusterseed key SPEC` prints the fingerprint of the key that signs; or remove `trust`"),
        );
    }
    found
}

/// A local file that the spec names and that could not be read.
pub fn unreadable(path: &str, why: &str, at: At) -> Diagnostic {
    Diagnostic::error(codes::FILE_MISSING, at, format!("`{path}` cannot be read: {why}")).help("paths are relative to the spec")
}

/// Files that the spec names and that cannot be used.
fn secrets(cluster: &Cluster, diags: &mut Diagnostics) {
    let local = &cluster.local;
    fn walk<'v>(value: &'v Value, found: &mut Vec<(&'v str, At)>) {
        match &value.data {
            Data::SecretFile(path) => found.push((path, value.at)),
            Data::List(items) => items.iter().for_each(|item| walk(item, found)),
            Data::Map(map) => map.values().for_each(|(_, value)| walk(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    cluster.settings.all_typed().for_each(|(_, value)| walk(value, &mut found));
    for (path, at) in found {
        match (local.get(path), super::settings::secret(local, path)) {
            (Some(Err(why)), _) => diags.push(unreadable(path, why, at)),
            (Some(Ok(_)), Err(why)) => diags.push(
                Diagnostic::error(codes::SECRET_FILE, at, format!("the secret in `{path}` cannot be used: {why}"))
                    .help("write one line of printable ASCII into it"),
            ),
            _ => {}
        }
    }
}

fn places(spec: &Spec) -> BTreeMap<&'static str, At> {
    let network = &spec.network;
    let key = |name: &str| spec.fields.get(name).map(|at| At { end: at.start + name.len() as u32, ..*at });
    let found = [
        ("cluster", Some(spec.cluster.at)),
        ("profile", Some(spec.profile.at)),
        ("platform", Some(spec.platform.at)),
        ("cloud", spec.cloud.as_ref().map(|c| c.at)),
        ("network.subnet", Some(network.subnet.at)),
        ("network.gateway", network.gateway.as_ref().map(|g| g.at)),
        ("network.nameservers", network.nameservers.get(3).or(network.nameservers.last()).map(|n| n.at)),
        ("network.search", network.search.get(6).or(network.search.first()).map(|s| s.at)),
        ("network", key("network")),
        ("packages", key("packages")),
        ("delivery", key("delivery")),
        ("hosts", key("hosts")),
        ("network.interface", Some(network.interface.at)),
        ("packages.set", spec.packages.set.as_ref().map(|s| s.at)),
        ("packages.mirror", spec.packages.mirror.as_ref().map(|m| m.at)),
        ("packages.source", spec.packages.source.as_ref().map(|s| s.at)),
    ];
    found.into_iter().filter_map(|(key, at)| Some((key, at?))).collect()
}

/// Views that many hosts share are built once. Gives their variants.
fn keep_views(cluster: &mut Cluster) -> Vec<usize> {
    let mut users: BTreeMap<usize, usize> = BTreeMap::new();
    cluster.hosts.iter().for_each(|host| *users.entry(host.variant).or_default() += 1);
    let maker = ViewMaker { profile: &cluster.profile, versions: &cluster.packages.versions, files: &cluster.local };
    let shared: Vec<usize> = users.into_iter().filter(|(_, count)| *count > 1).map(|(variant, _)| variant).collect();
    shared.iter().for_each(|variant| cluster.settings.keep_view(*variant, &maker));
    shared
}

/// Derived values of the cluster as a whole. Where something else is wrong already, a failure here may only follow from that.
fn derive(cluster: &mut Cluster, diags: &mut Diagnostics) {
    let mut aside = Diagnostics::new();
    let diags = if diags.has_errors() { &mut aside } else { diags };
    let settings = cluster.settings.view(None, &cluster.view_maker());
    let mut derived = view::Derived::default();
    for item in cluster.profile.derived.iter().filter(|d| !d.each_host) {
        let scope = cluster.view.scope(settings.clone(), None, &derived);
        let value = evaluate(&cluster.profile, item, &scope, diags);
        drop(scope);
        view::add(&mut derived, &item.name, value);
    }
    cluster.view.derived = derived;
}

/// One derived value; failures are the profile's, and are reported there.
pub fn evaluate(profile: &Profile, item: &Derived, scope: &Jinja, diags: &mut Diagnostics) -> Option<Jinja> {
    let (result, source) = match &item.how {
        Formula::Expr(source) => (profile.engine.eval(&source.value, scope), source),
        Formula::Text(source) => (profile.engine.render_text(&source.value, scope).map(Jinja::from), source),
    };
    match result {
        Ok(value) => Some(value),
        Err(problem) => {
            diags.push(
                Diagnostic::error(codes::PROFILE, source.at, format!("`{}`: {}", item.name, problem.message))
                    .help("profiles/README.md says what expressions and templates may use"),
            );
            None
        }
    }
}
