//! The link that a person passes on, as text and as a value; and the keys that follow from its secret.
//!
//! ```text
//! payload = inviter's key 32 ‖ secret 16 ‖ (length 1 ‖ multiaddr)… ≤ 3 ‖ check 2
//! text    = COTERIE:J/ ‖ base32 without padding
//! ```
//! Without an address it is *short*: 50 bytes, 90 characters, exactly a QR code of version 4 at level M. `J` names
//! format 1. A reader forgives what chat programs do to a line of text (QR-5), and nothing else: a typo must be
//! called a typo, before anything is sent.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::string::String;
use alloc::vec::Vec;
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroize;

use crate::crypto::sign::KeyPair;
use crate::crypto::{Field, Label, Secret, expand, hash, kdf, same};
use crate::ids::{Digest, MemberKey};
use crate::limits::{ADDRESS_BYTES_MAX, LINK_ADDRESSES_MAX, LINK_TEXT_BYTES_MAX};

const SCHEME: &str = "COTERIE:";
const FORMAT: char = 'J';
/// A keeper's link has the same scheme; it is no invite.
const KEEPER_FORMAT: char = 'K';
const CHECK_BYTES: usize = 2;
/// Salt of MB-I2.
const SALT: &[u8] = b"coterie/1/invite";

/// Why a text is not an invite link. Rule R-19: found in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum LinkError {
    /// No link at all.
    #[error("this is not a link")]
    NotALink,
    /// A link of another program.
    #[error("this link belongs to another program")]
    Foreign,
    /// A format that this version does not know.
    #[error("this link needs another version of Coterie")]
    Version,
    /// A letter that cannot stand there, or a check that does not fit.
    #[error("this link has a typing error")]
    Typo,
    /// The end is missing.
    #[error("a part of this link is missing")]
    Truncated,
}

impl LinkError {
    /// Stable code of the error (QR-5).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotALink => "not_a_link",
            Self::Foreign => "link_foreign",
            Self::Version => "link_version",
            Self::Typo => "link_typo",
            Self::Truncated => "link_truncated",
        }
    }
}

/// An invite link. It has no `Debug`: whoever sees the secret can use it.
///
/// Rule MB-I1: 50 bytes or, with 1–3 addresses, at most 437; the length tells the two forms apart.
pub struct InviteLink {
    inviter: MemberKey,
    secret: Secret<16>,
    addresses: Vec<Vec<u8>>,
}

impl InviteLink {
    /// A link of `inviter`; of `addresses` (binary multiaddrs, newest first) those that fit are kept.
    #[must_use]
    pub fn new(inviter: MemberKey, secret: Secret<16>, addresses: Vec<Vec<u8>>) -> Self {
        let fits = |address: &Vec<u8>| (1..=ADDRESS_BYTES_MAX).contains(&address.len());
        Self { inviter, secret, addresses: addresses.into_iter().filter(fits).take(LINK_ADDRESSES_MAX).collect() }
    }

    /// Whose link it is.
    #[must_use]
    pub const fn inviter(&self) -> &MemberKey {
        &self.inviter
    }

    /// Where hosts may answer: hints that nobody signed.
    #[must_use]
    pub fn addresses(&self) -> &[Vec<u8>] {
        &self.addresses
    }

    /// The secret, for the inviter's own sealed record of the invite.
    #[must_use]
    pub const fn secret(&self) -> &Secret<16> {
        &self.secret
    }

    /// The form for QR codes: 90 characters.
    #[must_use]
    pub fn to_short(&self) -> String {
        self.text(&[])
    }

    /// The form for chats, with the addresses (equal to the short one if there is none).
    #[must_use]
    pub fn to_long(&self) -> String {
        self.text(&self.addresses)
    }

    fn text(&self, addresses: &[Vec<u8>]) -> String {
        let mut payload = Vec::with_capacity(64);
        payload.extend_from_slice(&self.inviter.0);
        payload.extend_from_slice(self.secret.expose());
        for address in addresses {
            payload.extend(u8::try_from(address.len()));
            payload.extend_from_slice(address);
        }
        payload.extend_from_slice(&check(&self.inviter, &self.secret, addresses));
        let mut text = String::from(SCHEME);
        text.push(FORMAT);
        text.push('/');
        BASE32_NOPAD.encode_append(&payload, &mut text);
        payload.zeroize();
        text
    }

