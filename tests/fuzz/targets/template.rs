//! Text as a template and as an expression of a profile, seen with the names of a real host: it ends, with a result or a reason.
#![no_main]

mod support;

use std::sync::LazyLock;

use clusterseed::cluster::LocalFiles;
use clusterseed::compile::{self, Inputs};
use clusterseed::diag::{Diagnostics, Sources};
use clusterseed::format::checksum::Sha256Sum;
use clusterseed::profile::catalog::Catalog;
use clusterseed::profile::engine::Engine;
use minijinja::Value;

const SPEC: &str = include_str!("../../../src/cli/cluster.yaml");

/// What templates of the guide's first host see.
static SCOPE: LazyLock<Value> = LazyLock::new(|| {
    let (mut sources, mut diags) = (Sources::default(), Diagnostics::new());
    let spec = compile::parse_spec(SPEC, "cluster.yaml", &mut sources, &mut diags);
    let digest = Sha256Sum::of(SPEC.as_bytes());
    let inputs = Inputs { digest, spec, catalog: Catalog::embedded(), local: LocalFiles::new(), epoch: 0 };
    let cluster = compile::check(&inputs, &mut sources, &mut diags).expect("the guide's cluster");
    cluster.host_scope(&cluster.hosts[0], &mut diags)
});

libfuzzer_sys::fuzz_target!(|text: &str| {
    if support::amplifies(text.as_bytes()) {
        return;
    }
    let mut engine = Engine::default();
    let checked = engine.check_text(text);
    let rendered = engine.render_text(text, &SCOPE);
    assert!(checked.is_ok() || rendered.is_err() || !(text.contains("{{") || text.contains("{%")), "{text}");
    engine.names_of_text(text);
    if engine.add("text", text).is_ok() {
        engine.names_of_template("text");
        // An endless loop takes a second until its fuel is gone: once is enough.
        if let Ok(rendered) = rendered {
            assert_eq!(Some(rendered), engine.render("text", &SCOPE).ok(), "{text}");
        }
    }
    if engine.expression(text).is_ok() {
        engine.names_of_expression(text);
        let _ = engine.eval(text, &SCOPE);
    }
});
