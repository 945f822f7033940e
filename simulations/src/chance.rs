//! Luck, one stream per purpose: what one part of the world draws never shifts what another part draws.
//!
//! Rule SIM-10: every stream is ChaCha8 seeded with SHA-256("coterie-sim/1" ‖ seed ‖ purpose ‖ index). So one event
//! can be taken out of a scenario and all the others still meet the same luck; the shrinker lives on that.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// One million: chances are whole numbers per million, for floats differ between machines.
pub const MILLION: u32 = 1_000_000;

/// A stream for one purpose.
#[must_use]
pub fn stream(seed: u64, purpose: &str, index: u64) -> ChaCha8Rng {
    let mut hash = Sha256::new_with_prefix(b"coterie-sim/1");
    hash.update(seed.to_be_bytes());
    hash.update(purpose.as_bytes());
    hash.update(index.to_be_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A number below `bound` (0 if the bound is 0).
pub fn below(rng: &mut ChaCha8Rng, bound: u64) -> u64 {
    // The high half of the product: even enough for bounds far below 2^64.
    let product = u128::from(rng.next_u64()) * u128::from(bound);
    u64::try_from(product >> 64).unwrap_or(0)
}

/// A number from `low` to `high`, both included.
pub fn between(rng: &mut ChaCha8Rng, low: u64, high: u64) -> u64 {
    low + below(rng, high.saturating_sub(low) + 1)
}

/// Whether something of this chance happens.
pub fn happens(rng: &mut ChaCha8Rng, per_million: u32) -> bool {
    below(rng, u64::from(MILLION)) < u64::from(per_million)
}

/// A waiting time with about this mean, mostly short and sometimes long: the number of coin throws until heads, made
/// continuous, comes close to the exponential distribution without a float.
pub fn exponential(rng: &mut ChaCha8Rng, mean: u64) -> u64 {
    let throws = u64::from(rng.next_u64().leading_zeros());
    let fraction = below(rng, 1_000);
    mean.saturating_mul((throws * 1_000 + fraction) * 667) / 1_000_000
}

/// A number between `low` and `high`, each order of magnitude as likely as the next.
pub fn log_uniform(rng: &mut ChaCha8Rng, low: u64, high: u64) -> u64 {
    let low = low.max(1);
    let doublings = u64::from((high.max(low) / low).ilog2());
    let base = low << below(rng, doublings + 1);
    between(rng, base, (base * 2).min(high.max(low)))
}

/// One of several.
pub fn pick<'a, T>(rng: &mut ChaCha8Rng, from: &'a [T]) -> Option<&'a T> {
    let index = below(rng, from.len() as u64);
    from.get(usize::try_from(index).ok()?)
}

/// Mixes a list.
pub fn shuffle<T>(rng: &mut ChaCha8Rng, list: &mut [T]) {
    for end in (1..list.len()).rev() {
        let other = usize::try_from(below(rng, end as u64 + 1)).unwrap_or(0);
        list.swap(end, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sim_10_streams_depend_on_seed_purpose_and_index_and_nothing_else() {
        let draw = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        assert_eq!(draw(7, "host", 1), draw(7, "host", 1));
        assert!(draw(7, "host", 1) != draw(8, "host", 1));
        assert!(draw(7, "host", 1) != draw(7, "pair", 1));
        assert!(draw(7, "host", 1) != draw(7, "host", 2));
    }

    #[test]
    fn draws_stay_in_their_ranges_and_reach_their_ends() {
        let mut rng = stream(1, "test", 0);
        let drawn: Vec<u64> = (0..500).map(|_| between(&mut rng, 3, 6)).collect();
        assert!(drawn.iter().all(|n| (3..=6).contains(n)) && drawn.contains(&3) && drawn.contains(&6));
        let mean = (0..4_000).map(|_| exponential(&mut rng, 1_000)).sum::<u64>() / 4_000;
        assert!((850..1_150).contains(&mean), "{mean}");
        assert!((0..500).all(|_| (100..=90_000).contains(&log_uniform(&mut rng, 100, 90_000))));
        assert!(!happens(&mut rng, 0) && happens(&mut rng, MILLION));
    }
}
