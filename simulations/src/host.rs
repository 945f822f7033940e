//! One person's machine: the real core over the real sealed store over a disk that may fail.
//!
//! A host takes what came in while its disk was busy, lets the core make one batch of it, commits, and only when the
//! disk says so does anything leave (ST-50): the same `Effects::apply` as the program's driver. A crash loses whatever
//! had not left yet. After a restart the core is made anew from the records, with a new boot and new luck.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use coterie_protocol::{
    Account, Boot, Change, Command, CommandError, Effects, Event, FaultDisk, FaultStore, GateClass, Identity, Input,
    Instance, LinkAction, MemberKey, Record, RecordId, Reply, SealedStore, SealingKey, Secret, Shell, Store,
    StoreError, StoreKeys, Timestamp, Transmit,
};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::chance::stream;
use crate::network::HostId;

/// All wall clocks start on 1 June 2026.
const WALL_START_MS: u64 = 1_780_272_000_000;
/// A process's monotonic clock starts here, so that nothing depends on its beginning at 0.
const MONO_START_MS: u64 = 5_000;
/// First port of the addresses that hosts are reached at.
const PORT_FIRST: u16 = 20_000;

/// What a machine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// Working.
    Up,
    /// Suspended: nothing is lost, nothing moves.
    Paused,
    /// Off.
    Down,
}

/// A wish of a person and why the world made it, for the answer.
pub struct Wish {
    /// What is asked of the core.
    pub command: Command,
    /// What the answer is for.
    pub purpose: Purpose,
}

/// What the answer to a wish is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The group.
    Found,
    /// A message: its words, and the label that the scenario gives it.
    Say {
        /// The words.
        text: String,
        /// The name of the message in the scenario.
        label: Option<String>,
    },
    /// A link under this name.
    Invite(String),
    /// A join by the link of this name.
    Join(String),
    /// Anything else, by its verb.
    Other(&'static str),
}

enum Item {
    Input(Input),
    Wish(Wish),
}

/// What a step of the core led to; held back until the disk is done.
#[derive(Default)]
pub struct Consequences {
    /// What was written.
    pub changes: Vec<Noted>,
    /// Frames to send.
    pub transmits: Vec<Transmit>,
    /// Dials, hang-ups, gates.
    pub links: Vec<LinkAction>,
    /// For faces.
    pub events: Vec<Event>,
    reads: Vec<RecordId>,
    /// Answers to wishes.
    pub answers: Vec<(Purpose, Result<Reply, CommandError>)>,
    /// Bytes that came in by links, for the bound on what goes out.
    pub bytes_in: usize,
}

/// A change of the store, as the oracle sees it.
pub enum Noted {
    /// A record was written.
    Put(Record),
    /// A record is gone.
    Erase(RecordId),
}

/// How a turn of work ended.
pub enum Work {
    /// Nothing to do, or busy, or off.
    Idle,
    /// The disk is busy until then; the consequences wait.
    Until(u64),
    /// The process died in a commit.
    Died(StoreError),
    /// The core panicked, with this text.
    Panicked(String),
}

/// What memory holds while the process lives.
struct Life {
    account: Account,
    store: SealedStore<FaultStore>,
    rng: ChaCha8Rng,
    booted_us: u64,
    inbox: VecDeque<Item>,
    held: Option<Consequences>,
}

/// One machine.
pub struct Host {
    /// Number.
    pub id: HostId,
    /// The person's key.
    pub key: MemberKey,
    /// What it is doing.
    pub running: Running,
    /// Count of process starts.
    pub life: u64,
    /// The hardware.
    pub disk: FaultDisk,
    /// What each commit takes, µs.
    pub sync_us: u64,
    /// The wall clock against the true one, ms.
    pub offset_ms: i64,
    /// How fast it runs wrong.
    pub drift_ppm: i64,
    /// Who may reach what.
    pub classes: BTreeMap<MemberKey, GateClass>,
    /// Peers that are refused, and until when (µs).
    pub blocked: BTreeMap<MemberKey, u64>,
    /// When the world will wake the core next, µs.
    pub wake_us: Option<u64>,
    /// The port of its address; changes when it moves.
    pub port: u16,
    seed: u64,
    secret: [u8; 32],
    vault: [u8; 48],
    instance: Instance,
    memory: Option<Life>,
}

