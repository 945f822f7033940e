//! A locked identity: no keys, no store, no links, and a door at which the passphrase is asked for (ST-67, AP-11).
//!
//! Locking ends the whole life of the node: keys are wiped with it, and what it knew besides is freed and given back. The
//! socket stays, and what is served on it knows no secret. Each try pays Argon2id, one after the other, so nobody guesses
//! fast. The data folder is held all the while: no other process opens it behind this one's back (ST-81).

use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};

use super::{Notice, Order, Signals, give_back, open, opening, random};
use crate::api::events::Hub;
use crate::api::problem::{Code, Problem};
use crate::api::routes::{Node, Unlocking};
use crate::api::server;
use crate::config::Settings;
use crate::driver::Diagnosis;
use crate::entropy;
use crate::memory;
use crate::store::{DataDirectory, Opened};

const NOT_UNLOCKED: &str = "the identity was not unlocked";
/// Tries that wait for their turn; more are told that the node is busy.
const TRIES_MAX: usize = 4;

/// Serves the door until the right passphrase comes, or the order to stop.
pub(super) async fn wait(
    settings: &Settings,
    door: &Arc<UnixListener>,
    signals: &mut Signals,
) -> Option<(Opened, Diagnosis)> {
    tracing::info!("locked");
    memory::give_back();
    let (orders, ordered) = watch::channel(Order::Serve);
    let (asking, mut asked) = mpsc::channel(TRIES_MAX);
    // Events have another numbering than before; without randomness there are none to number.
    let number = entropy::step_rng().map(|mut rng| random(&mut rng)).unwrap_or_default();
    let mut node = Node::new(settings.profile.clone(), Arc::new(Hub::new(number)), orders);
    node.doorkeeper = Some(asking);
    let node = Arc::new(node);
    let serving = tokio::spawn(server::serve(Arc::clone(door), Arc::clone(&node), ordered.clone()));
    let opened = keep_door(settings, &mut asked, (signals, ordered)).await;
    asked.close();
    while let Ok(late) = asked.try_recv() {
        let open = Problem::new(Code::Conflict, NOT_UNLOCKED);
        drop(late.answer.send(Err(open.because("somebody else was faster").advise(["coterie status"]))));
    }
    node.hub.publish(Notice::bye());
    node.order(Order::Stop);
    if serving.await.is_err() {
        tracing::warn!("the door did not close in good order");
    }
    opened
}

async fn keep_door(
    settings: &Settings,
    asked: &mut mpsc::Receiver<Unlocking>,
    (signals, mut ordered): (&mut Signals, watch::Receiver<Order>),
) -> Option<(Opened, Diagnosis)> {
    let mut held = hold(settings);
    loop {
        let Unlocking { passphrase, answer } = tokio::select! {
            () = signals.end() => return None,
            _ = server::told(&mut ordered) => return None,
            unlocking = asked.recv() => unlocking?,
        };
        drop(held.take());
        match open(settings, Some(passphrase.to_string())).await {
            // Whoever said stop meanwhile wants it stopped, not open.
            Ok((opened, _)) if *ordered.borrow() == Order::Stop => {
                give_back(opened.home, opened.store).await;
                drop(answer.send(Err(Problem::new(Code::NodeDown, NOT_UNLOCKED))));
                return None;
            }
            Ok(opened) => {
                // Who asked may be gone: what was right stays right.
                drop(answer.send(Ok(())));
                return Some(opened);
            }
            Err(problem) => {
                held = hold(settings);
                drop(answer.send(Err(Problem { what: NOT_UNLOCKED.to_owned(), ..problem })));
            }
        }
    }
}

/// The folder's lock alone. If it can't be had, whoever has it is told of when somebody unlocks.
fn hold(settings: &Settings) -> Option<DataDirectory> {
    let held = DataDirectory::open(&settings.paths.data, &opening::holder(settings));
    held.inspect_err(|error| tracing::warn!(%error, rule = "ST-81", "the data folder is not held")).ok()
}
