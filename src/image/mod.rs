//! Images: what must not be in one, and how one is looked into without being mounted or changed.
//!
//! [`leaks`] is the table that `seal` goes by on the machine, read from the same file; [`tree`] shows a root tree, whether it lies in
//! a folder, in a tarball or on a disk ([`disk`]); [`check`] compares the two.

pub mod check;
pub mod disk;
pub mod leaks;
pub mod tree;

/// Where an image says what it is; `apply` compares it with the seed of a host.
pub const PLACE: &str = "/etc/clusterseed/image.json";
