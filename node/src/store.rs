//! Everything a profile keeps on disk: the data directory, the vault with its keys, the sealed store.
//!
//! Opening follows one order (ST-82), because each step trusts the ones before it: who may see the directory → the
//! lock → the file system → an interrupted vacuum → the vault → where the directory is → free space → the engine →
//! the layout → an interrupted change of keys. Only then are records handed out and the network started. What a person
//! can do about a refusal is in [`OpenError`]; what was found damaged, in [`Opened`].
//!
//! Nothing here sends or decides anything; one writer owns the store (ST-16).

mod backup;
mod blobs;
mod directory;
mod home;
mod refusal;
mod renewal;
mod sled;
mod upkeep;
mod vault;

use std::path::{Path, PathBuf};

use coterie_protocol::{
    Batch, Direction, Findings, Key, LAYOUT, MetaName, OrderKey, Place, RecordId, RecordKind, SealedStore, Secret,
    Store, StoreError,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use zeroize::Zeroizing;

pub use self::backup::{Backup, Scope, collect, open as open_backup, seal as seal_backup};
pub use self::blobs::{BLOB_CHUNK_BYTES, Blob, Blobs, Have, PutError, ReceiveError, ServeError};
pub(crate) use self::directory::MARGIN_BYTES;
pub use self::directory::{Caution, DataDirectory, Holder};
pub use self::home::Home;
use self::home::{ClosingMark, Whereabouts, find_place, known_key, new_key};
pub use self::refusal::{OpenError, Problem};
pub use self::renewal::restore;
pub use self::sled::SledStore;
pub use self::upkeep::{Salvaged, salvage, vacuum, vacuum_is_due};
use self::vault::VAULT_BYTES_MAX;
pub use self::vault::{Cost, KeyNeeded, Vault, VaultError};

/// The store as the program uses it.
pub type NodeStore = SealedStore<SledStore>;

const VAULT: &str = "vault";
const STORE: &str = "store";

/// How a profile is locked.
pub enum VaultKey {
    /// Asked for at each start.
    Passphrase(Zeroizing<String>),
    /// Rule ST-63: an explicit choice: 32 bytes in `vault.key`, or in a file elsewhere.
    KeyFile(Option<PathBuf>),
}

/// What opening needs from outside.
pub struct Start<'a> {
    /// Who opens.
    pub holder: Holder,
    /// Randomness of the system, from which the generators of this life are seeded.
    pub rng: &'a mut dyn CryptoRng,
}

/// In which state the store was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it was left.
    Sound,
    /// Its snapshots were unusable and were put aside; the log has everything (ST-90).
    SnapshotsPutAside(PathBuf),
    /// It would not open and was put aside; the new one is empty. What it held comes from peers, or from `salvage`.
    Replaced(PathBuf),
    /// The folder was gone.
    Lost,
}

/// A profile that is open.
pub struct Opened {
    /// The records.
    pub store: NodeStore,
    /// The folder and the keys.
    pub home: Home,
    /// Whether the last life ended in good order; if not, a verification in the background is due (ST-44).
    pub clean: bool,
    /// Whether the directory was copied or restored: the instance is a new one (ST-101).
    pub place_changed: bool,
    /// Whether the store is older than it was: restored, rolled back, or its end is lost (ST-43). A whole
    /// verification is due before anything is acknowledged (ST-19).
    pub rolled_back: bool,
    /// In which state the store was found.
    pub condition: Condition,
    /// Whether there is so little room that nothing can be saved yet (ST-84).
    pub disk_full: bool,
}

impl Opened {
    /// Whether this life is a new instance, which publishes fresh keys before its first message.
    #[must_use]
    pub const fn is_new_instance(&self) -> bool {
        self.place_changed || self.rolled_back || matches!(self.condition, Condition::Replaced(_) | Condition::Lost)
    }
}

