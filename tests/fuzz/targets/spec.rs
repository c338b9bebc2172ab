//! Bytes as a spec: parsed, resolved with the shipped profiles, checked, drawn, built.
#![no_main]

mod support;

use std::sync::LazyLock;

use clusterseed::profile::catalog::Catalog;

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::embedded);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| support::whole_way(bytes, CATALOG.clone()));
