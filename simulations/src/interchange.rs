//! Sets of membership operations as JSON, and what they fold to, so that independent implementations of the log can be
//! compared on the same sets. The form is described in `simulations/README.md`.

mod dump;
mod read;
mod write;

pub use dump::{dump, operation_json};
pub use read::{Input, read};
pub use write::state_json;

use coterie_protocol::OperationId;
use coterie_protocol::testing::membership::{Given, Membership};
use serde_json::Value;

/// Numbers of seats that can be asked for: each is a program of its own.
pub const SEATS: &[usize] = &[1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 32, 50, 64, 100];

/// Does something with the number of seats as a constant.
macro_rules! with_seats {
    ($seats:expr, $does:ident($($argument:expr),*)) => {
        match $seats {
            1 => $does::<1>($($argument),*),
            2 => $does::<2>($($argument),*),
            3 => $does::<3>($($argument),*),
            4 => $does::<4>($($argument),*),
            5 => $does::<5>($($argument),*),
            6 => $does::<6>($($argument),*),
            7 => $does::<7>($($argument),*),
            8 => $does::<8>($($argument),*),
            10 => $does::<10>($($argument),*),
            12 => $does::<12>($($argument),*),
            16 => $does::<16>($($argument),*),
            20 => $does::<20>($($argument),*),
            32 => $does::<32>($($argument),*),
            50 => $does::<50>($($argument),*),
            64 => $does::<64>($($argument),*),
            100 => $does::<100>($($argument),*),
            other => Err(format!("{other} seats: one of {SEATS:?}")),
        }
    };
}

/// Reads operations and folds them; with `at`, only the past of these.
///
/// # Errors
/// What is malformed, and where.
pub fn fold_text(text: &str, seats: usize, at: &[OperationId]) -> Result<String, String> {
    let input = read(text)?;
    with_seats!(seats, fold_input(input, at))
}

/// A random set of operations.
///
/// # Errors
/// For a number of seats that is none.
pub fn dump_text(seed: u64, operations: usize, seats: usize, kind: Kind) -> Result<String, String> {
    if seats < 4 {
        return Err("the generators need 4 seats".into());
    }
    with_seats!(seats, dump(seed, operations, kind))
}

/// Who makes a random set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// People who keep to their duties.
    Honest,
    /// People who fork, forge, pin and claim at random.
    Byzantine,
}

fn fold_input<const S: usize>(input: Input, at: &[OperationId]) -> Result<String, String> {
    let Input { genesis, others } = input;
    let refused = |rule| format!("the genesis is refused: {rule}");
    let whole = Membership::<S>::of_given(genesis.clone(), others.clone()).map_err(refused)?;
    if at.is_empty() {
        return Ok(state_json(&whole).to_string());
    }
    if let Some(absent) = at.iter().find(|id| whole.log.operation(id).is_none()) {
        return Err(format!("--at {absent}: not an admitted operation"));
    }
    let past = whole.log.past_of(&coterie_protocol::Heads::new(at.to_vec()));
    let others = others.into_iter().filter(|(id, _)| past.contains(id)).collect();
    let part: Given<S> = Membership::of_given(genesis, others).map_err(refused)?;
    let json: Value = state_json(&Given { pending: whole.pending, rejected: whole.rejected, ..part });
    Ok(json.to_string())
}