/// Makes a profile: a new identity in a new vault, an empty store.
///
/// # Errors
/// [`OpenError::ProfileExists`] if there is one; the others as they say.
pub fn create(path: &Path, key: &VaultKey, cost: Cost, start: Start<'_>) -> Result<Opened, OpenError> {
    let mut directory = DataDirectory::open(path, &start.holder)?;
    if directory.has(VAULT)? {
        return Err(OpenError::ProfileExists { path: path.into() });
    }
    let mut rng = ChaCha20Rng::from_rng(&mut &mut *start.rng);
    let key = new_key(&directory, key, cost, &mut rng)?;
    let place = find_place(&mut directory).place;
    let vault = Vault::create(Secret::random(&mut rng), &key, place, start.holder.started_ms, &mut rng);
    let mut home = Home { directory, vault, rng };
    home.save_vault()?;
    let (store, _) = home.open_store(start.holder.started_ms)?;
    finish_opening(home, store, Found { place_changed: false, condition: Condition::Sound })
}

/// Rule ST-82: opens a profile, in this order.
///
/// # Errors
/// [`OpenError::NoProfile`] if there is none; the others as they say.
pub fn open(path: &Path, key: &VaultKey, start: Start<'_>) -> Result<Opened, OpenError> {
    if !path.exists() {
        return Err(OpenError::NoProfile { path: path.into() });
    }
    let mut directory = DataDirectory::open(path, &start.holder)?;
    let bytes = directory.read(VAULT, VAULT_BYTES_MAX)?;
    let bytes = bytes.ok_or_else(|| OpenError::NoProfile { path: path.into() })?;
    upkeep::settle_interrupted(&directory)?;
    directory.remove("vault.tmp")?;
    let vault = Vault::open(&bytes, &known_key(&directory, key)?)?;
    let Whereabouts { place, without_birth } = find_place(&mut directory);
    let place_changed = ![place, without_birth].contains(&vault.body.place);
    let mut home = Home { directory, vault, rng: ChaCha20Rng::from_rng(&mut &mut *start.rng) };
    if place_changed {
        // Written with the new instance, before anything else happens.
        home.vault.body.place = place;
        home.take_new_instance()?;
    } else if home.vault.body.place != place {
        // The weaker form of before is accepted this once; where it can't be replaced now, the next start tries again.
        home.vault.body.place = place;
        if let Err(error) = home.save_vault() {
            tracing::warn!(%error, rule = "ST-101", "the place was not written in its newer form");
        }
    }
    let (store, condition) = home.open_store(start.holder.started_ms)?;
    let found = Found { place_changed, condition };
    if found.is_new_instance() {
        home.take_new_instance()?;
    }
    finish_opening(home, store, found)
}

