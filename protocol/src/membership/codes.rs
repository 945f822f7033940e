//! Recovery as people pass it on: a code on paper, a request that somebody be named, a consent to it.
//!
//! ```text
//! code     = secret 16 ‖ check 4, as eight groups of four letters
//! request  = COTERIE:R/ base32(gid 32 ‖ office 32 ‖ pin 32 ‖ successor 32 ‖ check 4)
//! approval = COTERIE:A/ base32(request's 128 bytes ‖ signature 64 ‖ check 4)
//! ```
//! The code is the only secret, and never travels: whoever keeps one gives it to the own node, which signs and forgets
//! it. A request and its approvals can be sent by any chat; a typing error is called one before anything is done.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroize;

use super::body::Recovery;
use super::recovery::{Certificate, Succession};
use crate::crypto::sign::KeyPair;
use crate::crypto::{Field, Label, Secret, hash, kdf, same};
use crate::ids::{GroupId, MembershipId, OperationId, Signature};

const SECRET_BYTES: usize = 16;
const CHECK_BYTES: usize = 4;
const SIGNATURE_BYTES: usize = 64;
/// Letters between two dashes of a code.
const GROUP_LETTERS: usize = 4;
const REQUEST_BYTES: usize = 4 * OperationId::LEN;
const REQUEST: &str = "COTERIE:R/";
const APPROVAL: &str = "COTERIE:A/";
/// Nobody types more than this: an approval has 324 letters, and chats put blanks between them.
const TEXT_BYTES_MAX: usize = 1_024;

/// Why a text is not what it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RecoveryTextError {
    /// Something else altogether.
    #[error("this is something else")]
    Other,
    /// A part is missing, or there is too much.
    #[error("a part is missing")]
    Length,
    /// A letter is wrong.
    #[error("a letter is wrong")]
    Typo,
}

/// The secret behind one recovery key. It has no `Clone`, and `Debug` says nothing.
pub struct RecoveryCode(Secret<SECRET_BYTES>);

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("RecoveryCode")
    }
}

impl RecoveryCode {
    /// A new one.
    pub fn random(rng: &mut dyn rand_core::CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// The key pair that follows from it.
    #[must_use]
    pub fn keys(&self) -> KeyPair {
        KeyPair::from_seed(&kdf(&[], self.0.expose(), Label::RecoveryKey, &[]))
    }

    /// As it is printed, once.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut bytes = self.0.expose().to_vec();
        bytes.extend_from_slice(&check("code", &bytes));
        let mut letters = BASE32_NOPAD.encode(&bytes);
        let mut text = String::with_capacity(letters.len() + letters.len() / GROUP_LETTERS);
        for (n, letter) in letters.chars().enumerate() {
            if n > 0 && n.is_multiple_of(GROUP_LETTERS) {
                text.push('-');
            }
            text.push(letter);
        }
        bytes.zeroize();
        letters.zeroize();
        text
    }

    /// As somebody typed it: dashes, blanks and case don't matter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RecoveryTextError> {
        let mut bytes = read("code", "", text, SECRET_BYTES)?;
        let secret = Secret::try_from(bytes.as_slice()).map_err(|_| RecoveryTextError::Length);
        bytes.zeroize();
        secret.map(Self)
    }
}

impl Recovery {
    /// So many new codes, and what the Genesis says of them. Codes come in the order of their keys.
    pub fn draw(threshold: u8, codes: u8, rng: &mut dyn rand_core::CryptoRng) -> (Self, Vec<RecoveryCode>) {
        let mut drawn: Vec<RecoveryCode> = (0..codes).map(|_| RecoveryCode::random(rng)).collect();
        drawn.sort_by_cached_key(|code| code.keys().public());
        let keys = drawn.iter().map(|code| code.keys().public()).collect();
        (Self { threshold, keys }, drawn)
    }
}

/// What a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessionRequest {
    /// The group.
    pub gid: GroupId,
    /// The office that ends.
    pub office: OperationId,
    /// The last operation under it that counts.
    pub pin: OperationId,
    /// Who comes after.
    pub successor: MembershipId,
}

impl From<&Succession> for SuccessionRequest {
    fn from(succession: &Succession) -> Self {
        let Certificate { gid, pin, successor, .. } = succession.certificate;
        Self { gid, office: succession.office, pin, successor }
    }
}

impl SuccessionRequest {
    /// As it is sent to those who keep codes. It does not tell the name of the office in the line: each keeper's own log
    /// does.
    #[must_use]
    pub fn to_text(self) -> String {
        write(REQUEST, "request", &self.fields())
    }

    fn fields(self) -> Vec<u8> {
        [self.gid.0, self.office.0, self.pin.0, self.successor.0].concat()
    }

    /// Reads a request as somebody pasted it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RecoveryTextError> {
        Self::from_fields(&read("request", REQUEST, text, REQUEST_BYTES)?)
    }

    fn from_fields(bytes: &[u8]) -> Result<Self, RecoveryTextError> {
        let mut ids = bytes.chunks(OperationId::LEN).filter_map(|part| OperationId::try_from(part).ok());
        match (ids.next(), ids.next(), ids.next(), ids.next()) {
            (Some(gid), Some(office), Some(pin), Some(successor)) => {
                Ok(Self { gid: gid.into(), office, pin, successor: successor.into() })
            }
            _ => Err(RecoveryTextError::Length),
        }
    }
}

/// One keeper's consent to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessionApproval {
    /// To what.
    pub request: SuccessionRequest,
    /// By one of the recovery keys.
    pub signature: Signature,
}

