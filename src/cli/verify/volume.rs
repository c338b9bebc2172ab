//! A seed volume holds the files beside it, no more and no less, whichever of its trees a reader takes. It may be larger than memory.

use std::collections::BTreeMap;

use crate::artifact::PUBLIC;
use crate::emit::encoding;
use crate::emit::volume::{FILES, LABEL};
use crate::format::checksum::Sha256Sum;
use crate::format::volume::Back;
use crate::format::{iso9660, vfat};
use crate::io::tree::{self, Disk, Found};

/// Checks the volume of a host, if it has one; `packages` are those that come beside its tarball.
pub fn check(host: &str, found: &BTreeMap<String, Found>, packages: &BTreeMap<String, Sha256Sum>) -> Result<(), String> {
    let beside = |name: &str| found.get(&format!("hosts/{host}/{name}"));
    let words = |error: anyhow::Error| format!("{error:#}");
    let mut wanted = Vec::new();
    for (name, file) in FILES.iter().filter_map(|name| Some((*name, beside(name)?))) {
        wanted.push((name, file.mode, tree::digest(&file.path).map_err(words)?.1));
    }
    // Fetched over HTTP, they are not on the volume.
    let user_data = beside("user-data").map(|file| tree::read(&file.path)).transpose().map_err(words)?;
    let user_data = user_data.map(encoding::readable).transpose()?;
    let carries = user_data.is_some_and(|text| String::from_utf8_lossy(&text).contains(FROM_VOLUME));
    wanted.extend(packages.iter().filter(|_| carries).map(|(name, digest)| (name.as_str(), PUBLIC, *digest)));
    wanted.sort_by(|a, b| a.0.cmp(b.0));
    for (name, trees) in [("seed.iso", iso as Trees), ("seed.img", fat)] {
        let Some(image) = beside(name) else { continue };
        let image = Disk::open(&image.path).map_err(words)?;
        // The trees of an ISO point at the same bytes.
        let mut digests: BTreeMap<(u64, u64), Sha256Sum> = BTreeMap::new();
        for (label, mut files, modes) in trees(&image).map_err(|why| format!("{name}: {why}"))? {
            if label != LABEL {
                return Err(format!("{name} is labelled {label:?}"));
            }
            files.sort_by(|a, b| a.name.cmp(&b.name));
            let other = || format!("{name} does not hold the files beside it");
            if !files.iter().map(|file| file.name.as_str()).eq(wanted.iter().map(|(name, ..)| *name)) {
                return Err(other());
            }
            for (file, (_, mode, digest)) in files.iter().zip(&wanted) {
                let held = match digests.get(&(file.at, file.size)) {
                    Some(known) => *known,
                    None => image.digest(file.at, file.size).map_err(words)?,
                };
                digests.insert((file.at, file.size), held);
                if held != *digest || modes && file.mode != *mode {
                    return Err(other());
                }
            }
        }
    }
    Ok(())
}

/// What user-data says where the seed comes from the volume.
const FROM_VOLUME: &str = "/fetch volume ";

/// Label and files of each tree of an image, and whether there are modes.
type Trees = fn(&Disk) -> Result<Vec<(String, Vec<Back>, bool)>, String>;

fn iso(image: &Disk) -> Result<Vec<(String, Vec<Back>, bool)>, String> {
    let contents = iso9660::read::read(image)?;
    Ok(vec![(contents.label, contents.files, true), (contents.joliet_label, contents.joliet, false)])
}

fn fat(image: &Disk) -> Result<Vec<(String, Vec<Back>, bool)>, String> {
    let contents = vfat::read::read(image)?;
    if contents.boot_label != contents.label {
        return Err(format!("its labels are {:?} and {:?}", contents.label, contents.boot_label));
    }
    Ok(vec![(contents.label, contents.files, false)])
}
