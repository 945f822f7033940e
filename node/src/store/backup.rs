//! What can't be fetched again, in one sealed file: the backup that a person keeps, and the rescue beside the store.
//!
//! Both hold the same kinds of record (the column "in a backup" of the storage page): who one is, groups with their
//! operations, ways to other people, what is not sealed yet; with a backup also the timeline, if asked for. Never a live
//! secret, a log's head or the installation: who comes back from such a file is a new installation (ST-100), which hears
//! from the others how far the old one went. A group is found again because its handshake secret follows from its
//! Genesis. A file that was cut, reordered or added to is refused whole.
//!
//! ```text
//!   magic, 8 | version, 2 | flags, 2 | file id, 16 | backup only: a slot of 108 bytes as in the vault
//!   frames: length, 4 | ciphertext and tag; nonce = 15 zero bytes | index, 8 | 1 if last
//! ```
//! First frame: the manifest; then records; the last: how many, and a SHA-256 over all that came before.

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use coterie_protocol::{Backup as Kept, Key, LAYOUT, RecordKind, Secret, StoreError, scan};
use minicbor::{Decoder, Encoder};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::NodeStore;
use super::vault::slot::{self, Cost, SLOT_BYTES, SlotKey, cipher, drawn, hkdf};
use super::vault::{Vault, VaultError};

const VERSION: u16 = 1;
const HEADER_BYTES: usize = 28;
const WITH_HISTORY: u16 = 1;
const TAG_BYTES: usize = 16;
/// Records are gathered into a frame until it has so many bytes.
const FRAME_BYTES: usize = 32 << 10;
/// The largest record fits into a frame, with its key and the bytes around them.
const FRAME_BYTES_MAX: usize = FRAME_BYTES + coterie_protocol::VALUE_BYTES_MAX + 256;

/// A record as it stands in such a file.
pub type Pair = (Key, Vec<u8>);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Backup,
    Rescue,
}

impl File {
    const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Backup => b"COTERIEB",
            Self::Rescue => b"COTERIER",
        }
    }
}

/// How much a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Identity, groups, contacts.
    Essentials,
    /// And what was said.
    WithHistory,
}

/// What stands in a backup.
pub struct Backup {
    /// The seed of the identity key.
    pub identity: Secret<32>,
    /// When it was made, ms since 1970.
    pub created_ms: u64,
    /// Whether the timeline is in it.
    pub scope: Scope,
    /// The records, in the order of their keys.
    pub records: Vec<Pair>,
}

/// Rule ST-104: the records that a backup holds. What is damaged is not among them.
///
/// # Errors
/// What the store meets.
pub fn collect(store: &NodeStore, scope: Scope) -> Result<Vec<Pair>, StoreError> {
    let mut records = Vec::new();
    for kind in RecordKind::ALL.iter().filter(|kind| is_kept(**kind, scope)) {
        scan(store, kind.span(), &mut |key, value| {
            records.push((key, value));
            Ok(())
        })?;
    }
    Ok(records)
}

const fn is_kept(kind: RecordKind, scope: Scope) -> bool {
    match kind.backup() {
        Kept::Yes => true,
        Kept::WithHistory => matches!(scope, Scope::WithHistory),
        Kept::No | Kept::Never => false,
    }
}

/// The backup file, under a passphrase of its own.
#[must_use]
pub fn seal(backup: &Backup, passphrase: &str, cost: Cost, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let (id, master): ([u8; 16], Secret<32>) = (drawn(rng), Secret::random(rng));
    let mut header = header(File::Backup, backup.scope, &id);
    let key = SlotKey::Passphrase(Zeroizing::new(passphrase.to_owned()), cost);
    let slot = slot::wrap(&header, &master, &key, rng);
    header.extend_from_slice(&slot);
    let key = hkdf(&id, master.expose(), "coterie/backup/1");
    sealed(header, &key, manifest(Some(&backup.identity), backup.created_ms), &backup.records)
}

