//! Reproducible gzip of one piece of data.

use std::io::Write;

use flate2::{Compression, GzBuilder};

/// The best that there is: it runs only where every byte counts.
const LEVEL: u32 = 9;

/// Packs `bytes`; without name and time, so that equal bytes give equal bytes.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzBuilder::new().write(Vec::with_capacity(bytes.len() / 3 + 64), Compression::new(LEVEL));
    gz.write_all(bytes).and_then(|()| gz.finish()).unwrap_or_else(|error| unreachable!("memory takes every byte: {error}"))
}
