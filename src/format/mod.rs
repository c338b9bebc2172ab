//! Public formats that know nothing of clusters: tarballs, checksums, Debian versions, OpenPGP armor.

pub mod checksum;
pub mod debversion;
pub mod openpgp;
pub mod tarball;
