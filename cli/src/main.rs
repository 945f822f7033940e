//! `coterie`: parse what was typed, run it, print what went wrong, exit with the right code.

mod api;
mod args;
mod commands;
mod error;
mod output;
mod prompt;
mod qr;
mod screen;
mod text;
mod when;
mod wording;

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
    let building = has_descriptors().and_then(|()| tokio::runtime::Builder::new_current_thread().enable_all().build());
    let runtime = match building {
        Ok(runtime) => runtime,
        Err(why) => {
            let short = error::Diagnostic::new("busy", 1, "this computer gives Coterie too little", why.to_string());
            return output.fail(&short.hint("ulimit -n 1024"));
        }
    };
    match runtime.block_on(commands::run(arguments, &output)) {
        Ok(code) => ExitCode::from(code),
        Err(diagnostic) => output.fail(&diagnostic),
    }
}

/// Without a few file descriptors the runtime panics; so they are tried first.
fn has_descriptors() -> std::io::Result<()> {
    let held: std::io::Result<Vec<_>> = (0..DESCRIPTOR_PAIRS).map(|_| std::os::unix::net::UnixStream::pair()).collect();
    held.map(drop)
}

/// Twice as many descriptors are open while the shortest command runs (measured: 9), with some to spare.
const DESCRIPTOR_PAIRS: usize = 6;
