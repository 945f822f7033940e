//! Opening and making a profile, with words for everything that can be in the way.

use coterie_protocol::{
    Account, Boot, Change, Event, Identity, IoKind, LinkAction, RecordId, Shell, Store, StoreError, Transmit,
};
use zeroize::Zeroizing;

use crate::api::problem::{Code, Problem};
use crate::api::types::spell_id;
use crate::clock::Clock;
use crate::config::Settings;
use crate::driver::{self, Diagnosis, Rescue};
use crate::entropy;
use crate::store::{
    self, Condition, Cost, Holder, Home, KeyNeeded, NodeStore, OpenError, Opened, Problem as Obstacle, Start,
    VaultError, VaultKey,
};

/// Whether there is an identity in the data folder.
#[must_use]
pub fn has_identity(settings: &Settings) -> bool {
    !matches!(store::key_needed(&settings.paths.data), Err(OpenError::NoProfile { .. }))
}

/// Whether opening asks for a passphrase.
#[must_use]
pub fn needs_passphrase(settings: &Settings) -> bool {
    matches!(store::key_needed(&settings.paths.data), Ok(KeyNeeded::Passphrase))
}

pub(super) fn create(settings: &Settings, passphrase: Option<&str>) -> Result<Opened, Problem> {
    let what = "no identity was made";
    let key = match passphrase {
        Some(text) => VaultKey::Passphrase(Zeroizing::new(text.to_owned())),
        None => VaultKey::KeyFile(None),
    };
    let mut rng = entropy::step_rng().map_err(|error| broken(&error.to_string()))?;
    let start = Start { holder: holder(settings), rng: &mut rng };
    store::create(&settings.paths.data, &key, Cost::DEFAULT, start).map_err(|error| problem(error, what))
}

pub(super) fn open(settings: &Settings, passphrase: Option<String>) -> Result<(Opened, Diagnosis), Problem> {
    let what = "the node did not start";
    let needed = store::key_needed(&settings.paths.data).map_err(|error| problem(error, what))?;
    let key = match (needed, passphrase) {
        (KeyNeeded::KeyFile, _) => VaultKey::KeyFile(None),
        (KeyNeeded::Passphrase, Some(text)) => VaultKey::Passphrase(Zeroizing::new(text)),
        (KeyNeeded::Passphrase, None) => return Err(Problem::new(Code::Locked, what)),
    };
    let mut rng = entropy::step_rng().map_err(|error| broken(&error.to_string()))?;
    let start = Start { holder: holder(settings), rng: &mut rng };
    let opened = store::open(&settings.paths.data, &key, start).map_err(|error| problem(error, what))?;
    mended(opened).map_err(|error| problem(error, what))
}

/// What is due before anything is acknowledged: a whole verification after a roll-back (ST-19), room that a grown file
/// takes (ST-112), and a profile record where the store had to be made anew (ST-90).
fn mended(mut opened: Opened) -> Result<(Opened, Diagnosis), OpenError> {
    let mut rescue = Rescue::Found;
    if matches!(opened.condition, Condition::Replaced(_) | Condition::Lost) && !opened.disk_full {
        tracing::error!(rule = "ST-90", condition = ?opened.condition, "the store was made anew");
        if !opened.home.fill_from_rescue(&mut opened.store)? {
            rescue = Rescue::Missing;
            nameless(&opened.home, &mut opened.store)?;
        }
    }
    // A log that is cut at a damaged place opens without a word, as a whole and older one.
    if !opened.clean && !opened.disk_full && opened.home.put_lost_back(&mut opened.store)? {
        tracing::error!(rule = "ST-92", "the store has lost what its rescue file still holds");
        if !opened.is_new_instance() {
            opened.home.take_new_instance()?;
        }
        opened.rolled_back = true;
    }
    let mut diagnosis = Diagnosis::of_opening(&opened.condition, rescue);
    if opened.rolled_back {
        diagnosis.note_roll_back();
        diagnosis.note(&store::verify(&opened.store)?);
    }
    if !opened.disk_full && store::vacuum_is_due(&opened.store)? {
        let Opened { store, mut home, .. } = opened;
        let store = match store::vacuum(&mut home, store) {
            Ok(store) => store,
            Err(error) => {
                tracing::warn!(%error, rule = "ST-112", "the store was not made smaller");
                home.open_store(Clock::now().wall_ms)?.0
            }
        };
        opened = Opened { store, home, ..opened };
    }
    Ok((opened, diagnosis))
}

/// A profile record where there is none, for an identity whose name was lost.
pub(crate) fn nameless(home: &Home, store: &mut NodeStore) -> Result<(), StoreError> {
    let identity = Identity::from_seed(home.identity().duplicate());
    let name: String = spell_id(identity.public().as_ref()).chars().take(NAME_CHARS).collect();
    let (_, effects) = Account::create(identity, home.instance(), Boot([0; 8]), &name);
    effects.apply(&mut Founding(store))
}

/// Of a person whose name was lost with the store: the beginning of the key, as the faces show the nameless.
const NAME_CHARS: usize = 8;

/// The shell of an account that has no links and no faces yet.
pub(super) struct Founding<'a>(pub(super) &'a mut NodeStore);

impl Shell for Founding<'_> {
    type Error = StoreError;

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.0.commit(&driver::batch(changes))
    }
    fn transmit(&mut self, _: Transmit) {}
    fn link(&mut self, _: LinkAction) {}
    fn emit(&mut self, _: Event) {}
    fn read(&mut self, _: RecordId) {}
}

pub(super) fn holder(settings: &Settings) -> Holder {
    Holder { started_ms: Clock::now().wall_ms, socket: settings.paths.socket.clone() }
}

