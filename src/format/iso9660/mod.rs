//! ISO 9660 (ECMA-119) with Joliet and Rock Ridge: written in one pass, without seeking, in memory that does not grow with the files.
//!
//! ```text
//! sector  0  system area, zeros
//!        16  primary volume descriptor     8.3 names, and Rock Ridge beside them
//!        17  supplementary descriptor      Joliet, UCS-2 level 3
//!        18  end of descriptors
//!        19  path tables                   primary and Joliet, each in both byte orders
//!        23  root folder, primary          its first record points at the next but one:
//!         …  continuation area             says that this is Rock Ridge
//!         …  root folder, Joliet
//!         …  files                         in the order of their names; both folders point at the same sectors
//! ```
//!
//! Same volume, same bytes: every date is the volume's epoch, no field names a program or a machine. There is no run-out of 150
//! sectors at the end, which old CD writers needed and which would make up half of a small seed. All files lie in the root
//! folder; nothing else is needed so far.

mod descriptor;
pub mod read;
mod record;

use super::pieces::Sink;
use super::volume::{Error, File, Volume, pour, zeros};
use record::{Entry, Tree};

/// Bytes of a logical sector.
pub const SECTOR: usize = 2048;

/// Sectors before the first volume descriptor.
const SYSTEM_AREA: u32 = 16;
const PATH_TABLES: u32 = SYSTEM_AREA + 3;
const ROOT: u32 = PATH_TABLES + 4;

/// Where everything lies, in sectors from the start of the volume.
struct Layout {
    /// Bytes of the root folder with 8.3 names and Rock Ridge, at [`ROOT`].
    primary: Vec<u8>,
    /// Bytes of the root folder with Joliet's names.
    joliet: Vec<u8>,
    /// Where that one lies.
    joliet_at: u32,
    /// Sectors of the whole volume.
    sectors: u32,
}

/// Size in bytes of the volume that [`write`] would write.
///
/// # Errors
/// As [`write`], but for those of input and output.
pub fn size(volume: &Volume<'_>) -> Result<u64, Error> {
    volume.check()?;
    let (_, layout) = layout(volume)?;
    Ok(u64::from(layout.sectors) * SECTOR as u64)
}

/// Writes the volume; into pieces, files that lie elsewhere are named, and not read.
///
/// # Errors
/// A name, label or size that does not fit, a reader that does not keep its word, or input and output that fail.
pub fn write(mut volume: Volume<'_>, out: &mut impl Sink) -> Result<(), Error> {
    volume.check()?;
    volume.files.sort_by(|a, b| a.name.cmp(b.name));
    let (dates, layout) = layout(&volume)?;

    zeros(u64::from(SYSTEM_AREA) * SECTOR as u64, out)?;
    let root = |tree, at: u32, bytes: &[u8]| descriptor::Root { tree, at, size: length(bytes) };
    let primary = root(Tree::Primary, ROOT, &layout.primary);
    let joliet = root(Tree::Joliet, layout.joliet_at, &layout.joliet);
    descriptor::volume(&primary, PATH_TABLES, volume.label, layout.sectors, &dates, out)?;
    descriptor::volume(&joliet, PATH_TABLES + 2, volume.label, layout.sectors, &dates, out)?;
    descriptor::end(out)?;
    for root in [&primary, &joliet] {
        descriptor::path_table(root.at.to_le_bytes(), [1, 0], out)?;
        descriptor::path_table(root.at.to_be_bytes(), [0, 1], out)?;
    }
    out.put(&layout.primary)?;
    out.put(&record::continuation())?;
    out.put(&layout.joliet)?;
    for file in volume.files {
        let size = file.source.size();
        pour(file, out)?;
        zeros(size.next_multiple_of(SECTOR as u64) - size, out)?;
    }
    Ok(())
}

/// Places everything; the files by their names, whatever their order in the volume.
fn layout(volume: &Volume<'_>) -> Result<(record::Dates, Layout), Error> {
    let dates = record::Dates::of(volume.epoch);
    let mut files: Vec<&File<'_>> = volume.files.iter().collect();
    files.sort_by(|a, b| a.name.cmp(b.name));
    let short = record::short_names(files.iter().map(|file| file.name));
    let mut entries: Vec<Entry<'_>> = files
        .iter()
        .zip(short)
        // `check` has seen that the size fits.
        .map(|(file, short)| Entry { name: file.name, short, mode: file.mode, at: 0, size: file.source.size() as u32 })
        .collect();

    // The length of a folder does not depend on where things lie, so it is made twice.
    let mut roots = [Tree::Primary, Tree::Joliet].map(|tree| (tree, record::folder(tree, &entries, 0, 0, &dates)));
    let continuation = ROOT + sectors(length(&roots[0].1));
    let joliet_at = continuation + 1;
    let mut next = u64::from(joliet_at) + u64::from(sectors(length(&roots[1].1)));
    for entry in &mut entries {
        // What is empty lies nowhere (ECMA-119, 9.1.3).
        entry.at = if entry.size == 0 { 0 } else { u32::try_from(next).unwrap_or(u32::MAX) };
        next += u64::from(sectors(entry.size));
    }
    let sectors = u32::try_from(next).map_err(|_| Error::LargeVolume(next * SECTOR as u64))?;
    for ((tree, bytes), at) in roots.iter_mut().zip([ROOT, joliet_at]) {
        *bytes = record::folder(*tree, &entries, at, continuation, &dates);
    }
    let [(_, primary), (_, joliet)] = roots;
    Ok((dates, Layout { primary, joliet, joliet_at, sectors }))
}

/// Sectors that so many bytes take.
fn sectors(bytes: u32) -> u32 {
    bytes.div_ceil(SECTOR as u32)
}

/// A folder of all names that a volume can count is far below 4 GiB.
fn length(folder: &[u8]) -> u32 {
    u32::try_from(folder.len()).unwrap_or(u32::MAX)
}
