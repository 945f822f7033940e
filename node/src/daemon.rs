//! A life of the node: make or open a profile, serve it, end in good order; or be locked, and open again.
//!
//! Opening follows ST-82, most of it in `store`; then the socket is bound (the lock is held, so what lies there is of a
//! dead node), the network listens, and the driver restores the account. Ending goes the other way round and takes
//! less than a second (SV-3): followers hear `bye`, links end, the driver gives the store back, the store is closed.

mod locked;
mod logbook;
mod opening;
mod process;
mod restoring;
mod signals;
mod vacuuming;

use std::sync::Arc;
use std::time::Duration;

use coterie_protocol::{Account, Boot, Identity, Input, MemberKey, Opener};
use rand_core::Rng;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot, watch};

pub(crate) use self::opening::nameless;
pub use self::opening::{has_identity, needs_passphrase};
use self::process::harden;
pub use self::restoring::restore;
use self::signals::{Heard, Signals};
pub use self::vacuuming::vacuum;
use crate::api::access;
use crate::api::events::{Hub, Notice};
use crate::api::problem::{Code, Problem};
use crate::api::routes::Node;
use crate::api::server::{self, Order};
use crate::api::types::{self, IdentitySchema, Protection, read_id, spell_id};
use crate::clock::Stopwatch;
use crate::config::Settings;
use crate::driver::{self, Diagnosis, DriverHandle, DriverInput, NodeFacts, Parts};
use crate::entropy;
use crate::media::{Media, Shelf};
use crate::network::{self, FromNetwork, Listen, NetworkConfig, NetworkHandle, ToNetwork};
use crate::search::{Desk, keep_filled};
use crate::store::{self, NodeStore, Opened};

/// News of the network that wait for the driver. The links' own tasks wait when it is full, and so do their peers.
const NEWS_MAX: usize = 256;
/// Interfaces flap for a moment when a computer changes networks; what counts is how it ends.
const SETTLE_MS: u64 = 500;
/// How long the first answer waits to know where the node listens; without a network it never hears.
const LISTENING_MS_MAX: u64 = 150;
/// How long links get to end.
const LINKS_MS_MAX: u64 = 900;
/// In the state folder: the port of the last start (N-102).
const PORT_FILE: &str = "port";

/// Makes a profile: identity, data folder, name. Nothing is left running.
///
/// # Errors
/// If there is one already, if the name cannot be used, or what the disk refuses.
pub fn init(settings: &Settings, name: &str, passphrase: Option<&str>) -> Result<types::Identity, Problem> {
    let name = name.trim();
    if name.is_empty() || name.len() > types::NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Problem::new(Code::BadValue, "no identity was made")
            .because(format!("a name has 1 to {} bytes, and no control characters", types::NAME_BYTES_MAX))
            .advise(["coterie init --name NAME"]));
    }
    harden();
    let opened = opening::create(settings, passphrase)?;
    let Opened { mut store, home, .. } = opened;
    let identity = Identity::from_seed(home.identity().duplicate());
    let key = identity.public();
    let boot = Boot(random(&mut entropy::step_rng().map_err(|error| opening::broken(&error.to_string()))?));
    let (_, effects) = Account::create(identity, home.instance(), boot, name);
    effects
        .apply(&mut opening::Founding(&mut store))
        .map_err(|error| opening::store_problem(error, "no identity was made"))?;
    let made = types::Identity {
        schema: IdentitySchema::V1,
        key: spell_id(key.as_ref()),
        name: name.to_owned(),
        instance: spell_id(home.instance().as_ref()),
        protected: if passphrase.is_some() { Protection::Passphrase } else { Protection::None },
    };
    store::close(home, store).map_err(|error| opening::problem(error, "the new profile was not closed"))?;
    Ok(made)
}

