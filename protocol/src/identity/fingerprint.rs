//! What two people compare to know that they talk to each other: digits and words (E-96, E-97).
//!
//! The numbers and words say nothing secret. They are slow to compute on purpose: whoever looks for a key that gives
//! the same words must pay 64 MiB and about a tenth of a second for each try. So a shell computes them outside the
//! thread that owns the core, and keeps them.

use alloc::string::String;
use alloc::vec::Vec;

use crate::crypto::stretch::{safety_digest, words_digest};
use crate::crypto::{Field, Label, hash};
use crate::ids::{Digest, GroupId, MemberKey};

/// The BIP-39 English list, one word a line (SHA-256 of the file: 2f5eed53…dbda).
const WORDS: &str = include_str!("words.txt");
/// Words in the list: 11 bits each.
const WORDS_COUNT: usize = 2_048;
/// Words for one key.
const KEY_WORDS: usize = 6;
/// Words for one group.
const GROUP_WORDS: usize = 8;
/// Groups of five digits for one key.
const SAFETY_GROUPS: usize = 6;

/// What the text of a safety code begins with; all of it fits the alphanumeric mode of QR codes.
const SAFETY_PREFIX: &str = "COTERIE:V/";

/// The machine could not give the memory that the slow digest needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not enough memory to compute the words")]
pub struct NoMemory;

/// Rule E-96: twelve groups of five digits, the same for both and in every group, the smaller key's six first.
#[must_use]
pub fn safety_number(a: &MemberKey, b: &MemberKey) -> [u32; 2 * SAFETY_GROUPS] {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    let mut out = [0; 2 * SAFETY_GROUPS];
    let digits = groups(first).into_iter().chain(groups(second));
    out.iter_mut().zip(digits).for_each(|(slot, group)| *slot = group);
    out
}

/// The safety number as people read it: twelve groups with a space between.
#[must_use]
pub fn safety_text(number: &[u32; 2 * SAFETY_GROUPS]) -> String {
    let groups: Vec<String> = number.iter().map(|group| alloc::format!("{group:05}")).collect();
    groups.join(" ")
}

/// Rule E-97: six words for a member key.
///
/// # Errors
/// [`NoMemory`] if 64 MiB cannot be had.
pub fn key_words(key: &MemberKey) -> Result<Vec<&'static str>, NoMemory> {
    let digest = words_digest(Label::KeyWords, &[Field::B(&key.0)]).map_err(|_| NoMemory)?;
    Ok(cut_words(&digest, KEY_WORDS))
}

/// By E-96, what the QR code of two people says: both keys, the smaller one first, in hexadecimal.
#[must_use]
pub fn safety_code(a: &MemberKey, b: &MemberKey) -> String {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    let mut code = String::from(SAFETY_PREFIX);
    first.0.iter().chain(&second.0).for_each(|byte| code.push_str(&alloc::format!("{byte:02X}")));
    code
}

/// What a group's code words are made from (E-97).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCode {
    pub(crate) gid: GroupId,
    pub(crate) roster: Digest,
    pub(crate) policy: Vec<u8>,
}

impl GroupCode {
    /// The eight words. Slow on purpose: never in the thread that owns the core.
    ///
    /// # Errors
    /// [`NoMemory`] if 64 MiB cannot be had.
    pub fn words(&self) -> Result<Vec<&'static str>, NoMemory> {
        group_code(&self.gid, &self.roster, &self.policy)
    }
}

/// By E-97, eight words for a group, its Keyed members and its policy: equal words, equal group.
///
/// # Errors
/// [`NoMemory`] if 64 MiB cannot be had.
pub fn group_code(gid: &GroupId, roster_hash: &Digest, policy: &[u8]) -> Result<Vec<&'static str>, NoMemory> {
    let policy = hash(Label::Policy, &[Field::B(policy)]);
    let fields = [Field::B(&gid.0), Field::B(&roster_hash.0), Field::B(&policy.0)];
    let digest = words_digest(Label::GroupCode, &fields).map_err(|_| NoMemory)?;
    Ok(cut_words(&digest, GROUP_WORDS))
}

fn groups(key: &MemberKey) -> [u32; SAFETY_GROUPS] {
    let digest = safety_digest(key);
    let mut out = [0; SAFETY_GROUPS];
    for (slot, five) in out.iter_mut().zip(digest.chunks_exact(5)) {
        let number = five.iter().fold(0_u64, |number, &byte| (number << 8) | u64::from(byte)) % 100_000;
        *slot = u32::try_from(number).unwrap_or_default();
    }
    out
}

/// 11 bits a word, from the first bit on.
fn cut_words(digest: &[u8; 32], count: usize) -> Vec<&'static str> {
    let words: Vec<&'static str> = WORDS.lines().collect();
    let bits: Vec<bool> = digest.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    bits.chunks_exact(11)
        .take(count)
        .map(|chunk| chunk.iter().fold(0, |index, &bit| (index << 1) | usize::from(bit)) % WORDS_COUNT)
        .filter_map(|index| words.get(index).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::crypto::derive::sha256;
    use crate::crypto::sign::KeyPair;
    use alloc::vec;

    /// Member i of the anchors at E-108.
    fn member(i: u8) -> MemberKey {
        KeyPair::from_seed(&Secret::new(sha256(&[i]).0)).public()
    }

    #[test]
    fn e_97_the_list_is_the_one_that_everybody_has() {
        assert_eq!(WORDS.lines().count(), WORDS_COUNT);
        assert!(alloc::format!("{}", sha256(WORDS.as_bytes())).starts_with("2f5eed53a4727b4bf8880d8f3f199efc90e58503"));
    }

    #[test]
    fn e_96_the_safety_number_is_the_anchor_whoever_computes_it() {
        let expected = "28409 41924 64637 79456 66301 88824 82888 31401 95769 92417 42638 06735";
        assert_eq!(safety_text(&safety_number(&member(0), &member(1))), expected);
        assert_eq!(safety_text(&safety_number(&member(1), &member(0))), expected);
    }

    #[test]
    fn e_96_the_code_is_the_same_on_both_screens_and_of_these_two_alone() {
        let code = safety_code(&member(0), &member(1));
        assert_eq!(code, safety_code(&member(1), &member(0)));
        assert_ne!(code, safety_code(&member(0), &member(2)));
        assert_eq!(code.len(), 10 + 128);
    }

    #[test]
    fn e_97_key_words_are_the_anchor_and_a_group_code_changes_with_what_it_names() {
        let words = key_words(&member(0)).unwrap();
        assert_eq!(words, vec!["basic", "salad", "manual", "session", "spring", "mushroom"]);
        let code = group_code(&GroupId([1; 32]), &Digest([2; 32]), b"policy").unwrap();
        assert_eq!(code.len(), GROUP_WORDS);
        assert_ne!(code, group_code(&GroupId([1; 32]), &Digest([2; 32]), b"another policy").unwrap());
    }
}
