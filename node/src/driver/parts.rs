//! What the driver is made of, and its thread.

use std::sync::Arc;

use coterie_protocol::Boot;
use tokio::runtime;
use tokio::sync::mpsc;

use super::{Diagnosis, Driver, DriverHandle, NodeFacts};
use crate::api::events::Hub;
use crate::media::Shelf;
use crate::network::ToNetwork;
use crate::search::Desk;
use crate::store::{Home, NodeStore};

/// Inputs that wait for the driver; senders wait when it is full, faces are told "busy" (H-22).
const INBOX_MAX: usize = 256;

/// What the driver works with from its start to its end.
pub(crate) struct Parts {
    /// The folder and the keys.
    pub(crate) home: Home,
    /// The records.
    pub(crate) store: NodeStore,
    /// Orders to the network.
    pub(crate) network: mpsc::Sender<ToNetwork>,
    /// Where followers listen.
    pub(crate) hub: Arc<Hub>,
    /// Where files lie.
    pub(crate) shelf: Shelf,
    /// Where words are looked for.
    pub(crate) desk: Arc<Desk>,
    /// Eight random bytes of this process start.
    pub(crate) boot: Boot,
    /// What `status` says about the process.
    pub(crate) facts: NodeFacts,
    /// Whether there is too little room to save anything (ST-84).
    pub(crate) disk_full: bool,
    /// Whether the last life ended in good order (ST-44).
    pub(crate) clean: bool,
    /// What the opening found.
    pub(crate) diagnosis: Diagnosis,
}

/// Starts the thread. It gives folder and store back when it has stopped.
pub(crate) fn start(parts: Parts) -> (DriverHandle, std::thread::JoinHandle<Option<(Home, NodeStore)>>) {
    let (sender, inbox) = mpsc::channel(INBOX_MAX);
    let runtime = runtime::Handle::current();
    let thread = std::thread::spawn(move || {
        let mut driver = Driver::new(parts);
        driver.restore();
        driver.settle();
        driver.run(&runtime, inbox);
        driver.into_home()
    });
    (DriverHandle::new(sender), thread)
}
