//! `coterie-sim`: rehearse a year of partitions in a minute.
//!
//! Exit codes: 0 good · 2 usage or scenario · 10 safety · 11 durability · 12 confidentiality · 13 liveness ·
//! 14 a demand of the scenario · 15 panic · 16 not deterministic · 17 worse than the base.
#![forbid(unsafe_code)]

mod bugs;
mod campaign;
mod commands;
mod door;
mod folding;
mod gate;
mod speed;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    ExitCode::from(commands::run(&arguments))
}
