//! The `situs` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    situs::cli::main()
}
