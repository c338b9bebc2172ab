//! The trust store that Debian's ca-certificates-java makes: each entry holds the time at which it was made, and no tool writes
//! another. Two bakes would differ in nothing else. The format is that of `sun.security.provider.JavaKeyStore`, OpenJDK.

use sha1::{Digest, Sha1};

/// Of the file and its version.
const MAGIC: [u8; 8] = [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2];
/// Debian's and Java's own, known to everybody; it protects nothing.
const PASSWORD: &str = "changeit";
/// An entry that is a trusted certificate.
const CERTIFICATE: u32 = 2;

/// The same store with one time for all entries, in seconds since 1970. None when it is no such store, is damaged, or holds a key,
/// which is somebody's own.
pub fn at_one_time(store: &[u8], epoch: u64) -> Option<Vec<u8>> {
    let (body, sum) = store.split_at_checked(store.len().checked_sub(20)?)?;
    if !body.starts_with(&MAGIC) || seal(body) != *sum {
        return None;
    }
    let mut out = body.to_vec();
    let mut reader = Reader { body, at: MAGIC.len() };
    for _ in 0..reader.number()? {
        if reader.number()? != CERTIFICATE {
            return None;
        }
        reader.text()?;
        let time = reader.at;
        reader.skip(8)?;
        out[time..time + 8].copy_from_slice(&epoch.checked_mul(1000)?.to_be_bytes());
        reader.text()?;
        let size = reader.number()?;
        reader.skip(usize::try_from(size).ok()?)?;
    }
    if reader.at != body.len() {
        return None;
    }
    out.extend(seal(&out));
    Some(out)
}

/// The sum at the end: over the password in UTF-16, a word, and all before it.
fn seal(body: &[u8]) -> [u8; 20] {
    let mut hash = Sha1::new();
    PASSWORD.encode_utf16().for_each(|unit| hash.update(unit.to_be_bytes()));
    hash.update(b"Mighty Aphrodite");
    hash.update(body);
    hash.finalize().into()
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn skip(&mut self, size: usize) -> Option<&[u8]> {
        let bytes = self.body.get(self.at..self.at.checked_add(size)?)?;
        self.at += size;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u32> {
        self.skip(4).map(|bytes| bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
    }

    /// Of `DataOutput.writeUTF`: two bytes of length, then so many.
    fn text(&mut self) -> Option<()> {
        let size = self.skip(2)?.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
        self.skip(size).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_times_change() {
        let mut body = MAGIC.to_vec();
        body.extend([0, 0, 0, 1, 0, 0, 0, 2, 0, 1, b'a', 0, 0, 1, 2, 3, 4, 5, 6, 0, 5]);
        body.extend(b"X.509");
        body.extend([0, 0, 0, 3, 7, 8, 9]);
        let store = [&body[..], &seal(&body)].concat();
        let settled = at_one_time(&store, 1).expect("a store");
        assert_eq!(settled.len(), store.len());
        assert_eq!(settled[19..27], 1000_u64.to_be_bytes());
        assert_eq!(at_one_time(&settled, 1), Some(settled.clone()), "a second time changes nothing");
        for cut in 0..store.len() {
            assert_eq!(at_one_time(&store[..cut], 1), None, "{cut}");
        }
        let mut damaged = store;
        damaged[30] ^= 1;
        assert_eq!(at_one_time(&damaged, 1), None);
    }
}
