//! The driver over a real store, with a step that panics and a disk that fails on order.

use coterie_protocol::{Channel, Identity, IoKind, IoOperation, Opener, Path, StoreError};

use super::*;
use crate::clock::Stopwatch;
use crate::media::Shelf;
use crate::store::{self, Cost, Holder, Start, VaultKey};

/// What goes wrong on order.
#[derive(Debug, Default)]
pub(super) struct Faults {
    panics: u32,
    pub(super) commits: VecDeque<StoreError>,
}

impl Faults {
    pub(super) fn panic_if_ordered(&mut self) {
        if self.panics > 0 {
            self.panics -= 1;
            panic!("a step panics on order");
        }
    }
}

struct Bench {
    driver: Driver,
    orders: mpsc::Receiver<ToNetwork>,
    _home: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = entropy::step_rng().unwrap();
        let holder = Holder { started_ms: 0, socket: folder.path().join("run/api.sock") };
        let start = Start { holder, rng: &mut rng };
        let opened = store::create(&folder.path().join("data"), &VaultKey::KeyFile(None), Cost::FLOOR, start).unwrap();
        let (mut store, home) = (opened.store, opened.home);
        let boot = Boot([1; 8]);
        let identity = Identity::from_seed(home.identity().duplicate());
        let (_, effects) = Account::create(identity, home.instance(), boot, "Ana");
        let (network, orders) = mpsc::channel(1_024);
        effects.apply(&mut Outlet::new(&mut store, &network)).unwrap();
        let facts = NodeFacts { profile: "default".into(), started: Stopwatch::start(), refused: BTreeMap::new() };
        let hub = Arc::new(Hub::new([0; 4]));
        let diagnosis = Diagnosis::default();
        let (shelf, _) = Shelf::open(&home).unwrap();
        let desk = Arc::default();
        let parts =
            Parts { home, store, network, hub, shelf, desk, boot, facts, disk_full: false, clean: true, diagnosis };
        let mut driver = Driver::new(parts);
        driver.restore();
        driver.settle();
        Self { driver, orders, _home: folder }
    }

    fn connect(&mut self, link: u64) {
        let peer = MemberKey([link as u8; 32]);
        let (channel, path) = (Channel::Join, Path::DirectTcp);
        self.driver.on_input(DriverInput::Net(Input::Connected {
            link: LinkId(link),
            peer,
            channel,
            path,
            opener: Opener::Peer,
        }));
        self.driver.settle();
    }

    fn name(&self) -> Option<String> {
        self.driver.account.as_ref().map(|account| account.name().to_owned())
    }

    fn rename(&mut self, name: &str) -> Result<Reply, Refused> {
        let (answer, mut answered) = oneshot::channel();
        self.driver.on_input(DriverInput::Execute(Box::new(Command::SetName { name: name.into() }), answer));
        self.driver.settle();
        answered.try_recv().expect("answered after the commit")
    }

    fn hang_ups(&mut self) -> Vec<(LinkId, u64)> {
        let mut found = Vec::new();
        while let Ok(order) = self.orders.try_recv() {
            if let ToNetwork::HangUp { link, block_ms } = order {
                found.push((link, block_ms));
            }
        }
        found
    }
}

#[test]
fn h_12_a_step_that_panics_costs_the_peer_a_day_and_the_person_nothing() {
    let mut bench = Bench::new();
    bench.rename("Ana B.").unwrap();
    bench.connect(7);
    bench.connect(8);
    bench.hang_ups();
    bench.driver.faults.panics = 1;
    let bytes = bytes::Bytes::from_static(&[0; 8]);
    bench.driver.on_input(DriverInput::Net(Input::Received { link: LinkId(7), bytes }));
    let mut ended = bench.hang_ups();
    ended.sort_unstable();
    assert_eq!(ended, [(LinkId(7), PANIC_BLOCK_MS), (LinkId(8), 0)], "the one is blocked, the other begins anew");
    assert_eq!(bench.name().as_deref(), Some("Ana B."), "restored from the store");
    bench.rename("Ana C.").unwrap();
}

#[test]
fn r_01_wishes_of_the_same_batch_before_the_panic_are_kept() {
    let mut bench = Bench::new();
    let (answer, mut answered) = oneshot::channel();
    bench.driver.on_input(DriverInput::Execute(Box::new(Command::SetName { name: "Bea".into() }), answer));
    bench.driver.faults.panics = 1;
    bench.driver.on_input(DriverInput::Net(Input::Received { link: LinkId(7), bytes: bytes::Bytes::new() }));
    assert!(answered.try_recv().unwrap().is_ok());
    assert_eq!(bench.name().as_deref(), Some("Bea"));
}

#[test]
fn st_18_a_full_disk_saves_nothing_says_so_and_reading_goes_on() {
    let mut bench = Bench::new();
    bench.driver.faults.commits.push_back(StoreError::Full { need: 2, free: 1 });
    assert!(matches!(bench.rename("Bea"), Err(Refused::DiskFull)));
    assert_eq!(bench.name().as_deref(), Some("Ana"), "what was not saved is not shown");
    assert!(matches!(bench.rename("Cy"), Err(Refused::DiskFull)), "no second try while it is full");
    assert!(bench.driver.view().is_some_and(|view| view.health == Health::DiskFull));
    bench.connect(9);
    assert_eq!(bench.hang_ups(), [(LinkId(9), 0)], "nothing is taken while nothing can be kept");
    // This machine's disk has room, so the next look ends the state.
    bench.driver.on_time();
    bench.driver.try_to_recover(u64::MAX);
    bench.rename("Cy").unwrap();
}

