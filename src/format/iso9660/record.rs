//! Records of folders (ECMA-119, 9.1), with Rock Ridge in their system use area (SUSP 1.10 and RRIP 1.09).

use std::collections::{BTreeMap, BTreeSet};

use super::SECTOR;
use crate::format::volume::Moment;

/// Which of the two trees a folder belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tree {
    /// 8.3 names, with Rock Ridge.
    Primary,
    /// Names in UCS-2, without anything else.
    Joliet,
}

/// A file in a folder.
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its name in the primary tree.
    pub short: String,
    /// Permission bits.
    pub mode: u32,
    /// First sector.
    pub at: u32,
    /// Bytes.
    pub size: u32,
}

/// The epoch in both forms.
pub struct Dates {
    /// Of records: years since 1900 in one byte (9.1.5).
    pub short: [u8; 7],
    /// Of descriptors: digits (8.4.26.1).
    pub long: [u8; 17],
}

impl Dates {
    /// One byte counts the years, so that what is later than 2155 becomes the end of it.
    pub fn of(epoch: u64) -> Self {
        let last = Moment { year: 2155, month: 12, day: 31, hour: 23, minute: 59, second: 59 };
        let Moment { year, month, day, hour, minute, second } = Moment::of(epoch).min(last);
        let digits = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}00");
        let mut long = [0; 17];
        long[..16].copy_from_slice(digits.as_bytes());
        Self { short: [u8::try_from(year - 1900).unwrap_or(u8::MAX), month, day, hour, minute, second, 0], long }
    }
}

/// A number in both byte orders.
pub fn both32(value: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&value.to_le_bytes());
    bytes[4..].copy_from_slice(&value.to_be_bytes());
    bytes
}

/// A record; a folder when `folder`.
pub fn record(id: &[u8], at: u32, size: u32, folder: bool, dates: &Dates, system_use: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0];
    out.extend(both32(at));
    out.extend(both32(size));
    out.extend(dates.short);
    out.extend([if folder { 2 } else { 0 }, 0, 0, 1, 0, 0, 1, id.len() as u8]);
    out.extend(id);
    if id.len().is_multiple_of(2) {
        out.push(0);
    }
    out.extend(system_use);
    if out.len() % 2 == 1 {
        out.push(0);
    }
    // At most 254: `LONGEST_NAME` sees to it.
    out[0] = out.len() as u8;
    out
}

