//! FAT with long names (Microsoft's "FAT: General Overview of On-Disk Format", 1.03): written in one pass, without seeking.
//!
//! ```text
//! reserved sectors   boot sector; with FAT32 also its copy and the sector that counts free clusters
//! two tables         every file is one run of clusters, so a chain is a row of consecutive numbers
//! root folder        in a place of its own; with FAT32 the first clusters
//! files              in the order of their names
//! ```
//!
//! Same volume, same bytes. A volume is as large as its files need, so nothing can be added to it. All files lie in the root
//! folder. FAT knows neither owners nor modes: what is secret must be kept so by whoever holds the image.

mod folder;
pub mod read;

use super::pieces::Sink;
use super::volume::{Error, Volume, pour, zeros};
use folder::Stamp;

/// Bytes of a sector.
const SECTOR: u64 = 512;
/// Sectors of a track: the mtools want whole ones.
const TRACK: u64 = 32;
const HEADS: u64 = 64;
/// Bytes of an entry of a folder.
const ENTRY: u64 = 32;
/// Entries of a root folder that cannot grow, when fewer would do: what every other formatter writes.
const ROOT_ENTRIES: u64 = 512;
/// The kind follows from the number of clusters alone, and some drivers count wrongly: a good distance to the edges.
const FAT12_CLUSTERS: u64 = 4_084 - 16;
const FAT16_CLUSTERS: u64 = 65_524 - 16;
/// Clusters have two reserved numbers before the first.
const FIRST_CLUSTER: u64 = 2;

/// Width of a table's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Fat12,
    Fat16,
    Fat32,
}

/// Where everything lies, in sectors.
#[derive(Debug)]
struct Layout {
    kind: Kind,
    /// Sectors of a cluster.
    cluster: u64,
    /// Sectors before the tables.
    reserved: u64,
    /// Sectors of one table.
    table: u64,
    /// Entries of the root folder, filled up to whole sectors.
    entries: u64,
    /// Clusters in use.
    used: u64,
    /// All clusters.
    clusters: u64,
    /// Sectors of the whole volume.
    sectors: u64,
}

impl Layout {
    /// The smallest kind and the smallest clusters that hold files of these sizes, whose names take so many entries.
    fn of(sizes: &[u64], entries: u64) -> Result<Self, Error> {
        // Large clusters waste half of one for each file; small ones make tables large.
        let candidates = [
            (Kind::Fat12, 4, 0, FAT12_CLUSTERS),
            (Kind::Fat16, 4, FAT12_CLUSTERS + 33, FAT16_CLUSTERS),
            (Kind::Fat16, 16, FAT12_CLUSTERS + 33, FAT16_CLUSTERS),
            (Kind::Fat16, 64, FAT12_CLUSTERS + 33, FAT16_CLUSTERS),
            (Kind::Fat32, 32, FAT16_CLUSTERS + 33, 0x0fff_fff5),
        ];
        let total: u64 = sizes.iter().sum();
        for (kind, cluster, least, most) in candidates {
            let clusters = |bytes: u64| bytes.div_ceil(cluster * SECTOR);
            let files: u64 = sizes.iter().map(|size| clusters(*size)).sum();
            let in_clusters = kind == Kind::Fat32;
            let entries = if in_clusters { entries } else { entries.max(ROOT_ENTRIES) }.next_multiple_of(SECTOR / ENTRY);
            let used = files + if in_clusters { clusters(entries * ENTRY) } else { 0 };
            // A folder of FAT32 may have 65,536 entries.
            if used > most || entries > 0xffff {
                continue;
            }
            let layout = Self::fit(kind, cluster, entries, used, used.max(least));
            if u32::try_from(layout.sectors).is_ok() {
                return Ok(layout);
            }
        }
        Err(Error::LargeVolume(total))
    }

    /// Tables for the clusters, whole tracks, and the clusters that then fit.
    fn fit(kind: Kind, cluster: u64, entries: u64, used: u64, least: u64) -> Self {
        let reserved = if kind == Kind::Fat32 { 32 } else { 1 };
        let root = if kind == Kind::Fat32 { 0 } else { entries * ENTRY / SECTOR };
        // What fills up the last track may hold more clusters, which a larger table has to know.
        let mut table = 1;
        loop {
            let sectors = (reserved + 2 * table + root + least * cluster).next_multiple_of(TRACK);
            let clusters = (sectors - reserved - 2 * table - root) / cluster;
            let numbers = clusters + FIRST_CLUSTER;
            let bytes = match kind {
                Kind::Fat12 => (numbers * 3).div_ceil(2),
                Kind::Fat16 => numbers * 2,
                Kind::Fat32 => numbers * 4,
            };
            let needed = bytes.div_ceil(SECTOR);
            if needed <= table {
                return Self { kind, cluster, reserved, table, entries, used, clusters, sectors };
            }
            table = needed;
        }
    }

