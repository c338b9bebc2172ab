//! Volume descriptors (ECMA-119, 8) and path tables (9.4).

use std::io;

use super::super::pieces::Sink;
use super::SECTOR;
use super::record::{Dates, Tree, both32, record, ucs2};

/// A root folder.
pub struct Root {
    /// Of which tree.
    pub tree: Tree,
    /// Its first sector.
    pub at: u32,
    /// Its bytes.
    pub size: u32,
}

/// Bytes of a path table that knows the root folder alone.
const PATH_TABLE: u32 = 10;

/// Text of a field that is filled with blanks.
fn text(tree: Tree, text: &str, width: usize) -> Vec<u8> {
    let mut out = if tree == Tree::Primary { text.as_bytes().to_vec() } else { ucs2(text) };
    while out.len() < width {
        let blank: &[u8] = if tree == Tree::Primary { b" " } else { b"\0 " };
        out.extend(blank);
    }
    out.truncate(width);
    out
}

/// The primary descriptor, or Joliet's supplementary one. The label is written as it is: d-characters would be upper case, but
/// cloud-init 0.7.5 looks for `cidata` and takes no other.
pub fn volume(root: &Root, tables: u32, label: &str, sectors: u32, dates: &Dates, out: &mut impl Sink) -> io::Result<()> {
    let tree = root.tree;
    let mut d = Vec::with_capacity(SECTOR);
    d.push(if tree == Tree::Primary { 1 } else { 2 });
    d.extend(b"CD001\x01\0");
    d.extend(text(tree, "LINUX", 32));
    d.extend(text(tree, label, 32));
    d.extend([0; 8]);
    d.extend(both32(sectors));
    // Escape sequence of UCS-2 level 3.
    d.extend(if tree == Tree::Primary { b"\0\0\0" } else { b"%/E" });
    d.extend([0; 29]);
    // Set of one volume, the first in it, with these sectors.
    d.extend([1, 0, 0, 1, 1, 0, 0, 1, 0x00, 0x08, 0x08, 0x00]);
    d.extend(both32(PATH_TABLE));
    // In little and big endian, each with an optional copy that is not there.
    for value in [tables.to_le_bytes(), [0; 4], (tables + 1).to_be_bytes(), [0; 4]] {
        d.extend(value);
    }
    d.extend(record(&[0], root.at, root.size, true, dates, &[]));
    // Volume set, publisher, preparer, application; files for copyright, abstract and bibliography.
    for width in [128, 128, 128, 128, 37, 37, 37] {
        d.extend(text(tree, "", width));
    }
    // Created, modified; expires, effective: not said.
    for date in [dates.long, dates.long, *b"0000000000000000\0", *b"0000000000000000\0"] {
        d.extend(date);
    }
    d.extend([1, 0]);
    d.resize(SECTOR, 0);
    out.put(&d)
}

/// The end of the descriptors.
pub fn end(out: &mut impl Sink) -> io::Result<()> {
    let mut d = b"\xffCD001\x01".to_vec();
    d.resize(SECTOR, 0);
    out.put(&d)
}

/// A table with the root folder alone: its sector and its parent, itself, in one byte order.
pub fn path_table(at: [u8; 4], parent: [u8; 2], out: &mut impl Sink) -> io::Result<()> {
    let mut table = vec![1, 0];
    table.extend(at);
    table.extend(parent);
    table.extend([0, 0]);
    table.resize(SECTOR, 0);
    out.put(&table)
}
