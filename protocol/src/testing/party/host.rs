//! One person's machine: a core, a disk that keeps what was committed, and a power cut on request.

use std::collections::{BTreeMap, VecDeque};
use std::vec::Vec;

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;

use crate::{Account, Change, Event, Input, LinkAction, LinkId, MemberKey, RecordId, Shell, Transmit};

/// One person's machine.
pub struct Host {
    /// The core.
    pub account: Account,
    /// What is on disk.
    pub disk: BTreeMap<RecordId, Vec<u8>>,
    /// What faces were told.
    pub events: Vec<Event>,
    pub(super) seed: u8,
    pub(super) installation: u8,
    pub(super) lives: u8,
    pub(super) rng: ChaCha20Rng,
    pub(super) inbox: VecDeque<Input>,
    pub(super) outbox: Vec<(LinkId, Bytes)>,
    pub(super) actions: Vec<LinkAction>,
    pub(super) online: bool,
    /// Commits until the power fails, and whether it has: what a step wanted after its commit is then lost.
    pub(super) commits_left: Option<u32>,
    pub(super) dead: bool,
    /// Who may open a group stream here (N-201).
    pub(super) gate: Vec<MemberKey>,
    /// By how much this machine's wall clock is wrong.
    pub skew_ms: i64,
}

impl Host {
    /// A new machine, switched on.
    pub(super) fn new(account: Account, seed: u8, rng: ChaCha20Rng) -> Self {
        Self {
            account,
            disk: BTreeMap::new(),
            events: Vec::new(),
            seed,
            installation: seed,
            lives: 0,
            rng,
            inbox: VecDeque::new(),
            outbox: Vec::new(),
            actions: Vec::new(),
            online: true,
            commits_left: None,
            dead: false,
            gate: Vec::new(),
            skew_ms: 0,
        }
    }

    /// Whether the machine is on.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.online
    }
}

impl Shell for Host {
    type Error = core::convert::Infallible;

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), Self::Error> {
        for change in changes {
            match change {
                Change::Put(record) => drop(self.disk.insert(record.id, record.bytes)),
                Change::Erase(id) => drop(self.disk.remove(&id)),
            }
        }
        if let Some(left) = self.commits_left.as_mut() {
            *left = left.saturating_sub(1);
            self.dead = *left == 0;
        }
        Ok(())
    }

    fn transmit(&mut self, transmit: Transmit) {
        if self.dead {
            return;
        }
        match transmit {
            Transmit::Frame { link, bytes } => self.outbox.push((link, bytes)),
            Transmit::Stored(stored) => {
                let values = stored.records.iter().map(|id| self.disk.get(id).cloned()).collect();
                self.outbox.push((stored.link, stored.assemble(values)));
            }
        }
    }

    fn link(&mut self, action: LinkAction) {
        if !self.dead {
            self.actions.push(action);
        }
    }

    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    fn read(&mut self, id: RecordId) {
        if self.dead {
            return;
        }
        let bytes = self.disk.get(&id).cloned();
        self.inbox.push_back(Input::Loaded { id, bytes });
    }
}
