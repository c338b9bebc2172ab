//! Diagnostics and failures on stderr, data on stdout.

use std::io::{self, Write};

use crate::diag::{Diagnostics, Sources, render};

use super::args::Format;

/// Prints diagnostics: for people on stderr, as JSON Lines on stdout.
pub fn diagnostics(diags: &Diagnostics, sources: &Sources, format: Format) -> io::Result<()> {
    let written = match format {
        Format::Text => {
            let mut err = anstream::stderr().lock();
            err.write_all(render::all(diags, sources, true).as_bytes())
        }
        Format::Json => diags.iter().try_for_each(|d| data(&format!("{}\n", render::json_line(d, sources)))),
    };
    heard_or_not(written)
}

/// A reader that went away, as `head` does, changes no verdict: errors stay errors, and a build is still to be made.
pub fn heard_or_not(written: io::Result<()>) -> io::Result<()> {
    written.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
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
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(on_stdout)
}

/// Writes bytes to stdout.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(on_stdout)
}

/// Says where it happened; the kind stays, a reader that went away is no failure.
fn on_stdout(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("writing to standard output: {error}"))
}

/// Writes words to stderr.
pub fn say(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// `1 file`, `2 files`.
pub fn count(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}