    fn cluster_bytes(&self) -> u64 {
        self.cluster * SECTOR
    }

    /// Clusters of so many bytes.
    fn clusters_of(&self, bytes: u64) -> u64 {
        bytes.div_ceil(self.cluster_bytes())
    }

    /// Clusters of the root folder.
    fn root_clusters(&self) -> u64 {
        if self.kind == Kind::Fat32 { self.clusters_of(self.entries * ENTRY) } else { 0 }
    }
}

/// Size in bytes of the volume that [`write`] would write.
///
/// # Errors
/// As [`write`], but for those of input and output.
pub fn size(volume: &Volume<'_>) -> Result<u64, Error> {
    volume.check()?;
    Ok(layout(volume)?.sectors * SECTOR)
}

fn layout(volume: &Volume<'_>) -> Result<Layout, Error> {
    let sizes: Vec<u64> = volume.files.iter().map(|file| file.source.size()).collect();
    Layout::of(&sizes, folder::entries(volume.files.iter().map(|file| file.name)))
}

/// Writes the volume; into pieces, files that lie elsewhere are named, and not read.
///
/// # Errors
/// A name, label or size that does not fit, a reader that does not keep its word, or input and output that fail.
pub fn write(mut volume: Volume<'_>, out: &mut impl Sink) -> Result<(), Error> {
    volume.check()?;
    volume.files.sort_by(|a, b| a.name.cmp(b.name));
    let layout = layout(&volume)?;
    let mut next = FIRST_CLUSTER + layout.root_clusters();
    let mut chains = vec![layout.root_clusters()];
    let mut root = folder::label(volume.label, Stamp::of(volume.epoch));
    for (number, file) in volume.files.iter().enumerate() {
        let size = file.source.size();
        let clusters = layout.clusters_of(size);
        // What is empty has no cluster. Both fit: sizes and sectors have been checked.
        let first = if clusters == 0 { 0 } else { next as u32 };
        root.extend(folder::file(file.name, number + 1, first, size as u32, Stamp::of(volume.epoch)));
        chains.push(clusters);
        next += clusters;
    }

    let table = table(&layout, &chains);
    reserved(&layout, volume.label, volume.epoch, out)?;
    for _ in 0..2 {
        out.put(&table)?;
    }
    let whole = if layout.kind == Kind::Fat32 { layout.root_clusters() * layout.cluster_bytes() } else { layout.entries * ENTRY };
    out.put(&root)?;
    zeros(whole - root.len() as u64, out)?;
    for file in volume.files {
        let size = file.source.size();
        pour(file, out)?;
        zeros(size.next_multiple_of(layout.cluster_bytes()) - size, out)?;
    }
    let fixed = if layout.kind == Kind::Fat32 { 0 } else { layout.entries * ENTRY / SECTOR };
    let written = layout.reserved + 2 * layout.table + fixed + layout.used * layout.cluster;
    Ok(zeros((layout.sectors - written) * SECTOR, out)?)
}

/// The table: two reserved numbers, then a row of consecutive ones for each chain, with a mark at its end.
fn table(layout: &Layout, chains: &[u64]) -> Vec<u8> {
    let end: u32 = match layout.kind {
        Kind::Fat12 => 0xfff,
        Kind::Fat16 => 0xffff,
        Kind::Fat32 => 0x0fff_ffff,
    };
    let mut numbers = vec![end & 0x0fff_fff8, end];
    for length in chains {
        for place in 0..*length {
            let following = numbers.len() as u32 + 1;
            numbers.push(if place + 1 == *length { end } else { following });
        }
    }
    let mut table: Vec<u8> = match layout.kind {
        // Two numbers in three bytes.
        Kind::Fat12 => numbers
            .chunks(2)
            .flat_map(|pair| {
                let both = pair[0] | pair.get(1).copied().unwrap_or(0) << 12;
                [both as u8, (both >> 8) as u8, (both >> 16) as u8]
            })
            .collect(),
        Kind::Fat16 => numbers.iter().flat_map(|number| (*number as u16).to_le_bytes()).collect(),
        Kind::Fat32 => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
    };
    table.resize((layout.table * SECTOR) as usize, 0);
    table
}

