//! See `inputs::packages`.
#![no_main]
#![allow(dead_code, reason = "each target is a program of its own and takes what it needs")]

#[path = "../../regressions/inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inputs::packages(bytes));
