//! What goes onto a volume, whatever its file system: a label, one time, and files in one folder.

use std::fmt;
use std::io::{self, Read};

use super::pieces::{Sink, Stored};

/// A flat volume: all files lie in its root folder.
pub struct Volume<'a> {
    /// Its label, as it is: [`check_label`] says what fits.
    pub label: &'a str,
    /// Time of everything on it, in seconds since 1970. A volume has no clock of its own.
    pub epoch: u64,
    /// Files; writers put them in their own order.
    pub files: Vec<File<'a>>,
}

/// A file of a volume.
pub struct File<'a> {
    /// Its name: see [`check_name`].
    pub name: &'a str,
    /// Permission bits, where the file system has such.
    pub mode: u32,
    /// Its content.
    pub source: FileContent<'a>,
}

/// Where the content of a file comes from.
pub enum FileContent<'a> {
    /// Bytes in memory.
    Bytes(&'a [u8]),
    /// Bytes that are read once, when it is their turn, and never held as a whole. A reader that opens its file with the first
    /// `read` keeps thousands of files from being open at once.
    Reader {
        /// How many bytes there are; another number is an error.
        size: u64,
        /// Gives them.
        reader: Box<dyn Read + 'a>,
    },
    /// A file that lies elsewhere.
    Stored(Stored),
}

impl FileContent<'_> {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Reader { size, .. } => *size,
            Self::Stored(file) => file.size,
        }
    }
}

/// A volume that is read back: bytes in memory, or a file that is larger than it.
pub trait Image {
    /// Bytes that it has.
    fn size(&self) -> u64;

    /// Some of its bytes.
    ///
    /// # Errors
    /// What reading says; that they are there was looked at before.
    fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>>;

    /// Some of its bytes, no more than a reader of folders and tables has use for.
    ///
    /// # Errors
    /// In words: they are not there, too many, or cannot be read.
    fn piece(&self, at: u64, length: u64) -> Result<Vec<u8>, String> {
        if at.checked_add(length).is_none_or(|end| end > self.size()) {
            return Err("it is cut off".into());
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_PIECE);
        self.read(at, length.ok_or("a folder or table of it is larger than any that is written")?).map_err(|error| error.to_string())
    }
}

/// Most bytes of a folder or a table: that of a FAT with half a terabyte.
const LONGEST_PIECE: usize = 64 << 20;

impl Image for [u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let start = usize::try_from(at).ok();
        let bytes = start.and_then(|start| self.get(start..start.checked_add(length)?));
        bytes.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

impl Image for Vec<u8> {
    fn size(&self) -> u64 {
        self.as_slice().size()
    }

    fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        Image::read(self.as_slice(), at, length)
    }
}

/// A file that was read back; its bytes are on the volume, all of them in one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// Its name.
    pub name: String,
    /// Permission bits; 0 where the file system has none.
    pub mode: u32,
    /// Where its bytes begin.
    pub at: u64,
    /// How many there are.
    pub size: u64,
}

impl Back {
    /// Its bytes, where the volume is in memory.
    pub fn bytes<'a>(&self, image: &'a [u8]) -> &'a [u8] {
        let place = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        image.get(place(self.at)..place(self.at.saturating_add(self.size))).unwrap_or_default()
    }
}

/// Longest name in characters: what Windows and Linux read of Joliet, and what fits into a Rock Ridge record of its own.
/// The specification of Joliet stops at 64; `genisoimage -joliet-long` has this limit too.
pub const LONGEST_NAME: usize = 103;

/// Longest label in characters, that of FAT; ISO 9660 takes 32, and Joliet 16.
pub const LONGEST_LABEL: usize = 11;

/// Largest file in bytes: both file systems count in 32 bits. (An ISO could have larger ones in pieces, which FAT cannot.)
pub const LARGEST_FILE: u64 = u32::MAX as u64 - 1;

