//! The seed tree: `apply`, `host.json`, `SHA256SUMS`, `root/…`. However it travels, it is these bytes.

use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::repository::{IN_SEED, Pooled, Repository, SignatureForm, Signer};
use super::{Context, Signing, host_json};
use crate::format::base64;
use crate::format::checksum::{Content, Sha256Sum, sums};
use crate::format::pieces::Pieces;
use crate::format::tarball::{self, Head, Large, Member};
use crate::plan::HostPlan;

/// The program that turns a host into its role; the same for every host. Its rooms travel as one file.
pub const PROGRAM: &str = concat!(
    include_str!("../seed/apply/10-head.sh"),
    include_str!("../seed/apply/20-words.sh"),
    include_str!("../seed/apply/30-seed.sh"),
    include_str!("../seed/apply/40-files.sh"),
    include_str!("../seed/apply/45-originals.sh"),
    include_str!("../seed/apply/50-init.sh"),
    include_str!("../seed/apply/55-resume.sh"),
    include_str!("../seed/apply/60-packages.sh"),
    include_str!("../seed/apply/70-peers.sh"),
    include_str!("../seed/apply/75-identity.sh"),
    include_str!("../seed/apply/78-image.sh"),
    include_str!("../seed/apply/80-phases.sh"),
    include_str!("../seed/apply/90-main.sh"),
);

/// The part of it that gives documents to running services; it travels where there are some.
pub const SUBMIT: &str = include_str!("../seed/submit");

/// The same as content of the tree.
pub static APPLY: LazyLock<Arc<Content>> = LazyLock::new(|| Content::shared(PROGRAM.as_bytes().to_vec()));

/// The signature of `SHA256SUMS`, which names every other file of the tree: nothing can name it.
pub const SIGNATURE: &str = "SHA256SUMS.asc";

/// The public key that made it, as gpgv and sqv read it.
pub const KEY: &str = "key.gpg";

/// Where the tree lies on the host.
pub const PLACE: &str = "/var/lib/clusterseed/seed";

/// A file of the tree.
#[derive(Clone, Debug)]
pub struct SeedFile {
    /// Path below `seed/`.
    pub path: String,
    /// Permission bits inside the tarball.
    pub mode: u32,
    /// Its bytes.
    pub content: Arc<Content>,
    /// True when it holds a secret.
    pub secret: bool,
}

/// The whole tree, sorted by path.
///
/// # Errors
/// When it cannot be signed.
pub fn tree(plan: &HostPlan, context: Context<'_>) -> io::Result<Vec<SeedFile>> {
    let file = |path: &str, mode, content| SeedFile { path: path.to_string(), mode, content, secret: false };
    let mut files =
        vec![file("apply", 0o755, APPLY.clone()), file("host.json", 0o644, Content::shared(host_json::emit(plan, context).into_bytes()))];
    files.extend(plan.files.iter().map(|f| SeedFile {
        path: format!("root{}", f.path),
        mode: if f.secret { 0o600 } else { 0o644 },
        content: f.content.clone(),
        secret: f.secret,
    }));
    if !plan.documents.is_empty() {
        files.push(file("submit", 0o644, Content::shared(SUBMIT.as_bytes().to_vec())));
    }
    let stand_in = |_: &[u8], _| Ok(STAND_IN.1.clone());
    let signer = match context.signing {
        Signing::By(signer) => Some(signer),
        Signing::Assumed if !context.cluster.trust.is_empty() => {
            Some(Signer { armored: "", keyring: &STAND_IN.0, fingerprint: "", created: 0, sign: &stand_in })
        }
        Signing::Assumed | Signing::Nobody => None,
    };
    files.extend(signer.iter().map(|signer| file(KEY, 0o644, Content::shared(signer.keyring.to_vec()))));
    let mut packages = Vec::new();
    if let Some(repository) = context.repository(plan) {
        files.extend(repository.files.iter().map(|f| SeedFile { path: format!("{IN_SEED}/{}", f.path), ..f.clone() }));
        packages.extend(repository.pool.iter().map(|package| (format!("{IN_SEED}/pool/{}", package.name), package.file.sha256)));
    }
    // Also of what comes by another way than this tree: it is whole when all of them are.
    let all = files.iter().map(|f| (f.path.as_str(), f.content.sha256));
    let list = sums(all.chain(packages.iter().map(|(path, sha256)| (path.as_str(), *sha256))));
    if let Some(signer) = signer {
        files.push(file(SIGNATURE, 0o644, Content::shared((signer.sign)(list.as_bytes(), SignatureForm::Detached)?)));
    }
    files.push(file("SHA256SUMS", 0o644, Content::shared(list.into_bytes())));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// As large as the key that `clusterseed key` makes and as its signatures, and packed as badly.
static STAND_IN: LazyLock<(Vec<u8>, Vec<u8>)> = LazyLock::new(|| {
    let noise = |size: usize| -> Vec<u8> { (0u32..).flat_map(|n| Sha256Sum::of(&n.to_le_bytes()).0).take(size).collect() };
    (noise(1280), base64::encode_lines(&noise(640)).into_bytes())
});

/// `seed.tar.gz`, top folder `seed/`, with the packages of `repository` inside.
pub fn tarball(tree: &[SeedFile], repository: Option<&Repository>, context: Context<'_>) -> io::Result<Pieces> {
    let (program, rest): (Vec<&SeedFile>, Vec<&SeedFile>) = tree.iter().partition(|f| f.path == "apply");
    let head = head(&program, context.epoch)?;
    packed(&head, rest, repository, context)
}

/// Packs files of the tree behind what `head` has, and the packages of `repository` behind them.
///
/// # Errors
/// When a package was not read, or is too large.
pub fn packed<'f>(
    head: &Head,
    files: impl IntoIterator<Item = &'f SeedFile>,
    repository: Option<&Repository>,
    context: Context<'_>,
) -> io::Result<Pieces> {
    let rest: Vec<&SeedFile> = files.into_iter().collect();
    let paths: Vec<String> = rest.iter().map(|f| format!("seed/{}", f.path)).collect();
    let members: Vec<Member<'_>> =
        rest.iter().zip(&paths).map(|(f, path)| Member { path, mode: f.mode, bytes: &f.content.bytes }).collect();
    let packages: Vec<(String, &Pooled)> = repository
        .iter()
        .flat_map(|repository| &repository.pool)
        .map(|package| (format!("seed/{IN_SEED}/pool/{}", package.name), package))
        .collect();
    let large = packages
        .iter()
        .map(|(path, package)| Ok(Large { path, mode: 0o644, file: package.file, crc: context.repositories.crc(&package.file)? }));
    let large: Vec<Large<'_>> = large.collect::<io::Result<_>>()?;
    tarball::tar_gz(head, &members, &large, context.epoch)
}

/// The program stands first in every tarball, and packing it is most of the work: it is done once for each epoch.
fn head(program: &[&SeedFile], epoch: u64) -> io::Result<Arc<Head>> {
    static PACKED: Mutex<Option<(u64, Arc<Head>)>> = Mutex::new(None);
    let mut packed = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, head)) = packed.as_ref().filter(|(of, _)| *of == epoch) {
        return Ok(head.clone());
    }
    let first: Vec<Member<'_>> = program.iter().map(|f| Member { path: "seed/apply", mode: f.mode, bytes: &f.content.bytes }).collect();
    let head = Arc::new(Head::pack(&first, epoch)?);
    *packed = Some((epoch, head.clone()));
    Ok(head)
}