/// Our own mistake, or a machine that gives no randomness.
pub(super) fn broken(why: &str) -> Problem {
    Problem::new(Code::Internal, "the node did not start").because(why)
}

/// Rule R-26, EX-2: what is in the way, and the command that mends it.
pub(super) fn problem(error: OpenError, what: &str) -> Problem {
    let remedy = error.remedy();
    match error {
        OpenError::Unusable { path, problem } => {
            let found =
                Problem::new(Code::DataDirUnusable, what).because(format!("{} {}", path.display(), obstacle(problem)));
            let elsewhere = "coterie --data-dir DIR up".to_owned();
            found.advise(remedy.into_iter().chain([elsewhere]))
        }
        OpenError::InUse { path, pid } => {
            let who = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            let found = Problem::new(Code::ProfileInUse, what).because(format!("{who} has {} open", path.display()));
            found.detail("pid", pid)
        }
        OpenError::NoProfile { path } => Problem::new(Code::NotFound, what)
            .because(format!("there is no identity in {} yet", path.display()))
            .advise(["coterie init --name NAME"]),
        OpenError::ProfileExists { path } => Problem::new(Code::Conflict, what)
            .because(format!("there is an identity in {} already", path.display()))
            .advise(["coterie identity show", "coterie --profile OTHER init"]),
        OpenError::KeyFile { path } => Problem::new(Code::Locked, what)
            .because(format!("the key file {} is missing or is not one", path.display()))
            .advise(["put the key file back", "coterie identity restore FILE"]),
        OpenError::Vault(VaultError::Newer) => newer(what),
        OpenError::Vault(VaultError::WrongKey | VaultError::Damaged) => Problem::new(Code::WrongPassphrase, what),
        OpenError::Full { need, free } => full(what, need, free),
        OpenError::Store(error) => store_problem(error, what),
        OpenError::Io { path, kind } => Problem::new(Code::DataDirUnusable, what)
            .because(format!("{}: {}", path.display(), io(kind)))
            .advise([format!("ls -ld {}", path.display())]),
    }
}

const fn obstacle(problem: Obstacle) -> &'static str {
    match problem {
        Obstacle::OpenToOthers => "can be read by other users",
        Obstacle::NoAccess => "may not be used by you",
        Obstacle::ForeignOwner => "belongs to another user",
        Obstacle::NotAFolder => "is not a folder",
        Obstacle::SymbolicLink => "is a symbolic link",
        Obstacle::NetworkDisk => "lies on a network disk, where nothing is safe from a power cut",
        Obstacle::ReadOnly => "lies on a disk that cannot be written",
    }
}

const fn io(kind: IoKind) -> &'static str {
    match kind {
        IoKind::NoSpace => "the disk is full",
        IoKind::ReadOnly => "the disk cannot be written",
        IoKind::Descriptors => "too many files are open (see `ulimit -n`)",
        _ => "the disk gave an error",
    }
}

fn newer(what: &str) -> Problem {
    Problem::new(Code::ApiMismatch, what)
        .because("the data folder was written by a newer Coterie; nothing was touched")
        .advise(["install the newest Coterie"])
}

fn full(what: &str, need: u64, free: u64) -> Problem {
    let problem = Problem::new(Code::DiskFull, what);
    problem.because(format!("disk full: {} MiB are free, {} MiB are needed", free >> 20, need >> 20))
}

/// What the store itself refuses.
pub(super) fn store_problem(error: StoreError, what: &str) -> Problem {
    match error {
        StoreError::Locked { pid } => {
            Problem::new(Code::ProfileInUse, what).because("another process has the store open").detail("pid", pid)
        }
        StoreError::Full { need, free } => full(what, need, free),
        StoreError::Newer { .. } => newer(what),
        StoreError::TooLarge { .. } => broken("something was too large for the store"),
        StoreError::Corrupt { .. } | StoreError::Io { .. } | StoreError::Failed => {
            Problem::new(Code::StoreReadOnly, what).because(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_26_every_obstacle_has_a_code_of_its_own_and_says_how_to_mend_it() {
        let at = || std::path::PathBuf::from("/d");
        let table = [
            (OpenError::Unusable { path: at(), problem: Obstacle::OpenToOthers }, Code::DataDirUnusable),
            (OpenError::InUse { path: at(), pid: Some(7) }, Code::ProfileInUse),
            (OpenError::NoProfile { path: at() }, Code::NotFound),
            (OpenError::ProfileExists { path: at() }, Code::Conflict),
            (OpenError::KeyFile { path: at() }, Code::Locked),
            (OpenError::Vault(VaultError::Newer), Code::ApiMismatch),
            (OpenError::Full { need: 1 << 26, free: 0 }, Code::DiskFull),
            (OpenError::Store(StoreError::Locked { pid: None }), Code::ProfileInUse),
            (OpenError::Store(StoreError::Failed), Code::StoreReadOnly),
        ];
        for (error, code) in table {
            let found = problem(error, "it did not start");
            assert!(found.code == code && !found.tries.is_empty(), "{found:?}");
        }
        let open = problem(OpenError::Unusable { path: at(), problem: Obstacle::OpenToOthers }, "x");
        assert_eq!(open.tries[0], "chmod 700 /d");
    }

    #[test]
    fn ex_02_a_wrong_passphrase_and_a_damaged_slot_look_alike() {
        let wrong = problem(OpenError::Vault(VaultError::WrongKey), "x");
        assert_eq!(wrong, problem(OpenError::Vault(VaultError::Damaged), "x"));
    }
}
