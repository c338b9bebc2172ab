//! The boundary to the machine: [`load`] reads, [`output`] writes, nothing else does either.

pub mod base;
pub mod carried;
pub mod debs;
pub mod fetch;
pub mod gpgv;
pub mod load;
pub mod output;
pub mod sign;
pub mod source;
pub mod store;
pub mod tree;
pub mod web;
