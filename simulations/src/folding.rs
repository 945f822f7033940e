//! The commands that compare implementations of the membership log.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use coterie_protocol::OperationId;
use coterie_simulations::interchange::{Kind, dump_text, fold_text};

use crate::door;

#[derive(Args)]
pub(crate) struct Fold {
    /// A list of operations as JSON; `-` is the standard input.
    #[arg(required_unless_present = "dump", conflicts_with = "dump")]
    file: Option<PathBuf>,
    /// How many seats the group has.
    #[arg(long, default_value = "100")]
    seats: usize,
    /// Only the past of these operations.
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = id, conflicts_with = "dump")]
    at: Vec<OperationId>,
    /// Write a random set of operations instead.
    #[arg(long, requires_all = ["seed", "ops"])]
    dump: bool,
    /// Which set.
    #[arg(long, value_parser = door::seed)]
    seed: Option<u64>,
    /// How many operations.
    #[arg(long)]
    ops: Option<usize>,
    /// By people who keep to no rule.
    #[arg(long, requires = "dump")]
    byzantine: bool,
}

fn id(text: &str) -> Result<OperationId, String> {
    let bytes = data(text).ok_or_else(|| format!("{text} is not 64 lower-case hex digits"))?;
    Ok(OperationId(bytes))
}

fn data(text: &str) -> Option<[u8; 32]> {
    let good = text.len() == 64 && text.bytes().all(|letter| matches!(letter, b'0'..=b'9' | b'a'..=b'f'));
    let byte = |n: usize| u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..32).filter(|_| good).filter_map(byte).collect();
    bytes.try_into().ok()
}

/// Exit code 0; malformed input is an error with its place.
pub(crate) fn fold(command: &Fold) -> Result<u8, String> {
    let line = match (command.seed, command.ops, &command.file) {
        (Some(seed), Some(operations), None) => {
            let kind = if command.byzantine { Kind::Byzantine } else { Kind::Honest };
            dump_text(seed, operations, command.seats, kind)?
        }
        (_, _, Some(path)) => {
            let text = if path.as_os_str() == "-" { standard_input()? } else { door::read(path)? };
            fold_text(&text, command.seats, &command.at)?
        }
        (_, _, None) => return Err("a file, or --dump with --seed and --ops".into()),
    };
    door::say(&line);
    Ok(0)
}

fn standard_input() -> Result<String, String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}