#[test]
fn st_84_when_there_is_room_again_the_reserve_is_set_aside_anew() {
    let mut bench = Bench::new();
    bench.driver.faults.commits.push_back(StoreError::Full { need: 1, free: 0 });
    assert!(matches!(bench.rename("Ana B."), Err(Refused::DiskFull)));
    let directory = bench.driver.home.directory();
    directory.give_up_reserve().unwrap();
    let reserve = directory.path().join("reserve");
    bench.driver.try_to_recover(Clock::now().mono_ms + 60_000);
    assert!(bench.driver.recovery.is_sound() && reserve.exists());
}

#[test]
fn st_84_room_that_goes_between_the_look_and_the_write_is_a_full_disk_however_often_it_happens() {
    let mut bench = Bench::new();
    for round in 0..5 {
        let full = StoreError::Io { op: IoOperation::Write, kind: IoKind::NoSpace };
        bench.driver.faults.commits.push_back(full);
        assert!(matches!(bench.rename("Bea"), Err(Refused::DiskFull)), "round {round}");
        assert!(bench.driver.view().is_some_and(|view| view.health == Health::DiskFull), "it opened again to be read");
        assert_eq!(bench.name().as_deref(), Some("Ana"), "what was not saved is not shown");
        bench.driver.try_to_recover(Clock::now().mono_ms + 60_000 * (round + 1));
        assert!(bench.driver.recovery.is_sound());
    }
    bench.rename("Bea").unwrap();
}

#[test]
fn st_84_a_store_that_had_no_room_to_open_is_opened_once_there_is_some() {
    let mut bench = Bench::new();
    bench.rename("Bea").unwrap();
    // As it is left when others take even the room that the reserve gave back.
    bench.driver.store = None;
    bench.driver.account = None;
    bench.driver.recovery = Recovery::new(Health::DiskFull);
    bench.driver.try_to_recover(u64::MAX);
    assert!(bench.driver.recovery.is_sound());
    assert_eq!(bench.name().as_deref(), Some("Bea"));
    bench.rename("Cy").unwrap();
}

#[test]
fn st_15_a_store_that_failed_while_it_was_read_gives_no_half_answers_and_is_opened_again() {
    let mut bench = Bench::new();
    bench.rename("Bea").unwrap();
    let ask = |bench: &mut Bench| {
        let (answer, mut answered) = oneshot::channel();
        let question = Box::new(move |view: Option<&View<'_>>| {
            answer.send(view.map(View::is_readable)).expect("somebody listens");
        });
        bench.driver.on_input(DriverInput::Query(question));
        answered.try_recv().expect("answered at once")
    };
    assert_eq!(ask(&mut bench), Some(true));
    bench.driver.store.as_ref().unwrap().engine().fail();
    assert_eq!(ask(&mut bench), Some(false), "the question that meets it is told to come back");
    assert_eq!(ask(&mut bench), Some(true));
    assert!(bench.driver.recovery.is_sound());
    assert_eq!(bench.name().as_deref(), Some("Bea"));
    // With a full disk it waits for room, and is looked at every two seconds.
    bench.driver.recovery = Recovery::new(Health::DiskFull);
    bench.driver.store.as_ref().unwrap().engine().fail();
    assert_eq!((ask(&mut bench), ask(&mut bench)), (Some(false), Some(false)));
    bench.driver.try_to_recover(u64::MAX);
    assert_eq!(ask(&mut bench), Some(true));
}

#[test]
fn st_18_a_failed_sync_opens_the_store_again_three_times_and_then_only_reads() {
    let mut bench = Bench::new();
    let failed = || StoreError::Io { op: IoOperation::Sync, kind: IoKind::Other };
    for _ in 0..3 {
        bench.driver.faults.commits.push_back(failed());
        assert!(matches!(bench.rename("Bea"), Err(Refused::Busy)));
        assert_eq!(bench.name().as_deref(), Some("Ana"));
    }
    bench.rename("Bea").unwrap();
    bench.driver.faults.commits.push_back(failed());
    assert!(matches!(bench.rename("Cy"), Err(Refused::ReadOnly)));
    assert!(matches!(bench.rename("Cy"), Err(Refused::ReadOnly)));
    assert_eq!(bench.name().as_deref(), Some("Bea"), "reading goes on");
}

#[test]
fn a_question_that_panics_takes_nothing_with_it() {
    let mut bench = Bench::new();
    bench.driver.on_input(DriverInput::Query(Box::new(|_| panic!("on order"))));
    bench.rename("Bea").unwrap();
}

#[test]
fn r_02_what_was_read_comes_back_in_later_steps_and_no_more_than_a_batch_at_once() {
    let mut bench = Bench::new();
    let wanted = BATCH_INPUTS_MAX * 2 + 1;
    for n in 0..wanted {
        let id = coterie_protocol::RecordId::Draft { g: n as u32 };
        bench.driver.loaded.push_back(Input::Loaded { id, bytes: None });
    }
    for left in [BATCH_INPUTS_MAX + 1, 1, 0, 0] {
        bench.driver.on_loaded();
        assert_eq!(bench.driver.loaded.len(), left, "wishes of people come in between");
        bench.driver.settle();
    }
    bench.rename("Ana B.").unwrap();
}
