//! Entry: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    clusterseed::cli::main()
}