    /// Reads a link as a person pasted it (QR-5).
    ///
    /// # Errors
    /// The first [`LinkError`] in the order of R-19.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        if text.len() > LINK_TEXT_BYTES_MAX {
            return Err(LinkError::NotALink);
        }
        let mut bare: String = text.chars().filter(|c| !is_space(*c)).collect();
        let payload = payload_text(bare.trim_matches(is_wrapping)).and_then(decode);
        bare.zeroize();
        let (mut bytes, exact) = payload?;
        let link = Self::from_payload(&bytes);
        bytes.zeroize();
        match exact {
            Exactness::Exact => link,
            // A cut link is called so even if the cut left odd bits behind.
            Exactness::OddBits => Err(link.err().filter(|e| *e == LinkError::Truncated).unwrap_or(LinkError::Typo)),
        }
    }

    fn from_payload(bytes: &[u8]) -> Result<Self, LinkError> {
        let (inviter, rest) = bytes.split_at_checked(MemberKey::LEN).ok_or(LinkError::Truncated)?;
        let (secret, mut rest) = rest.split_at_checked(16).ok_or(LinkError::Truncated)?;
        let inviter = MemberKey::try_from(inviter).map_err(|_| LinkError::Truncated)?;
        let secret = Secret::try_from(secret).map_err(|_| LinkError::Truncated)?;
        let mut addresses = Vec::new();
        while let [length, more @ ..] = rest
            && rest.len() > CHECK_BYTES
        {
            let length = usize::from(*length);
            if !(1..=ADDRESS_BYTES_MAX).contains(&length) || addresses.len() >= LINK_ADDRESSES_MAX {
                return Err(LinkError::Typo);
            }
            let (address, more) = more.split_at_checked(length).ok_or(LinkError::Truncated)?;
            addresses.push(address.to_vec());
            rest = more;
        }
        if rest.len() < CHECK_BYTES {
            return Err(LinkError::Truncated);
        }
        if !same(rest, &check(&inviter, &secret, &addresses)) {
            return Err(LinkError::Typo);
        }
        Ok(Self { inviter, secret, addresses })
    }

    /// The keys that follow from the secret.
    #[must_use]
    pub fn keys(&self) -> LinkKeys {
        let mut ikm = Vec::with_capacity(48);
        ikm.extend_from_slice(self.secret.expose());
        ikm.extend_from_slice(&self.inviter.0);
        let derive = |label| kdf(SALT, &ikm, label, &[]);
        let lookup = Digest(*derive(Label::InviteLookup).expose());
        let keys = LinkKeys {
            lookup,
            invite: KeyPair::from_seed(&derive(Label::InviteKey)),
            seal: derive(Label::InviteSeal),
            knock: knock_key(&lookup),
        };
        ikm.zeroize();
        keys
    }
}

/// What a link's secret gives, and nothing else does.
///
/// Rule MB-I2: all of them follow from secret and inviter; members know only `lookup`, which tells nothing of the
/// other two.
pub struct LinkKeys {
    /// By this the members recognise the link; it stands in the head of the envelope.
    pub lookup: Digest,
    /// With this the joiner proves the secret, and signs its key into the seat.
    pub invite: KeyPair,
    /// Opens the envelope.
    pub seal: Secret<32>,
    /// Tags the knock (N-207).
    pub knock: Secret<32>,
}

/// K of N-207 for a link: every member who holds the envelope can derive it.
#[must_use]
pub fn knock_key(lookup: &Digest) -> Secret<32> {
    expand(&lookup.0, Label::NetLinkKnock, &[])
}

fn check(inviter: &MemberKey, secret: &Secret<16>, addresses: &[Vec<u8>]) -> Vec<u8> {
    let mut fields = Vec::from([Field::B(&inviter.0), Field::B(secret.expose())]);
    fields.extend(addresses.iter().map(|address| Field::B(address)));
    hash(Label::Link, &fields).0.into_iter().take(CHECK_BYTES).collect()
}

/// White space of any kind, and the invisible marks that chat programs put into long words.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Quotes, brackets, emphasis and the punctuation of a sentence around the link.
fn is_wrapping(c: char) -> bool {
    matches!(
        c,
        '"' | '\''
            | '`'
            | '<'
            | '>'
            | '('
            | ')'
            | '['
            | ']'
            | '{'
            | '}'
            | '*'
            | '_'
            | '~'
            | '|'
            | '.'
            | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '…'
            | '«'
            | '»'
            | '‹'
            | '›'
            | '“'
            | '”'
            | '„'
            | '‘'
            | '’'
            | '‚'
            | '。'
            | '、'
    )
}

