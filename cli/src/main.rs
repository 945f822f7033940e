//! `coterie`: parse what was typed, run it, print what went wrong, exit with the right code.

mod api;
mod args;
mod commands;
mod error;
mod output;
mod prompt;
mod qr;
mod text;
mod when;

use clap::Parser;
use std::process::ExitCode;

use crate::args::Arguments;
use crate::output::Output;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(wrong) => return output::explain(&wrong),
    };
    let output = Output::new(&arguments.global);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return output.fail(&error::Diagnostic::internal(&why.to_string())),
    };
    match runtime.block_on(commands::run(arguments, &output)) {
        Ok(code) => ExitCode::from(code),
        Err(diagnostic) => output.fail(&diagnostic),
    }
}
