//! One authenticated stream between two members' nodes, and a slot on it for every group that the two share.
//!
//! The transport has proved both keys before the first frame. The handshake then finds the shared groups without
//! naming one (N-301 to N-307, see [`handshake`]), each gets a number, and from then on a frame says by its slot which
//! group it is about. The link knows nothing of what is in the frames of a slot: it checks kind, size, place, rate and
//! credit, and hands the body on. It is a value: frames and time go in, frames and outcomes come out.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions)]

pub(crate) mod choice;
pub(crate) mod credit;
pub(crate) mod handshake;
pub(crate) mod quota;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use bytes::Bytes;
use rand_core::CryptoRng;

pub use choice::{Standing, TwinWatch, better};
use credit::{Intake, Outflow};
use handshake::{Answer, Hello, Offer, Ready, Tag, Tags, Transcript};
pub use handshake::{Door, Listing, Side};
pub use quota::{AuthorRates, Bucket, Conduct, Refused};
use quota::{LinkRates, Passage};

use crate::crypto::random;
use crate::error::PeerFault;
use crate::ids::{Boot, GroupId, Instance, MemberKey};
use crate::limits::{HANDSHAKE_MS, LINK_SLOTS_MAX};
use crate::time::Timestamp;
use crate::wire::frame::{Frame, GroupFrame};
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// caps bit: takes part in the broadcast tree; always set (N-311).
pub const CAP_TREE: u64 = 1;
/// caps bit: pays for its bytes.
pub const CAP_METERED: u64 = 2;
/// caps bit: has no other neighbour in some shared group.
pub const CAP_LONELY: u64 = 4;
/// caps bit: relays for members.
pub const CAP_RELAYS: u64 = 8;
/// Kinds from here on belong to later versions and are skipped unread (N-401).
const SKIPPED_KINDS: u8 = 0x80;
/// Round trip that is assumed before one was measured.
const ROUND_TRIP_UNKNOWN_MS: u64 = 500;

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$item])* $variant),+ }

        impl Canonical for $name {
            fn write(&self, to: &mut Writer) {
                to.uint(match self { $(Self::$variant => { let number: u64 = $number; number })+ });
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match from.uint()? { $($number => Ok(Self::$variant),)+ _ => Err(DecodeError::Unknown) }
            }
        }
    };
}

codes! {
    /// Why a slot ends (N-308).
    DropCode {
        /// Not shared any more.
        NotShared = 1,
        /// Membership did not settle in time.
        Stalled = 2,
        /// Other neighbours are enough.
        Rebalance = 3,
        /// This person left the group.
        Left = 4,
    }
}

codes! {
    /// Why a link ends (0x05).
    ByeCode {
        /// The program ends.
        Closing = 1,
        /// Other neighbours are enough.
        Rebalance = 2,
        /// No room; the seats name others to try.
        Full = 3,
        /// Another link with this person is better (N-309).
        Moved = 4,
        /// This link was already there.
        Duplicate = 5,
        /// A frame broke the rules of the wire.
        Protocol = 6,
        /// More was given than the credit allowed.
        Flow = 7,
        /// Over a limit.
        Rate = 8,
    }
}

/// What both ends of a link are.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The own key.
    pub own: MemberKey,
    /// The peer's, proved by the transport.
    pub peer: MemberKey,
    /// The own installation.
    pub instance: Instance,
    /// The own process start.
    pub boot: Boot,
    /// Own bits of N-311.
    pub caps: u64,
}

/// What a ready peer said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerNode {
    /// Its installation.
    pub instance: Instance,
    /// Its process start.
    pub boot: Boot,
    /// Its bits of N-311; unknown ones are ignored.
    pub caps: u64,
}

/// How a link came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// The peer broke a rule. Before READY nothing was sent; after it BYE is among the frames to send.
    Fault(PeerFault),
    /// The peer said BYE; the seats are others to try.
    ByPeer(ByeCode, Vec<u8>),
}