/// Opens a backup file, whole or not at all.
///
/// # Errors
/// [`VaultError::WrongKey`] for a wrong passphrase or a damaged slot, `Newer`, else `Damaged`.
pub fn open(bytes: &[u8], passphrase: &str) -> Result<Backup, VaultError> {
    let (flags, id) = read_header(File::Backup, bytes)?;
    let (head, frames) = bytes.split_at_checked(HEADER_BYTES + SLOT_BYTES).ok_or(VaultError::Damaged)?;
    let (bound, slot) = head.split_at(HEADER_BYTES);
    let slot = slot.try_into().map_err(|_| VaultError::Damaged)?;
    if !slot::is_well_formed(&slot) || flags & !WITH_HISTORY != 0 {
        return Err(VaultError::Damaged);
    }
    let key = SlotKey::Passphrase(Zeroizing::new(passphrase.to_owned()), Cost::DEFAULT);
    let master = slot::unwrap(bound, &slot, &key).ok_or(VaultError::WrongKey)?;
    let key = hkdf(&id, master.expose(), "coterie/backup/1");
    let scope = if flags & WITH_HISTORY == 0 { Scope::Essentials } else { Scope::WithHistory };
    let read = opened(head, frames, &key, scope).ok_or(VaultError::Damaged)?;
    let identity = read.identity.ok_or(VaultError::Damaged)?;
    Ok(Backup { identity, created_ms: read.created_ms, scope, records: read.records })
}

/// The rescue file of a vault (ST-92).
pub(super) fn seal_rescue(vault: &Vault, records: &[Pair], now_ms: u64, rng: &mut dyn CryptoRng) -> Vec<u8> {
    let id = drawn(rng);
    let header = header(File::Rescue, Scope::Essentials, &id);
    sealed(header, &vault.rescue_key(&id), manifest(None, now_ms), records)
}

/// What a rescue file of this vault holds; nothing if it is not whole, or another's.
pub(super) fn open_rescue(vault: &Vault, bytes: &[u8]) -> Option<Vec<Pair>> {
    let (_, id) = read_header(File::Rescue, bytes).ok()?;
    let (head, frames) = bytes.split_at_checked(HEADER_BYTES)?;
    Some(opened(head, frames, &vault.rescue_key(&id), Scope::Essentials)?.records)
}

fn header(file: File, scope: Scope, id: &[u8; 16]) -> Vec<u8> {
    let flags = if scope == Scope::WithHistory { WITH_HISTORY } else { 0 };
    [&file.magic()[..], &VERSION.to_be_bytes(), &flags.to_be_bytes(), id].concat()
}

fn read_header(file: File, bytes: &[u8]) -> Result<(u16, [u8; 16]), VaultError> {
    let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(VaultError::Damaged)?;
    let (version, rest) = rest.split_first_chunk().ok_or(VaultError::Damaged)?;
    let (flags, rest) = rest.split_first_chunk().ok_or(VaultError::Damaged)?;
    let (id, _) = rest.split_first_chunk::<16>().ok_or(VaultError::Damaged)?;
    match u16::from_be_bytes(*version) {
        _ if magic != file.magic() => Err(VaultError::Damaged),
        VERSION => Ok((u16::from_be_bytes(*flags), *id)),
        version if version > VERSION => Err(VaultError::Newer),
        _ => Err(VaultError::Damaged),
    }
}

/// Where a frame stands; part of its nonce, so that a cut file has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Within,
    End,
}

/// Frames under one key; each is bound to the header.
struct Frames {
    file: Vec<u8>,
    header: Vec<u8>,
    cipher: chacha20poly1305::XChaCha20Poly1305,
    digest: Sha256,
    index: u64,
}

