//! When the disk fails: what is kept, what is tried, and when it is given up (ST-18, ST-84).
//!
//! After a failed commit memory is ahead of the disk. Going on would send what was never saved, and use a key twice
//! after the next start. So the account is dropped and built again from what is really there.

use std::collections::VecDeque;

use coterie_protocol::{Account, CommandError, Identity, Input, Record, Store, StoreError};

use super::{Driver, Refused};
use crate::clock::Clock;

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
}

impl Recovery {
    pub(super) const fn new(health: Health) -> Self {
        Self { health, tries: VecDeque::new(), looked_at_ms: 0 }
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
        tracing::error!(%error, "a batch was not saved");
        self.account = None;
        self.loaded.clear();
        match error {
            StoreError::Full { .. } => {
                self.recovery.health = Health::DiskFull;
                self.restore();
                Refused::DiskFull
            }
            StoreError::TooLarge { .. } => {
                // Nothing was written and the store is whole: our own mistake, not the disk's.
                self.begin_again();
                Refused::Internal
            }
            _ => {
                self.reopen();
                if self.recovery.is_sound() { Refused::Internal } else { Refused::ReadOnly }
            }
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

    /// Closes the engine and opens it again.
    fn reopen(&mut self) {
        if let Some(store) = self.store.take()
            && let Err(error) = Box::new(store).close()
        {
            tracing::warn!(%error, "closing the failed store");
        }
        if !self.recovery.may_try(Clock::now().mono_ms) {
            self.recovery.give_up();
        }
        match self.home.open_store(Clock::now().wall_ms) {
            Ok((store, _)) => {
                self.store = Some(store);
                self.restore();
            }
            Err(error) => {
                tracing::error!(%error, "the store does not open any more");
                self.recovery.give_up();
            }
        }
    }

    /// Builds the account from the store. Its links are news to it, so the old ones end.
    pub(super) fn restore(&mut self) {
        let links: Vec<_> = std::mem::take(&mut self.links).into_keys().collect();
        links.into_iter().for_each(|link| self.hang_up(link, 0));
        self.loaded.clear();
        let Some(store) = self.store.as_ref() else { return };
        let mut records: Vec<Record> = Vec::new();
        match store.load(&mut |record| records.push(record)) {
            Ok(findings) if !findings.is_good() => tracing::warn!("some records are damaged or missing"),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "the records could not be read");
                self.recovery.give_up();
                return;
            }
        }
        let identity = Identity::from_seed(self.home.identity().duplicate());
        match Account::restore(identity, self.home.instance(), self.boot, Clock::now(), records) {
            Ok(account) => self.account = Some(account),
            Err(error) => {
                tracing::error!(?error, "the records do not make an account");
                self.recovery.give_up();
                return;
            }
        }
        if self.recovery.is_sound() {
            let addresses = self.listening.clone();
            self.step(Input::Listening { addresses });
            self.step(Input::NetworkChanged);
        }
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
            self.restore();
        }
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
