//! The only randomness of the operating system, drawn and checked before each step: without it no step runs
//! (E-06), because a key or a nonce that repeats is worse than a program that stops.

use std::sync::Mutex;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// The system gives no randomness, or always the same.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no usable randomness, so nothing can be signed or sealed")]
pub(crate) struct NoEntropy;

/// Sixteen bytes of the last draw that went nowhere else: a stuck generator repeats them.
static LAST_CHECK: Mutex<[u8; 16]> = Mutex::new([0; 16]);

/// A generator for one step of the core, seeded with 32 fresh bytes of the system.
///
/// # Errors
/// [`NoEntropy`] if the system gives none or repeats itself.
pub(crate) fn step_rng() -> Result<ChaCha20Rng, NoEntropy> {
    seeded(&LAST_CHECK, |bytes| getrandom::fill(bytes).map_err(|_| NoEntropy))
}

/// Rule R-7: draws the seed and a check that differs from the one before.
fn seeded(
    last: &Mutex<[u8; 16]>,
    draw: impl FnOnce(&mut [u8]) -> Result<(), NoEntropy>,
) -> Result<ChaCha20Rng, NoEntropy> {
    let mut drawn = zeroize::Zeroizing::new([0_u8; 48]);
    draw(&mut *drawn)?;
    let (seed, check) = drawn.split_first_chunk::<32>().ok_or(NoEntropy)?;
    let check = <[u8; 16]>::try_from(check).map_err(|_| NoEntropy)?;
    let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if check == *last || seed.starts_with(&check) {
        return Err(NoEntropy);
    }
    *last = check;
    Ok(ChaCha20Rng::from_seed(*seed))
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    #[test]
    fn two_steps_draw_different_numbers() {
        let (mut one, mut two) = (step_rng().unwrap(), step_rng().unwrap());
        assert_ne!(one.next_u64(), two.next_u64());
    }

    #[test]
    fn r_07_a_generator_that_fails_or_repeats_itself_stops_the_step() {
        let last = Mutex::new([0; 16]);
        assert_eq!(seeded(&last, |_| Err(NoEntropy)).err(), Some(NoEntropy));
        assert_eq!(
            seeded(&last, |bytes| {
                bytes.fill(0);
                Ok(())
            })
            .err(),
            Some(NoEntropy)
        );
        let steady = |bytes: &mut [u8]| {
            bytes.iter_mut().zip(1..).for_each(|(byte, n)| *byte = n);
            Ok(())
        };
        assert!(seeded(&last, steady).is_ok());
        assert_eq!(seeded(&last, steady).err(), Some(NoEntropy));
    }
}
