//! Partitions of a raw disk: a table of the BIOS (MBR) or of UEFI (GPT), or none, where the file system begins with the disk.

use std::io::{self, Read, Seek, SeekFrom};

/// The unit of both tables. Disks with larger sectors are no images of virtual machines.
const SECTOR: u64 = 512;
/// Most entries of a GPT that are looked at; 128 is what every tool makes.
const ENTRIES: u32 = 1024;

/// Where partitions begin, in bytes, in the order of the table; 0 alone when there is no table.
///
/// # Errors
/// When the disk cannot be read.
pub fn partitions(disk: &mut (impl Read + Seek)) -> io::Result<Vec<u64>> {
    let mut first = [0; SECTOR as usize];
    if read_at(disk, 0, &mut first)? < first.len() || first[510..] != [0x55, 0xaa] {
        return Ok(vec![0]);
    }
    // Four entries of 16 bytes; type at 4, first sector at 8 (the only table that 32 bits can hold).
    let entries = first[446..510].chunks_exact(16).filter(|entry| entry[4] != 0);
    let mbr: Vec<u64> = entries.clone().map(|entry| u64::from(number(&entry[8..12])) * SECTOR).collect();
    if entries.clone().any(|entry| entry[4] == 0xee) {
        return gpt(disk);
    }
    // A boot sector with a file system behind it has the same signature, and no entries.
    Ok(if mbr.is_empty() { vec![0] } else { mbr })
}

/// UEFI 2.10, 5.3: the header in sector 1 says where entries lie and how large they are; an unused one has a type of zeros.
fn gpt(disk: &mut (impl Read + Seek)) -> io::Result<Vec<u64>> {
    let mut header = [0; SECTOR as usize];
    if read_at(disk, SECTOR, &mut header)? < header.len() || &header[..8] != b"EFI PART" {
        return Ok(Vec::new());
    }
    let (place, count, size) = (long(&header[72..80]), number(&header[80..84]).min(ENTRIES), number(&header[84..88]));
    let mut found = Vec::new();
    for index in 0..u64::from(count) {
        let mut entry = [0; 48];
        let at = place.saturating_mul(SECTOR).saturating_add(index * u64::from(size));
        if read_at(disk, at, &mut entry)? == entry.len() && entry[..16] != [0; 16] {
            found.push(long(&entry[32..40]).saturating_mul(SECTOR));
        }
    }
    Ok(found)
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

fn long(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// Reads as much as there is; gives how much.
fn read_at(disk: &mut (impl Read + Seek), at: u64, into: &mut [u8]) -> io::Result<usize> {
    disk.seek(SeekFrom::Start(at))?;
    let mut done = 0;
    while done < into.len() {
        match disk.read(&mut into[done..])? {
            0 => break,
            n => done += n,
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::partitions;
    use std::io::Cursor;

    #[test]
    fn tables() {
        let mut disk = vec![0; 4096];
        assert_eq!(partitions(&mut Cursor::new(&disk)).expect("a disk"), [0]);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        assert_eq!(partitions(&mut Cursor::new(&disk)).expect("a disk"), [0], "a boot sector alone");
        disk[446 + 4] = 0x83;
        disk[446 + 8..446 + 12].copy_from_slice(&2048_u32.to_le_bytes());
        assert_eq!(partitions(&mut Cursor::new(&disk)).expect("a disk"), [2048 * 512]);
        disk[446 + 4] = 0xee;
        disk[512..520].copy_from_slice(b"EFI PART");
        disk[512 + 72] = 2;
        disk[512 + 80] = 4;
        disk[512 + 84] = 128;
        disk[1024 + 128] = 1; // the second entry's type
        disk[1024 + 128 + 32..1024 + 128 + 40].copy_from_slice(&4096_u64.to_le_bytes());
        assert_eq!(partitions(&mut Cursor::new(&disk)).expect("a disk"), [4096 * 512]);
        assert_eq!(partitions(&mut Cursor::new(&disk[..512])).expect("a disk"), Vec::<u64>::new(), "cut off");
    }
}
