//! Reads a flat volume back: what `verify` compares. Shares nothing with the writer, or it would share its mistakes.

use super::super::volume::Back;

/// What stands on the volume.
#[derive(Debug)]
pub struct Contents<'a> {
    /// Label in the root folder.
    pub label: String,
    /// Label in the boot sector.
    pub boot_label: String,
    /// Files by their long names; FAT has no modes.
    pub files: Vec<Back<'a>>,
}

/// Numbers of the boot sector, in bytes where they are sizes.
struct Volume<'a> {
    bytes: &'a [u8],
    table: &'a [u8],
    /// Bits of a number of the table.
    width: usize,
    cluster: usize,
    /// Where cluster 2 begins.
    data: usize,
    clusters: usize,
}

/// Reads a volume.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(volume: &[u8]) -> Result<Contents<'_>, String> {
    let boot = cut(volume, 0, 512)?;
    let sector = little(&boot[11..13]);
    let cluster = sector * usize::from(boot[13]);
    let reserved = sector * little(&boot[14..16]);
    let table = sector * [little(&boot[22..24]), little(&boot[36..40])].into_iter().find(|n| *n > 0).unwrap_or(0);
    let root = 32 * little(&boot[17..19]);
    let sectors = [little(&boot[19..21]), little(&boot[32..36])].into_iter().find(|n| *n > 0).unwrap_or(0);
    if boot[510..] != [0x55, 0xaa] || sector != 512 || cluster == 0 || boot[16] != 2 {
        return Err("the boot sector is not one of FAT".into());
    }
    if sectors * sector != volume.len() {
        return Err(format!("{sectors} sectors are announced, {} bytes are there", volume.len()));
    }
    let root_at = reserved + 2 * table;
    let data = root_at + root;
    let clusters = volume.len().checked_sub(data).ok_or("it is cut off")? / cluster;
    let width = if clusters < 4085 {
        12
    } else if clusters < 65525 {
        16
    } else {
        32
    };
    let tables = cut(volume, reserved, 2 * table)?;
    let (first, second) = tables.split_at(table);
    if first != second {
        return Err("its two tables differ".into());
    }
    let disk = Volume { bytes: volume, table: first, width, cluster, data, clusters };
    let (folder, label_at) = if width == 32 { (disk.chain(little(&boot[44..48]))?, 71) } else { (cut(volume, root_at, root)?, 43) };
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
                let chain = if first == 0 { &[][..] } else { disk.chain(first)? };
                if chain.len() != size.next_multiple_of(cluster) {
                    return Err(format!("{name} has {size} bytes and other clusters"));
                }
                contents.files.push(Back { name, mode: 0, bytes: &chain[..size] });
            }
        }
    }
    Ok(contents)
}

impl<'a> Volume<'a> {
    /// The bytes of a chain, which has to be one run.
    fn chain(&self, first: usize) -> Result<&'a [u8], String> {
        let mut length = 1;
        while length <= self.clusters {
            let here = first + length - 1;
            match self.number(here)? {
                next if next == here + 1 => length += 1,
                end if end >= (1 << self.width.min(28)) - 8 => {
                    let at = first.checked_sub(2).ok_or("a chain begins nowhere")? * self.cluster + self.data;
                    return cut(self.bytes, at, length * self.cluster);
                }
                _ => break,
            }
        }
        Err("a chain of clusters leads nowhere".into())
    }

    /// What the table says of a cluster.
    fn number(&self, cluster: usize) -> Result<usize, String> {
        let bits = cluster * self.width;
        let bytes = cut(self.table, bits / 8, self.width.div_ceil(8))?;
        Ok(little(bytes) >> (bits % 8) & ((1 << self.width.min(28)) - 1))
    }
}

fn cut(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], String> {
    at.checked_add(length).and_then(|end| bytes.get(at..end)).ok_or_else(|| "it is cut off".to_string())
}

/// At most four bytes.
fn little(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end().to_string()
}
