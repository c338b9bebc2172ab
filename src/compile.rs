//! The main path: a spec becomes a checked [`Cluster`], a cluster becomes plans, a plan becomes files. Pure: no disk, no clock.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::artifact::Artifact;
use crate::cluster::{Cluster, LocalFiles, Method, PackageSource, checks, resolve};
use crate::diag::{Diagnostic, Diagnostics, Sources, codes};
use crate::emit::manifest::{self, Entry, HostEntry, Origin};
use crate::emit::repository::{Repositories, SignatureForm, Signer, StoredPackage};
use crate::emit::{self, Context, HostOutput, Signing};
use crate::format::checksum::Sha256Sum;
use crate::lock;
use crate::plan::{self, HostPlan, Planner};
use crate::profile::catalog::Catalog;
use crate::spec::{Spec, parse};

/// Everything that a build depends on.
#[derive(Debug)]
pub struct Inputs {
    /// Digest of its bytes as they lie on disk.
    pub digest: Sha256Sum,
    /// The parsed spec, when enough of it was right.
    pub spec: Option<Spec>,
    /// Profiles, platforms, vendored data.
    pub catalog: Catalog,
    /// Local files that the spec names.
    pub local: LocalFiles,
    /// Which packages are carried, where the spec says that some are.
    pub lock: LockFile,
    /// SHA-256 of the dpkg status of the base that packages are carried for, or why it cannot be read; none: nobody asks.
    pub base: Option<Result<Sha256Sum, String>>,
    /// Time of every file of a tarball, in seconds since 1970 (SOURCE_DATE_EPOCH; 0 where it is not set).
    pub epoch: u64,
}

/// The file that says which packages are carried.
#[derive(Clone, Debug)]
pub enum LockFile {
    /// Nobody asks: nothing is carried, or the lock is about to be made.
    Ignored,
    /// There is none.
    Missing,
    /// What it is called, and what it says.
    Text(String, String),
}

impl LockFile {
    /// SHA-256 of what it says.
    pub fn digest(&self) -> Option<Sha256Sum> {
        match self {
            Self::Text(_, text) => Some(Sha256Sum::of(text.as_bytes())),
            Self::Ignored | Self::Missing => None,
        }
    }
}

/// Spec to cluster, checked as a whole, down to the size of what would be emitted. `None` when there is an error.
pub fn check(inputs: &Inputs, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Cluster> {
    let spec = inputs.spec.as_ref()?;
    let mut cluster = resolve::resolve(spec, &inputs.catalog, &inputs.local, sources, diags)?;
    checks::run(&cluster, diags);
    if !diags.has_errors() {
        cluster.lock = locked(&cluster, inputs, sources, diags);
    }
    if !diags.has_errors() {
        trial(&cluster, inputs.epoch, diags);
    }
    (!diags.has_errors()).then_some(cluster)
}

/// The lock of a cluster that carries packages, if it is there and answers what the spec asks.
fn locked(cluster: &Cluster, inputs: &Inputs, sources: &mut Sources, diags: &mut Diagnostics) -> Option<lock::Lock> {
    let PackageSource::Carried(carried) = &cluster.packages.source else { return None };
    match &inputs.lock {
        LockFile::Ignored => None,
        LockFile::Missing => {
            diags.push(
                Diagnostic::error(codes::LOCK_MISSING, carried.at, "packages are carried, but there is no cluster.lock that says which")
                    .help("`clusterseed lock SPEC` writes it, `clusterseed fetch SPEC` brings the packages"),
            );
            None
        }
        LockFile::Text(name, text) => {
            let id = sources.add(name, text);
            let lock = lock::parse::parse(text, id, diags)?;
            lock::stale::check(&lock, &plan::carried::asked(cluster, carried), carried.at, diags);
            match (&inputs.base, &carried.base) {
                (Some(Err(why)), Some(base)) => diags.push(resolve::unreadable(&base.value, why, base.at)),
                (Some(Ok(sha256)), Some(base)) => lock::stale::base(&lock, sha256, base.at, diags),
                _ => {}
            }
            Some(lock)
        }
    }
}

/// Plans every host, so that a profile's mistakes show at check; where user-data has a limit, measures it too.
fn trial(cluster: &Cluster, epoch: u64, diags: &mut Diagnostics) {
    let planner = Planner::new(cluster, diags);
    if diags.has_errors() {
        return;
    }
    let repositories = Repositories::default();
    let context = Context { cluster, epoch, repositories: &repositories, signing: Signing::Assumed };
    let found = cluster.hosts.par_iter().map(|host| {
        let mut own = Diagnostics::new();
        let measured = cluster.cloud.limit.is_some() && cluster.delivery.method != Method::Hand;
        // The digest is part of what is measured.
        let plan = if measured { planner.host(host, &mut own) } else { planner.draft(host, &mut own) };
        if measured
            && !own.has_errors()
            && let Err(error) = emit::limits::check(&plan, host, context, &mut own)
        {
            let message = format!("user-data of `{}` cannot be measured: {error}", host.name);
            let help = "a build would end with this, too: take out of the spec what it names";
            own.push(Diagnostic::error(codes::USER_DATA_SIZE, host.name_at, message).help(help));
        }
        own
    });
    // In the order of the hosts, whichever thread was first.
    found.collect::<Vec<_>>().into_iter().for_each(|own| diags.append(own));
}

/// All plans of a checked cluster, in spec order.
pub fn plans(cluster: &Cluster) -> Vec<HostPlan> {
    let mut diags = Diagnostics::new();
    let planner = Planner::new(cluster, &mut diags);
    cluster.hosts.par_iter().map(|host| planner.host(host, &mut Diagnostics::new())).collect()
}

/// The plan of one host of a checked cluster.
pub fn plan_of(cluster: &Cluster, name: &str) -> Option<HostPlan> {
    let mut diags = Diagnostics::new();
    let host = cluster.hosts.iter().find(|host| host.name == name)?;
    Some(Planner::new(cluster, &mut diags).host(host, &mut diags))
}

/// What a build may be given beside the cluster and its inputs.
#[derive(Default)]
pub struct BuildOptions<'b> {
    /// Files for the cluster as a whole, such as `run.sh`.
    pub more: Vec<Artifact>,
    /// What was read of packages that are carried.
    pub known: Option<&'b BTreeMap<Sha256Sum, StoredPackage>>,
    /// Who signs their indexes, every seed, and the manifest and its sums.
    pub signer: Option<Signer<'b>>,
}

