//! One authenticated stream between two members' nodes, and a slot on it for every group that the two share.
//!
//! The transport has proved both keys before the first frame. The handshake then finds the shared groups without
//! naming one (N-301 to N-307, see [`handshake`]), each gets a number, and from then on a frame says by its slot which
//! group it is about. The link knows nothing of what is in the frames of a slot: it checks kind, size, place, rate and
//! credit, and hands the body on. It is a value: frames and time go in, frames and outcomes come out.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

pub(crate) mod choice;
pub(crate) mod control;
pub(crate) mod credit;
mod face;
pub(crate) mod handshake;
pub(crate) mod quota;
pub(crate) mod step;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use rand_core::CryptoRng;

pub use choice::{Standing, TwinWatch, better};
use control::{Bye, Empty, One, Twin, frame};
pub use control::{ByeCode, DropCode, bye, twin};
use credit::{Intake, Outflow};
use handshake::{Answer, Hello, Offer, Ready, Tag, Tags, Transcript};
pub use handshake::{Door, Listing, Side};
pub use quota::Conduct;
use quota::{LinkRates, Passage};
pub use step::{CAP_TREE, Close, Delivery, Ends, LinkStep, PeerNode};

use crate::crypto::random;
use crate::error::PeerFault;
use crate::ids::{Boot, GroupId};
use crate::limits::{HANDSHAKE_MS, IDLE_LINK_MS, LINK_SLOTS_MAX};
use crate::time::Timestamp;
use crate::wire::frame::{Frame, GroupFrame};
use crate::wire::from_bytes;

/// Kinds from here on belong to later versions and are skipped unread (N-401).
const SKIPPED_KINDS: u8 = 0x80;
/// Round trip that is assumed before one was measured.
const ROUND_TRIP_UNKNOWN_MS: u64 = 500;

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

    /// Whether a frame of this kind is judged by the groups of the own profile.
    #[must_use]
    pub fn asks_for_doors(kind: u8) -> bool {
        use GroupFrame::{Again, Answer, Hello, Offer};
        [Hello, Offer, Answer, Again].iter().any(|asking| asking.number() == kind)
    }

    /// One frame came. `doors` are all groups of the own profile, if [`Self::asks_for_doors`] says so.
    pub fn handle(&mut self, now: Timestamp, frame: Frame, doors: &[Door<'_>], rng: &mut dyn CryptoRng) -> LinkStep {
        if frame.kind >= SKIPPED_KINDS {
            return LinkStep::default();
        }
        let checked = self.check(&frame).and_then(|kind| match self.passage(kind, &frame, now) {
            Passage::Ignore => Ok(LinkStep { over_rate: true, ..LinkStep::default() }),
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
            self.on_ready(now, &from_bytes(body, max)?)
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
            self.on_slot_frame(now, kind, frame)
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
        let mut step = self.finish(now, peer, shared.into_values().collect())?;
        step.send.push(frame(GroupFrame::Ready, 0, &ready));
        if core::mem::take(&mut self.again_wanted) {
            step.send.extend(self.again(now, doors, rng));
        }
        Ok(step)
    }

    fn on_ready(&mut self, now: Timestamp, ready: &Ready) -> Result<LinkStep, PeerFault> {
        let Round::Ready(shared) = core::mem::replace(&mut self.round, Round::Done) else {
            return Err(PeerFault::Handshake);
        };
        self.finish(now, PeerNode { instance: ready.instance, boot: ready.boot, caps: ready.caps }, shared)
    }

    fn finish(&mut self, now: Timestamp, peer: PeerNode, shared: Vec<GroupId>) -> Result<LinkStep, PeerFault> {
        // A process does not change its start or its installation while a link lives.
        if self.peer.is_some_and(|known| (known.instance, known.boot) != (peer.instance, peer.boot)) {
            return Err(PeerFault::Handshake);
        }
        self.peer = Some(peer);
        self.round = Round::Done;
        let mut step = LinkStep { ready: Some(peer), ..LinkStep::default() };
        for gid in shared {
            let next = self.slots.last_key_value().map_or(1, |(slot, _)| slot.saturating_add(1));
            if usize::from(next) > LINK_SLOTS_MAX {
                break;
            }
            self.slots.insert(next, Slot { gid, is_open: true });
            step.opened.push((next, gid));
        }
        self.watch_idleness(now);
        Ok(step)
    }

    /// A link that carries no group is given up after a while: a new one, or an introduction, may find one (N-209).
    fn watch_idleness(&mut self, now: Timestamp) {
        if !matches!(self.round, Round::Done) {
            return;
        }
        let is_idle = self.open_slots().next().is_none();
        self.deadline_mono_ms = is_idle.then(|| now.mono_ms.saturating_add(IDLE_LINK_MS));
    }

    fn on_slot_frame(&mut self, now: Timestamp, kind: GroupFrame, frame: Frame) -> Result<LinkStep, PeerFault> {
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
            self.watch_idleness(now);
            return Ok(LinkStep { dropped: Some((frame.slot, gid, code)), ..LinkStep::default() });
        }
        let deliver = Delivery { slot: frame.slot, gid, kind, body: frame.body };
        Ok(LinkStep { deliver: Some(deliver), ..LinkStep::default() })
    }

    /// By N-301, before READY a link that goes wrong ends without a word; after it with BYE.
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
    pub fn drop_slot(&mut self, now: Timestamp, slot: u8, code: DropCode) -> Option<Frame> {
        let open = self.slots.get_mut(&slot).filter(|slot| slot.is_open)?;
        open.is_open = false;
        self.watch_idleness(now);
        Some(frame(GroupFrame::Drop, slot, &One(code)))
    }

    /// The handshake took too long, or the link carried no group for too long: reset without a word.
    #[must_use]
    pub fn on_time(&self, now: Timestamp) -> Option<Close> {
        let is_late = self.deadline_mono_ms.is_some_and(|at| now.mono_ms >= at);
        is_late.then_some(Close::Late)
    }

    /// When [`Self::on_time`] is due (monotonic ms).
    #[must_use]
    pub const fn deadline_mono_ms(&self) -> Option<u64> {
        self.deadline_mono_ms
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

#[cfg(test)]
mod tests;
