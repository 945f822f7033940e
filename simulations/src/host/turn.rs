//! One turn of a machine: the core makes one batch of what came, the disk takes it, and then things leave.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use coterie_protocol::{CommandError, Effects, Input, RecordId, Reply, Store, Timestamp, Transmit};

use super::desk::{Consequences, Desk};
use super::{Glance, Host, Item, Life, Purpose, Running, Wish, Work};

impl Host {
    /// Lets the core work on what came, if it can. `merge` is what one batch may take in.
    pub fn work(&mut self, now_us: u64) -> Work {
        let now = self.now(now_us);
        let (sync_us, running) = (self.sync_us, self.running);
        let disk = self.disk.clone();
        let Some(life) = self.memory.as_mut().filter(|life| running == Running::Up && life.held.is_none()) else {
            return Work::Idle;
        };
        if life.inbox.is_empty() {
            return Work::Idle;
        }
        life.seen = Glance::default();
        let mut answers = Vec::new();
        let mut bytes_in = 0;
        let mut merged = Effects::default();
        while merged.has_room() {
            let Some(item) = life.inbox.pop_front() else { break };
            if let Item::Input(Input::Received { bytes, .. }) = &item {
                bytes_in += bytes.len();
            }
            match catch_unwind(AssertUnwindSafe(|| life.turn(now, item, &mut answers))) {
                Ok(effects) => merged.merge(effects),
                Err(panic) => return Work::Panicked(panic_text(panic.as_ref())),
            }
        }
        let is_writing = merged.change_count() > 0;
        let mut shell = Desk { store: &mut life.store, done: Consequences::default() };
        if let Err(error) = merged.apply(&mut shell) {
            return Work::Died(error, Box::new(shell.done));
        }
        let mut done = shell.done;
        (done.answers, done.bytes_in) = (answers, bytes_in);
        life.held = Some(done);
        let takes = if is_writing { sync_us + disk.last_commit_ms() * 1_000 } else { 0 };
        Work::Until(now_us + takes)
    }

    /// The disk is done: what a step led to may happen now. What was to be read comes back as input.
    pub fn release(&mut self) -> Option<Consequences> {
        let life = self.memory.as_mut()?;
        let mut done = life.held.take()?;
        for id in done.reads.drain(..) {
            let bytes = life.store.get(&id.key()).ok().flatten();
            life.inbox.push_back(Item::Input(Input::Loaded { id, bytes }));
        }
        Some(done)
    }

    /// The bytes of a frame, read from the store if they lie there.
    #[must_use]
    pub fn frame(&self, transmit: &Transmit) -> Bytes {
        match transmit {
            Transmit::Frame { bytes, .. } => bytes.clone(),
            Transmit::Stored(stored) => {
                let get = |id: &RecordId| self.store().and_then(|store| store.get(&id.key()).ok().flatten());
                stored.assemble(stored.records.iter().map(get).collect())
            }
        }
    }
}
impl Life {
    fn turn(
        &mut self,
        now: Timestamp,
        item: Item,
        answers: &mut Vec<(Purpose, Result<Reply, CommandError>)>,
    ) -> Effects {
        match item {
            Item::Input(input) => self.account.handle(now, input, &mut self.rng),
            Item::Wish(Wish { command, purpose }) => match self.account.execute(now, command, &mut self.rng) {
                Ok((reply, effects)) => {
                    answers.push((purpose, Ok(reply)));
                    effects
                }
                Err(error) => {
                    answers.push((purpose, Err(error)));
                    Effects::default()
                }
            },
        }
    }
}
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}
