//! `key`: the fingerprint that goes into the spec, of a key that is made where there is none.

use anyhow::Result;

use super::args::Key;
use super::{Verdict, carried, report};
use crate::io::sign;

/// Prints the fingerprint of the key that signs, or the key.
pub fn run(options: &Key) -> Result<Verdict> {
    let key = carried::key(options.sign_with.as_deref(), &options.spec, true, 0)?;
    if key.made {
        report::say(&format!("made {}: hosts trust what it signs; keep it, and keep it out of version control", sign::FILE));
    }
    if options.public {
        report::data(&key.armored)?;
    } else {
        report::data(&format!("{}\n", key.fingerprint))?;
        report::say("for hosts that take seeds of this key alone, add to the spec: `trust: {fingerprints: [\"…\"]}`");
    }
    Ok(Verdict::Done)
}
