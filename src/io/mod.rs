//! The boundary to the machine: [`load`] reads, [`output`] writes, nothing else does either.

pub mod load;
pub mod output;
pub mod sign;
pub mod store;
pub mod tree;