impl Host {
    /// A machine that is off, with a fresh person.
    #[must_use]
    pub fn new(seed: u64, id: HostId) -> Self {
        let mut rng = stream(seed, "person", u64::from(id));
        let (mut secret, mut vault, mut instance) = ([0; 32], [0; 48], [0; 16]);
        rng.fill_bytes(&mut secret);
        rng.fill_bytes(&mut vault);
        rng.fill_bytes(&mut instance);
        Self {
            id,
            key: Identity::from_seed(Secret::new(secret)).public(),
            running: Running::Down,
            life: 0,
            disk: FaultDisk::default(),
            sync_us: 1_000,
            offset_ms: 0,
            drift_ppm: 0,
            classes: BTreeMap::new(),
            blocked: BTreeMap::new(),
            wake_us: None,
            port: PORT_FIRST + id,
            seed,
            secret,
            vault,
            instance: Instance(instance),
            memory: None,
        }
    }

    /// Whether it is at another address than at first.
    #[must_use]
    pub const fn has_moved(&self) -> bool {
        self.port != PORT_FIRST + self.id
    }

    fn store_keys(&self) -> StoreKeys {
        let key = |at: usize, generation| {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(&self.vault[at..at + 32]);
            Vec::from([SealingKey { generation, key: Secret::new(bytes) }])
        };
        let mut vault = [0; 16];
        vault.copy_from_slice(&self.vault[..16]);
        StoreKeys { vault, archive: key(0, 1), rotating: key(16, 1) }
    }

    /// Takes over the person, keys and installation of another machine: a copied directory.
    pub fn become_copy_of(&mut self, other: &Self) {
        (self.key, self.secret, self.vault, self.instance) = (other.key, other.secret, other.vault, other.instance);
        self.disk = other.disk.fork();
    }

    /// A new installation of the same person (ST-100).
    pub fn renew_instance(&mut self) {
        let mut rng = stream(self.seed, "instance", u64::from(self.id) << 32 | self.life);
        rng.fill_bytes(&mut self.instance.0);
    }

    /// A new person on an empty disk.
    pub fn wipe(&mut self) {
        let fresh = Self::new(self.seed ^ (self.life + 1) << 20, self.id);
        (self.key, self.secret, self.vault, self.instance) = (fresh.key, fresh.secret, fresh.vault, fresh.instance);
        self.disk = FaultDisk::default();
    }

    /// Both clocks at a moment of the world.
    #[must_use]
    pub fn now(&self, now_us: u64) -> Timestamp {
        let booted = self.memory.as_ref().map_or(now_us, |life| life.booted_us);
        let true_ms = i64::try_from(WALL_START_MS + now_us / 1_000).unwrap_or(i64::MAX);
        let drift = i64::try_from(now_us / 1_000).unwrap_or(0).saturating_mul(self.drift_ppm) / 1_000_000;
        let wall = true_ms.saturating_add(self.offset_ms).saturating_add(drift);
        Timestamp::new(MONO_START_MS + now_us.saturating_sub(booted) / 1_000, u64::try_from(wall).unwrap_or(0))
    }

    /// Sets the wall clock to a moment.
    pub fn set_wall(&mut self, now_us: u64, wall_ms: u64) {
        let now = i64::try_from(self.now(now_us).wall_ms).unwrap_or(0);
        self.offset_ms += i64::try_from(wall_ms).unwrap_or(0) - now;
    }

    /// The address at which this machine is reached: a binary multiaddr on loopback, its port the host's name.
    #[must_use]
    pub fn address(&self) -> Vec<u8> {
        let [high, low] = self.port.to_be_bytes();
        Vec::from([4, 127, 0, 0, 1, 0x91, 0x02, high, low, 0xcd, 0x03])
    }

