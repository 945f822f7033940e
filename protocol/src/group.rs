//! One group: the only place where its organs meet.
//!
//! Membership says who sits where, the logs say what was written, the keys open it, the tree spreads it, sync repairs.
//! None of them knows another. Here each outcome of one becomes an input of the next, and all that follows for disk,
//! links and faces goes into one [`Effects`] (H-3). What a step changes is written down where it is changed, so that
//! the batch of a step is always whole.

mod arrivals;
mod authority;
mod blobs;
mod branching;
mod conversation;
mod departing;
mod duties;
mod exclusions;
mod fetching;
mod founding;
mod guests;
mod hearing;
mod history;
mod keeping;
mod ledger;
mod muting;
mod neighbours;
mod operations;
mod people;
mod rates;
mod rebuilding;
mod receipts;
mod records;
mod recovery;
mod refused;
mod renewal;
mod repairs;
mod requests;
mod rereading;
mod sharing;
mod shown;
mod speaking;
mod stored;
mod views;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::effects::Effects;
use crate::encryption::GroupKeys;
use crate::error::PeerFault;
use crate::event::{Alert, AlertKind, Event};
use crate::identity::Identity;
use crate::ids::{Digest, EntryId, GroupId, Instance, LinkId, LogId, MemberKey, MembershipId};
use crate::log::{Logs, Place, Words};
use crate::membership::Membership;
use crate::record::RecordId;
use crate::time::Timestamp;
use crate::timeline::Recent;

pub(crate) use authority::Rosters;
pub(crate) use ledger::Numbers;
pub(crate) use records::{GroupRecord, InviteRecord, OutboxRecord, Standing, ViewRecord};
pub(crate) use requests::check_name;
pub(crate) use stored::Stored as GroupStored;

/// What every step has at hand: the moment, luck, who we are, and where consequences go.
pub(crate) struct Context<'a> {
    /// Now.
    pub(crate) now: Timestamp,
    /// Randomness of this step.
    pub(crate) rng: &'a mut dyn CryptoRng,
    /// The profile's key.
    pub(crate) identity: &'a Identity,
    /// This installation.
    pub(crate) instance: Instance,
    /// The name that groups joined from now on will see.
    pub(crate) name: &'a str,
    /// Where this node can be reached, best first.
    pub(crate) listening: &'a [Vec<u8>],
    /// All that follows.
    pub(crate) effects: &'a mut Effects,
    /// Peers' faults met in this step.
    pub(crate) faults: &'a mut Vec<(LinkId, PeerFault)>,
}

/// An invite of one's own, with its secret.
pub(crate) struct Issued {
    pub(crate) record: InviteRecord,
    pub(crate) secret: crate::crypto::Secret<16>,
}

/// A sealed seat grant in somebody's log: by it this node can let a joiner in (MB-I5).
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) author: MembershipId,
    pub(crate) invite_pk: MemberKey,
    pub(crate) not_after_ms: u64,
    pub(crate) sealed: Vec<u8>,
}

/// Why a stored record was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Its key may be here now.
    Open(Place),
    /// Whether it counts has changed.
    Recount(Place),
    /// It was taken back.
    Blank(Place),
    /// Somebody handed out its seed.
    Seed(Place),
    /// It may be too old to be kept.
    Expire(Place),
    /// Its words are gone: its entry must not be shown after the next start either.
    Forget(Place),
}

/// All that is known of one group.
pub(crate) struct Group {
    /// Local number of the group in the store.
    pub(crate) g: u32,
    me: MembershipId,
    own: LogId,
    record: GroupRecord,
    membership: Membership,
    logs: Logs,
    keys: GroupKeys,
    numbers: Numbers,
    recent: Recent,
    /// Messages whose key isn't here yet, by the Rekey of their epoch.
    unopened: BTreeMap<EntryId, BTreeSet<Place>>,
    /// Messages that don't count, or didn't when they came; looked at again when membership moves.
    void: BTreeSet<Place>,
    /// Where opened messages stand in the timeline.
    shown: shown::Shown,
    /// Lines that are older than they are here, by when they came: they are kept from then on (ST-110).
    late: BTreeMap<Place, u64>,
    /// What is being read back, and why.
    reading: BTreeMap<RecordId, Purpose>,
    /// A log that is read back because another branch leaves inside it.
    walk: Option<branching::Walk>,
    /// How often each log was read back in this life.
    walked: BTreeMap<LogId, u8>,
    /// The last verdict on each author's words.
    words: BTreeMap<MembershipId, Words>,
    /// The Rekeys of each branch by their place: whose chain an older Message is sealed under (E-45).
    epochs: BTreeMap<(LogId, u8), BTreeMap<u64, EntryId>>,
    /// Whom the current chain of each log leaves out (E-44).
    left_out: BTreeMap<LogId, exclusions::LeftOut>,
    outbox: BTreeMap<u64, OutboxRecord>,
    invites: BTreeMap<u32, Issued>,
    envelopes: BTreeMap<Digest, Vec<Envelope>>,
    past: history::Past,
    sharing: sharing::Sharing,
    near: neighbours::Near,
    /// Which blobs the messages name (BL-11).
    named: blobs::Named,
    duties: duties::Duties,
    /// Bytes whose form or signature was wrong (N-212).
    refused: refused::Refused,
    /// How fast each author writes (E-77, N-606).
    rates: rates::Rates,
    /// Alerts already raised: each once per cause (EV-7).
    alerted: BTreeSet<(AlertKind, Option<MembershipId>)>,
    /// Whether a peer's view of our own logs was compared in this life (E-71).
    in_touch: bool,
    /// When all logs were first compared with a neighbour in this life.
    compared_mono_ms: Option<u64>,
    /// Whether somebody was let in or out in this step: the gate's table must be made anew.
    roster_moved: bool,
    /// Who has taken the own Leave.
    leave_taken_by: BTreeSet<MemberKey>,
    /// How many pooled operations each author has brought into the log today.
    released: operations::Released,
}

impl Group {
    /// Its id.
    pub(crate) const fn gid(&self) -> GroupId {
        self.record.gid
    }

    /// Whether one still takes part, or may again.
    pub(crate) fn is_live(&self) -> bool {
        self.record.standing == Standing::In
    }

    /// The log, for hosts of joins and for the gate.
    pub(crate) const fn membership(&self) -> &Membership {
        &self.membership
    }

    /// Envelopes of links by their `lookup`, for hosts of joins.
    pub(crate) const fn envelopes(&self) -> &BTreeMap<Digest, Vec<Envelope>> {
        &self.envelopes
    }

    /// Takes the mark that the gate's table is out of date.
    pub(crate) fn take_roster_moved(&mut self) -> bool {
        core::mem::take(&mut self.roster_moved)
    }

    /// Tells a person once about a thing that somebody should look at.
    pub(crate) fn alert(
        &mut self,
        ctx: &mut Context<'_>,
        kind: AlertKind,
        member: Option<MembershipId>,
        reason: String,
    ) {
        if self.alerted.insert((kind, member)) {
            let alert = Alert { kind, member, peer: None, reason };
            ctx.effects.emit(Event::Alert { group: Some(self.gid()), alert });
        }
    }
}
