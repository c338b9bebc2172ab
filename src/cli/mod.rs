//! The command line: arguments, dispatch, words for people. Data goes to stdout, words to stderr.

mod apps;
mod args;
mod bake;
mod bom;
mod build;
mod carried;
mod check;
mod diff;
mod explain;
mod fetch;
mod guide;
mod image;
mod init;
mod inspect;
mod key;
mod lock;
mod meta;
mod next;
mod page;
mod profile;
mod progress;
mod report;
mod sides;
mod status;
mod store;
mod verify;

use std::process::ExitCode;

use args::{Arguments, Command};

/// The spec, or the checked thing, has errors.
const WRONG: u8 = 1;
/// Usage, input/output or an outside tool failed.
const FAILED: u8 = 2;

/// How a command ended, when it ended as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Done,
    /// What was looked at has errors, which have been shown.
    Wrong,
}

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    let arguments = match args::parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not errors.
            let code = if error.use_stderr() { FAILED } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    arguments.global.color.write_global();
    match run(arguments) {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::from(WRONG),
        Err(error) => {
            report::failure(&error);
            ExitCode::from(FAILED)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<Verdict> {
    let global = &arguments.global;
    match &arguments.command {
        Command::Init(options) => init::run(options),
        Command::Check(options) => check::run(options, global),
        Command::Explain(options) => explain::run(options, global),
        Command::Lock(options) => lock::run(options, global),
        Command::Fetch(options) => fetch::run(options, global),
        Command::Store(options) => store::run(options),
        Command::Bom(options) => bom::run(options, global),
        Command::Key(options) => key::run(options),
        Command::Build(options) => build::run(options, global),
        Command::Render(options) => inspect::render(options, global),
        Command::Plan(options) => inspect::plan(options, global),
        Command::Diff(options) => diff::run(options, global),
        Command::Guide(options) => guide::run(options, global),
        Command::Report(options) => page::run(options, global),
        Command::Verify(options) => verify::run(options),
        Command::Status(options) => status::run(options, global),
        Command::Apps(options) => apps::run(options, global),
        Command::Bake(options) => bake::run(options, global),
        Command::Image(options) => image::run(options),
        Command::Schema(options) => meta::schema(options, global),
        Command::Completions(options) => meta::completions(options),
        Command::Man => meta::man(),
        Command::Profile(options) => profile::run(options, global),
    }
}
