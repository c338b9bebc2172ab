//! `seed.iso` or `seed.img`: the NoCloud volume of a host. It holds the very files that lie beside it, so nothing is packed twice.

use std::io;

use super::Context;
use crate::artifact::SECRET;
use crate::cluster::VolumeForm;
use crate::format::volume::{File, Source, Volume};
use crate::format::{iso9660, vfat};

/// The label that every version of cloud-init looks for; 0.7.5 takes no other case.
pub const LABEL: &str = "cidata";

/// What a volume holds, as far as the host has it; `verify` looks for no more and no less.
pub const FILES: [&str; 4] = ["meta-data", "network-config", "seed.tar.gz", "user-data"];

/// The volume of a host whose other files are `files`, where one is wanted. As secret as the most secret file on it.
pub fn emit(files: &[(&str, u32, &[u8])], context: Context<'_>) -> io::Result<Option<(&'static str, u32, Vec<u8>)>> {
    let form = context.cluster.delivery.volume;
    let Some(name) = form.file_name() else { return Ok(None) };
    let on_it = files.iter().filter(|(name, _, _)| FILES.contains(name));
    let volume = Volume {
        label: LABEL,
        epoch: context.epoch,
        files: on_it.clone().map(|(name, mode, bytes)| File { name, mode: *mode, source: Source::Bytes(bytes) }).collect(),
    };
    let private = on_it.clone().any(|(_, mode, _)| *mode == SECRET);
    let mut image = Vec::new();
    let mut room = |size: u64| image.reserve_exact(usize::try_from(size).unwrap_or_default());
    if form == VolumeForm::Vfat {
        room(vfat::size(&volume)?);
        vfat::write(volume, &mut image)?;
    } else {
        room(iso9660::size(&volume)?);
        iso9660::write(volume, &mut image)?;
    }
    Ok(Some((name, super::private_if(private), image)))
}