/// What stands behind prefix and format, or why they are wrong.
fn payload_text(text: &str) -> Result<&str, LinkError> {
    let rest = if let Some(rest) = strip(text, SCHEME) {
        rest
    } else if let Some(rest) = strip(text, "https://") {
        let (_, fragment) = rest.split_once('#').ok_or(LinkError::Foreign)?;
        // Any page may have a fragment; ours begins with the format.
        if !fragment.starts_with([FORMAT, FORMAT.to_ascii_lowercase()]) {
            return Err(LinkError::Foreign);
        }
        fragment
    } else {
        return Err(if has_scheme(text) { LinkError::Foreign } else { LinkError::NotALink });
    };
    let mut letters = rest.chars();
    match letters.next().map(|c| c.to_ascii_uppercase()) {
        Some(FORMAT) => Ok(letters.as_str().strip_prefix('/').unwrap_or(letters.as_str())),
        Some(KEEPER_FORMAT) => Err(LinkError::NotALink),
        Some(_) => Err(LinkError::Version),
        None => Err(LinkError::Truncated),
    }
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether it begins like a URI of any kind (RFC 3986 §3.1).
fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !rest.is_empty()
    })
}

/// Whether the bits beyond the last byte are zero, as they are printed.
enum Exactness {
    Exact,
    OddBits,
}