/// Why a volume cannot be written.
#[derive(Debug)]
pub enum Error {
    /// A name that not every reader takes, and why.
    Name(String, &'static str),
    /// Two names that differ in nothing but case, or in nothing.
    Twice(String),
    /// A label that not every reader takes.
    Label(String),
    /// A file that is larger than [`LARGEST_FILE`].
    LargeFile(String, u64),
    /// More than the file system can count.
    LargeVolume(u64),
    /// A reader gave more or fewer bytes than it was announced with.
    Size(String, u64),
    /// Reading a source or writing the volume failed.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name, why) => write!(f, "the name {name:?} {why}"),
            Self::Twice(name) => write!(f, "two files are called {name:?}, as far as a volume tells names apart"),
            Self::Label(label) => write!(f, "the label {label:?} is not 1 to {LONGEST_LABEL} letters, digits, `-` and `_`"),
            Self::LargeFile(name, size) => write!(f, "{name} has {size} bytes, and no file of a volume may have more than {LARGEST_FILE}"),
            Self::LargeVolume(size) => write!(f, "a volume of {size} bytes is more than the file system can count"),
            Self::Size(name, size) => write!(f, "{name} has another size than {size} bytes; did it change meanwhile?"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            other => io::Error::other(other.to_string()),
        }
    }
}

/// A name that ISO 9660 with Joliet and VFAT can both hold as it is: printable ASCII but for `" * / : ; < > ? \ |`, not blank or
/// `.` at an end (Windows drops those; `..` would be another folder), at most [`LONGEST_NAME`] characters.
pub fn check_name(name: &str) -> Result<(), Error> {
    let why = match name {
        "" => "is empty",
        _ if name.len() > LONGEST_NAME => "has more than 103 characters",
        _ if name.starts_with([' ', '.']) || name.ends_with([' ', '.']) => "begins or ends with a blank or a dot",
        _ if !name.bytes().all(|b| matches!(b, b' '..=b'~') && !b"\"*/:;<>?\\|".contains(&b)) => "has a character that volumes do not take",
        _ => return Ok(()),
    };
    Err(Error::Name(name.to_string(), why))
}

/// A label that is stored as it is by all file systems.
pub fn check_label(label: &str) -> Result<(), Error> {
    let sound = (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if sound { Ok(()) } else { Err(Error::Label(label.to_string())) }
}

impl Volume<'_> {
    /// About how many bytes it takes in pieces: its files that are in memory, and what describes them all.
    pub fn room(&self) -> usize {
        let of = |file: &File<'_>| if let FileContent::Bytes(bytes) = file.source { bytes.len() } else { 0 };
        self.files.iter().map(of).sum::<usize>() + 128 * 1024
    }

    /// Checks label, names and sizes.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), Error> {
        check_label(self.label)?;
        let mut names = std::collections::BTreeSet::new();
        for file in &self.files {
            check_name(file.name)?;
            if !names.insert(file.name.to_ascii_lowercase()) {
                return Err(Error::Twice(file.name.to_string()));
            }
            if file.source.size() > LARGEST_FILE {
                return Err(Error::LargeFile(file.name.to_string(), file.source.size()));
            }
        }
        Ok(())
    }
}

/// Bytes that a copy holds at a time.
const PIECE: usize = 256 * 1024;

/// Copies a file to the volume.
pub(super) fn pour(file: File<'_>, out: &mut impl Sink) -> Result<(), Error> {
    match file.source {
        FileContent::Bytes(bytes) => Ok(out.put(bytes)?),
        FileContent::Stored(file) => Ok(out.file(file)?),
        FileContent::Reader { size, mut reader } => {
            // One byte more than a small file has, to see its end at once.
            let mut piece = vec![0; usize::try_from(size + 1).unwrap_or(PIECE).min(PIECE)];
            let mut left = size;
            loop {
                let count = match reader.read(&mut piece) {
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error.into()),
                };
                // One read beyond the end, so that a file that grew is not cut off silently.
                match left.checked_sub(count as u64) {
                    Some(0) if count == 0 => return Ok(()),
                    Some(rest) if count > 0 => left = rest,
                    _ => return Err(Error::Size(file.name.to_string(), size)),
                }
                out.put(&piece[..count])?;
            }
        }
    }
}

