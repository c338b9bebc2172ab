//! A seed volume holds the files beside it, no more and no less, whichever of its trees a reader takes.

use std::collections::BTreeMap;

use crate::emit::volume::{FILES, LABEL};
use crate::format::volume::Back;
use crate::format::{iso9660, vfat};
use crate::io::tree::{self, Found};

/// Checks the volume of a host, if it has one.
pub fn check(host: &str, found: &BTreeMap<String, Found>) -> Result<(), String> {
    let beside = |name: &str| found.get(&format!("hosts/{host}/{name}"));
    let read = |file: &Found| tree::read(&file.path).map_err(|error| format!("{error:#}"));
    let mut wanted = Vec::new();
    for (name, file) in FILES.iter().filter_map(|name| Some((*name, beside(name)?))) {
        wanted.push((name, file.mode, read(file)?));
    }
    for (name, trees) in [("seed.iso", iso as Trees), ("seed.img", fat)] {
        let Some(image) = beside(name) else { continue };
        let image = read(image)?;
        for (label, mut files, modes) in trees(&image).map_err(|why| format!("{name}: {why}"))? {
            if label != LABEL {
                return Err(format!("{name} is labelled {label:?}"));
            }
            files.sort_by(|a, b| a.name.cmp(&b.name));
            let wanted = wanted.iter().map(|(name, mode, bytes)| (*name, if modes { *mode } else { 0 }, &bytes[..]));
            if !files.iter().map(|file| (&*file.name, file.mode, file.bytes)).eq(wanted) {
                return Err(format!("{name} does not hold the files beside it"));
            }
        }
    }
    Ok(())
}

/// Label and files of each tree of an image, and whether there are modes.
type Trees = fn(&[u8]) -> Result<Vec<(String, Vec<Back<'_>>, bool)>, String>;

fn iso(image: &[u8]) -> Result<Vec<(String, Vec<Back<'_>>, bool)>, String> {
    let contents = iso9660::read::read(image)?;
    Ok(vec![(contents.label, contents.files, true), (contents.joliet_label, contents.joliet, false)])
}

fn fat(image: &[u8]) -> Result<Vec<(String, Vec<Back<'_>>, bool)>, String> {
    let contents = vfat::read::read(image)?;
    if contents.boot_label != contents.label {
        return Err(format!("its labels are {:?} and {:?}", contents.label, contents.boot_label));
    }
    Ok(vec![(contents.label, contents.files, false)])
}