/// Emits every file of a checked cluster that carries nothing: see [`build_with`].
pub fn build<E: Send>(
    cluster: &Cluster,
    inputs: &Inputs,
    write: impl Fn(&Artifact) -> Result<Sha256Sum, E> + Sync,
) -> Result<(), BuildError<E>> {
    build_with(cluster, inputs, BuildOptions::default(), write)
}

/// Emits every file of a checked cluster to `write`, which gives its digest; host by host so that ten thousand of them never sit
/// in memory, the manifest and its sums last.
pub fn build_with<E: Send>(
    cluster: &Cluster,
    inputs: &Inputs,
    options: BuildOptions<'_>,
    write: impl Fn(&Artifact) -> Result<Sha256Sum, E> + Sync,
) -> Result<(), BuildError<E>> {
    let repositories = repositories(cluster, inputs, &options).map_err(BuildError::Emit)?;
    let signing = options.signer.map_or(Signing::Nobody, Signing::By);
    let context = Context { cluster, epoch: inputs.epoch, repositories: &repositories, signing };
    let planner = Planner::new(cluster, &mut Diagnostics::new());
    let entry = |artifact: Artifact| {
        let sha256 = write(&artifact).map_err(BuildError::Write)?;
        Ok(Entry { mode: artifact.mode, size: artifact.content.size(), sha256, path: artifact.path })
    };
    let outputs: Vec<(HostEntry, Vec<Entry>)> = cluster
        .hosts
        .par_iter()
        .map(|host| {
            let plan = planner.host(host, &mut Diagnostics::new());
            let brought = context.repository(&plan).is_some() || plan.image.as_ref().is_some_and(|image| image.carried);
            if cluster.lock.is_some() && !brought {
                // Without it the host would ask a network for its packages.
                let why = format!("{}: the lock has no packages for it; run `clusterseed lock` again", plan.name);
                return Err(BuildError::Emit(std::io::Error::other(why)));
            }
            let HostOutput { artifacts, digest } = emit::host(&plan, context).map_err(BuildError::Emit)?;
            let entries = artifacts.into_iter().map(entry).collect::<Result<_, BuildError<E>>>()?;
            Ok((HostEntry { name: plan.name, digest }, entries))
        })
        .collect::<Result<_, BuildError<E>>>()?;
    let (hosts, entries): (Vec<HostEntry>, Vec<Vec<Entry>>) = outputs.into_iter().unzip();
    let mut entries = entries.concat();
    let shared = [repositories.artifacts(), options.more.clone()].concat();
    entries.extend(shared.into_par_iter().map(entry).collect::<Result<Vec<_>, BuildError<E>>>()?);
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let profile = profile_digest(&inputs.catalog, &cluster.profile.name);
    let signed = options.signer.as_ref().map(|signer| signer.fingerprint.to_string());
    let origin = Origin { spec: inputs.digest, profile, lock: inputs.lock.digest(), signed };
    for artifact in manifest::emit(cluster, &origin, &hosts, &entries) {
        if let (Some(signer), Some(text)) = (&options.signer, artifact.content.bytes()) {
            let signature = (signer.sign)(text, SignatureForm::Detached).map_err(BuildError::Emit)?;
            write(&Artifact::public(format!("{}.asc", artifact.path), signature)).map_err(BuildError::Write)?;
        }
        write(&artifact).map_err(BuildError::Write)?;
    }
    Ok(())
}

/// The repositories of what is carried.
///
/// # Errors
/// When packages are carried and nobody has read them.
pub fn repositories<'b>(cluster: &Cluster, inputs: &Inputs, options: &BuildOptions<'b>) -> std::io::Result<Repositories<'b>> {
    // From an image, hosts have their packages before they have a seed.
    let lock = cluster.lock.as_ref().filter(|_| cluster.delivery.method != Method::Image);
    match (lock, options.known, options.signer) {
        (None, ..) => Ok(Repositories::default()),
        (Some(_), Some(known), Some(signer)) => Repositories::of(cluster, known, signer, inputs.epoch),
        (Some(_), ..) => Err(std::io::Error::other("packages are carried, and the store was not read")),
    }
}

/// Why a build stopped.
#[derive(Debug)]
pub enum BuildError<E> {
    /// Something could not be packed.
    Emit(std::io::Error),
    /// The writer said no.
    Write(E),
}

/// Digest over the names and bytes of every file of a profile.
fn profile_digest(catalog: &Catalog, name: &str) -> Sha256Sum {
    let folder = format!("profiles/{name}/");
    let lines: Vec<(&str, Sha256Sum)> = catalog.below(&folder).map(|(path, entry)| (path, Sha256Sum::of(&entry.bytes))).collect();
    Sha256Sum::of(crate::format::checksum::sums(lines).as_bytes())
}

/// Parses the text of a spec that was just loaded; the first step of every command.
pub fn parse_spec(text: &str, name: &str, sources: &mut Sources, diags: &mut Diagnostics) -> Option<Spec> {
    let file = sources.add(name, text);
    parse::parse(text, file, sources, diags)
}