/// A frame of a slot, checked for kind, size and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The slot.
    pub slot: u8,
    /// Its group.
    pub gid: GroupId,
    /// Kind.
    pub kind: GroupFrame,
    /// Undecoded body.
    pub body: Bytes,
}

/// What follows from one input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LinkStep {
    /// To send, in order.
    pub send: Vec<Frame>,
    /// Slots that opened.
    pub opened: Vec<(u8, GroupId)>,
    /// A slot that the peer ended.
    pub dropped: Option<(u8, GroupId, DropCode)>,
    /// A frame for a group.
    pub deliver: Option<Delivery>,
    /// The peer says that this installation runs twice (ST-102).
    pub twin: Option<(Instance, Boot)>,
    /// The handshake is through: for the first time, or again.
    pub ready: Option<PeerNode>,
    /// A fault that does not end the link by itself (N-211).
    pub fault: Option<PeerFault>,
    /// Read nothing from this link for so many ms (N-606).
    pub pause_ms: Option<u64>,
    /// The link is over.
    pub close: Option<Close>,
}

/// Where the current round of the handshake stands.
enum Round {
    Hello,
    Offer,
    /// The acceptor waits, with what it offered: tag of the opener, own tag, group.
    Answer(Vec<(Tag, Tag, GroupId)>),
    /// The opener waits, with what both share, in slot order.
    Ready(Vec<GroupId>),
    Done,
}

struct Slot {
    gid: GroupId,
    is_open: bool,
}

/// One link.
pub struct Link {
    ends: Ends,
    side: Side,
    nonces: ([u8; 32], [u8; 32]),
    round: Round,
    deadline_mono_ms: Option<u64>,
    peer_boot: Boot,
    peer: Option<PeerNode>,
    slots: BTreeMap<u8, Slot>,
    again_wanted: bool,
    round_trip_ms: u64,
    flow: (Intake, Outflow),
    rates: LinkRates,
}

impl Link {
    /// Opens a link: the first frame to send is in the step.
    #[must_use]
    pub fn open(ends: Ends, now: Timestamp, rng: &mut dyn CryptoRng) -> (Self, LinkStep) {
        let mut link = Self::new(ends, Side::Opener, Round::Offer, now);
        link.nonces.0 = random(rng);
        let hello = Hello { nonce: link.nonces.0, boot: ends.boot };
        let send = Vec::from([frame(GroupFrame::Hello, 0, &hello)]);
        (link, LinkStep { send, ..LinkStep::default() })
    }

    /// Takes a link that the peer opened.
    #[must_use]
    pub fn accept(ends: Ends, now: Timestamp) -> Self {
        Self::new(ends, Side::Acceptor, Round::Hello, now)
    }

    fn new(ends: Ends, side: Side, round: Round, now: Timestamp) -> Self {
        Self {
            ends,
            side,
            nonces: ([0; 32], [0; 32]),
            round,
            deadline_mono_ms: Some(now.mono_ms.saturating_add(HANDSHAKE_MS)),
            peer_boot: Boot([0; 8]),
            peer: None,
            slots: BTreeMap::new(),
            again_wanted: false,
            round_trip_ms: ROUND_TRIP_UNKNOWN_MS,
            flow: (Intake::default(), Outflow::default()),
            rates: LinkRates::default(),
        }
    }

