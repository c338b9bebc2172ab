//! SHA-256 digests and the format of sha256sum(1).

use std::sync::Arc;

use sha2::{Digest, Sha256};

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Sum(pub [u8; 32]);

impl Sha256Sum {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest that sixty-four lower-case hexadecimal digits say.
    pub fn from_hex(text: &str) -> Option<Self> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let pairs = text.as_bytes().chunks(2).map(|pair| Some(value(*pair.first()?)? << 4 | value(*pair.get(1)?)?));
        Some(Self(pairs.collect::<Option<Vec<u8>>>()?.try_into().ok()?))
    }

    /// Sixty-four lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl std::fmt::Debug for Sha256Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    digits.map(char::from).collect()
}

/// A SHA256SUMS file: `digest`, two blanks, path, sorted by path as `LC_ALL=C sort` does.
pub fn sums<'a>(entries: impl IntoIterator<Item = (&'a str, Sha256Sum)>) -> String {
    let mut lines: Vec<_> = entries.into_iter().collect();
    lines.sort_unstable();
    let mut out = String::with_capacity(lines.len() * 100);
    for (path, sum) in lines {
        out.push_str(&sum.hex());
        out.push_str("  ");
        out.push_str(path);
        out.push('\n');
    }
    out
}

/// Bytes and their digest, shared between hosts.
#[derive(Debug)]
pub struct Content {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their SHA-256.
    pub sha256: Sha256Sum,
}

impl Content {
    /// Digests the bytes.
    pub fn shared(bytes: Vec<u8>) -> Arc<Self> {
        let sha256 = Sha256Sum::of(&bytes);
        Arc::new(Self { bytes, sha256 })
    }
}
