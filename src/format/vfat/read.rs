//! Reads a flat volume back: what `verify` compares. Shares nothing with the writer, or it would share its mistakes.

use super::super::volume::{Back, Image};

/// What stands on the volume.
#[derive(Debug)]
pub struct Contents {
    /// Label in the root folder.
    pub label: String,
    /// Label in the boot sector.
    pub boot_label: String,
    /// Files by their long names; FAT has no modes.
    pub files: Vec<Back>,
}

/// Numbers of the boot sector, in bytes where they are sizes.
struct Volume {
    table: Vec<u8>,
    /// Bits of a number of the table.
    width: u64,
    cluster: u64,
    /// Where cluster 2 begins.
    data: u64,
    clusters: u64,
}

/// Reads a volume.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(volume: &(impl Image + ?Sized)) -> Result<Contents, String> {
    let boot = volume.piece(0, 512)?;
    let sector = little(&boot[11..13]);
    let cluster = sector * u64::from(boot[13]);
    let reserved = sector * little(&boot[14..16]);
    let table = sector * [little(&boot[22..24]), little(&boot[36..40])].into_iter().find(|n| *n > 0).unwrap_or(0);
    let root = 32 * little(&boot[17..19]);
    let sectors = [little(&boot[19..21]), little(&boot[32..36])].into_iter().find(|n| *n > 0).unwrap_or(0);
    if boot[510..] != [0x55, 0xaa] || sector != 512 || cluster == 0 || boot[16] != 2 {
        return Err("the boot sector is not one of FAT".into());
    }
    if sectors * sector != volume.size() {
        return Err(format!("{sectors} sectors are announced, {} bytes are there", volume.size()));
    }
    let root_at = reserved + 2 * table;
    let data = root_at + root;
    let clusters = volume.size().checked_sub(data).ok_or("it is cut off")? / cluster;
    let width = if clusters < 4085 {
        12
    } else if clusters < 65525 {
        16
    } else {
        32
    };
    let first = volume.piece(reserved, table)?;
    if first != volume.piece(reserved + table, table)? {
        return Err("its two tables differ".into());
    }
    let disk = Volume { table: first, width, cluster, data, clusters };
    let (at, size, label_at) = if width == 32 {
        let (at, size) = disk.chain(little(&boot[44..48]))?;
        (at, size, 71)
    } else {
        (root_at, root, 43)
    };
    let folder = volume.piece(at, size)?;
    let mut contents = Contents { label: String::new(), boot_label: text(&boot[label_at..label_at + 11]), files: Vec::new() };
    let mut long: Vec<u16> = Vec::new();
    for entry in folder.chunks_exact(32).take_while(|entry| entry[0] != 0) {
        match entry[11] {
            0x0f => {
                let piece = [&entry[1..11], &entry[14..26], &entry[28..32]].concat();
                let units: Vec<u16> = piece.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
                long = [units, long].concat();
            }
            0x08 => contents.label = text(&entry[..11]),
            _ => {
                let units: Vec<u16> = std::mem::take(&mut long).into_iter().take_while(|unit| *unit != 0).collect();
                let name = String::from_utf16_lossy(&units);
                let size = little(&entry[28..32]);
                let first = little(&entry[26..28]) | little(&entry[20..22]) << 16;
                let (at, length) = if first == 0 { (0, 0) } else { disk.chain(first)? };
                if length != size.next_multiple_of(cluster) || at + length > volume.size() {
                    return Err(format!("{name} has {size} bytes and other clusters"));
                }
                contents.files.push(Back { name, mode: 0, at, size });
            }
        }
    }
    Ok(contents)
}

impl Volume {
    /// Where a chain begins and how many bytes it has; it has to be one run.
    fn chain(&self, first: u64) -> Result<(u64, u64), String> {
        let mut length = 1;
        while length <= self.clusters {
            let here = first + length - 1;
            match self.number(here)? {
                next if next == here + 1 => length += 1,
                end if end >= (1 << self.width.min(28)) - 8 => {
                    let at = first.checked_sub(2).ok_or("a chain begins nowhere")? * self.cluster + self.data;
                    return Ok((at, length * self.cluster));
                }
                _ => break,
            }
        }
        Err("a chain of clusters leads nowhere".into())
    }

    /// What the table says of a cluster.
    fn number(&self, cluster: u64) -> Result<u64, String> {
        let bits = cluster * self.width;
        let place = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let bytes = self.table.get(place(bits / 8)..).and_then(|rest| rest.get(..place(self.width.div_ceil(8)))).ok_or("it is cut off")?;
        Ok(little(bytes) >> (bits % 8) & ((1 << self.width.min(28)) - 1))
    }
}

/// At most four bytes.
fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_string()
}
