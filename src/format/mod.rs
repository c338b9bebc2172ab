//! Public formats that know nothing of clusters: tarballs, gzip, checksums, Debian versions, OpenPGP armor.

pub mod checksum;
pub mod debversion;
pub mod gzip;
pub mod openpgp;
pub mod tarball;
