//! When the disk fails: what is kept, what is tried, and when it is given up (ST-18, ST-84).
//!
//! After a failed commit memory is ahead of the disk. Going on would send what was never saved, and use a key twice
//! after the next start. So the account is dropped and built again from what is really there.

use std::collections::VecDeque;

use coterie_protocol::{
    Account, Batch, CommandError, Identity, Input, IoKind, RecordId, RestoreError, Restoring, Store, StoreError,
};

use super::{Diagnosis, Driver, Refused, Rescue};
use crate::clock::Clock;
use crate::store::{Condition, MARGIN_BYTES, NodeStore, OpenError};

/// So many new beginnings …
const TRIES_MAX: usize = 3;
/// … within this time; then the node only reads (ST-18).
const TRIES_MS: u64 = 60_000;
/// Free bytes at which a full disk counts as roomy again (ST-84).
const ROOMY_BYTES: u64 = 128 << 20;
/// How often that is looked at.
const LOOK_MS: u64 = 2_000;

/// How the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// It takes and gives.
    Sound,
    /// It gives; there is no room to take.
    DiskFull,
    /// It failed too often, or the account did; it gives what it can.
    ReadOnly,
}

/// What was tried, and how it stands.
#[derive(Debug)]
pub(super) struct Recovery {
    health: Health,
    tries: VecDeque<u64>,
    looked_at_ms: u64,
    /// Whether profile or store were mended in this life already.
    renewed: bool,
}

impl Recovery {
    pub(super) const fn new(health: Health) -> Self {
        Self { health, tries: VecDeque::new(), looked_at_ms: 0, renewed: false }
    }

    pub(super) const fn health(&self) -> Health {
        self.health
    }

    pub(super) fn is_sound(&self) -> bool {
        self.health == Health::Sound
    }

    /// Rule ST-18: at most three new beginnings in 60 s.
    pub(super) fn may_try(&mut self, now_ms: u64) -> bool {
        self.tries.retain(|at| now_ms.saturating_sub(*at) < TRIES_MS);
        self.tries.push_back(now_ms);
        self.tries.len() <= TRIES_MAX
    }

    pub(super) fn give_up(&mut self) {
        tracing::error!(rule = "ST-18", "too many failures within a minute: only reading from here on");
        self.health = Health::ReadOnly;
    }
}

impl Driver {
    /// What the person is told whose wish was in the batch.
    pub(super) fn on_commit_failed(&mut self, error: StoreError) -> Refused {
        tracing::error!(%error, "the store refused");
        self.account = None;
        self.loaded.clear();
        match error {
            StoreError::Full { .. } => {
                self.recovery.health = Health::DiskFull;
                self.restore();
                Refused::DiskFull
            }
            // By ST-84 this is a full disk, too: the room went between the look and the write.
            error if self.is_want_of_room(&error) => {
                self.recovery.health = Health::DiskFull;
                self.close_store();
                self.open_again();
                if self.recovery.health == Health::DiskFull { Refused::DiskFull } else { Refused::ReadOnly }
            }
            StoreError::TooLarge { .. } => {
                // Nothing was written and the store is whole: our own mistake, not the disk's.
                self.begin_again();
                Refused::Internal
            }
            _ => {
                // A disk that erred once is no mistake of the program: the same wish may go well now.
                self.reopen();
                if self.recovery.is_sound() { Refused::Busy } else { Refused::ReadOnly }
            }
        }
    }

    /// A store that failed says why only once; later the room on the disk tells.
    fn is_want_of_room(&self, error: &StoreError) -> bool {
        let is_short = || self.home.directory().free_bytes().is_ok_and(|free| free < MARGIN_BYTES);
        match error {
            StoreError::Io { kind: IoKind::NoSpace, .. } => true,
            StoreError::Io { .. } | StoreError::Failed => is_short(),
            _ => false,
        }
    }

    fn begin_again(&mut self) {
        if self.recovery.may_try(Clock::now().mono_ms) {
            self.restore();
        } else {
            self.recovery.give_up();
            self.restore();
        }
    }