    /// Starts the process. A new person makes a profile; anybody else is restored from the disk.
    ///
    /// # Errors
    /// Words for the report if the records don't make a profile or the disk fails.
    pub fn boot(&mut self, now_us: u64) -> Result<(), String> {
        self.life += 1;
        let mut rng = stream(self.seed, "host", u64::from(self.id) << 32 | self.life);
        let mut boot = [0; 8];
        rng.fill_bytes(&mut boot);
        let store_rng = stream(self.seed, "store", u64::from(self.id) << 32 | self.life);
        let store = SealedStore::new(self.disk.open(), self.store_keys(), Box::new(store_rng));
        let mut store = store.map_err(|error| error.to_string())?;
        let identity = Identity::from_seed(Secret::new(self.secret));
        let mut records = Vec::new();
        let findings = store.load(&mut |record| records.push(record)).map_err(|error| error.to_string())?;
        let account = if records.is_empty() && findings.damaged.is_empty() {
            let name = format!("host {}", self.id);
            let (account, effects) = Account::create(identity, self.instance, Boot(boot), &name);
            let mut shell = Desk { store: &mut store, done: Consequences::default() };
            effects.apply(&mut shell).map_err(|error| error.to_string())?;
            account
        } else {
            let now = Timestamp::new(MONO_START_MS, self.now(now_us).wall_ms);
            Account::restore(identity, self.instance, Boot(boot), now, records).map_err(|error| error.to_string())?
        };
        self.memory = Some(Life { account, store, rng, booted_us: now_us, inbox: VecDeque::new(), held: None });
        self.running = Running::Up;
        self.classes.clear();
        self.blocked.clear();
        self.wake_us = None;
        self.give(Input::Listening { addresses: Vec::from([self.address()]) });
        Ok(())
    }

    /// The process is gone, whatever it was doing.
    pub fn power_off(&mut self) {
        self.memory = None;
        self.running = Running::Down;
        self.wake_us = None;
        self.disk.restart();
    }

    /// Something happens to this machine.
    pub fn give(&mut self, input: Input) {
        if let Some(life) = &mut self.memory {
            life.inbox.push_back(Item::Input(input));
        }
    }

    /// Its person wants something.
    pub fn wish(&mut self, wish: Wish) {
        if let Some(life) = &mut self.memory {
            life.inbox.push_back(Item::Wish(wish));
        }
    }

    /// What the core knows.
    #[must_use]
    pub fn account(&self) -> Option<&Account> {
        self.memory.as_ref().map(|life| &life.account)
    }

    /// Its store.
    #[must_use]
    pub fn store(&self) -> Option<&SealedStore<FaultStore>> {
        self.memory.as_ref().map(|life| &life.store)
    }

    /// Things that wait for the core.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.memory.as_ref().map_or(0, |life| life.inbox.len())
    }

    /// Whether a commit is under way.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.memory.as_ref().is_some_and(|life| life.held.is_some())
    }

    /// When the core wants to be woken, in µs of the world.
    #[must_use]
    pub fn deadline_us(&self) -> Option<u64> {
        let life = self.memory.as_ref()?;
        let mono_ms = life.account.next_deadline()?;
        Some(life.booted_us + mono_ms.saturating_sub(MONO_START_MS).saturating_mul(1_000))
    }

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
            return Work::Died(error);
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

/// The machine round the core during one `apply`.
struct Desk<'a> {
    store: &'a mut SealedStore<FaultStore>,
    done: Consequences,
}

impl Shell for Desk<'_> {
    type Error = StoreError;

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut batch = coterie_protocol::Batch::default();
        for change in changes {
            match change {
                Change::Put(record) => {
                    batch.put(record.id.key(), record.bytes.clone());
                    self.done.changes.push(Noted::Put(record));
                }
                Change::Erase(id) => {
                    batch.erase(id.key());
                    self.done.changes.push(Noted::Erase(id));
                }
            }
        }
        self.store.commit(&batch)
    }

    fn transmit(&mut self, transmit: Transmit) {
        self.done.transmits.push(transmit);
    }

    fn link(&mut self, action: LinkAction) {
        self.done.links.push(action);
    }

    fn emit(&mut self, event: Event) {
        self.done.events.push(event);
    }

    fn read(&mut self, id: RecordId) {
        self.done.reads.push(id);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".into())
}
