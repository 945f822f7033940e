//! The driver: one thread that owns the [`Account`] and the store, and lets one step at a time happen.
//!
//! Everything comes in by one bounded queue: frames of links, wishes of people, questions of faces. What waits is
//! taken in one go, up to 64 inputs, each is one step of the core, their effects are merged, and one batch makes them
//! durable; only then frames leave, answers are given and followers are told (ST-50, H-13). The driver decides nothing
//! about groups. It knows three things of its own: the clock, that a disk can fail (`recovery`), and that a step may
//! panic on a peer's bytes.

mod diagnosis;
mod handle;
mod keeping;
mod notices;
mod parts;
mod recovery;
mod shell;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use coterie_protocol::{Account, Boot, Command, Effects, Input, LinkId, MemberKey, Reply};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::diagnosis::{Diagnosis, Rescue};
pub(crate) use self::handle::{DriverHandle, DriverInput, Refused};
pub(crate) use self::keeping::KeyChange;
use self::keeping::{Keeping, LastEnd};
use self::notices::Soft;
pub(crate) use self::parts::{Parts, start};
pub(crate) use self::recovery::Health;
use self::recovery::Recovery;
use self::shell::Outlet;
pub(crate) use self::shell::batch;
pub(crate) use self::view::{NodeFacts, View};
use crate::api::events::Hub;
use crate::clock::Clock;
use crate::entropy;
use crate::media::Shelf;
use crate::network::ToNetwork;
use crate::search::Desk;
use crate::store::{Home, NodeStore};

/// Inputs of one batch (ST-50).
const BATCH_INPUTS_MAX: usize = 64;
/// The longest sleep: after it the clock is looked at, so that a computer that slept is noticed (N-1301).
const SLEEP_MS_MAX: u64 = 15_000;
/// A sleep that took so much longer than it should have was a computer's sleep.
const SUSPENDED_MS: u64 = 5_000;
/// How long a peer is refused whose bytes made a step panic.
const PANIC_BLOCK_MS: u64 = 24 * 3_600_000;

/// An answer that waits for the commit.
type Waiting = (oneshot::Sender<Result<Reply, Refused>>, Reply);

struct Driver {
    /// None only between a failure and the restore after it, or when that failed.
    account: Option<Account>,
    store: Option<NodeStore>,
    home: Home,
    network: mpsc::Sender<ToNetwork>,
    hub: Arc<Hub>,
    shelf: Shelf,
    /// Where words are looked for.
    desk: Arc<Desk>,
    boot: Boot,
    facts: NodeFacts,
    recovery: Recovery,
    soft: Soft,
    /// Whose stream each link is: whom to block if a step panics on its bytes.
    links: BTreeMap<LinkId, MemberKey>,
    /// Where this node can be reached, told again to a restored account.
    listening: Vec<Vec<u8>>,
    /// Records that were asked for and read, to be handed over in the next steps.
    loaded: VecDeque<Input>,
    pending: Effects,
    waiting: Vec<Waiting>,
    /// What is done now and then for the store.
    keeping: Keeping,
    diagnosis: Diagnosis,
    #[cfg(test)]
    faults: tests::Faults,
}

impl Driver {
    fn new(parts: Parts) -> Self {
        let health = if parts.disk_full { Health::DiskFull } else { Health::Sound };
        Self {
            account: None,
            store: Some(parts.store),
            home: parts.home,
            network: parts.network,
            hub: parts.hub,
            shelf: parts.shelf,
            desk: parts.desk,
            boot: parts.boot,
            facts: parts.facts,
            recovery: Recovery::new(health),
            soft: Soft::default(),
            links: BTreeMap::new(),
            listening: Vec::new(),
            loaded: VecDeque::new(),
            pending: Effects::default(),
            waiting: Vec::new(),
            keeping: Keeping::new(Clock::now().mono_ms, if parts.clean { LastEnd::Clean } else { LastEnd::Unclean }),
            diagnosis: parts.diagnosis,
            #[cfg(test)]
            faults: tests::Faults::default(),
        }
    }

