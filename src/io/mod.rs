//! The boundary to the machine: [`load`] reads, [`output`] writes, [`probe`] and [`web`] go over the network; nothing else does any of it.

pub mod base;
pub mod carried;
pub mod copyright;
pub mod debs;
pub mod fetch;
pub mod git;
pub mod gpgv;
pub mod load;
pub mod output;
pub mod probe;
pub mod scratch;
pub mod sign;
pub mod source;
pub mod store;
pub mod tree;
pub mod web;
