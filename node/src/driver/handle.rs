//! The async side of the driver: wishes and questions go in, answers come back, nobody blocks.

use coterie_protocol::{BlobId, Command, CommandError, Input, Reply};
use tokio::sync::{mpsc, oneshot};

use super::recovery::Health;
use super::{KeyChange, View};

/// A question about the present state, answered on the driver's thread.
pub(crate) type Question = Box<dyn FnOnce(Option<&View<'_>>) + Send>;

/// One thing for the driver.
pub(crate) enum DriverInput {
    /// The world did something.
    Net(Input),
    /// The network turned somebody away; counted.
    Refused(&'static str),
    /// Interfaces came or went, and have settled.
    InterfacesChanged,
    /// A file is whole here now, or its bytes were given up: whoever looks at its message sees that.
    FileMoved(BlobId),
    /// A person wants something.
    Execute(Box<Command>, oneshot::Sender<Result<Reply, Refused>>),
    /// A person says that this is the computer to go on with (ST-102).
    TakeInstance(oneshot::Sender<Result<(), Refused>>),
    /// A person wants the vault locked another way (ST-62).
    SetKey(KeyChange, oneshot::Sender<Result<(), Refused>>),
    /// A person wants every record looked at now (ST-44).
    Verify(oneshot::Sender<Result<(), Refused>>),
    /// A face wants to know something.
    Query(Question),
    /// The end.
    Stop,
}

/// Why a wish was not carried out.
#[derive(Clone, Debug)]
pub(crate) enum Refused {
    /// The core says why.
    Command(CommandError),
    /// Nothing can be saved for lack of room.
    DiskFull,
    /// The store failed; reading works.
    ReadOnly,
    /// The passphrase in force was not given.
    WrongKey,
    /// The queue is full: try again.
    Busy,
    /// Our own mistake, or the node is stopping.
    Internal,
}

/// The way to the driver.
#[derive(Clone)]
pub(crate) struct DriverHandle(mpsc::Sender<DriverInput>);

impl DriverHandle {
    pub(super) const fn new(sender: mpsc::Sender<DriverInput>) -> Self {
        Self(sender)
    }

    /// Waits until the driver has stopped.
    pub(crate) async fn gone(&self) {
        self.0.closed().await;
    }

    /// For what the world does: waits for room, which pushes back on the links.
    pub(crate) async fn tell(&self, input: DriverInput) {
        // If the driver is gone, the node is stopping.
        drop(self.0.send(input).await);
    }

    /// Carries a wish out; answered when it is durable.
    pub(crate) async fn execute(&self, command: Command) -> Result<Reply, Refused> {
        let (answer, answered) = oneshot::channel();
        self.offer(DriverInput::Execute(Box::new(command), answer))?;
        answered.await.unwrap_or(Err(Refused::Internal))
    }

    /// Goes on here, as a new installation; answered when it is durable and the account is built anew.
    pub(crate) async fn take_instance(&self) -> Result<(), Refused> {
        let (answer, answered) = oneshot::channel();
        self.offer(DriverInput::TakeInstance(answer))?;
        answered.await.unwrap_or(Err(Refused::Internal))
    }

    /// Locks the vault another way; answered when that is durable.
    pub(crate) async fn set_key(&self, change: KeyChange) -> Result<(), Refused> {
        let (answer, answered) = oneshot::channel();
        self.offer(DriverInput::SetKey(change, answer))?;
        answered.await.unwrap_or(Err(Refused::Internal))
    }

    /// Looks at every record; answered when that is done.
    pub(crate) async fn verify(&self) -> Result<(), Refused> {
        let (answer, answered) = oneshot::channel();
        self.offer(DriverInput::Verify(answer))?;
        answered.await.unwrap_or(Err(Refused::Internal))
    }

    /// Asks about the present, durable state.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&View<'_>) -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let (answer, answered) = oneshot::channel();
        let asking: Question = Box::new(move |view| {
            let found = view.ok_or(Refused::ReadOnly).and_then(|view| {
                let found = question(view);
                // What a failed store left out of an answer is worse than no answer.
                match view.health {
                    _ if view.is_readable() => Ok(found),
                    Health::Sound => Err(Refused::Busy),
                    Health::DiskFull => Err(Refused::DiskFull),
                    Health::ReadOnly => Err(Refused::ReadOnly),
                }
            });
            drop(answer.send(found));
        });
        self.offer(DriverInput::Query(asking))?;
        answered.await.unwrap_or(Err(Refused::ReadOnly))
    }

    /// A face never waits for room: it is told to come back.
    fn offer(&self, input: DriverInput) -> Result<(), Refused> {
        self.0.try_send(input).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::Busy,
            mpsc::error::TrySendError::Closed(_) => Refused::Internal,
        })
    }
}