    /// Takes what waits until told to stop, or until nobody is left to tell.
    fn run(&mut self, runtime: &runtime::Handle, mut inbox: mpsc::Receiver<DriverInput>) {
        let mut batch = Vec::with_capacity(BATCH_INPUTS_MAX);
        loop {
            let before = Clock::now();
            let sleep = if self.loaded.is_empty() { self.sleep_ms(before.mono_ms) } else { 0 };
            let waiting = async {
                let receiving = inbox.recv_many(&mut batch, BATCH_INPUTS_MAX);
                tokio::time::timeout(Duration::from_millis(sleep), receiving).await
            };
            let received = runtime.block_on(waiting);
            if matches!(received, Ok(0)) {
                return;
            }
            if received.is_err() && Clock::now().since(before) > sleep.saturating_add(SUSPENDED_MS) {
                self.on_network_changed();
            }
            let mut stop = false;
            for input in batch.drain(..) {
                stop |= self.on_input(input);
            }
            self.on_loaded();
            self.on_time();
            self.settle();
            if stop {
                return;
            }
        }
    }

    fn sleep_ms(&self, now_ms: u64) -> u64 {
        let core = self.account.as_ref().filter(|_| self.recovery.is_sound()).and_then(Account::next_deadline);
        let earliest = [core, self.soft.due_at_ms(), self.keeping.due_at_ms().filter(|_| self.recovery.is_sound())]
            .into_iter()
            .flatten()
            .min();
        earliest.map_or(SLEEP_MS_MAX, |at| at.saturating_sub(now_ms).min(SLEEP_MS_MAX))
    }

    /// One thing that came in; whether it was the order to stop.
    fn on_input(&mut self, input: DriverInput) -> bool {
        match input {
            DriverInput::Net(input) => self.on_net(input),
            DriverInput::Refused(reason) => self.facts.count_refused(reason),
            DriverInput::InterfacesChanged => self.on_network_changed(),
            DriverInput::FileMoved(blob) => {
                self.settle();
                self.on_file_moved(&blob);
            }
            DriverInput::Execute(command, answer) => self.on_execute(*command, answer),
            DriverInput::TakeInstance(answer) => drop(answer.send(self.on_take_instance())),
            DriverInput::SetKey(change, answer) => drop(answer.send(self.on_set_key(&change))),
            DriverInput::Verify(answer) => {
                self.settle();
                self.verify();
                drop(answer.send(Ok(())));
            }
            DriverInput::Query(question) => {
                // A question sees what is durable, and its event position is exact (EV-4, AP-17).
                self.settle();
                self.answer(question);
                self.mend_reading();
            }
            DriverInput::Stop => return true,
        }
        false
    }

    fn on_net(&mut self, input: Input) {
        match &input {
            Input::Connected { link, peer, .. } => drop(self.links.insert(*link, *peer)),
            Input::Disconnected { link } => drop(self.links.remove(link)),
            Input::Listening { addresses } => self.listening.clone_from(addresses),
            _ => {}
        }
        if !self.recovery.is_sound() {
            // Nothing can be saved, so nothing is taken: peers keep what they have (ST-84).
            if let Input::Connected { link, .. } = input {
                self.hang_up(link, 0);
            }
            return;
        }
        self.step(input);
    }

    fn on_network_changed(&mut self) {
        self.tell_network(ToNetwork::NetworkChanged);
        self.on_net(Input::NetworkChanged);
    }

    /// Rule R-2: what the last steps asked for from the disk.
    fn on_loaded(&mut self) {
        for _ in 0..BATCH_INPUTS_MAX {
            let Some(input) = self.loaded.pop_front() else { return };
            self.step(input);
        }
    }

    fn on_time(&mut self) {
        let now = Clock::now().mono_ms;
        if self.recovery.is_sound() {
            if self.account.as_ref().and_then(Account::next_deadline).is_some_and(|at| at <= now) {
                self.step(Input::Deadline);
            }
            self.keep(now);
        } else {
            self.try_to_recover(now);
        }
        self.settle();
        self.tell_soft(now);
    }

    /// One step of the core, with fresh randomness and a net below it.
    fn step(&mut self, input: Input) {
        let link = link_of(&input);
        let Ok(mut rng) = entropy::step_rng() else {
            tracing::error!("no randomness: the step does not run");
            return;
        };
        let Some(account) = self.account.as_mut() else { return };
        #[cfg(test)]
        let faults = &mut self.faults;
        let stepping = AssertUnwindSafe(|| {
            #[cfg(test)]
            faults.panic_if_ordered();
            account.handle(Clock::now(), input, &mut rng)
        });
        match catch_unwind(stepping) {
            Ok(effects) => self.take_in(effects),
            Err(_) => self.on_panic(link),
        }
    }

