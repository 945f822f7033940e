//! Hostile bytes at the membership log of a real node (AT-61 to AT-75): the victim is the program in a process of its
//! own, as people run it; who sends is a member with a real key whose handshake is done, through a node in this process,
//! over QUIC or TCP on loopback.
//!
//! The same bytes as `protocol/tests/gate_bytes.rs`. Each is refused and counted within 50 ms and 50 MB, and the log is
//! as it was; who goes on is shut out (N-211), so several liars take turns.

use std::collections::BTreeMap;

use bytes::Bytes;
use coterie_protocol::{Channel, Command, Consent, Frame, GroupFrame, InviteLink, LinkId, Reply};
use coterie_tests::cluster::{Person, invite};
use coterie_tests::eventually;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::*;
use crate::store::{Cost, Holder, Start, VaultKey};

/// How long anything may take that isn't measured.
const SOON: Duration = Duration::from_secs(30);
/// Of one input, from sending it to seeing it counted; also on a busy machine, so the best of six counts.
const INPUT_MAX: Duration = Duration::from_millis(50);
const TRIES: usize = 6;
const MEMORY_KIB_MAX: u64 = 50 * 1_024;

struct Machine {
    driver: DriverHandle,
    network: NetworkHandle,
    /// Group links that are open now.
    links: watch::Receiver<Vec<LinkId>>,
    _home: tempfile::TempDir,
}

impl Machine {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut rng = entropy::step_rng().unwrap();
        let holder = Holder { started_ms: 0, socket: folder.path().join("run/api.sock") };
        let start = Start { holder, rng: &mut rng };
        let opened = store::create(&folder.path().join("data"), &VaultKey::KeyFile(None), Cost::FLOOR, start).unwrap();
        let Opened { mut store, home, .. } = opened;
        let boot = Boot(random(&mut rng));
        let (_, effects) =
            Account::create(Identity::from_seed(home.identity().duplicate()), home.instance(), boot, name);
        effects.apply(&mut opening::Founding(&mut store)).unwrap();
        let (sender, news) = mpsc::channel(NEWS_MAX);
        let listen = ["/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"].map(|text| Listen::parse(text).unwrap());
        let config = NetworkConfig { listen: listen.into(), remembered_port: None, mdns: false };
        let network = network::start(config, home.identity(), sender).unwrap();
        let facts = NodeFacts { profile: "default".into(), started: Stopwatch::start(), refused: BTreeMap::new() };
        let (orders, hub) = (network.orders().clone(), Arc::new(Hub::new([0; 4])));
        let (shelf, _) = Shelf::open(&home).unwrap();
        let (driver, _) = driver::start(Parts {
            home,
            store,
            network: orders,
            hub,
            shelf,
            desk: Arc::default(),
            boot,
            facts,
            disk_full: false,
            clean: true,
            diagnosis: Diagnosis::default(),
        });
        let (tell, links) = watch::channel(Vec::new());
        tokio::spawn(hand_on(news, driver.clone(), tell));
        Self { driver, network, links, _home: folder }
    }

    async fn wish(&self, command: Command) -> Reply {
        timeout(SOON, self.driver.execute(command)).await.unwrap().unwrap()
    }

    async fn look<T: Send + 'static>(&self, look: impl FnOnce(&driver::View<'_>) -> T + Send + 'static) -> T {
        timeout(SOON, self.driver.ask(look)).await.unwrap().unwrap()
    }

    /// Looks until there is something to see.
    async fn until<T: Send + 'static>(&self, what: &str, look: fn(&driver::View<'_>) -> Option<T>) -> T {
        let looking = async {
            loop {
                if let Some(found) = self.look(look).await {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(SOON, looking).await.unwrap_or_else(|_| panic!("no {what}"))
    }

    /// The one group link that is left of those that both sides opened.
    fn link(&self) -> Option<LinkId> {
        if let [link] = self.links.borrow()[..] { Some(link) } else { None }
    }

    async fn send(&self, link: LinkId, frame: Bytes) {
        self.network.orders().send(ToNetwork::Send { link, frame }).await.unwrap();
    }
}

/// From the network to the driver, as in a life of the node, and who is linked.
async fn hand_on(mut news: mpsc::Receiver<FromNetwork>, driver: DriverHandle, tell: watch::Sender<Vec<LinkId>>) {
    while let Some(found) = news.recv().await {
        match &found {
            FromNetwork::Connected { link, channel: Channel::Group, .. } => {
                tell.send_modify(|links| links.push(*link));
            }
            FromNetwork::Disconnected { link } => tell.send_modify(|links| links.retain(|other| other != link)),
            _ => {}
        }
        if let Ok(input) = translated(found) {
            driver.tell(input).await;
        }
    }
}

/// The program as people run it, in a process of its own: this one founded the group and asks it as its owner would.
struct Victim {
    person: Person,
    group: String,
}

impl Victim {
    fn new() -> Self {
        let person = Person::online("Ana");
        person.ok(&["group", "create", "Harbour"]);
        let group = person.line().group().unwrap();
        Self { person, group }
    }

    fn get(&self, path: &str) -> Value {
        self.person.line().get(path).unwrap().body
    }

    /// What it refused, by reason.
    fn refused(&self) -> Value {
        self.get("/v1/status")["refused"].take()
    }

    /// All operations, what became of them, who sits where, and the state's hash.
    fn log(&self) -> Value {
        self.get(&format!("/v1/groups/{}/log", self.group))
    }

    /// Of its memory, KiB.
    fn status_kib(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.person.pid().unwrap())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap()
    }

    /// The mark of the most memory starts anew.
    fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.person.pid().unwrap()), "5").unwrap();
    }

    fn has_confirmed_everybody(&self) -> bool {
        let mut log = self.log();
        let seats: Vec<Value> = serde_json::from_value(log["seats"].take()).unwrap();
        let mut invited = seats.iter().filter(|seat| !seat["occupant"].is_null() && !seat["issuer"].is_null());
        invited.all(|seat| !seat["confirmed_by"].is_null())
    }
}