/// The reserved sectors.
fn reserved(layout: &Layout, label: &str, epoch: u64, out: &mut impl Sink) -> Result<(), Error> {
    let boot = boot_sector(layout, label, epoch);
    if layout.kind != Kind::Fat32 {
        return Ok(out.put(&boot)?);
    }
    let mut info = b"RRaA".to_vec();
    info.resize(484, 0);
    info.extend(b"rrAa");
    let (free, next) = ((layout.clusters - layout.used) as u32, (FIRST_CLUSTER + layout.used) as u32);
    info.extend([free.to_le_bytes(), next.to_le_bytes()].concat());
    info.resize(508, 0);
    info.extend([0, 0, 0x55, 0xaa]);
    // Both sectors again at 6 and 7.
    for _ in 0..2 {
        out.put(&boot)?;
        out.put(&info)?;
        zeros(4 * SECTOR, out)?;
    }
    Ok(zeros((layout.reserved - 12) * SECTOR, out)?)
}

/// The boot sector, which boots nothing.
fn boot_sector(layout: &Layout, label: &str, epoch: u64) -> Vec<u8> {
    let is32 = layout.kind == Kind::Fat32;
    let word = |value: u64| (value as u16).to_le_bytes();
    let double = |value: u64| (value as u32).to_le_bytes();
    let small = !is32 && layout.sectors < 0x10000;
    // A jump over the fields, which a driver looks for, and a name that some drivers know.
    let mut b = if is32 { vec![0xeb, 0x58, 0x90] } else { vec![0xeb, 0x3c, 0x90] };
    b.extend(b"mkfs.fat");
    b.extend(word(SECTOR));
    b.push(layout.cluster as u8);
    b.extend(word(layout.reserved));
    b.push(2);
    b.extend(word(if is32 { 0 } else { layout.entries }));
    b.extend(word(if small { layout.sectors } else { 0 }));
    // A fixed disk.
    b.push(0xf8);
    b.extend(word(if is32 { 0 } else { layout.table }));
    b.extend(word(TRACK));
    b.extend(word(HEADS));
    b.extend(double(0));
    b.extend(double(if small { 0 } else { layout.sectors }));
    if is32 {
        b.extend(double(layout.table));
        // Both tables are kept alike; version 0.0.
        b.extend([0, 0, 0, 0]);
        b.extend(double(FIRST_CLUSTER));
        // The sector of free clusters, and the copy of this one.
        b.extend([word(1), word(6)].concat());
        b.extend([0; 12]);
    }
    b.extend([0x80, 0, 0x29]);
    // A serial number, by default of the moment of formatting.
    b.extend(double(epoch & 0xffff_ffff));
    b.extend(format!("{label:<11}").bytes());
    b.extend(match layout.kind {
        Kind::Fat12 => b"FAT12   ",
        Kind::Fat16 => b"FAT16   ",
        Kind::Fat32 => b"FAT32   ",
    });
    b.resize(510, 0);
    b.extend([0x55, 0xaa]);
    b
}

#[cfg(test)]
mod tests {
    use super::{Kind, Layout, SECTOR};

    /// The kind is a function of the number of clusters; a table knows all of them.
    #[test]
    fn kinds_and_edges() {
        let mut seen = Vec::new();
        for size in (0..400).map(|n| n * 64 * 1024).chain((0..300).map(|n| n << 24)) {
            let layout = Layout::of(&[size], 20).expect("it fits");
            let kind = match layout.clusters {
                0..4085 => Kind::Fat12,
                4085..65525 => Kind::Fat16,
                _ => Kind::Fat32,
            };
            assert_eq!(layout.kind, kind, "{layout:?}");
            assert!(layout.clusters >= layout.used && layout.sectors * SECTOR >= size, "{layout:?}");
            let width = [(Kind::Fat12, 12), (Kind::Fat16, 16), (Kind::Fat32, 32)].iter().find(|(k, _)| *k == kind).expect("a kind").1;
            assert!(layout.table * SECTOR * 8 >= (layout.clusters + 2) * width, "{layout:?}");
            if seen.last() != Some(&kind) {
                seen.push(kind);
            }
        }
        assert_eq!(seen, [Kind::Fat12, Kind::Fat16, Kind::Fat12, Kind::Fat16, Kind::Fat32], "small ones, then large ones");
    }
}
