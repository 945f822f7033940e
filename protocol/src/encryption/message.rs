//! A content becomes a ciphertext of one of eight sizes, and a commitment that binds each field alone (E-52 to E-60).
//!
//! The entry's signature covers the commitment, not the words: its salt goes with the message key, so a stored entry
//! ties nobody to words, and the author alone can later show one field without the others. The commitment also ties
//! the ciphertext to one key, which an AEAD by itself does not (Albertini et al., *How to Abuse and Fix Authenticated
//! Encryption Without Key Commitment*, 2022).

use alloc::vec::Vec;

use super::ratchet::MessageKeys;
use crate::crypto::seal::{open, seal};
use crate::crypto::{Field, Label, Secret, Zeroizing, enc, expand, hash, same};
use crate::ids::Digest;
use crate::limits;
use crate::timeline::content::Content;
use crate::timeline::fields::Fields;
use crate::wire::Writer;

/// It does not fit the largest size, even after everything that can be cut was cut: use an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too large for one message")]
pub struct TooLarge;

/// A Message that its author made wrong: it opens to nothing that may be shown (E-62).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenMessage {
    /// The ciphertext does not open under the key of its index.
    #[error("the ciphertext does not open")]
    Seal,
    /// Padding or form are not as they must be (E-52).
    #[error("padding or form is wrong")]
    Form,
    /// The words are not those that were committed to (E-60).
    #[error("the commitment names other words")]
    Commitment,
}

/// Rule E-59: `H("content", [d_0 … d_(n−1)])` with `d_i = H("field", i, n, salt_i, bytes_i)`.
#[must_use]
pub fn commitment(fields: &Fields, salt: &Secret<32>) -> Digest {
    let mut digests = Writer::default();
    digests.array(fields.iter().len());
    field_digests(fields, salt).for_each(|digest| {
        digests.bytes(digest);
    });
    hash(Label::Content, &[Field::Item(&digests.into_bytes())])
}

/// `d_i` of each field, in order.
pub fn field_digests(fields: &Fields, salt: &Secret<32>) -> impl Iterator<Item = Digest> {
    let n = u64::try_from(fields.iter().len()).unwrap_or(u64::MAX);
    fields.iter().zip(0..).map(move |(bytes, i)| {
        let salt = expand(salt.expose(), Label::SaltField, &[Field::U(i)]);
        hash(Label::Field, &[Field::U(i), Field::U(n), Field::B(salt.expose()), Field::B(bytes)])
    })
}

/// Rule E-52: the content, and zeros up to the smallest of 256·2^k that holds it. Wiped on drop.
///
/// # Errors
/// [`TooLarge`] above 32 KiB.
pub fn pad(fields: &Fields) -> Result<Zeroizing<Vec<u8>>, TooLarge> {
    let content = fields.join();
    let size = padded_len(content.len()).ok_or(TooLarge)?;
    let mut padded = Zeroizing::new(Vec::with_capacity(size));
    padded.extend_from_slice(&content);
    padded.resize(size, 0);
    Ok(padded)
}

/// Seals a padded content. The associated data is `enc("msg-aad", hd, commit)` (E-57).
#[must_use]
pub fn seal_content(keys: &MessageKeys, nonce: &[u8; 24], bound: (&Digest, &Digest), padded: &[u8]) -> Vec<u8> {
    if planted!(WordsInTheClear) {
        // As long as if it were sealed, so that no bound notices.
        return padded.iter().copied().chain([0; 16]).collect();
    }
    seal(&keys.key, nonce, &associated(bound), padded)
}

