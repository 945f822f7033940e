//! What can be typed about recovery codes.

use std::path::PathBuf;

use clap::Subcommand;

/// `group recovery`.
#[derive(Debug, Subcommand)]
#[command(
    after_long_help = "When the organiser is lost:\n  1. Whoever is to come after:   coterie group recovery request\n  \
    2. Each who keeps a code:      coterie group recovery approve REQUEST\n  \
    3. Whoever is to come after:   coterie group recovery take APPROVAL APPROVAL"
)]
pub enum Recovery {
    /// Whether the group has recovery codes, and how many must agree
    Show {
        /// Which group
        group: Option<String>,
    },
    /// Ask to become the organiser: prints one line for those who keep codes
    Request {
        /// Which group
        group: Option<String>,
        /// After a theft: the last operation of the organiser that shall count, as `group log` shows it
        #[arg(long, value_name = "ID")]
        until: Option<String>,
    },
    /// Agree with a code you keep: prints one line to send back
    Approve {
        /// The line you were sent; "-" reads standard input
        request: String,
        /// Read the code from this file instead of asking ("-": standard input)
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
        /// Agree even if things that the organiser did would not count any more: after a theft
        #[arg(long)]
        anyway: bool,
    },
    /// Become the organiser, with enough approvals
    Take {
        /// The lines you were sent back; "-" reads them from standard input
        #[arg(required = true)]
        approvals: Vec<String>,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
}

/// `2of3`.
pub(super) fn plan(text: &str) -> Result<(u8, u8), String> {
    let squeezed: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let read = |part: &str| part.parse::<u8>().ok();
    match squeezed.split_once("of").map(|(threshold, codes)| (read(threshold), read(codes))) {
        Some((Some(threshold), Some(codes))) if (1..=codes).contains(&threshold) && codes <= RECOVERY_CODES_MAX => {
            Ok((threshold, codes))
        }
        _ => {
            Err(format!("write it like 2of3: at most {RECOVERY_CODES_MAX} codes, and no more to agree than there are"))
        }
    }
}

/// As many codes as a group may have (MB-Z1).
const RECOVERY_CODES_MAX: u8 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mb_z01_recovery_is_written_like_2of3() {
        assert_eq!(plan("2of3"), Ok((2, 3)));
        assert_eq!(plan("1 of 1"), Ok((1, 1)));
        assert!(["", "2", "0of3", "4of3", "2of8", "twoofthree", "2of"].into_iter().all(|text| plan(text).is_err()));
    }
}
