//! Diagnostics and failures on stderr, data on stdout.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::diag::{Diagnostics, Sources, render};
pub use crate::format::names::count;

use super::args::Format;

/// Prints diagnostics: for people on stderr, as JSON Lines on stdout.
pub fn diagnostics(diags: &Diagnostics, sources: &Sources, format: Format) -> io::Result<()> {
    match format {
        Format::Text => match anstream::stderr().lock().write_all(render::all(diags, sources, true).as_bytes()) {
            // Errors stay errors, and a build is still to be made.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        },
        Format::Json => diags.iter().try_for_each(|d| data(&format!("{}\n", render::json_line(d, sources)))),
    }
}

/// Prints what the machine did wrong, outermost first.
pub fn failure(error: &anyhow::Error) {
    let bold = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{bold}error{bold:#}: {error:#}");
}

/// Writes data to stdout.
pub fn data(text: &str) -> io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes data with colours to stdout, which loses them where nobody would see them.
pub fn styled(text: &str) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    heard(|| out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes bytes to stdout.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    heard(|| out.write_all(bytes).and_then(|()| out.flush()))
}

/// Whether the reader of stdout went away, as `head` does.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Writes for as long as somebody listens. That nobody does any more is no failure and no verdict: the work goes on to its end.
fn heard(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if CLOSED.load(Ordering::Relaxed) {
        return Ok(());
    }
    match write() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => CLOSED.store(true, Ordering::Relaxed),
        Err(error) => return Err(io::Error::new(error.kind(), format!("writing to standard output: {error}"))),
        Ok(()) => {}
    }
    Ok(())
}

/// Writes words to stderr.
pub fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