/// Writes `count` zero bytes.
pub(super) fn zeros(mut count: u64, out: &mut impl Sink) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    while count > 0 {
        // Bounded by the array's length.
        #[allow(clippy::cast_possible_truncation)]
        let now = count.min(ZEROS.len() as u64) as usize;
        out.put(&ZEROS[..now])?;
        count -= now as u64;
    }
    Ok(())
}

/// A moment in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Year.
    pub year: u64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
}

impl Moment {
    /// From seconds since 1970; days are counted in eras of 400 years that begin in March.
    // Every value is bounded by its remainder.
    #[allow(clippy::cast_possible_truncation)]
    pub fn of(epoch: u64) -> Self {
        let (days, time) = (epoch / 86_400 + 719_468, epoch % 86_400);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month: month as u8,
            day: (of_year - (153 * from_march + 2) / 5 + 1) as u8,
            hour: (time / 3_600) as u8,
            minute: (time / 60 % 60) as u8,
            second: (time % 60) as u8,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Error, File, FileContent, LARGEST_FILE, Moment, Volume, check_label, check_name, pour};

    #[test]
    fn names() {
        for good in ["a", "user-data", "seed.tar.gz", "mesos_0.20.1-1.0+x~y%3a_amd64.deb", "A b", &"x".repeat(103)] {
            assert!(check_name(good).is_ok(), "{good:?}");
        }
        for bad in ["", ".", "..", ".hidden", "a.", " a", "a ", "a/b", "a\\b", "a:b", "a;1", "a*", "é", "a\nb", &"x".repeat(104)] {
            assert!(matches!(check_name(bad), Err(Error::Name(..))), "{bad:?}");
        }
        assert!(check_label("cidata").is_ok() && check_label("elevenchars").is_ok());
        for bad in ["", "twelve-chars", "ci data", "cidäta"] {
            assert!(matches!(check_label(bad), Err(Error::Label(_))), "{bad:?}");
        }
    }

    #[test]
    fn contents() {
        let file = |name, source| File { name, mode: 0o644, source };
        let large = FileContent::Reader { size: LARGEST_FILE + 1, reader: Box::new(std::io::empty()) };
        let volume = |files| Volume { label: "x", epoch: 0, files };
        assert!(matches!(volume(vec![file("a", large)]).check(), Err(Error::LargeFile(_, 0xffff_ffff))));
        let twice = vec![file("a", FileContent::Bytes(b"")), file("A", FileContent::Bytes(b""))];
        assert!(matches!(volume(twice).check(), Err(Error::Twice(_))));
    }

    #[test]
    fn readers_keep_their_word() {
        let poured = |size, given: &'static [u8]| {
            let mut out = Vec::new();
            let reader = Box::new(given.chain(std::io::empty()));
            pour(File { name: "a", mode: 0, source: FileContent::Reader { size, reader } }, &mut out).map(|()| out)
        };
        assert_eq!(poured(3, b"abc").expect("as announced"), b"abc");
        assert_eq!(poured(0, b"").expect("empty"), b"");
        assert!(matches!(poured(4, b"abc"), Err(Error::Size(_, 4))));
        assert!(matches!(poured(2, b"abc"), Err(Error::Size(_, 2))));
    }

    #[test]
    fn moments() {
        let parts = |epoch| {
            let m = Moment::of(epoch);
            (m.year, m.month, m.day, m.hour, m.minute, m.second)
        };
        // date -u -d @N
        assert_eq!(parts(0), (1970, 1, 1, 0, 0, 0));
        assert_eq!(parts(951_782_399), (2000, 2, 28, 23, 59, 59));
        assert_eq!(parts(951_782_400), (2000, 2, 29, 0, 0, 0));
        assert_eq!(parts(1_700_000_000), (2023, 11, 14, 22, 13, 20));
        assert_eq!(parts(4_107_542_399), (2100, 2, 28, 23, 59, 59));
        assert_eq!(parts(4_107_542_400), (2100, 3, 1, 0, 0, 0));
        assert_eq!(parts((1 << 33) - 1), (2242, 3, 16, 12, 56, 31));
    }
}
