//! Reads a flat volume back: what `verify` compares. Shares nothing with the writer, or it would share its mistakes.

use super::super::volume::{Back, Image};

/// What stands in the primary tree with Rock Ridge, and in Joliet's.
#[derive(Debug)]
pub struct Contents {
    /// Label of the primary descriptor.
    pub label: String,
    /// Label of Joliet's descriptor.
    pub joliet_label: String,
    /// Files by the names of Rock Ridge, with their modes.
    pub files: Vec<Back>,
    /// Files by the names of Joliet; without modes.
    pub joliet: Vec<Back>,
}

/// Reads a volume.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(volume: &(impl Image + ?Sized)) -> Result<Contents, String> {
    let mut primary = None;
    let mut joliet = None;
    for number in 16.. {
        let descriptor = volume.piece(number * 2048, 2048)?;
        if descriptor[1..6] != *b"CD001" {
            return Err(format!("sector {number} holds no volume descriptor"));
        }
        match descriptor[0] {
            1 => primary = Some(descriptor),
            2 if descriptor[88..91] == *b"%/E" => joliet = Some(descriptor),
            255 => break,
            _ => {}
        }
    }
    let primary = primary.ok_or("there is no primary volume descriptor")?;
    let joliet = joliet.ok_or("there is no Joliet volume descriptor")?;
    let sectors = little(&primary[80..84]);
    if sectors * 2048 != volume.size() {
        return Err(format!("{sectors} sectors are announced, {} bytes are there", volume.size()));
    }
    Ok(Contents {
        label: String::from_utf8_lossy(&primary[40..72]).trim_end().to_string(),
        joliet_label: utf16(&joliet[40..72]).trim_end().to_string(),
        files: folder(volume, &primary, rock_ridge)?,
        joliet: folder(volume, &joliet, |record| Ok((utf16(name(record)), 0)))?,
    })
}

/// Takes name and mode from a record.
type Named = fn(&[u8]) -> Result<(String, u32), String>;

/// All files of the root folder that a descriptor points at.
fn folder(volume: &(impl Image + ?Sized), descriptor: &[u8], named: Named) -> Result<Vec<Back>, String> {
    let (at, size) = extent(&descriptor[156..190]);
    let records = volume.piece(at, size)?;
    let mut files = Vec::new();
    for sector in records.chunks(2048) {
        let mut rest = sector;
        while let Some(length) = rest.first().map(|length| usize::from(*length)).filter(|length| *length > 0) {
            let record = rest
                .get(..length)
                .filter(|r| r.len() > 33 && r.len() >= 33 + usize::from(r[32]))
                .ok_or("a record of the folder is cut off")?;
            rest = &rest[length..];
            if name(record) == [0] || name(record) == [1] {
                continue;
            }
            let (name, mode) = named(record)?;
            if record[25] != 0 {
                return Err(format!("{name} is no plain file"));
            }
            let (at, size) = extent(record);
            if at + size > volume.size() {
                return Err("it is cut off".into());
            }
            files.push(Back { name, mode, at, size });
        }
    }
    Ok(files)
}

/// Name and mode by Rock Ridge.
fn rock_ridge(record: &[u8]) -> Result<(String, u32), String> {
    let mut name_and_mode = (None, None);
    let mut rest = &record[33 + name(record).len() + (name(record).len() + 1) % 2..];
    while rest.len() > 4 {
        let length = usize::from(rest[2]);
        let field = rest.get(..length).filter(|field| field.len() > 4).ok_or("a field of Rock Ridge is cut off")?;
        match &field[..2] {
            b"NM" => name_and_mode.0 = Some(String::from_utf8_lossy(&field[5..]).into_owned()),
            b"PX" => name_and_mode.1 = field.get(4..8).map(|mode| little(mode) as u32 & 0o7777),
            _ => {}
        }
        rest = &rest[length..];
    }
    let (Some(name), Some(mode)) = name_and_mode else { return Err("a record has no name or mode of Rock Ridge".into()) };
    Ok((name, mode))
}

/// Where the bytes begin that a record points at, and how many there are.
fn extent(record: &[u8]) -> (u64, u64) {
    (little(&record[2..6]) * 2048, little(&record[10..14]))
}

fn name(record: &[u8]) -> &[u8] {
    &record[33..33 + usize::from(record[32])]
}

/// At most four bytes.
fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn utf16(bytes: &[u8]) -> String {
    char::decode_utf16(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))).map(|c| c.unwrap_or('\u{fffd}')).collect()
}