/// Alphabet, then length; the bits left over are judged last, with the check.
fn decode(text: &str) -> Result<(Vec<u8>, Exactness), LinkError> {
    let mut upper = text.to_ascii_uppercase();
    if !upper.bytes().all(|c| matches!(c, b'A'..=b'Z' | b'2'..=b'7')) {
        return Err(LinkError::Typo);
    }
    let mut forgiving = BASE32_NOPAD.specification();
    forgiving.check_trailing_bits = false;
    let base32 = forgiving.encoding().map_err(|_| LinkError::NotALink)?;
    let bytes = base32.decode(upper.as_bytes()).map_err(|_| LinkError::Truncated);
    let exact = bytes.as_ref().is_ok_and(|bytes| BASE32_NOPAD.encode(bytes) == upper);
    upper.zeroize();
    Ok((bytes?, if exact { Exactness::Exact } else { Exactness::OddBits }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;
    use alloc::vec;

    const SHORT: &str = "COTERIE:J/KVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKWMZTGMZTGMZTGMZTGMZTGMZTGMIFD";
    const LONG: &str = "COTERIE:J/KVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKWMZTGMZTGMZTGMZTGMZTGMZTGMCYEYAAAEB4RAIH2DTIDJGDQ";

    fn address() -> Vec<u8> {
        vec![0x04, 0xc0, 0, 2, 7, 0x91, 2, 0x0f, 0xa1, 0xcd, 3]
    }

    fn link(addresses: Vec<Vec<u8>>) -> InviteLink {
        InviteLink::new(MemberKey([0x55; 32]), Secret::new([0x66; 16]), addresses)
    }

    fn refusal(text: &str) -> Option<LinkError> {
        InviteLink::parse(text).err()
    }

    #[test]
    fn mb_i01_both_forms_have_the_published_text_and_read_back() {
        assert_eq!(link(vec![]).to_short(), SHORT);
        assert_eq!(link(vec![address()]).to_long(), LONG);
        assert_eq!(link(vec![address()]).to_short(), SHORT);
        assert_eq!((SHORT.len(), LONG.len()), (90, 110));
        for text in [SHORT, LONG] {
            assert_eq!(InviteLink::parse(text).ok().unwrap().to_long(), text);
        }
    }

    #[test]
    fn at_169_mb_i01_the_longest_link_has_437_bytes_and_a_fourth_address_is_left_out() {
        let longest = link(vec![vec![9; 128]; 4]).to_long();
        assert_eq!(longest.len(), SCHEME.len() + 2 + (437 * 8_usize).div_ceil(5));
        assert_eq!(InviteLink::parse(&longest).ok().unwrap().addresses().len(), 3);
        assert!(link(vec![vec![9; 129], vec![]]).addresses().is_empty());
    }

    #[test]
    fn mb_i02_the_keys_of_a_link_are_the_published_ones() {
        let keys = link(vec![]).keys();
        assert_eq!(keys.lookup.to_string(), "04e6daa61a21a2e81d26852cf522b0c5a8510ab4493076f127abaaff01f62df8");
        assert_eq!(
            keys.invite.public().to_string(),
            "fd9be2298e853b06bffa878353914ff06236765ecf9f25f00edfca0cc151903b"
        );
        assert_eq!(
            Digest(*keys.seal.expose()).to_string(),
            "c2bf557525af2658039a478e276d3a3bf7de35b9de0e38a75b074682ed52ab84"
        );
    }

    #[test]
    fn at_105_at_114_qr_05_what_chat_programs_do_to_a_link_is_forgiven() {
        let code = SHORT.strip_prefix("COTERIE:J/").unwrap();
        let (front, back) = SHORT.split_at(40);
        for text in [
            SHORT.to_lowercase(),
            format!("  {SHORT}\r\n"),
            format!("{front}\n    {back}"),
            format!("<{SHORT}>."),
            format!("“{SHORT}”,"),
            format!("**{SHORT}**"),
            format!("({SHORT})!"),
            format!("`{front}\u{200b}{back}`"),
            format!("coterie:j{code}"),
            format!("https://example.org/#J/{code}"),
            format!("HTTPS://example.org/join?x=1#j{}", code.to_lowercase()),
        ] {
            assert_eq!(InviteLink::parse(&text).ok().map(|link| link.to_short()).as_deref(), Some(SHORT), "{text}");
        }
    }

    #[test]
    fn at_105_r_19_errors_are_found_in_their_order() {
        let code = SHORT.strip_prefix("COTERIE:J/").unwrap();
        assert_eq!(refusal(""), Some(LinkError::NotALink));
        assert_eq!(refusal("hello there"), Some(LinkError::NotALink));
        assert_eq!(refusal(code), Some(LinkError::NotALink));
        assert_eq!(refusal("coterie:K/AAAA"), Some(LinkError::NotALink));
        assert_eq!(refusal("https://chat.example/abc"), Some(LinkError::Foreign));
        assert_eq!(refusal("https://chat.example/abc#part"), Some(LinkError::Foreign));
        assert_eq!(refusal("matrix:u/ana"), Some(LinkError::Foreign));
        assert_eq!(refusal(&format!("coterie:L/{code}")), Some(LinkError::Version));
        assert_eq!(refusal("coterie:L/1"), Some(LinkError::Version));
        assert_eq!(refusal("coterie:J/0189"), Some(LinkError::Typo));
        assert_eq!(refusal("coterie:J/"), Some(LinkError::Truncated));
        assert_eq!(refusal("coterie:"), Some(LinkError::NotALink));
        assert_eq!(refusal(&format!("{SHORT}A")), Some(LinkError::Truncated));
        assert_eq!(refusal(&format!("{}E", SHORT.strip_suffix('D').unwrap())), Some(LinkError::Typo));
        assert_eq!(refusal(&"A".repeat(5_000)), Some(LinkError::NotALink));
    }

    #[test]
    fn at_105_mb_i01_every_single_typo_is_caught_or_means_the_same_link() {
        for text in [SHORT, LONG] {
            for place in 0..text.len() {
                for typo in "ABCDEFGHIJKLMNOPQRSTUVWXYZ2345670189-/:= é".chars() {
                    let mut letters: Vec<char> = text.chars().collect();
                    letters[place] = typo;
                    let typed: String = letters.into_iter().collect();
                    if let Ok(link) = InviteLink::parse(&typed) {
                        assert_eq!(link.to_long(), text, "{typed}");
                    }
                }
            }
        }
    }

    #[test]
    fn at_105_mb_i01_a_link_cut_anywhere_is_refused_and_a_cut_short_one_is_called_cut() {
        for text in [SHORT, LONG] {
            for end in 0..text.len() {
                let error = refusal(text.get(..end).unwrap()).unwrap();
                if text == SHORT && end > SCHEME.len() {
                    assert_eq!(error, LinkError::Truncated, "at {end}");
                }
            }
        }
        // Of a long one too, but where the cut leaves exactly a short one's length: there the check is what is wrong.
        for end in SCHEME.len() + 1..LONG.len() {
            let error = refusal(LONG.get(..end).unwrap()).unwrap();
            assert_eq!(error, if end == SHORT.len() { LinkError::Typo } else { LinkError::Truncated }, "at {end}");
        }
    }

    #[test]
    fn at_113_every_bit_of_the_secret_counts_and_a_near_miss_is_as_far_as_any_other() {
        let inviter = MemberKey([0x55; 32]);
        let right = InviteLink::new(inviter, Secret::new([0x66; 16]), Vec::new()).keys();
        let distance = |a: &[u8; 32], b: &[u8; 32]| a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        for bit in 0..128 {
            let mut secret = [0x66; 16];
            secret[bit / 8] ^= 1 << (bit % 8);
            let near = InviteLink::new(inviter, Secret::new(secret), Vec::new()).keys();
            for (a, b) in [
                (near.lookup.0, right.lookup.0),
                (near.invite.public().0, right.invite.public().0),
                (*near.seal.expose(), *right.seal.expose()),
                (*near.knock.expose(), *right.knock.expose()),
            ] {
                assert!(distance(&a, &b) > 80, "bit {bit}");
            }
        }
        // No shorter form: both texts hold all 16 bytes of it.
        let link = InviteLink::new(inviter, Secret::new(*b"sixteen letters!"), Vec::new());
        for text in [link.to_short(), link.to_long()] {
            let back = InviteLink::parse(&text).unwrap();
            assert_eq!(back.keys().lookup, link.keys().lookup);
        }
    }
}