    /// One frame came. `doors` are all groups of the own profile.
    pub fn handle(&mut self, now: Timestamp, frame: Frame, doors: &[Door<'_>], rng: &mut dyn CryptoRng) -> LinkStep {
        if frame.kind >= SKIPPED_KINDS {
            return LinkStep::default();
        }
        let checked = self.check(&frame).and_then(|kind| match self.passage(kind, &frame, now) {
            Passage::Ignore => Ok(LinkStep::default()),
            Passage::Fault => Ok(LinkStep { fault: Some(PeerFault::OverLimit), ..LinkStep::default() }),
            Passage::Pass => self.dispatch(now, kind, frame, doors, rng),
            Passage::Pause(ms) => {
                let step = self.dispatch(now, kind, frame, doors, rng)?;
                Ok(LinkStep { pause_ms: Some(ms), ..step })
            }
        });
        checked.unwrap_or_else(|fault| self.fail(fault))
    }

    fn passage(&mut self, kind: GroupFrame, frame: &Frame, now: Timestamp) -> Passage {
        let slots = u64::try_from(self.open_slots().count()).unwrap_or(1);
        self.rates.admit(kind, &frame.body, slots, now)
    }

    /// Rule N-401: kind, size and place are judged by the header, before anything is read.
    fn check(&self, frame: &Frame) -> Result<GroupFrame, PeerFault> {
        let kind = GroupFrame::from_number(frame.kind).ok_or(PeerFault::UnknownKind)?;
        if frame.body.len() > kind.body_bytes_max() {
            return Err(PeerFault::Oversized);
        }
        let is_for_link = kind < GroupFrame::Drop;
        let is_in_place = if is_for_link { frame.slot == 0 } else { self.slots.contains_key(&frame.slot) };
        is_in_place.then_some(kind).ok_or(PeerFault::OutOfPlace)
    }

    fn dispatch(
        &mut self,
        now: Timestamp,
        kind: GroupFrame,
        frame: Frame,
        doors: &[Door<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<LinkStep, PeerFault> {
        let max = kind.body_bytes_max();
        let body = frame.body.as_ref();
        if kind == GroupFrame::Hello {
            self.on_hello(&from_bytes(body, max)?, doors, rng)
        } else if kind == GroupFrame::Offer {
            self.on_offer(now, from_bytes(body, max)?, doors, rng)
        } else if kind == GroupFrame::Answer {
            self.on_answer(now, &from_bytes(body, max)?, doors, rng)
        } else if kind == GroupFrame::Ready {
            self.on_ready(&from_bytes(body, max)?)
        } else if self.peer.is_none() {
            Err(PeerFault::Handshake)
        } else if kind == GroupFrame::Again {
            let Empty = from_bytes(body, max)?;
            Ok(LinkStep { send: self.again(now, doors, rng), ..LinkStep::default() })
        } else if kind == GroupFrame::Bye {
            let bye: Bye = from_bytes(body, max)?;
            Ok(LinkStep { close: Some(Close::ByPeer(bye.code, bye.seats)), ..LinkStep::default() })
        } else if kind == GroupFrame::Twin {
            let twin: Twin = from_bytes(body, max)?;
            Ok(LinkStep { twin: Some((twin.0, twin.1)), ..LinkStep::default() })
        } else if kind == GroupFrame::Credit {
            let One(total) = from_bytes::<One<u64>>(body, max)?;
            self.flow.1.on_credit(total, self.round_trip_ms, now)?;
            Ok(LinkStep::default())
        } else {
            self.on_slot_frame(kind, frame)
        }
    }

    /// Rule N-301: HELLO comes first and once. The tags bind its nonce to a fresh one of ours.
    fn on_hello(&mut self, hello: &Hello, doors: &[Door<'_>], rng: &mut dyn CryptoRng) -> Result<LinkStep, PeerFault> {
        let (Side::Acceptor, Round::Hello) = (self.side, &self.round) else { return Err(PeerFault::Handshake) };
        self.nonces.0 = hello.nonce;
        self.peer_boot = hello.boot;
        Ok(LinkStep { send: Vec::from([self.offer(doors, rng)]), ..LinkStep::default() })
    }

    fn offer(&mut self, doors: &[Door<'_>], rng: &mut dyn CryptoRng) -> Frame {
        self.nonces.1 = random(rng);
        let transcript = self.transcript();
        let offered: Vec<(Tag, Tag, GroupId)> = self
            .new_doors(doors)
            .take(LINK_SLOTS_MAX)
            .map(|door| {
                let tag = |side| transcript.tag(side, door.secret);
                (tag(Side::Opener), tag(Side::Acceptor), door.gid)
            })
            .collect();
        let tags = Tags::padded(offered.iter().map(|(_, tag, _)| *tag), rng);
        self.round = Round::Answer(offered);
        frame(GroupFrame::Offer, 0, &Offer { nonce: self.nonces.1, tags })
    }

    /// The opener recognises what it can, and answers for no more than that.
    fn on_offer(
        &mut self,
        now: Timestamp,
        offer: Offer,
        doors: &[Door<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<LinkStep, PeerFault> {
        let (Side::Opener, Round::Offer | Round::Done) = (self.side, &self.round) else {
            return Err(PeerFault::Handshake);
        };
        self.nonces.1 = offer.nonce;
        let transcript = self.transcript();
        let recognised = self.new_doors(doors).map(|door| (transcript.tag(Side::Acceptor, door.secret), door));
        let shared: BTreeMap<Tag, &Door<'_>> = recognised.filter(|(tag, _)| offer.tags.contains(tag)).collect();
        let tags = Tags::padded(shared.values().map(|door| transcript.tag(Side::Opener, door.secret)), rng);
        let answer = Answer { tags, caps: self.ends.caps, instance: self.ends.instance };
        self.round = Round::Ready(shared.values().map(|door| door.gid).collect());
        self.deadline_mono_ms = Some(now.mono_ms.saturating_add(HANDSHAKE_MS));
        Ok(LinkStep { send: Vec::from([frame(GroupFrame::Answer, 0, &answer)]), ..LinkStep::default() })
    }

    /// Rule N-304: the shared groups, sorted by the acceptor's tags, get the next free numbers.
    fn on_answer(
        &mut self,
        now: Timestamp,
        answer: &Answer,
        doors: &[Door<'_>],
        rng: &mut dyn CryptoRng,
    ) -> Result<LinkStep, PeerFault> {
        let Round::Answer(offered) = &self.round else { return Err(PeerFault::Handshake) };
        let shared: BTreeMap<Tag, GroupId> =
            offered.iter().filter(|(tag, _, _)| answer.tags.contains(tag)).map(|(_, tag, gid)| (*tag, *gid)).collect();
        let peer = PeerNode { instance: answer.instance, boot: self.peer_boot, caps: answer.caps };
        let ready = Ready { caps: self.ends.caps, instance: self.ends.instance, boot: self.ends.boot };
        let mut step = self.finish(peer, shared.into_values().collect())?;
        step.send.push(frame(GroupFrame::Ready, 0, &ready));
        if core::mem::take(&mut self.again_wanted) {
            step.send.extend(self.again(now, doors, rng));
        }
        Ok(step)
    }

    fn on_ready(&mut self, ready: &Ready) -> Result<LinkStep, PeerFault> {
        let Round::Ready(shared) = core::mem::replace(&mut self.round, Round::Done) else {
            return Err(PeerFault::Handshake);
        };
        self.finish(PeerNode { instance: ready.instance, boot: ready.boot, caps: ready.caps }, shared)
    }

    fn finish(&mut self, peer: PeerNode, shared: Vec<GroupId>) -> Result<LinkStep, PeerFault> {
        // A process does not change its start or its installation while a link lives.
        if self.peer.is_some_and(|known| (known.instance, known.boot) != (peer.instance, peer.boot)) {
            return Err(PeerFault::Handshake);
        }
        self.peer = Some(peer);
        self.round = Round::Done;
        self.deadline_mono_ms = None;
        let mut step = LinkStep { ready: Some(peer), ..LinkStep::default() };
        for gid in shared {
            let next = self.slots.last_key_value().map_or(1, |(slot, _)| slot.saturating_add(1));
            if usize::from(next) > LINK_SLOTS_MAX {
                break;
            }
            self.slots.insert(next, Slot { gid, is_open: true });
            step.opened.push((next, gid));
        }
        Ok(step)
    }

    fn on_slot_frame(&mut self, kind: GroupFrame, frame: Frame) -> Result<LinkStep, PeerFault> {
        let slot = self.slots.get_mut(&frame.slot).ok_or(PeerFault::OutOfPlace)?;
        if kind == GroupFrame::Give {
            self.flow.0.on_give(u64::try_from(frame.body.len()).unwrap_or(u64::MAX))?;
        }
        // What was on its way when the slot ended.
        if !slot.is_open {
            let settled = if kind == GroupFrame::Give { self.settled(frame.body.len()) } else { None };
            return Ok(LinkStep { send: settled.into_iter().collect(), ..LinkStep::default() });
        }
        let gid = slot.gid;
        if kind == GroupFrame::Drop {
            let One(code) = from_bytes::<One<DropCode>>(&frame.body, kind.body_bytes_max())?;
            slot.is_open = false;
            return Ok(LinkStep { dropped: Some((frame.slot, gid, code)), ..LinkStep::default() });
        }
        let deliver = Delivery { slot: frame.slot, gid, kind, body: frame.body };
        Ok(LinkStep { deliver: Some(deliver), ..LinkStep::default() })
    }

    /// Rule N-301: before READY a link that goes wrong ends without a word; after it with BYE.
    fn fail(&mut self, fault: PeerFault) -> LinkStep {
        let (send, fault) = match (self.peer, fault) {
            (None, _) => (Vec::new(), PeerFault::Handshake),
            (Some(_), PeerFault::BeyondCredit) => (Vec::from([bye(ByeCode::Flow, &[])]), fault),
            (Some(_), _) => (Vec::from([bye(ByeCode::Protocol, &[])]), fault),
        };
        self.slots.values_mut().for_each(|slot| slot.is_open = false);
        LinkStep { send, close: Some(Close::Fault(fault)), ..LinkStep::default() }
    }

    /// Rule N-307: after a change of a roster, groups that are not on the link yet get another chance.
    pub fn again(&mut self, now: Timestamp, doors: &[Door<'_>], rng: &mut dyn CryptoRng) -> Vec<Frame> {
        match (self.side, &self.round) {
            (Side::Opener, _) if self.peer.is_some() => Vec::from([frame(GroupFrame::Again, 0, &Empty)]),
            (Side::Acceptor, Round::Done) => {
                self.deadline_mono_ms = Some(now.mono_ms.saturating_add(HANDSHAKE_MS));
                Vec::from([self.offer(doors, rng)])
            }
            (Side::Acceptor, Round::Answer(_)) => {
                self.again_wanted = true;
                Vec::new()
            }
            // The first round is still to come and will know the change.
            (Side::Opener | Side::Acceptor, _) => Vec::new(),
        }
    }

    /// Ends a slot: the frame that says so, if it was open.
    pub fn drop_slot(&mut self, slot: u8, code: DropCode) -> Option<Frame> {
        let open = self.slots.get_mut(&slot).filter(|slot| slot.is_open)?;
        open.is_open = false;
        Some(frame(GroupFrame::Drop, slot, &One(code)))
    }

    /// The handshake took too long, if it did: reset without a word.
    pub fn on_time(&mut self, now: Timestamp) -> Option<Close> {
        let is_late = self.deadline_mono_ms.is_some_and(|at| now.mono_ms >= at);
        is_late.then_some(Close::Fault(PeerFault::Handshake))
    }

    /// When [`Self::on_time`] is due (monotonic ms).
    #[must_use]
    pub const fn deadline_mono_ms(&self) -> Option<u64> {
        self.deadline_mono_ms
    }

    /// Given bytes are committed or discarded: CREDIT, when it is worth a frame (N-405).
    pub fn settled(&mut self, bytes: usize) -> Option<Frame> {
        let total = self.flow.0.settle(u64::try_from(bytes).unwrap_or(u64::MAX))?;
        Some(frame(GroupFrame::Credit, 0, &One(total)))
    }

    /// Whether a GIVE of this many body bytes may go now (N-405).
    #[must_use]
    pub fn may_give(&self, bytes: usize) -> bool {
        self.flow.1.may_give(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// A GIVE of this many body bytes goes.
    pub fn on_given(&mut self, bytes: usize, now: Timestamp) {
        self.flow.1.on_given(u64::try_from(bytes).unwrap_or(u64::MAX), now);
    }

    /// A measured round trip.
    pub const fn set_round_trip_ms(&mut self, ms: u64) {
        self.round_trip_ms = ms;
    }

    /// Own caps changed: they go with the next round.
    pub const fn set_caps(&mut self, caps: u64) {
        self.ends.caps = caps;
    }

    /// Both ends, as given.
    #[must_use]
    pub const fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Which side opened it.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// The peer's node, once the handshake is through.
    #[must_use]
    pub const fn peer_node(&self) -> Option<&PeerNode> {
        self.peer.as_ref()
    }

    /// Open slots and their groups.
    pub fn open_slots(&self) -> impl Iterator<Item = (u8, GroupId)> {
        self.slots.iter().filter(|(_, slot)| slot.is_open).map(|(number, slot)| (*number, slot.gid))
    }

    /// The open slot of a group.
    #[must_use]
    pub fn slot_of(&self, gid: &GroupId) -> Option<u8> {
        self.open_slots().find(|(_, open)| open == gid).map(|(slot, _)| slot)
    }

    fn transcript(&self) -> Transcript {
        let (opener, acceptor) = match self.side {
            Side::Opener => (self.ends.own, self.ends.peer),
            Side::Acceptor => (self.ends.peer, self.ends.own),
        };
        Transcript { opener, acceptor, opener_nonce: self.nonces.0, acceptor_nonce: self.nonces.1 }
    }

    fn new_doors<'a, 'b>(&self, doors: &'a [Door<'b>]) -> impl Iterator<Item = &'a Door<'b>> {
        let taken: BTreeSet<GroupId> = self.open_slots().map(|(_, gid)| gid).collect();
        doors.iter().filter(move |door| door.is_open() && !taken.contains(&door.gid))
    }
}

/// A frame of a body.
fn frame<T: Canonical>(kind: GroupFrame, slot: u8, body: &T) -> Frame {
    Frame { kind: kind.number(), slot, body: Bytes::from(to_bytes(body)) }
}

/// BYE, with at most three seats to try instead.
#[must_use]
pub fn bye(code: ByeCode, seats: &[u8]) -> Frame {
    frame(GroupFrame::Bye, 0, &Bye { code, seats: seats.iter().take(3).copied().collect() })
}

/// TWIN: an installation runs twice (N-310).
#[must_use]
pub fn twin(instance: Instance, boot: Boot) -> Frame {
    frame(GroupFrame::Twin, 0, &Twin(instance, boot))
}

struct Empty;

impl Canonical for Empty {
    fn write(&self, to: &mut Writer) {
        to.array(0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(0).map(|()| Self)
    }
}

struct One<T>(T);

impl<T: Canonical> Canonical for One<T> {
    fn write(&self, to: &mut Writer) {
        to.array(1).item(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.item().map(Self)
    }
}

struct Twin(Instance, Boot);

impl Canonical for Twin {
    fn write(&self, to: &mut Writer) {
        to.array(2).bytes(self.0).bytes(self.1);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self(from.fixed()?, from.fixed()?))
    }
}

struct Bye {
    code: ByeCode,
    seats: Vec<u8>,
}

impl Canonical for Bye {
    fn write(&self, to: &mut Writer) {
        to.array(2).item(&self.code).array(self.seats.len());
        self.seats.iter().for_each(|seat| drop(to.uint(*seat)));
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let code = from.item()?;
        let count = from.array_up_to(3)?;
        Ok(Self { code, seats: (0..count).map(|_| from.small()).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests;
