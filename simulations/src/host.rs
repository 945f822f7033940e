//! One person's machine: the real core over the real sealed store over a disk that may fail.
//!
//! A host takes what came in while its disk was busy, lets the core make one batch of it, commits, and only when the
//! disk says so does anything leave (ST-50): the same `Effects::apply` as the program's driver. A crash loses whatever
//! had not left yet. After a restart the core is made anew from the records, with a new boot and new luck.

mod desk;
mod turn;

pub use desk::{Consequences, Noted};

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};

use coterie_protocol::{
    Account, Boot, Command, FaultDisk, FaultStore, GateClass, GroupId, GroupView, Identity, Input, Instance, MemberKey,
    MemberView, SealedStore, SealingKey, Secret, StoreError, StoreKeys, Timestamp,
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
/// How a turn of work ended.
pub enum Work {
    /// Nothing to do, or busy, or off.
    Idle,
    /// The disk is busy until then; the consequences wait.
    Until(u64),
    /// The process died in a commit; what had left before it has left.
    Died(StoreError, Box<Consequences>),
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
    seen: Glance,
}

/// What the core shows between two turns: it is looked at far more often than it changes.
#[derive(Default)]
struct Glance {
    group: OnceCell<Option<GroupView>>,
    members: OnceCell<Vec<MemberView>>,
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
            let mut shell = desk::Desk { store: &mut store, done: Consequences::default() };
            effects.apply(&mut shell).map_err(|error| error.to_string())?;
            account
        } else {
            let now = Timestamp::new(MONO_START_MS, self.now(now_us).wall_ms);
            Account::restore(identity, self.instance, Boot(boot), now, records).map_err(|error| error.to_string())?
        };
        self.memory = Some(Life {
            account,
            store,
            rng,
            booted_us: now_us,
            inbox: VecDeque::new(),
            held: None,
            seen: Glance::default(),
        });
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

    /// The group of the story as this machine shows it.
    #[must_use]
    pub fn group(&self, gid: &GroupId) -> Option<&GroupView> {
        let life = self.memory.as_ref()?;
        life.seen.group.get_or_init(|| life.account.group(gid)).as_ref()
    }

    /// Who sits in the group of the story as this machine shows it.
    #[must_use]
    pub fn members(&self, gid: &GroupId) -> &[MemberView] {
        let Some(life) = &self.memory else { return &[] };
        life.seen.members.get_or_init(|| life.account.members(gid).unwrap_or_default())
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
}
