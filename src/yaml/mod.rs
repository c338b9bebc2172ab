//! YAML in both directions: [`read`] what people wrote, with positions; [`write`] what targets read.

pub mod read;
pub mod write;