impl SuccessionApproval {
    /// The consent of a code's key to a succession.
    #[must_use]
    pub fn give(to: &Succession, code: &RecoveryCode) -> Self {
        Self { request: to.into(), signature: to.certificate.sign(&code.keys()) }
    }

    /// As it is sent back.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut fields = self.request.fields();
        fields.extend_from_slice(&self.signature.0);
        write(APPROVAL, "approval", &fields)
    }

    /// Reads an approval as somebody pasted it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, RecoveryTextError> {
        let bytes = read("approval", APPROVAL, text, REQUEST_BYTES + SIGNATURE_BYTES)?;
        let (request, signature) = bytes.split_at_checked(REQUEST_BYTES).ok_or(RecoveryTextError::Length)?;
        let signature = signature.try_into().map(Signature).map_err(|_| RecoveryTextError::Length)?;
        Ok(Self { request: SuccessionRequest::from_fields(request)?, signature })
    }
}

/// Four bytes that tell a typing error; `kind` keeps the three texts apart.
fn check(kind: &str, bytes: &[u8]) -> Vec<u8> {
    hash(Label::RecoveryCode, &[Field::T(kind), Field::B(bytes)]).0.into_iter().take(CHECK_BYTES).collect()
}

fn write(prefix: &str, kind: &str, fields: &[u8]) -> String {
    let mut bytes = fields.to_vec();
    bytes.extend_from_slice(&check(kind, fields));
    let mut text = String::from(prefix);
    BASE32_NOPAD.encode_append(&bytes, &mut text);
    text
}

/// The fields of a text, its check tested.
fn read(kind: &str, prefix: &str, text: &str, len: usize) -> Result<Vec<u8>, RecoveryTextError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(RecoveryTextError::Other);
    }
    let kept = text.chars().filter(|letter| !letter.is_whitespace() && (*letter != '-' || !prefix.is_empty()));
    let mut bare: String = kept.map(|letter| letter.to_ascii_uppercase()).collect();
    let found = bare.strip_prefix(prefix).ok_or(RecoveryTextError::Other).and_then(|letters| {
        let wanted = (len + CHECK_BYTES).saturating_mul(8).div_ceil(5);
        if letters.chars().count() != wanted {
            return Err(RecoveryTextError::Length);
        }
        let bytes = BASE32_NOPAD.decode(letters.as_bytes()).map_err(|_| RecoveryTextError::Typo)?;
        let (fields, sum) = bytes.split_at_checked(len).ok_or(RecoveryTextError::Length)?;
        if same(sum, &check(kind, fields)) { Ok(fields.to_vec()) } else { Err(RecoveryTextError::Typo) }
    });
    bare.zeroize();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Digest;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn succession() -> Succession {
        let certificate = Certificate {
            gid: GroupId([1; 32]),
            over: Digest([2; 32]),
            pin: OperationId([3; 32]),
            successor: MembershipId([4; 32]),
        };
        Succession { office: OperationId([5; 32]), certificate }
    }

    #[test]
    fn mb_z07_a_code_survives_paper_and_a_typing_error_is_called_one() {
        let code = RecoveryCode(Secret::new([0x66; 16]));
        let text = code.to_text();
        assert_eq!(text.len(), 39);
        let typed = text.to_lowercase().replace('-', " ");
        assert_eq!(RecoveryCode::parse(&typed).unwrap().keys().public(), code.keys().public());
        for at in (0..text.len()).filter(|at| text.as_bytes()[*at] != b'-') {
            let mut wrong = text.clone().into_bytes();
            wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(RecoveryCode::parse(&wrong).err(), Some(RecoveryTextError::Typo));
        }
        assert_eq!(RecoveryCode::parse(text.split_at(34).0).err(), Some(RecoveryTextError::Length));
        assert_eq!(RecoveryCode::parse(&text.replace('M', "1")).err(), Some(RecoveryTextError::Typo));
        assert_eq!(alloc::format!("{code:?}"), "RecoveryCode", "it is not written down by accident");
    }

    #[test]
    fn mb_z07_requests_and_approvals_are_told_apart_and_read_back() {
        let to = succession();
        let request = SuccessionRequest::parse(&SuccessionRequest::from(&to).to_text().to_lowercase()).unwrap();
        assert_eq!((request.gid, request.office), (GroupId([1; 32]), OperationId([5; 32])));
        assert_eq!((request.pin, request.successor), (OperationId([3; 32]), MembershipId([4; 32])));
        let code = RecoveryCode(Secret::new([0x66; 16]));
        let approval = SuccessionApproval::give(&to, &code);
        let mut text = approval.to_text();
        assert_eq!(SuccessionApproval::parse(&text).unwrap(), approval);
        assert_eq!(SuccessionRequest::parse(&text), Err(RecoveryTextError::Other));
        assert_eq!(SuccessionApproval::parse(&request.to_text()), Err(RecoveryTextError::Other));
        text.insert_str(100, "\n  ");
        assert_eq!(SuccessionApproval::parse(&text).unwrap(), approval, "chats break lines");
        text.pop();
        assert_eq!(SuccessionApproval::parse(&text), Err(RecoveryTextError::Length));
    }

    #[test]
    fn mb_z07_codes_are_drawn_in_the_order_of_their_keys() {
        let (recovery, codes) = Recovery::draw(2, 3, &mut ChaCha20Rng::from_seed([1; 32]));
        assert_eq!(recovery.threshold, 2);
        assert!(recovery.keys.is_sorted_by(|a, b| a < b));
        let to = succession();
        for (place, code) in codes.iter().enumerate() {
            let signature = SuccessionApproval::give(&to, code).signature;
            assert_eq!(to.certificate.signed_by(&recovery, &signature), u8::try_from(place).ok());
        }
    }
}