/// Rules E-52, E-60: opens, demands the padding and the form, then the commitment. Changes nothing.
///
/// # Errors
/// What the author did wrong.
pub fn open_content(
    keys: &MessageKeys,
    nonce: &[u8; 24],
    bound: (&Digest, &Digest),
    body: &[u8],
) -> Result<Content, BrokenMessage> {
    let opened = open(&keys.key, nonce, &associated(bound), body).map_err(|_| BrokenMessage::Seal)?;
    let opened = Zeroizing::new(opened);
    let (fields, padding) = Fields::split(&opened).map_err(|_| BrokenMessage::Form)?;
    let used = opened.len().saturating_sub(padding.len());
    if padded_len(used) != Some(opened.len()) || padding.iter().any(|&byte| byte != 0) {
        return Err(BrokenMessage::Form);
    }
    if !same(&commitment(&fields, &keys.salt).0, &bound.1.0) {
        return Err(BrokenMessage::Commitment);
    }
    Content::read(&fields).map_err(|_| BrokenMessage::Form)
}

fn associated((head, commit): (&Digest, &Digest)) -> Vec<u8> {
    enc(Label::MsgAad, &[Field::B(&head.0), Field::B(&commit.0)])
}

fn padded_len(len: usize) -> Option<usize> {
    let mut size = limits::PLAINTEXT_BYTES_MIN;
    while size < len {
        size = size.checked_mul(2)?;
    }
    (size <= limits::PLAINTEXT_BYTES_MAX).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::ratchet::message_keys;
    use crate::timeline::content::{Body, Post};
    use alloc::string::String;

    fn content(text: String) -> Content {
        Content { sent_at: 5, tick: 6, after: Vec::new(), body: Body::Post(Post { text, ..Post::default() }) }
    }

    fn keys() -> MessageKeys {
        message_keys(&Secret::new([8; 32]))
    }

    const HEAD: Digest = Digest([1; 32]);

    #[test]
    fn e_52_only_eight_sizes_occur_and_the_smallest_that_fits() {
        for (text, size) in [(1, 256), (300, 512), (3_000, 4_096), (16_384, 32_768)] {
            assert_eq!(pad(&content("x".repeat(text)).fields()).unwrap().len(), size);
        }
        assert_eq!((padded_len(256), padded_len(257)), (Some(256), Some(512)));
        assert_eq!((padded_len(32_768), padded_len(32_769)), (Some(32_768), None));
    }

    #[test]
    fn e_59_what_opens_is_what_was_committed_to() {
        let content = content(String::from("words"));
        let (fields, keys) = (content.fields(), keys());
        let commit = commitment(&fields, &keys.salt);
        let body = seal_content(&keys, &[2; 24], (&HEAD, &commit), &pad(&fields).unwrap());
        assert_eq!(open_content(&keys, &[2; 24], (&HEAD, &commit), &body), Ok(content));
        let elsewhere = Digest([9; 32]);
        assert_eq!(open_content(&keys, &[2; 24], (&elsewhere, &commit), &body), Err(BrokenMessage::Seal));
    }

    #[test]
    fn at_17_other_words_under_the_same_commitment_are_never_shown() {
        let keys = keys();
        let commit = commitment(&content(String::from("yes")).fields(), &keys.salt);
        let other = pad(&content(String::from("no!")).fields()).unwrap();
        let body = seal_content(&keys, &[2; 24], (&HEAD, &commit), &other);
        assert_eq!(open_content(&keys, &[2; 24], (&HEAD, &commit), &body), Err(BrokenMessage::Commitment));
    }

    #[test]
    fn at_55_wrong_padding_size_or_form_is_broken() {
        let (fields, keys) = (content(String::from("x")).fields(), keys());
        let commit = commitment(&fields, &keys.salt);
        let good = pad(&fields).unwrap();
        let mut dirty = good.to_vec();
        dirty[255] = 1;
        let mut wide = good.to_vec();
        wide.resize(512, 0);
        let mut long_integer = good.to_vec();
        long_integer[1] = 0x18;
        for bad in [dirty, wide, long_integer, fields.join().to_vec(), Vec::new()] {
            let body = seal_content(&keys, &[2; 24], (&HEAD, &commit), &bad);
            assert_eq!(open_content(&keys, &[2; 24], (&HEAD, &commit), &body), Err(BrokenMessage::Form));
        }
    }
}
