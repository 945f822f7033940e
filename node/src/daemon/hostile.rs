//! Hostile bytes at the membership log of a real node (AT-61 to AT-75): driver, store and QUIC or TCP on loopback as
//! people run them; who sends is a member with a real key whose handshake is done, through a node of its own.
//!
//! The same bytes as `protocol/tests/gate_bytes.rs`. Each is refused and counted within 50 ms and 50 MB, and the log is
//! as it was; who goes on is shut out (N-211), so several liars take turns.

use std::collections::BTreeMap;

use bytes::Bytes;
use coterie_protocol::{Channel, Command, Consent, Frame, GroupFrame, GroupId, InviteLink, LinkId, Reply};
use tokio::time::timeout;

use super::*;
use crate::store::{Cost, Holder, Start, VaultKey};

/// How long anything may take that isn't measured.
const SOON: Duration = Duration::from_secs(30);
/// Of one input, from sending it to seeing it counted; also on a busy machine, so the best of three counts.
const INPUT_MAX: Duration = Duration::from_millis(50);
const TRIES: usize = 3;
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
        let (driver, _) =
            driver::start(Parts { home, store, network: orders, hub, boot, facts, disk_full: false, clean: true });
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

    /// What it refused, by reason.
    async fn refused(&self) -> BTreeMap<&'static str, u64> {
        self.look(|view| {
            let mut all = view.account.refused().clone();
            view.facts.refused.iter().for_each(|(reason, count)| *all.entry(reason).or_default() += count);
            all
        })
        .await
    }

    /// All operations, what became of them, and the state's hash.
    async fn log(&self, group: GroupId) -> coterie_protocol::Chronicle {
        self.look(move |view| view.account.chronicle(&group)).await.unwrap()
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

/// A new member, linked with the victim.
async fn liar(n: usize, link: &str) -> Machine {
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
}

/// Waits until the victim has counted something more; false if the liar's link ended before.
async fn counted(victim: &Machine, liar: &Machine, on: LinkId, before: &BTreeMap<&'static str, u64>) -> bool {
    let counting = async {
        loop {
            let linked = liar.link() == Some(on);
            if victim.refused().await != *before {
                return true;
            }
            if !linked {
                return false;
            }
        }
    };
    timeout(SOON, counting).await.unwrap_or(false)
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

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Messages that say nothing wrong, only nothing useful: a wrong one goes behind them, so that their end is seen.
const HARMLESS: &[&str] =
    &["empty", "reset", "nothing-to-say", "bloom-full", "a-thousand-orphans", "endless-1", "endless-2"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s39_mb_g03_at_61_at_70_at_72_at_73_at_75_hostile_bytes_at_a_real_node_are_refused_in_time_and_counted() {
    let victim = Machine::new("Ana");
    let Reply::Group(group) = victim.wish(Command::CreateGroup { name: "Harbour".into(), about: String::new() }).await
    else {
        panic!("a group")
    };
    victim.until("address", |view| (!view.listening.is_empty()).then_some(())).await;
    let not_after_ms = Clock::now().wall_ms + 3_600_000;
    let Reply::Invite(invite) = victim.wish(Command::CreateInvite { group, uses: 60, not_after_ms }).await else {
        panic!("an invite")
    };
    let link = victim.look(move |view| view.account.invite_link(&group, &invite).unwrap().to_long()).await;
    let wrong = corpus("sync_gate").into_iter().find(|(name, _)| name == "flags").unwrap().1;
    let (mut liars, mut liar_now) = (1, liar(1, &link).await);
    let mut slowest = (Duration::ZERO, String::new());
    for (name, message) in corpus("sync_gate") {
        let mut best = Duration::MAX;
        // A link that ends costs a try, so there is one more for each.
        for _ in 0..2 * TRIES {
            let on = match liar_now.link() {
                Some(on) => on,
                None => {
                    liars += 1;
                    liar_now = liar(liars, &link).await;
                    liar_now.link().unwrap()
                }
            };
            let (log, count) = (victim.log(group).await, victim.refused().await);
            drop(std::fs::write("/proc/self/clear_refs", "5"));
            let (memory, start) = (status_kib("VmRSS:"), Stopwatch::start());
            liar_now.send(on, msync(&message)).await;
            if HARMLESS.contains(&name.as_str()) {
                liar_now.send(on, msync(&wrong)).await;
            }
            if !counted(&victim, &liar_now, on, &count).await {
                // The link ended under it, for the lies before.
                continue;
            }
            best = best.min(Duration::from_millis(start.elapsed_ms()));
            let more = status_kib("VmHWM:").saturating_sub(memory);
            assert!(more < MEMORY_KIB_MAX, "{name}: {more} KiB");
            let now = victim.refused().await;
            assert_eq!(now.get("over_limit"), count.get("over_limit"), "{name}: it came as far as the gate");
            assert!(victim.log(group).await == log, "{name}: the log changed");
            if best < INPUT_MAX {
                break;
            }
        }
        assert!(best < INPUT_MAX, "{name}: not counted, or late: {best:?}");
        slowest = slowest.max((best, name));
    }
    assert!(liars > 2, "who goes on is shut out");
    eprintln!("slowest {slowest:?}; {liars} liars");
}