    fn on_execute(&mut self, command: Command, answer: oneshot::Sender<Result<Reply, Refused>>) {
        let refused = match self.recovery.health() {
            Health::Sound => None,
            Health::DiskFull => Some(Refused::DiskFull),
            Health::ReadOnly => Some(Refused::ReadOnly),
        };
        if let Some(refused) = refused {
            drop(answer.send(Err(refused)));
            return;
        }
        let Ok(mut rng) = entropy::step_rng() else {
            drop(answer.send(Err(Refused::Internal)));
            return;
        };
        let Some(account) = self.account.as_mut() else {
            drop(answer.send(Err(Refused::Internal)));
            return;
        };
        let executing = AssertUnwindSafe(|| account.execute(Clock::now(), command, &mut rng));
        match catch_unwind(executing) {
            Ok(Ok((reply, effects))) => {
                self.waiting.push((answer, reply));
                self.take_in(effects);
            }
            Ok(Err(error)) => drop(answer.send(Err(Refused::Command(error)))),
            Err(_) => {
                drop(answer.send(Err(Refused::Internal)));
                self.on_panic(None);
            }
        }
    }

    /// Rules ST-50, R-4: one batch for many steps, as long as there is room for one more.
    fn take_in(&mut self, effects: Effects) {
        self.pending.merge(effects);
        if !self.pending.has_room() {
            self.settle();
        }
    }

    fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.waiting.is_empty()
    }

    /// Makes the steps so far durable, lets them out, and answers.
    fn settle(&mut self) {
        if self.is_settled() {
            return;
        }
        let effects = std::mem::take(&mut self.pending);
        let answers = std::mem::take(&mut self.waiting);
        let Some(store) = self.store.as_mut() else {
            answers.into_iter().for_each(|(answer, _)| drop(answer.send(Err(Refused::ReadOnly))));
            return;
        };
        let mut outlet = Outlet::new(store, &self.network);
        #[cfg(test)]
        outlet.fail_with(self.faults.commits.pop_front());
        match effects.apply(&mut outlet) {
            Ok(()) => {
                self.desk.mark(outlet.take_lines());
                let (events, loaded, touched) = outlet.into_rest();
                self.keeping.changed(Clock::now().mono_ms, touched);
                self.loaded.extend(loaded);
                self.tell(events);
                answers.into_iter().for_each(|(answer, reply)| drop(answer.send(Ok(reply))));
            }
            Err(error) => {
                let refused = self.on_commit_failed(error);
                answers.into_iter().for_each(|(answer, _)| drop(answer.send(Err(refused.clone()))));
            }
        }
    }

    /// Rules R-1, H-12: memory may be half changed. What earlier steps made is kept; the account is built anew.
    fn on_panic(&mut self, link: Option<LinkId>) {
        tracing::error!(?link, "a step panicked; the account is restored from the store");
        self.account = None;
        self.settle();
        if let Some(link) = link {
            self.hang_up(link, PANIC_BLOCK_MS);
            self.links.remove(&link);
        }
        if self.recovery.may_try(Clock::now().mono_ms) {
            self.restore();
        } else {
            self.recovery.give_up();
        }
    }

    fn hang_up(&self, link: LinkId, block_ms: u64) {
        self.tell_network(ToNetwork::HangUp { link, block_ms });
    }

    /// The network task always empties its queue, so waiting for room is safe. If it is gone, the node is stopping.
    fn tell_network(&self, order: ToNetwork) {
        if self.network.blocking_send(order).is_err() {
            tracing::debug!("the network is gone");
        }
    }

    /// The end of a life: what was lost was told; what can't be fetched again is written down.
    fn into_home(mut self) -> Option<(Home, NodeStore)> {
        if self.recovery.is_sound() {
            self.write_rescue();
        }
        let mut store = self.store?;
        if self.diagnosis.lost_records() > 0
            && let Err(error) = store.settle()
        {
            tracing::warn!(%error, "the census was not settled");
        }
        Some((self.home, store))
    }
}

/// The link that an input came by.
const fn link_of(input: &Input) -> Option<LinkId> {
    match input {
        Input::Connected { link, .. }
        | Input::Received { link, .. }
        | Input::Disconnected { link }
        | Input::Quality { link, .. }
        | Input::Overflowed { link } => Some(*link),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