impl Frames {
    fn push(&mut self, plain: &[u8], place: Place) {
        self.digest.update(plain);
        let payload = Payload { msg: plain, aad: &self.header };
        // A frame is far below what the cipher takes, so this cannot fail.
        let sealed = self.cipher.encrypt(&nonce(self.index, place), payload).unwrap_or_default();
        self.index = self.index.saturating_add(1);
        self.file.extend_from_slice(&u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.file.extend_from_slice(&sealed);
    }
}

fn nonce(index: u64, place: Place) -> XNonce {
    let mut nonce = [0; 24];
    let (_, tail) = nonce.split_at_mut(15);
    let (number, mark) = tail.split_at_mut(8);
    number.copy_from_slice(&index.to_be_bytes());
    mark.fill(u8::from(place == Place::End));
    XNonce::from(nonce)
}

fn sealed(header: Vec<u8>, key: &Secret<32>, manifest: Zeroizing<Vec<u8>>, records: &[Pair]) -> Vec<u8> {
    let mut frames = Frames { file: header.clone(), header, cipher: cipher(key), digest: Sha256::new(), index: 0 };
    frames.push(&manifest, Place::Within);
    let mut plain = Zeroizing::new(Vec::new());
    for (key, value) in records {
        let _ = write_record(&mut Encoder::new(&mut *plain), key, value);
        if plain.len() >= FRAME_BYTES {
            frames.push(&plain, Place::Within);
            plain.clear();
        }
    }
    if !plain.is_empty() {
        frames.push(&plain, Place::Within);
    }
    let digest = frames.digest.clone().finalize();
    let mut end = Vec::new();
    let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
    let _ = Encoder::new(&mut end).array(2).and_then(|to| to.u64(count)).and_then(|to| to.bytes(&digest).map(drop));
    frames.push(&end, Place::End);
    frames.file
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

/// `[1, identity seed or null, created ms]`.
fn manifest(identity: Option<&Secret<32>>, created_ms: u64) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    let mut to = Encoder::new(&mut *bytes);
    let mut write = || -> Written {
        to.array(3)?.u8(1)?;
        match identity {
            Some(seed) => to.bytes(seed.expose())?,
            None => to.null()?,
        };
        to.u64(created_ms)?;
        Ok(())
    };
    // Writing into memory cannot fail.
    let _ = write();
    bytes
}

/// `[kind, tail of the key, value]`.
fn write_record(to: &mut Encoder<&mut Vec<u8>>, key: &Key, value: &[u8]) -> Written {
    let (kind, tail) = (key.kind_number().unwrap_or(0), key.as_bytes().get(2..).unwrap_or_default());
    to.array(3)?.u8(kind)?.bytes(tail)?.bytes(value)?;
    Ok(())
}

struct Opened {
    identity: Option<Secret<32>>,
    created_ms: u64,
    records: Vec<Pair>,
}

fn opened(header: &[u8], mut rest: &[u8], key: &Secret<32>, scope: Scope) -> Option<Opened> {
    let cipher = cipher(key);
    let mut digest = Sha256::new();
    let mut found: Option<Opened> = None;
    for index in 0_u64.. {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        if length > FRAME_BYTES_MAX + TAG_BYTES {
            return None;
        }
        let (sealed, after) = after.split_at_checked(length)?;
        let place = if after.is_empty() { Place::End } else { Place::Within };
        let payload = Payload { msg: sealed, aad: header };
        let plain = Zeroizing::new(cipher.decrypt(&nonce(index, place), payload).ok()?);
        rest = after;
        match &mut found {
            None => found = Some(read_manifest(&plain)?),
            Some(found) if place == Place::End => {
                is_end(&plain, found, digest)?;
                break;
            }
            Some(found) => read_records(&plain, scope, &mut found.records)?,
        }
        digest.update(&*plain);
    }
    found
}

/// The last frame: how many records there are, and what all before it was.
fn is_end(plain: &[u8], found: &Opened, digest: Sha256) -> Option<()> {
    let mut from = Decoder::new(plain);
    let is_whole = from.array().ok()? == Some(2)
        && from.u64().ok()? == u64::try_from(found.records.len()).ok()?
        && from.bytes().ok()? == digest.finalize().as_slice();
    is_whole.then_some(())
}

fn read_manifest(plain: &[u8]) -> Option<Opened> {
    let mut from = Decoder::new(plain);
    (from.array().ok()? == Some(3) && from.u8().ok()? == 1).then_some(())?;
    let identity = match from.datatype().ok()? {
        minicbor::data::Type::Null => from.null().ok().map(|()| None)?,
        _ => Some(Secret::try_from(from.bytes().ok()?).ok()?),
    };
    Some(Opened { identity, created_ms: from.u64().ok()?, records: Vec::new() })
}

/// Only kinds that belong into such a file: a live secret in it would be somebody's trick.
fn read_records(plain: &[u8], scope: Scope, into: &mut Vec<Pair>) -> Option<()> {
    let mut from = Decoder::new(plain);
    while from.position() < plain.len() {
        (from.array().ok()? == Some(3)).then_some(())?;
        let kind = from.u8().ok()?;
        let key = Key::new(&[&[LAYOUT, kind], from.bytes().ok()?].concat())?;
        let value = from.bytes().ok()?.to_vec();
        if RecordKind::from_number(kind).is_some_and(|kind| is_kept(kind, scope)) {
            into.push((key, value));
        } else {
            return None;
        }
    }
    Some(())
}
