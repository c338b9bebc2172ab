//! Entries of a folder, with long names.

use crate::format::volume::Moment;

/// Characters in one entry of a long name.
const PIECE: usize = 13;
const LONG_NAME: u8 = 0x0f;
const VOLUME_LABEL: u8 = 0x08;
const ARCHIVE: u8 = 0x20;

/// A moment as FAT has it: two seconds are the unit, 1980 to 2107.
#[derive(Clone, Copy)]
pub struct Stamp {
    date: [u8; 2],
    time: [u8; 2],
    hundredths: u8,
}

impl Stamp {
    /// The nearest moment that FAT knows.
    pub fn of(epoch: u64) -> Self {
        let first = Moment { year: 1980, month: 1, day: 1, hour: 0, minute: 0, second: 0 };
        let last = Moment { year: 2107, month: 12, day: 31, hour: 23, minute: 59, second: 58 };
        let Moment { year, month, day, hour, minute, second } = Moment::of(epoch).clamp(first, last);
        let date = (year as u16 - 1980) << 9 | u16::from(month) << 5 | u16::from(day);
        let time = u16::from(hour) << 11 | u16::from(minute) << 5 | u16::from(second / 2);
        Self { date: date.to_le_bytes(), time: time.to_le_bytes(), hundredths: second % 2 * 100 }
    }
}

/// Entries that these files take, the label's included.
pub fn entries<'a>(names: impl Iterator<Item = &'a str>) -> u64 {
    1 + names.map(|name| 1 + name.len().div_ceil(PIECE) as u64).sum::<u64>()
}

/// The label, as it is: lower case is rare, and what cloud-init 0.7.5 asks for.
pub fn label(label: &str, stamp: Stamp) -> Vec<u8> {
    let mut name = [b' '; 11];
    name[..label.len()].copy_from_slice(label.as_bytes());
    entry(name, VOLUME_LABEL, 0, 0, stamp)
}

/// All entries of a file. `number`, which no other file of the folder has, makes its short name unique.
pub fn file(name: &str, number: usize, first: u32, size: u32, stamp: Stamp) -> Vec<u8> {
    let short = short_name(name, number);
    let sum = short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let units: Vec<u16> = name.bytes().map(u16::from).collect();
    let pieces = units.chunks(PIECE).enumerate().rev();
    let mut out = Vec::new();
    for (at, piece) in pieces {
        let last = (at + 1) * PIECE >= units.len();
        // A zero after the end, and ones after that.
        let unit = |i: usize| piece.get(i).copied().unwrap_or(if i == piece.len() { 0 } else { 0xffff });
        let bytes = |range: std::ops::Range<usize>| range.flat_map(|i| unit(i).to_le_bytes()).collect::<Vec<u8>>();
        out.push((at + 1) as u8 | if last { 0x40 } else { 0 });
        out.extend(bytes(0..5));
        out.extend([LONG_NAME, 0, sum]);
        out.extend(bytes(5..11));
        out.extend([0, 0]);
        out.extend(bytes(11..13));
    }
    out.extend(entry(short, ARCHIVE, first, size, stamp));
    out
}

fn entry(name: [u8; 11], attributes: u8, first: u32, size: u32, stamp: Stamp) -> Vec<u8> {
    let [low, high] = [first as u16, (first >> 16) as u16].map(u16::to_le_bytes);
    let mut out = name.to_vec();
    out.extend([attributes, 0, stamp.hundredths]);
    // Created, read, written.
    out.extend([stamp.time, stamp.date, stamp.date, high, stamp.time, stamp.date, low].concat());
    out.extend(size.to_le_bytes());
    out
}

/// `USER-D~7` for the seventh file, `user-data`.
fn short_name(name: &str, number: usize) -> [u8; 11] {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let known = |text: &str| -> Vec<u8> {
        let known = |c: u8| if c.is_ascii_alphanumeric() || b"-_$%'@~!(){}^#&`".contains(&c) { c.to_ascii_uppercase() } else { b'_' };
        text.bytes().filter(|c| !b" .".contains(c)).map(known).collect()
    };
    let tail = format!("~{number}");
    let mut short = [b' '; 11];
    let stem = known(stem).into_iter().take(8 - tail.len()).chain(tail.bytes());
    stem.zip(&mut short[..8]).for_each(|(from, to)| *to = from);
    known(extension).into_iter().zip(&mut short[8..]).for_each(|(from, to)| *to = from);
    short
}

#[cfg(test)]
mod tests {
    use super::{Stamp, entries, file, short_name};

    #[test]
    fn names() {
        assert_eq!(&short_name("user-data", 4), b"USER-D~4   ");
        assert_eq!(&short_name("seed.tar.gz", 3), b"SEEDTA~3GZ ");
        assert_eq!(&short_name("a b+c.deb", 123_456), b"A~123456DEB");
        assert_eq!(entries(["user-data", "thirteen-char"].into_iter()), 5);
        assert_eq!(file("fourteen-chars", 1, 2, 3, Stamp::of(0)).len(), 96);
    }

    #[test]
    fn times() {
        let stamp = |epoch| {
            let Stamp { date, time, hundredths } = Stamp::of(epoch);
            (u16::from_le_bytes(date), u16::from_le_bytes(time), hundredths)
        };
        assert_eq!(stamp(0), (1 << 5 | 1, 0, 0), "1980 is where FAT begins");
        assert_eq!(stamp(1_700_000_001), (43 << 9 | 11 << 5 | 14, 22 << 11 | 13 << 5 | 10, 100));
    }
}