    /// Closes the engine and opens it again, if that was not done too often (ST-18).
    fn reopen(&mut self) {
        self.close_store();
        if !self.recovery.may_try(Clock::now().mono_ms) {
            self.recovery.give_up();
        }
        self.open_again();
    }

    fn close_store(&mut self) {
        if let Some(store) = self.store.take()
            && let Err(error) = Box::new(store).close()
        {
            tracing::warn!(%error, "closing the failed store");
        }
    }

    /// Opens the engine again. Without room for that nothing can be shown until there is some (ST-84).
    fn open_again(&mut self) {
        match self.home.open_store(Clock::now().wall_ms) {
            Ok((store, condition)) => self.go_on_with(store, &condition),
            Err(error) if self.recovery.health != Health::ReadOnly && is_passing(&error) => {
                tracing::error!(%error, "the store does not open at the moment; it is tried again");
                self.recovery.health = Health::DiskFull;
            }
            Err(error) => {
                tracing::error!(%error, "the store does not open any more");
                self.recovery.give_up();
            }
        }
    }

    /// The store as it opens again. What came out of it lost, or not at all, is no base for the old ratchets (ST-100).
    fn go_on_with(&mut self, mut store: NodeStore, condition: &Condition) {
        let is_new = matches!(condition, Condition::Replaced(_) | Condition::Lost);
        let mended = if is_new {
            self.home.take_new_instance().and_then(|_| self.home.fill_from_rescue(&mut store)).map(|is_found| {
                let rescue = if is_found { Rescue::Found } else { Rescue::Missing };
                self.diagnosis = Diagnosis::of_opening(condition, rescue);
            })
        } else if store.lost_end() {
            self.diagnosis.note_roll_back();
            self.home.take_new_instance().map(drop)
        } else {
            Ok(())
        };
        self.store = Some(store);
        match mended {
            Ok(()) => self.restore(),
            Err(error) => {
                tracing::error!(%error, "the store that opened again was not made good");
                self.recovery.give_up();
            }
        }
    }

    /// Builds the account from the store. Its links are news to it, so the old ones end.
    pub(super) fn restore(&mut self) {
        let links: Vec<_> = std::mem::take(&mut self.links).into_keys().collect();
        links.into_iter().for_each(|link| self.hang_up(link, 0));
        self.loaded.clear();
        self.desk.upset();
        let Some(store) = self.store.as_ref() else { return };
        let mut restoring = Restoring::default();
        match store.load(&mut |record| restoring.take(record)) {
            Ok(findings) => {
                if !findings.is_good() {
                    tracing::warn!(?findings, "some records are damaged or missing");
                }
                self.diagnosis.note(&findings);
            }
            Err(error) => {
                tracing::error!(%error, "the records could not be read");
                return self.on_unreadable(&error);
            }
        }
        let identity = Identity::from_seed(self.home.identity().duplicate());
        match restoring.finish(identity, self.home.instance(), self.boot, Clock::now()) {
            Ok(account) => self.account = Some(account),
            Err(error) => return self.on_no_account(&error),
        }
        if self.recovery.is_sound() {
            let addresses = self.listening.clone();
            self.step(Input::Listening { addresses });
            self.step(Input::NetworkChanged);
        }
    }

    /// An engine that wrote while it was read, and had no room for that, reads again once it was opened anew: then the
    /// reserve is given up first (ST-84).
    fn on_unreadable(&mut self, error: &StoreError) {
        if !self.is_want_of_room(error) || !self.recovery.may_try(Clock::now().mono_ms) {
            return self.recovery.give_up();
        }
        self.recovery.health = Health::DiskFull;
        self.close_store();
        self.open_again();
    }