/// The root folder at sector `at`, with whole sectors of records.
pub fn folder(tree: Tree, entries: &[Entry<'_>], at: u32, continuation: u32, dates: &Dates) -> Vec<u8> {
    let mut records: Vec<(Vec<u8>, Entry<'_>)> = Vec::with_capacity(entries.len());
    for Entry { name, short, mode, at, size } in entries {
        let id = match tree {
            Tree::Primary => format!("{short};1").into_bytes(),
            Tree::Joliet => ucs2(name),
        };
        records.push((id, Entry { name, short: String::new(), mode: *mode, at: *at, size: *size }));
    }
    // 9.3: a name and an extension are compared one after the other, so that the dot between them comes before all else.
    records.sort_by_cached_key(|(id, _)| id.iter().map(|b| if *b == b'.' { 1 } else { *b }).collect::<Vec<u8>>());
    let posix = |mode, links| if tree == Tree::Primary { attributes(mode, links, dates) } else { Vec::new() };
    let (sharing, marked) = match tree {
        Tree::Primary => (b"SP\x07\x01\xbe\xef\x00".to_vec(), points_at(continuation)),
        Tree::Joliet => (Vec::new(), Vec::new()),
    };
    let own = posix(FOLDER | 0o755, 2);
    let made = |size: u32| {
        let mut out = Vec::new();
        append(&mut out, &record(&[0], at, size, true, dates, &[&sharing[..], &own, &marked].concat()));
        append(&mut out, &record(&[1], at, size, true, dates, &own));
        for (id, entry) in &records {
            let mut system_use = Vec::new();
            if tree == Tree::Primary {
                system_use.extend(name(entry.name));
                system_use.extend(posix(REGULAR | entry.mode, 1));
            }
            append(&mut out, &record(id, entry.at, entry.size, false, dates, &system_use));
        }
        out.resize(out.len().next_multiple_of(SECTOR), 0);
        out
    };
    // The folder states its own size.
    made(super::length(&made(0)))
}

/// A record lies within one sector.
fn append(out: &mut Vec<u8>, record: &[u8]) {
    if out.len() % SECTOR + record.len() > SECTOR {
        out.resize(out.len().next_multiple_of(SECTOR), 0);
    }
    out.extend(record);
}

const FOLDER: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;

/// `PX` and `TF`: mode, links, owner root; times of modification, access and attributes.
fn attributes(mode: u32, links: u32, dates: &Dates) -> Vec<u8> {
    let mut out = b"PX\x24\x01".to_vec();
    for value in [mode, links, 0, 0] {
        out.extend(both32(value));
    }
    out.extend(b"TF\x1a\x01\x0e");
    for _ in 0..3 {
        out.extend(dates.short);
    }
    out
}

/// `NM`: the name.
fn name(name: &str) -> Vec<u8> {
    let mut out = vec![b'N', b'M', 5 + name.len() as u8, 1, 0];
    out.extend(name.as_bytes());
    out
}

/// `ER`: which extension this is, too long for the record that should hold it.
const EXTENSION: [&[u8]; 3] = [
    b"RRIP_1991A",
    b"THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS",
    b"PLEASE CONTACT DISC PUBLISHER FOR SPECIFICATION SOURCE.  SEE PUBLISHER IDENTIFIER IN PRIMARY VOLUME DESCRIPTOR FOR \
      CONTACT INFORMATION.",
];

fn extension() -> Vec<u8> {
    let lengths = EXTENSION.map(|text| text.len() as u8);
    let mut out = vec![b'E', b'R', 8 + lengths.iter().sum::<u8>(), 1, lengths[0], lengths[1], lengths[2], 1];
    EXTENSION.iter().for_each(|text| out.extend(*text));
    out
}

/// `CE`: the system use area goes on in another sector.
fn points_at(sector: u32) -> Vec<u8> {
    let mut out = b"CE\x1c\x01".to_vec();
    for value in [sector, 0, extension().len() as u32] {
        out.extend(both32(value));
    }
    out
}

/// That other sector.
pub fn continuation() -> Vec<u8> {
    let mut out = extension();
    out.resize(SECTOR, 0);
    out
}

/// UCS-2 in big endian; names are ASCII.
pub fn ucs2(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| [0, byte]).collect()
}

/// Names of the primary tree for names in the given order: upper case, 8.3, `_` for what it does not know; where two become
/// one, a number takes the end of the second.
pub fn short_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let known = |text: &str, most: usize| -> String {
        let known = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
        known.take(most).collect()
    };
    let mut short = |name: &str| {
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let (stem, extension) = (known(stem, 8), known(extension, 3));
        let mut id = format!("{stem}.{extension}");
        while !taken.insert(id.clone()) {
            let number = numbers.entry(format!("{stem}.{extension}")).or_default();
            *number += 1;
            let number = number.to_string();
            id = format!("{}{number}.{extension}", &stem[..stem.len().min(8 - number.len())]);
        }
        id
    };
    names.map(&mut short).collect()
}

#[cfg(test)]
mod tests {
    use super::{Dates, short_names};

    #[test]
    fn short_names_are_unique() {
        let names = ["meta-data", "network-config", "seed.tar.gz", "user-data", "user_data", "user-database", "USER_DA1", "a.b.c"];
        let short = short_names(names.into_iter());
        assert_eq!(
            short,
            ["META_DAT.", "NETWORK_.", "SEED_TAR.GZ", "USER_DAT.", "USER_DA1.", "USER_DA2.", "USER_DA3.", "A_B.C"],
            "a name without extension keeps its dot (ECMA-119, 7.5.1)"
        );
    }

    #[test]
    fn dates_end_in_2155() {
        assert_eq!(Dates::of(0).short, [70, 1, 1, 0, 0, 0, 0]);
        assert_eq!(&Dates::of(0).long, b"1970010100000000\0");
        assert_eq!(Dates::of((1 << 33) - 1).short, [255, 12, 31, 23, 59, 59, 0]);
    }
}
