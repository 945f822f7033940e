//! A profile out of a backup: no node is needed, and none is left running.

use coterie_protocol::{Account, Boot, Identity, Instance, Record, RecordId};
use zeroize::Zeroizing;

use super::{harden, opening};
use crate::api::problem::{Code, Problem};
use crate::api::types::{Protection, Restored, RestoredSchema, Time, spell_id};
use crate::clock::Clock;
use crate::config::Settings;
use crate::entropy;
use crate::store::{self, Backup, Cost, Holder, Opened, Start, VaultError, VaultKey};

/// Makes the profile of a backup in an empty data folder, as a new installation of the same person.
///
/// `passphrase` is the backup's; `new_passphrase` protects what is made, without one a key file does.
///
/// # Errors
/// If there is a profile already, if the file is damaged or the passphrase wrong, or what the disk refuses.
pub fn restore(
    settings: &Settings,
    file: &[u8],
    passphrase: &str,
    new_passphrase: Option<&str>,
) -> Result<Restored, Problem> {
    let what = "nothing was restored";
    harden();
    if opening::has_identity(settings) {
        let path = settings.paths.data.clone();
        return Err(opening::problem(store::OpenError::ProfileExists { path }, what));
    }
    let backup = store::open_backup(file, passphrase).map_err(|error| explain(error, what))?;
    // Before anything is made: what is in there is a profile.
    let account = account_of(&backup).ok_or_else(|| explain(VaultError::Damaged, what))?;
    let key = match new_passphrase {
        Some(text) => VaultKey::Passphrase(Zeroizing::new(text.to_owned())),
        None => VaultKey::KeyFile(None),
    };
    let mut rng = entropy::step_rng().map_err(|error| opening::broken(&error.to_string()))?;
    let holder = Holder { started_ms: Clock::now().wall_ms, socket: settings.paths.socket.clone() };
    let start = Start { holder, rng: &mut rng };
    let opened = store::restore(&settings.paths.data, &backup, &key, Cost::DEFAULT, start);
    let Opened { home, store, .. } = opened.map_err(|error| opening::problem(error, what))?;
    let restored = Restored {
        schema: RestoredSchema::V1,
        key: spell_id(account.me().as_ref()),
        name: account.name().to_owned(),
        instance: spell_id(home.instance().as_ref()),
        protected: if new_passphrase.is_some() { Protection::Passphrase } else { Protection::None },
        groups: account.groups().into_iter().map(|group| group.name).collect(),
        history: backup.scope == store::Scope::WithHistory,
        made: Time(backup.created_ms),
    };
    store::close(home, store).map_err(|error| opening::problem(error, "the restored profile was not closed"))?;
    Ok(restored)
}

fn account_of(backup: &Backup) -> Option<Account> {
    let records = backup
        .records
        .iter()
        .filter_map(|(key, value)| RecordId::from_key(key).map(|id| Record { id, bytes: value.clone() }));
    let identity = Identity::from_seed(backup.identity.duplicate());
    Account::restore(identity, Instance([0; 16]), Boot([0; 8]), Clock::now(), records).ok()
}

fn explain(error: VaultError, what: &str) -> Problem {
    match error {
        VaultError::WrongKey => Problem::new(Code::WrongPassphrase, what)
            .because("the passphrase is not the backup's, or its first bytes are damaged")
            .advise(["try it again", "coterie identity restore OTHER-FILE"]),
        VaultError::Damaged => Problem::new(Code::BadValue, what)
            .because("the file is no backup, or it is damaged or cut; nothing of it was used")
            .advise(["coterie identity restore OTHER-FILE"]),
        VaultError::Newer => Problem::new(Code::ApiMismatch, what)
            .because("the backup was made by a newer Coterie")
            .advise(["install the newest Coterie"]),
    }
}