/// A new member, linked with the victim and confirmed by it: after that the victim writes nothing by itself.
fn liar(runtime: &Runtime, n: usize, link: &str, victim: &Victim) -> Machine {
    let liar = runtime.block_on(async {
        let liar = Machine::new(&format!("Cy {n}"));
        let link = InviteLink::parse(link).unwrap();
        liar.wish(Command::Join { link, name: String::new(), via: Vec::new(), consent: Consent::Given }).await;
        let linked = |view: &driver::View<'_>| {
            let group = view.account.groups().first()?.id;
            view.account.members(&group)?.iter().any(|member| member.link.is_some()).then_some(())
        };
        liar.until("link to the victim", linked).await;
        let mut links = liar.links.clone();
        timeout(SOON, links.wait_for(|links| links.len() == 1)).await.unwrap().unwrap();
        liar
    });
    eventually("the newcomer is confirmed", SOON, || {
        if victim.has_confirmed_everybody() { Ok(()) } else { Err(victim.log().to_string()) }
    });
    liar
}

/// Waits until the victim has counted something more; false if the liar's link ended before.
fn counted(victim: &Victim, liar: &Machine, on: LinkId, before: &Value) -> bool {
    let start = Stopwatch::start();
    while start.elapsed_ms() < 30_000 {
        let linked = liar.link() == Some(on);
        if victim.refused() != *before {
            return true;
        }
        if !linked {
            return false;
        }
    }
    false
}

/// MSYNC with this message and no operations beside it, in canonical CBOR.
fn msync(message: &[u8]) -> Bytes {
    let len = u32::try_from(message.len()).unwrap().to_be_bytes();
    let head = match message.len() {
        0..24 => vec![0x40 | len[3]],
        24..256 => vec![0x58, len[3]],
        256..65_536 => vec![0x59, len[2], len[3]],
        _ => [&[0x5a][..], &len].concat(),
    };
    let body = [&[0x82][..], &head, message, &[0x80]].concat();
    Frame { kind: GroupFrame::Msync.number(), slot: 1, body: body.into() }.to_bytes()
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Messages that say nothing wrong, only nothing useful: a wrong one goes behind them, so that their end is seen.
const HARMLESS: &[&str] =
    &["empty", "reset", "nothing-to-say", "bloom-full", "a-thousand-orphans", "endless-1", "endless-2"];

#[test]
fn s39_mb_g03_at_61_at_70_at_72_at_73_at_75_hostile_bytes_at_a_real_process_are_refused_in_time_and_counted() {
    let runtime = Runtime::new().unwrap();
    let victim = Victim::new();
    let link = invite(&victim.person, 60);
    let wrong = corpus("sync_gate").into_iter().find(|(name, _)| name == "flags").unwrap().1;
    let (mut liars, mut liar_now) = (1, liar(&runtime, 1, &link, &victim));
    let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), (0, String::new()));
    for (name, message) in corpus("sync_gate") {
        let mut best = Duration::MAX;
        // A link that ends costs a try, so there is one more for each.
        for _ in 0..2 * TRIES {
            let on = match liar_now.link() {
                Some(on) => on,
                None => {
                    liars += 1;
                    liar_now = liar(&runtime, liars, &link, &victim);
                    liar_now.link().unwrap()
                }
            };
            let (log, count) = (victim.log(), victim.refused());
            victim.forget_peak();
            let (memory, start) = (victim.status_kib("VmRSS:"), Stopwatch::start());
            runtime.block_on(liar_now.send(on, msync(&message)));
            if HARMLESS.contains(&name.as_str()) {
                runtime.block_on(liar_now.send(on, msync(&wrong)));
            }
            if !counted(&victim, &liar_now, on, &count) {
                // The link ended under it, for the lies before.
                continue;
            }
            best = best.min(Duration::from_millis(start.elapsed_ms()));
            let more = victim.status_kib("VmHWM:").saturating_sub(memory);
            assert!(more < MEMORY_KIB_MAX, "{name}: {more} KiB");
            largest = largest.max((more, name.clone()));
            assert_eq!(victim.refused()["over_limit"], count["over_limit"], "{name}: it came as far as the gate");
            assert_eq!(victim.log(), log, "{name}: the log changed");
            if best < INPUT_MAX {
                break;
            }
        }
        assert!(best < INPUT_MAX, "{name}: not counted, or late: {best:?}");
        slowest = slowest.max((best, name));
    }
    assert!(liars > 2, "who goes on is shut out");
    assert_eq!(victim.person.json(&["group", "log"]), victim.log(), "people read the same log");
    eprintln!("slowest {slowest:?}; most memory {largest:?} KiB; {liars} liars");
}
