//! `seed.iso` or `seed.img`: the NoCloud volume of a host. It holds the very files that lie beside it, so nothing is packed twice.

use std::io;

use super::Context;
use super::repository::Repository;
use crate::artifact::{PUBLIC, SECRET};
use crate::cluster::VolumeForm;
use crate::format::pieces::Pieces;
use crate::format::volume::{File, FileContent, Volume};
use crate::format::{iso9660, vfat};

/// The label that every version of cloud-init looks for; 0.7.5 takes no other case.
pub const LABEL: &str = "cidata";

/// What a volume holds, as far as the host has it, beside the packages that are carried on it; `verify` looks for no more and no less.
pub const FILES: [&str; 4] = ["meta-data", "network-config", "seed.tar.gz", "user-data"];

/// The volume of a host whose other files are `files`, where one is wanted, with the packages of `repository` beside them. As secret
/// as the most secret file on it.
pub fn emit(
    files: &[(&'static str, u32, Pieces)],
    repository: Option<&Repository>,
    context: Context<'_>,
) -> io::Result<Option<(&'static str, u32, Pieces)>> {
    let form = context.cluster.delivery.volume;
    let Some(name) = form.file_name() else { return Ok(None) };
    let on_it: Vec<(&str, u32, &[u8])> = files
        .iter()
        .filter(|(name, _, _)| FILES.contains(name))
        .filter_map(|(name, mode, content)| Some((*name, *mode, content.bytes()?)))
        .collect();
    let own = on_it.iter().map(|(name, mode, bytes)| File { name, mode: *mode, source: FileContent::Bytes(bytes) });
    let packages = repository.into_iter().flat_map(|repository| &repository.pool);
    let packages = packages.map(|package| File { name: &package.name, mode: PUBLIC, source: FileContent::Stored(package.file) });
    let volume = Volume { label: LABEL, epoch: context.epoch, files: own.chain(packages).collect() };
    let private = on_it.iter().any(|(_, mode, _)| *mode == SECRET);
    let mut image = Pieces::with_capacity(volume.room());
    if form == VolumeForm::Vfat { vfat::write(volume, &mut image) } else { iso9660::write(volume, &mut image) }?;
    Ok(Some((name, super::private_if(private), image)))
}