/// Which key the profile in `path` asks for; takes no lock and opens nothing.
///
/// # Errors
/// [`OpenError::NoProfile`], or a damaged vault.
pub fn key_needed(path: &Path) -> Result<KeyNeeded, OpenError> {
    match std::fs::read(path.join(VAULT)) {
        Ok(bytes) => Ok(Vault::key_needed(&bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(OpenError::NoProfile { path: path.into() }),
        Err(error) => Err(OpenError::io(&path.join(VAULT), &error)),
    }
}

/// Ends a life in good order: changes the rotating key if a secret was erased, marks the store clean, closes it.
///
/// # Errors
/// What the store meets; the next start then counts as after a crash.
pub fn close(mut home: Home, mut store: NodeStore) -> Result<(), OpenError> {
    if store.rotation_is_due() {
        home.rotate(&mut store)?;
    }
    let mut batch = Batch::default();
    batch.put(RecordId::meta(MetaName::Clean).key(), vec![1]);
    batch.mark_essential();
    store.commit(&batch)?;
    let state = home::store_state(&store)?;
    Box::new(store).close()?;
    home.leave_closing_mark(&state)
}

/// One page of a group's timeline: positions and values of `view` records, newest first, before `before` if given.
///
/// # Errors
/// What the store meets.
pub fn history_page(
    store: &dyn Store,
    g: u32,
    before: Option<OrderKey>,
    limit: usize,
) -> Result<Vec<(OrderKey, Vec<u8>)>, StoreError> {
    let (from, end) = RecordKind::View.span_in_group(g);
    let to = before.map_or(end, |order| RecordId::view(g, order).key());
    let page = store.range(&from, &to, Direction::Down, limit)?;
    Ok(page
        .into_iter()
        .filter_map(|(key, value)| match RecordId::from_key(&key) {
            Some(RecordId::View { order, .. }) => Some((order, value)),
            _ => None,
        })
        .collect())
}

struct Found {
    place_changed: bool,
    condition: Condition,
}

impl Found {
    const fn is_new_instance(&self) -> bool {
        self.place_changed || matches!(self.condition, Condition::Replaced(_) | Condition::Lost)
    }
}

/// The last steps of ST-82: layout, an interrupted change of keys, the mark of a clean end.
fn finish_opening(mut home: Home, mut store: NodeStore, found: Found) -> Result<Opened, OpenError> {
    check_layout(&store)?;
    upkeep::finish_vacuum(&mut home)?;
    let mark = home.take_closing_mark(&store)?;
    // Two witnesses: what was noted at the close (ST-100), and behind each commit (ST-43).
    let rolled_back = mark == ClosingMark::Differs || store.lost_end();
    let free = home.directory.free_bytes().map_err(|error| OpenError::io(home.directory.path(), &error))?;
    let disk_full = free < MARGIN_BYTES;
    let clean_key = RecordId::meta(MetaName::Clean).key();
    let was_closed = store.get(&clean_key).is_ok_and(|mark| mark.is_some()) && mark == ClosingMark::Fits;
    if rolled_back && !found.is_new_instance() {
        home.take_new_instance()?;
    }
    if !disk_full {
        write_first_batch(&mut store)?;
        home.directory.make_reserve()?;
        if store.is_rotating() {
            home.rotate(&mut store)?;
        }
    }
    if !was_closed {
        // What the last life erased is not known.
        store.make_rotation_due();
    }
    let Found { place_changed, condition } = found;
    let clean = was_closed || home.vault.is_first_life();
    Ok(Opened { store, home, clean, place_changed, rolled_back, condition, disk_full })
}

/// The first batch of a life takes the mark of a clean end away, and writes the layout where it is missing.
fn write_first_batch(store: &mut NodeStore) -> Result<(), StoreError> {
    let schema = RecordId::meta(MetaName::Schema).key();
    let mut batch = Batch::default();
    batch.erase(RecordId::meta(MetaName::Clean).key());
    if !store.get(&schema).is_ok_and(|bytes| bytes.is_some()) {
        batch.put(schema, schema_bytes());
    }
    store.commit(&batch)
}

/// Rule ST-120: a store that a later version wrote is left alone. Every key says its layout, so a schema record that
/// is damaged or missing takes nothing away: it is written anew.
fn check_layout(store: &NodeStore) -> Result<(), OpenError> {
    let newer = Key::new(&[LAYOUT]).map_or_else(Key::highest, |own| own.after_prefix());
    let beyond = store.engine().range(&newer, &Key::highest(), Direction::Up, 1)?;
    let by_key = beyond.first().and_then(|(key, _)| key.as_bytes().first()).map(|layout| u32::from(*layout));
    let by_schema = match store.get(&RecordId::meta(MetaName::Schema).key()) {
        Ok(Some(bytes)) => oldest_reader(&bytes),
        Ok(None) | Err(StoreError::Corrupt { place: Place::Record(_) }) => None,
        Err(error) => return Err(error.into()),
    };
    match by_key.max(by_schema.filter(|layout| *layout > u32::from(LAYOUT))) {
        Some(layout) => Err(StoreError::Newer { layout }.into()),
        None => Ok(()),
    }
}

/// `[layout, oldest reader, written by]`.
fn schema_bytes() -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory cannot fail.
    let _ = minicbor::Encoder::new(&mut bytes)
        .array(3)
        .and_then(|to| to.u8(LAYOUT))
        .and_then(|to| to.u8(LAYOUT))
        .and_then(|to| to.str(env!("CARGO_PKG_VERSION")).map(drop));
    bytes
}

fn oldest_reader(schema: &[u8]) -> Option<u32> {
    let mut from = minicbor::Decoder::new(schema);
    (from.array().ok()? == Some(3)).then_some(())?;
    from.u32().ok()?;
    from.u32().ok()
}

/// Opens every value and compares with the census (ST-44); the engine's own alarm counts, too.
///
/// # Errors
/// What the store meets.
pub fn verify(store: &NodeStore) -> Result<Findings, StoreError> {
    let findings = store.verify()?;
    if store.engine().is_suspect() {
        tracing::error!(rule = "ST-19", "the store is suspect: a vacuum is due");
    }
    Ok(findings)
}

#[cfg(test)]
mod tests;