fn random<const N: usize>(rng: &mut impl Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Runs a node until it is told to stop: by a signal, or over the API.
///
/// # Errors
/// Why it could not start. Once it serves, it ends without an error.
pub async fn run(settings: Settings, passphrase: Option<String>) -> Result<(), Problem> {
    let started = Stopwatch::start();
    harden();
    process::make_room()?;
    logbook::start(&settings);
    let (opened, diagnosis) = open(&settings, passphrase).await?;
    tracing::info!(ms = started.elapsed_ms(), clean = opened.clean, condition = ?opened.condition, "the profile is open");
    let door = match bind(&settings) {
        Ok(door) => Arc::new(door),
        Err(problem) => {
            give_back(opened.home, opened.store).await;
            return Err(problem);
        }
    };
    let ended = serve(&settings, (&door, Signals::new()), (opened, diagnosis), started).await;
    drop(std::fs::remove_file(&settings.paths.socket));
    ended
}

/// One life after another, with locked times between them; all on one socket, so that nobody finds the door missing.
async fn serve(
    settings: &Settings,
    (door, mut signals): (&Arc<UnixListener>, Signals),
    mut opened: (Opened, Diagnosis),
    mut started: Stopwatch,
) -> Result<(), Problem> {
    loop {
        let life = match Life::begin(settings, Arc::clone(door), opened, started).await {
            Ok(life) => life,
            Err((problem, home, store)) => {
                give_back(home, store).await;
                return Err(problem);
            }
        };
        tracing::info!(ms = started.elapsed_ms(), "the node serves");
        let order = life.until_told(settings, &mut signals).await;
        life.end(order).await;
        if order != Order::Lock {
            return Ok(());
        }
        opened = match locked::wait(settings, door, &mut signals).await {
            Some(opened) => opened,
            None => return Ok(()),
        };
        started = Stopwatch::start();
    }
}

async fn open(settings: &Settings, passphrase: Option<String>) -> Result<(Opened, Diagnosis), Problem> {
    let settings = settings.clone();
    let opening = tokio::task::spawn_blocking(move || opening::open(&settings, passphrase));
    opening.await.map_err(|_| opening::broken("the profile was not opened"))?
}

/// Closes what was opened for nothing.
async fn give_back(home: store::Home, store: NodeStore) {
    drop(tokio::task::spawn_blocking(move || store::close(home, store)).await);
}

fn bind(settings: &Settings) -> Result<UnixListener, Problem> {
    let path = &settings.paths.socket;
    access::bind(path).map_err(|error| {
        Problem::new(Code::SocketDenied, format!("the socket {} was not made", path.display()))
            .because(error.to_string())
    })
}

type Ended = Option<(store::Home, NodeStore)>;

/// All that runs while a node runs.
struct Life {
    node: Arc<Node>,
    network: NetworkHandle,
    driver: DriverHandle,
    thread: std::thread::JoinHandle<Ended>,
    serving: tokio::task::JoinHandle<()>,
    /// Ends with the driver.
    filling: tokio::task::JoinHandle<()>,
}

impl Life {
    async fn begin(
        settings: &Settings,
        door: Arc<UnixListener>,
        (opened, diagnosis): (Opened, Diagnosis),
        started: Stopwatch,
    ) -> Result<Self, (Problem, store::Home, NodeStore)> {
        let (orders, ordered) = watch::channel(Order::Serve);
        let prepared = prepare(settings, &opened);
        let (network, news, boot, hub) = match prepared {
            Ok(prepared) => prepared,
            Err(problem) => return Err((problem, opened.home, opened.store)),
        };
        let node = Arc::new(Node::new(settings.profile.clone(), Arc::clone(&hub), orders));
        let serving = tokio::spawn(server::serve(door, Arc::clone(&node), ordered));
        block(settings, &network).await;
        let facts =
            NodeFacts { profile: settings.profile.clone(), started, refused: std::collections::BTreeMap::new() };
        let orders = network.orders().clone();
        let Opened { home, store, disk_full, clean, .. } = opened;
        let (shelf, wishes) = match Shelf::open(&home) {
            Ok(opened) => opened,
            Err(error) => return Err((opening::problem(error, "the node cannot start"), home, store)),
        };
        let files = shelf.clone();
        let desk = Arc::new(Desk::default());
        let parts = Parts {
            home,
            store,
            network: orders,
            hub,
            shelf,
            desk: Arc::clone(&desk),
            boot,
            facts,
            disk_full,
            clean,
            diagnosis,
        };
        let (driver, thread) = driver::start(parts);
        drop(node.media.set(Media::start((&files, settings.media), driver.clone(), &network, wishes)));
        let (heard, hears) = oneshot::channel();
        tokio::spawn(pass_on(news, driver.clone(), heard));
        // An invite that is made at once should hold an address already.
        drop(tokio::time::timeout(Duration::from_millis(LISTENING_MS_MAX), hears).await);
        drop(node.desk.set(Arc::clone(&desk)));
        drop(node.driver.set(driver.clone()));
        let filling = tokio::spawn(keep_filled(driver.clone(), desk));
        Ok(Self { node, network, driver, thread, serving, filling })
    }

    /// Waits for a signal or the API; reads the list of blocked keys again on SIGHUP.
    async fn until_told(&self, settings: &Settings, signals: &mut Signals) -> Order {
        let mut orders = self.node.orders.subscribe();
        loop {
            tokio::select! {
                order = server::told(&mut orders) => return order,
                heard = signals.next() => match heard {
                    Heard::End => return Order::Stop,
                    Heard::HangUp => block(settings, &self.network).await,
                },
            }
        }
    }

    /// Rule SV-3: within a second. Whoever locks wants what is erased to be unreadable now (ST-66).
    async fn end(self, order: Order) {
        tracing::info!(?order, "stopping");
        self.node.hub.publish(Notice::bye());
        self.node.order(order);
        self.driver.tell(DriverInput::Stop).await;
        let links = async {
            let (answer, answered) = oneshot::channel();
            if self.network.orders().send(ToNetwork::Shutdown(answer)).await.is_ok() {
                drop(tokio::time::timeout(Duration::from_millis(LINKS_MS_MAX), answered).await);
            }
        };
        let thread = self.thread;
        let closing = tokio::task::spawn_blocking(move || match thread.join() {
            Ok(Some((home, mut store))) => {
                if order == Order::Lock {
                    store.make_rotation_due();
                }
                store::close(home, store).inspect_err(|error| tracing::error!(%error, "closing")).is_ok()
            }
            _ => false,
        });
        let (closed, (), served, filled) = tokio::join!(closing, links, self.serving, self.filling);
        if served.is_err() || filled.is_err() || !matches!(closed, Ok(true)) {
            tracing::warn!("the end was not in good order; the next start checks the store");
        }
        tracing::info!("stopped");
    }
}

type Prepared = (NetworkHandle, mpsc::Receiver<FromNetwork>, Boot, Arc<Hub>);

/// Whatever can still refuse, before anything runs.
fn prepare(settings: &Settings, opened: &Opened) -> Result<Prepared, Problem> {
    let mut rng = entropy::step_rng().map_err(|error| opening::broken(&error.to_string()))?;
    let (boot, number) = (Boot(random(&mut rng)), random(&mut rng));
    let (events, news) = mpsc::channel(NEWS_MAX);
    let network = network::start(network_config(settings)?, opened.home.identity(), events).map_err(|error| {
        Problem::new(Code::BadValue, "the node cannot listen")
            .because(error.to_string())
            .advise(["coterie config get node.listen", "coterie up --listen quic --listen tcp"])
    })?;
    if let Some(port) = network.port()
        && let Err(error) = std::fs::write(settings.paths.state.join(PORT_FILE), port.to_string())
    {
        tracing::debug!(%error, "the port is not remembered");
    }
    Ok((network, news, boot, Arc::new(Hub::new(number))))
}

fn network_config(settings: &Settings) -> Result<NetworkConfig, Problem> {
    let read = |text: &String| {
        Listen::parse(text).map_err(|error| {
            let problem = Problem::new(Code::BadValue, format!("node.listen cannot be “{text}”"));
            problem.because(error.to_string()).advise(["coterie config get node.listen"])
        })
    };
    let listen = settings.node.listen.iter().map(read).collect::<Result<_, _>>()?;
    let remembered = std::fs::read_to_string(settings.paths.state.join(PORT_FILE)).ok();
    let remembered_port = remembered.and_then(|text| text.trim().parse().ok());
    Ok(NetworkConfig { listen, remembered_port, mdns: settings.node.mdns })
}

/// Tells the network whom to refuse. A file that cannot be read leaves the list as it was.
async fn block(settings: &Settings, network: &NetworkHandle) {
    match settings.read_block_again() {
        Ok(keys) => {
            let keys = keys.iter().filter_map(|text| read_id(text).map(MemberKey)).collect();
            drop(network.orders().send(ToNetwork::Block(keys)).await);
        }
        Err(problem) => tracing::warn!(%problem, "the settings were not read again"),
    }
}

/// From the network to the driver. Waits for room there: that is what slows a flood down at its source.
async fn pass_on(mut news: mpsc::Receiver<FromNetwork>, driver: DriverHandle, listening: oneshot::Sender<()>) {
    let mut listening = Some(listening);
    while let Some(found) = news.recv().await {
        let heard = if matches!(found, FromNetwork::Listening { .. }) { listening.take() } else { None };
        match translated(found) {
            Ok(input) => {
                driver.tell(input).await;
                if let Some(Err(())) = heard.map(|heard| heard.send(())) {
                    tracing::debug!("nobody waits for the first address any more");
                }
            }
            Err(Settling) => {
                let driver = driver.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(SETTLE_MS)).await;
                    driver.tell(DriverInput::InterfacesChanged).await;
                });
            }
        }
    }
}

/// Interfaces changed, and may change again at once.
struct Settling;

fn translated(found: FromNetwork) -> Result<DriverInput, Settling> {
    Ok(DriverInput::Net(match found {
        FromNetwork::Connected { link, peer, channel, path, opener } => {
            let opener = match opener {
                network::Opener::Us => Opener::Us,
                network::Opener::Peer => Opener::Peer,
            };
            Input::Connected { link, peer, channel, path, opener }
        }
        FromNetwork::Received { link, bytes } => Input::Received { link, bytes },
        FromNetwork::Disconnected { link } => Input::Disconnected { link },
        FromNetwork::DialFailed { peer, channel } => Input::DialFailed { peer, channel },
        FromNetwork::Overflowed { link } => Input::Overflowed { link },
        FromNetwork::Quality { link, round_trip_ms, path } => Input::Quality { link, round_trip_ms, path },
        FromNetwork::Listening { addresses } => Input::Listening { addresses },
        FromNetwork::Sighted { peer, addresses } => Input::Sighted { peer, addresses },
        FromNetwork::InterfacesChanged => return Err(Settling),
        FromNetwork::Refused { reason } => return Ok(DriverInput::Refused(reason)),
    }))
}

#[cfg(test)]
mod hostile;
