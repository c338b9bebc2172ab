//! The boundary to the machine: [`load`] reads, [`output`] writes, [`probe`] asks over the network; nothing else does any of it.

pub mod git;
pub mod load;
pub mod output;
pub mod probe;
pub mod tree;