    /// By ST-91, a profile that rotted is put back from the rescue file, or begins with the name that the nameless have; a
    /// group or log that can't be read means a new store. Once a life: what comes back the same would come back again.
    fn on_no_account(&mut self, error: &RestoreError) {
        tracing::error!(?error, "the records do not make an account");
        if !self.recovery.is_sound() || std::mem::replace(&mut self.recovery.renewed, true) {
            return self.recovery.give_up();
        }
        let mended = match error {
            RestoreError::NoProfile => self.put_profile_back(),
            RestoreError::Damaged { .. } => self.begin_anew(),
        };
        match mended {
            Ok(()) => self.restore(),
            Err(error) => {
                tracing::error!(%error, "nothing could be mended");
                self.recovery.give_up();
            }
        }
    }

    fn put_profile_back(&mut self) -> Result<(), OpenError> {
        let rescued = self.home.rescued_profile();
        let Some(store) = self.store.as_mut() else { return Err(StoreError::Failed.into()) };
        let mut batch = Batch::default();
        match rescued {
            Some(bytes) => batch.put(RecordId::profile().key(), bytes),
            None => return crate::daemon::nameless(&self.home, store).map_err(OpenError::from),
        }
        Ok(store.commit(&batch)?)
    }

    fn begin_anew(&mut self) -> Result<(), OpenError> {
        let Some(store) = self.store.take() else { return Err(StoreError::Failed.into()) };
        let (store, aside) = self.home.renew_store(store, Clock::now().wall_ms)?;
        tracing::error!(rule = "ST-90", folder = %aside.display(), "the store was put aside; a new one begins");
        self.diagnosis.note_renewed(Some(&aside), Rescue::Found);
        self.store = Some(store);
        Ok(())
    }

    /// Rule ST-102: the person says that this is the computer to go on with. Its installation is a new one from here on
    /// (ST-100), so nothing it writes meets what the other copy wrote, or what was lost here.
    pub(super) fn on_take_instance(&mut self) -> Result<(), Refused> {
        self.settle();
        match self.recovery.health() {
            Health::Sound => {}
            Health::DiskFull => return Err(Refused::DiskFull),
            Health::ReadOnly => return Err(Refused::ReadOnly),
        }
        if !self.account.as_ref().is_some_and(Account::sees_twin) {
            return Err(Refused::Command(CommandError::NoEffect { member: None }));
        }
        self.home.take_new_instance().map_err(|error| {
            tracing::error!(%error, "the new installation was not saved");
            Refused::Internal
        })?;
        tracing::warn!(rule = "ST-102", "this computer goes on, as a new installation");
        self.account = None;
        self.restore();
        Ok(())
    }

    /// Whether there is room again.
    pub(super) fn try_to_recover(&mut self, now_ms: u64) {
        let due = now_ms.saturating_sub(self.recovery.looked_at_ms) >= LOOK_MS;
        if self.recovery.health != Health::DiskFull || !due {
            return;
        }
        self.recovery.looked_at_ms = now_ms;
        let free = self.home.directory().free_bytes().unwrap_or(0);
        if free >= ROOMY_BYTES {
            tracing::info!("there is room on the disk again");
            self.recovery.health = Health::Sound;
            // Else the next start on a full disk would have nothing to give up.
            if let Err(error) = self.home.directory().make_reserve() {
                tracing::warn!(%error, rule = "ST-84", "no room was set aside");
            }
            match &self.store {
                Some(_) if !self.has_failed_reading() => self.restore(),
                _ => {
                    self.close_store();
                    self.open_again();
                }
            }
        } else if self.has_failed_reading() || self.store.is_none() && free >= MARGIN_BYTES {
            self.close_store();
            self.open_again();
        }
    }
}

/// What stands in the way only for a while: no room, no file descriptor.
const fn is_passing(error: &OpenError) -> bool {
    match error {
        OpenError::Full { .. } => true,
        OpenError::Store(StoreError::Io { kind, .. }) | OpenError::Io { kind, .. } => {
            matches!(kind, IoKind::Descriptors)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_18_three_new_beginnings_in_a_minute_and_no_fourth() {
        let mut recovery = Recovery::new(Health::Sound);
        assert!([0, 10, 20].into_iter().all(|at| recovery.may_try(at)));
        assert!(!recovery.may_try(30));
        assert!(recovery.may_try(100_000), "a minute later it may be tried again");
    }
}
