//! Joining: every link that this person redeems, from the first dial to the seat; it survives a restart (MB-I6, N-909).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Account, Step};
use crate::command::{CommandError, Consent, Reply};
use crate::crypto::Secret;
use crate::effects::{AddressSource, LinkAction};
use crate::error::PeerFault;
use crate::event::{Event, JoinRefusal, JoinState, JoinView, PreviewView};
use crate::group::Group;
use crate::ids::{Channel, GroupId, LinkId, MemberKey};
use crate::input::Opener;
use crate::invite::{
    Claim, Host, Introduced, Introducer, InviteLink, JoinOutcome, JoinStep, Joiner, Preview, Ready, Reason, Status,
};
use crate::limits;
use crate::record::{Record, RecordId};
use crate::time::Timestamp;
use crate::wire::frame::Frame;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// What a stream of the join channel is for.
pub(super) enum JoinLink {
    /// We serve it.
    Host(Box<Host>),
    /// We ask by a link.
    Joiner { join: u32, peer: MemberKey, machine: Box<Joiner> },
    /// We make ourselves known.
    Introducer { g: u32, peer: MemberKey, machine: Box<Introducer> },
}

impl JoinLink {
    pub(super) fn peer(&self) -> MemberKey {
        match self {
            Self::Host(host) => host.peer(),
            Self::Joiner { peer, .. } | Self::Introducer { peer, .. } => *peer,
        }
    }
}

/// One link being redeemed.
pub(super) struct Join {
    link: InviteLink,
    name: String,
    via: Vec<Vec<u8>>,
    consent: Consent,
    state: JoinState,
    preview: Option<PreviewView>,
    group: Option<GroupId>,
    refused: Option<JoinRefusal>,
    /// The group whose seat is being claimed right now.
    claiming: Option<u32>,
    attempts: u32,
    retry_mono_ms: Option<u64>,
    /// Where hosts of this link answered: the group link is dialled there too.
    pub(super) sightings: Vec<Vec<u8>>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Joins {
    pub(super) all: BTreeMap<u32, Join>,
    next: u32,
}

/// Kind 0x1D: a join in progress, without its secret (that is kind 0x84).
struct JoinerRecord {
    inviter: MemberKey,
    addresses: Vec<Vec<u8>>,
    name: String,
    via: Vec<Vec<u8>>,
    agreed: bool,
}

impl Canonical for JoinerRecord {
    fn write(&self, to: &mut Writer) {
        to.array(6).uint(1_u64).bytes(self.inviter).array(self.addresses.len());
        for address in &self.addresses {
            to.bytes(address);
        }
        to.text(&self.name).array(self.via.len());
        for address in &self.via {
            to.bytes(address);
        }
        to.bool(self.agreed);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(6)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        let inviter = from.fixed()?;
        let list = |from: &mut Reader<'_>| -> Result<Vec<Vec<u8>>, DecodeError> {
            let count = from.array_up_to(limits::VIA_ADDRESSES_MAX)?;
            (0..count).map(|_| from.bytes(limits::ADDRESS_BYTES_MAX).map(<[u8]>::to_vec)).collect()
        };
        let addresses = list(from)?;
        let name = from.text(limits::NAME_BYTES_MAX)?;
        Ok(Self { inviter, addresses, name, via: list(from)?, agreed: from.bool()? })
    }
}

impl Account {
    pub(super) fn start_join(
        &mut self,
        step: &mut Step<'_>,
        link: InviteLink,
        (name, via): (String, Vec<Vec<u8>>),
        consent: Consent,
    ) -> Result<Reply, CommandError> {
        if *link.inviter() == self.identity.public() {
            return Err(CommandError::OwnLink);
        }
        let name = if name.is_empty() { self.name.clone() } else { name };
        crate::group::check_name(&name)?;
        let lookup = link.keys().lookup;
        // A group that one sits in already, by this link or another.
        let here = self.groups.values().find(|group| group.is_live() && group.envelopes().contains_key(&lookup));
        if let Some(group) = here {
            return Ok(Reply::AlreadyMember(group.gid()));
        }
        let same = self.joins.all.iter().find(|(_, join)| {
            join.link.keys().lookup == lookup && !matches!(join.state, JoinState::Refused | JoinState::Seated)
        });
        if let Some((&join, _)) = same {
            if let Some(join) = self.joins.all.get_mut(&join) {
                join.retry_mono_ms = Some(step.now.mono_ms);
                join.via.extend(via);
                join.via.truncate(limits::VIA_ADDRESSES_MAX);
            }
            return Ok(Reply::Join(join));
        }
        self.joins.all.retain(|_, join| join.state != JoinState::Refused);
        if self.joins.all.len() >= limits::JOINS_MAX {
            return Err(CommandError::TooMany { what: "joins" });
        }
        let id = self.joins.next;
        self.joins.next = id.saturating_add(1);
        let mut join = Join::new(link, name, via, consent);
        join.retry_mono_ms = Some(step.now.mono_ms);
        join.put(step, id);
        self.joins.all.insert(id, join);
        self.dial_join(step, id);
        Ok(Reply::Join(id))
    }

    pub(super) fn agree_to_join(&mut self, step: &mut Step<'_>, id: u32) -> Result<Reply, CommandError> {
        let join = self.joins.all.get_mut(&id).ok_or(CommandError::UnknownJoin)?;
        join.consent = Consent::Given;
        join.put(step, id);
        let waiting = self.links.join.iter().find_map(|(&link, held)| match held {
            JoinLink::Joiner { join, .. } if *join == id => Some(link),
            JoinLink::Host(_) | JoinLink::Joiner { .. } | JoinLink::Introducer { .. } => None,
        });
        match waiting.and_then(|link| self.links.join.remove(&link).map(|held| (link, held))) {
            Some((link, JoinLink::Joiner { peer, machine, .. })) => {
                let outcome = machine.agree(step.now);
                self.on_join_step(step, (id, link, peer), outcome);
            }
            _ => self.dial_join(step, id),
        }
        Ok(Reply::Join(id))
    }

    pub(super) fn cancel_join(&mut self, step: &mut Step<'_>, id: u32) -> Result<Reply, CommandError> {
        self.joins.all.remove(&id).ok_or(CommandError::UnknownJoin)?;
        erase(step, id);
        self.hang_up_join(step, id);
        Ok(Reply::Done)
    }

    fn hang_up_join(&mut self, step: &mut Step<'_>, id: u32) {
        let of_join = |held: &JoinLink| matches!(held, JoinLink::Joiner { join, .. } if *join == id);
        let links: Vec<LinkId> =
            self.links.join.iter().filter(|(_, held)| of_join(held)).map(|(&link, _)| link).collect();
        for link in links {
            self.links.join.remove(&link);
            step.effects.link(LinkAction::HangUp { link, block_ms: 0 });
        }
    }

    /// Dials whoever may host: the link's own addresses and what the person added (N-909).
    fn dial_join(&mut self, step: &mut Step<'_>, id: u32) {
        let Some(join) = self.joins.all.get_mut(&id) else { return };
        join.attempts = join.attempts.saturating_add(1);
        let wait = limits::JOIN_RETRY_MS.get(usize::try_from(join.attempts).unwrap_or(usize::MAX).saturating_sub(1));
        let wait = wait.or(limits::JOIN_RETRY_MS.last()).copied().unwrap_or(limits::JOIN_IDLE_MS);
        join.retry_mono_ms = Some(step.now.mono_ms.saturating_add(wait));
        let mut addresses: Vec<Vec<u8>> = join.via.clone();
        addresses.extend(join.link.addresses().iter().cloned());
        addresses.extend(join.sightings.iter().cloned());
        for address in addresses {
            // One dial an address: each may lead to somebody else, and whoever answers proves itself (N-104).
            let action = LinkAction::Dial {
                peer: None,
                channel: Channel::Join,
                addresses: Vec::from([address]),
                source: AddressSource::Person,
            };
            step.effects.link(action);
        }
    }

    /// A stream of the join channel is open.
    pub(super) fn on_join_link(&mut self, step: &mut Step<'_>, link: LinkId, peer: MemberKey, opener: Opener) {
        let own = self.identity.public();
        if opener == Opener::Peer {
            self.links.join.insert(link, JoinLink::Host(Box::new(Host::new(own, peer, step.now))));
            return;
        }
        // The dial is over whatever comes of the stream: else nobody would be dialled again after an introduction.
        self.reach.connected(&peer);
        if let Some(g) = self.reach.take_introduction(&peer)
            && self.introduce_to(step, link, (peer, g))
        {
            return;
        }
        let busy = |id: &u32| {
            let held = self.links.join.values();
            held.filter(|held| matches!(held, JoinLink::Joiner { join, .. } if join == id)).count()
        };
        let open = |join: &Join| matches!(join.state, JoinState::Searching | JoinState::Proving);
        let next =
            self.joins.all.iter().filter(|(_, join)| open(join)).min_by_key(|(id, _)| busy(id)).map(|(&id, _)| id);
        let Some(id) = next else {
            return step.effects.link(LinkAction::HangUp { link, block_ms: 0 });
        };
        let Some(join) = self.joins.all.get(&id) else { return };
        let (machine, frames) = Joiner::start(&join.link, own, peer, step.now, step.rng);
        frames.iter().for_each(|frame| step.effects.send(link, frame));
        self.links.join.insert(link, JoinLink::Joiner { join: id, peer, machine: Box::new(machine) });
    }

    pub(super) fn on_join_frame(&mut self, step: &mut Step<'_>, link: LinkId, frame: &Frame) {
        match self.links.join.remove(&link) {
            Some(JoinLink::Host(host)) => self.on_host_frame(step, link, host, frame),
            Some(JoinLink::Joiner { join, peer, machine }) => {
                let outcome = machine.handle(step.now, frame);
                self.on_join_step(step, (join, link, peer), outcome);
            }
            Some(JoinLink::Introducer { g, peer, machine }) => {
                self.on_introducer_frame(step, link, (g, peer, machine), frame);
            }
            None => {}
        }
    }

    fn on_join_step(&mut self, step: &mut Step<'_>, at: (u32, LinkId, MemberKey), outcome: JoinStep) {
        let (id, link, peer) = at;
        outcome.send.iter().for_each(|frame| step.effects.send(link, frame));
        match outcome.next {
            Some(machine) => {
                self.links.join.insert(link, JoinLink::Joiner { join: id, peer, machine: Box::new(machine) });
            }
            None => step.effects.link(LinkAction::HangUp { link, block_ms: 0 }),
        }
        match outcome.outcome {
            None => {}
            Some(JoinOutcome::Answered) => {
                self.set_join_state(step, id, JoinState::Proving);
                self.close_other_hosts(step, id, link);
            }
            Some(JoinOutcome::Preview(preview)) => self.on_preview(step, at, &preview),
            Some(JoinOutcome::Ready(ready)) => self.on_ready_to_claim(step, at, *ready),
            Some(JoinOutcome::Again(reason)) => {
                tracing::debug!(?reason, "the claim lost a race, the next ticket is tried");
                self.forget_claim(step, id);
            }
            Some(JoinOutcome::Done(status)) => self.on_join_done(step, at, status),
            Some(JoinOutcome::Refused(reason)) => self.on_join_refused(step, id, &reason),
            Some(JoinOutcome::Unfit(why)) => {
                tracing::debug!(?why, "host is of no use");
                self.set_join_state(step, id, JoinState::Searching);
            }
        }
    }

    fn close_other_hosts(&mut self, step: &mut Step<'_>, id: u32, keep: LinkId) {
        let of_join = |held: &JoinLink| matches!(held, JoinLink::Joiner { join, .. } if *join == id);
        let others: Vec<LinkId> = self
            .links
            .join
            .iter()
            .filter(|&(&link, held)| link != keep && of_join(held))
            .map(|(&link, _)| link)
            .collect();
        for link in others {
            self.links.join.remove(&link);
            step.effects.link(LinkAction::HangUp { link, block_ms: 0 });
        }
    }

    fn set_join_state(&mut self, step: &mut Step<'_>, id: u32, state: JoinState) {
        if let Some(join) = self.joins.all.get_mut(&id)
            && join.state != state
        {
            join.state = state;
            step.effects.emit(Event::Join { join: id });
        }
    }

    fn on_preview(&mut self, step: &mut Step<'_>, (id, link, peer): (u32, LinkId, MemberKey), preview: &Preview) {
        let Some(join) = self.joins.all.get_mut(&id) else { return };
        join.preview = Some(PreviewView {
            name: preview.name.clone(),
            about: preview.about.clone(),
            members: u32::from(preview.members),
            inviter: *join.link.inviter(),
        });
        if join.consent == Consent::AskFirst {
            return self.set_join_state(step, id, JoinState::Asking);
        }
        if let Some(JoinLink::Joiner { machine, .. }) = self.links.join.remove(&link) {
            self.set_join_state(step, id, JoinState::Syncing);
            let outcome = machine.agree(step.now);
            self.on_join_step(step, (id, link, peer), outcome);
        }
    }

    /// Rule MB-I6, step 5: Join and opening Leaf are durable before the claim leaves, so that a crash in between costs
    /// no seat: on the next start this node is a member that others don't know yet, and introduces itself (N-209).
    fn on_ready_to_claim(&mut self, step: &mut Step<'_>, at: (u32, LinkId, MemberKey), ready: Ready) {
        let (id, link, peer) = at;
        let Some(JoinLink::Joiner { machine, .. }) = self.links.join.remove(&link) else { return };
        let Some(join) = self.joins.all.get_mut(&id) else { return };
        let Ready { mut membership, grant, ticket } = ready;
        let body = grant.redeem(&ticket, &join.name, self.identity.public(), &machine.keys().invite);
        let signed = membership.draft_join(self.identity.keys(), body, step.now.wall_ms);
        membership.admit(signed.bytes());
        let me = signed.mid();
        let g = self.next_group;
        let opened = self.with_context(step, |ctx| {
            let mut group = Group::joined(ctx, g, membership, me);
            group.open_own_log(ctx).map(|entry| (group, entry))
        });
        let (group, entry) = match opened {
            Ok(opened) => opened,
            Err(why) => {
                tracing::error!(%why, "a seat could not be claimed");
                return self.on_join_refused(step, id, &Reason::Rejected(String::from("E-26")));
            }
        };
        self.insert_group(group);
        if let Some(join) = self.joins.all.get_mut(&id) {
            join.claiming = Some(g);
        }
        let claim = Claim { join: signed.bytes().to_vec(), inst: self.instance, entry };
        let outcome = machine.claim(step.now, &claim);
        self.on_join_step(step, (id, link, peer), outcome);
    }

    /// The claim lost a race: what was written for it goes.
    fn forget_claim(&mut self, step: &mut Step<'_>, id: u32) {
        let claimed = self.joins.all.get_mut(&id).and_then(|join| join.claiming.take());
        if let Some(g) = claimed
            && let Some(group) = self.groups.remove(&g)
        {
            self.by_gid.remove(&group.gid());
            group.erase_records(step.effects);
        }
    }

    fn on_join_done(&mut self, step: &mut Step<'_>, (id, _, peer): (u32, LinkId, MemberKey), status: Status) {
        let Some(join) = self.joins.all.get_mut(&id) else { return };
        let Some(g) = join.claiming.take() else { return };
        let mut addresses: Vec<Vec<u8>> = join.via.clone();
        addresses.extend(join.link.addresses().iter().cloned());
        join.retry_mono_ms = None;
        erase(step, id);
        let gid = self.groups.get(&g).map(Group::gid);
        if let Some(join) = self.joins.all.get_mut(&id) {
            join.group = gid;
        }
        let state = match status {
            Status::Seated => JoinState::Seated,
            Status::Pending => JoinState::WaitingForAdmin,
        };
        self.set_join_state(step, id, state);
        // The host compared logs with us in the only way a newcomer can; from here on the group link.
        self.with_group(step, g, |group, ctx| group.welcomed(ctx));
        self.reach.remember(&peer, &addresses);
        self.reach.look_soon(step.now);
    }

    fn on_join_refused(&mut self, step: &mut Step<'_>, id: u32, reason: &Reason) {
        self.forget_claim(step, id);
        if let Some(join) = self.joins.all.get_mut(&id) {
            join.refused = Some(refusal_of(reason));
            join.retry_mono_ms = None;
        }
        erase(step, id);
        self.hang_up_join(step, id);
        self.set_join_state(step, id, JoinState::Refused);
    }

    pub(super) fn on_join_link_closed(&mut self, step: &mut Step<'_>, link: LinkId) {
        if let Some(JoinLink::Joiner { join: id, .. }) = self.links.join.remove(&link) {
            // Between claim and answer nobody knows whether it was taken: introduce oneself as a member (N-209).
            let claiming = self.joins.all.get(&id).is_some_and(|join| join.claiming.is_some());
            if claiming {
                return self.reach.look_soon(step.now);
            }
            if self.joins.all.get(&id).is_some_and(|join| join.state != JoinState::Asking) {
                self.set_join_state(step, id, JoinState::Searching);
            }
        }
    }

    /// Retries and silences whose time has come.
    pub(super) fn on_join_times(&mut self, step: &mut Step<'_>) {
        let due = |join: &Join| join.retry_mono_ms.is_some_and(|at| at <= step.now.mono_ms);
        let searching = |join: &Join| matches!(join.state, JoinState::Searching | JoinState::Proving);
        let again: Vec<u32> =
            self.joins.all.iter().filter(|(_, join)| due(join) && searching(join)).map(|(&id, _)| id).collect();
        again.into_iter().for_each(|id| self.dial_join(step, id));
        let late: Vec<LinkId> = self
            .links
            .join
            .iter()
            .filter(|(_, held)| match held {
                JoinLink::Host(host) => host.is_over(step.now),
                JoinLink::Joiner { machine, .. } => machine.deadline_mono_ms().is_some_and(|at| at <= step.now.mono_ms),
                JoinLink::Introducer { machine, .. } => machine.deadline_mono_ms() <= step.now.mono_ms,
            })
            .map(|(&link, _)| link)
            .collect();
        for link in late {
            step.effects.link(LinkAction::HangUp { link, block_ms: 0 });
            self.on_join_link_closed(step, link);
        }
    }

    pub(super) fn join_deadline(&self) -> Option<u64> {
        let open = |join: &&Join| matches!(join.state, JoinState::Searching | JoinState::Proving);
        let retries = self.joins.all.values().filter(open).filter_map(|join| join.retry_mono_ms);
        let streams = self.links.join.values().filter_map(|held| match held {
            JoinLink::Host(host) => Some(host.deadline_mono_ms()),
            JoinLink::Joiner { machine, .. } => machine.deadline_mono_ms(),
            JoinLink::Introducer { machine, .. } => Some(machine.deadline_mono_ms()),
        });
        retries.chain(streams).min()
    }

    /// Joins of one's own, oldest first.
    #[must_use]
    pub fn joins(&self) -> Vec<JoinView> {
        let view = |(&id, join): (&u32, &Join)| JoinView {
            id,
            state: join.state,
            preview: join.preview.clone(),
            group: join.group,
            refused: join.refused.clone(),
        };
        self.joins.all.iter().map(view).collect()
    }

    // ---- making oneself known (N-209) -------------------------------------------------------------------------------

    fn introduce_to(&mut self, step: &mut Step<'_>, link: LinkId, (peer, g): (MemberKey, u32)) -> bool {
        let Some(group) = self.groups.get(&g) else { return false };
        let key = crate::rendezvous::keys::introduce_key(group.handshake());
        let first = group.own_papers();
        let (machine, frames) = Introducer::start(key, (self.identity.public(), peer), first, step.now, step.rng);
        frames.iter().for_each(|frame| step.effects.send(link, frame));
        self.links.join.insert(link, JoinLink::Introducer { g, peer, machine: Box::new(machine) });
        true
    }

    fn on_introducer_frame(
        &mut self,
        step: &mut Step<'_>,
        link: LinkId,
        (g, peer, machine): (u32, MemberKey, Box<Introducer>),
        frame: &Frame,
    ) {
        let Some(group) = self.groups.get(&g) else { return };
        let outcome = machine.handle(frame, group.membership());
        outcome.send.iter().for_each(|frame| step.effects.send(link, frame));
        match outcome.next {
            Some(machine) => {
                self.links.join.insert(link, JoinLink::Introducer { g, peer, machine: Box::new(machine) });
            }
            None => step.effects.link(LinkAction::HangUp { link, block_ms: 0 }),
        }
        match outcome.outcome {
            Some(Introduced::Known) => self.reach.look_at(&peer, step.now),
            Some(Introduced::Ended(operations)) => {
                self.with_group(step, g, |group, ctx| group.told_of_end(ctx, &operations));
            }
            Some(Introduced::Unfit(_)) | None => {}
        }
    }

    /// What a peer did on the join channel, counted but never answered (N-206).
    pub(super) fn count_fault(&mut self, fault: PeerFault) {
        let count = self.refused.entry(fault.reason()).or_default();
        *count = count.saturating_add(1);
    }

    /// Takes the joins back from the store.
    pub(super) fn restore_joins(
        &mut self,
        records: BTreeMap<u32, Vec<u8>>,
        secrets: &BTreeMap<u32, Vec<u8>>,
        now: Timestamp,
    ) {
        for (id, bytes) in records {
            let record = from_bytes::<JoinerRecord>(&bytes, limits::VALUE_BYTES_MAX);
            let secret = secrets.get(&id).and_then(|bytes| Secret::try_from(bytes.as_slice()).ok());
            let (Ok(record), Some(secret)) = (record, secret) else { continue };
            let link = InviteLink::new(record.inviter, secret, record.addresses);
            let consent = if record.agreed { Consent::Given } else { Consent::AskFirst };
            let mut join = Join::new(link, record.name, record.via, consent);
            join.retry_mono_ms = Some(now.mono_ms);
            self.joins.all.insert(id, join);
            self.joins.next = self.joins.next.max(id.saturating_add(1));
        }
    }
}

impl Join {
    fn new(link: InviteLink, name: String, mut via: Vec<Vec<u8>>, consent: Consent) -> Self {
        via.truncate(limits::VIA_ADDRESSES_MAX);
        Self {
            link,
            name,
            via,
            consent,
            state: JoinState::Searching,
            preview: None,
            group: None,
            refused: None,
            claiming: None,
            attempts: 0,
            retry_mono_ms: None,
            sightings: Vec::new(),
        }
    }

    /// Whose link it is.
    pub(super) const fn inviter(&self) -> &MemberKey {
        self.link.inviter()
    }

    /// Whether hosts are still looked for.
    pub(super) fn is_searching(&self) -> bool {
        matches!(self.state, JoinState::Searching)
    }

    /// Tries again at once.
    pub(super) fn retry_now(&mut self, now: Timestamp) {
        self.retry_mono_ms = Some(now.mono_ms);
    }

    fn put(&self, step: &mut Step<'_>, id: u32) {
        let record = JoinerRecord {
            inviter: *self.link.inviter(),
            addresses: self.link.addresses().to_vec(),
            name: self.name.clone(),
            via: self.via.clone(),
            agreed: self.consent == Consent::Given,
        };
        step.effects.put(Record { id: RecordId::joiner(id), bytes: to_bytes(&record) });
        let secret = self.link.secret().expose().to_vec();
        step.effects.put(Record { id: RecordId::link(limits::JOINER_LINK_GROUP, id), bytes: secret });
        step.effects.emit(Event::Join { join: id });
    }
}

fn erase(step: &mut Step<'_>, id: u32) {
    step.effects.erase(RecordId::joiner(id));
    step.effects.erase(RecordId::link(limits::JOINER_LINK_GROUP, id));
}

fn refusal_of(reason: &Reason) -> JoinRefusal {
    match reason {
        Reason::Used => JoinRefusal::Used,
        Reason::Withdrawn => JoinRefusal::Withdrawn,
        Reason::Expired => JoinRefusal::Expired,
        Reason::InviterGone => JoinRefusal::InviterGone,
        Reason::Banned => JoinRefusal::Banned,
        Reason::AlreadyMember => JoinRefusal::AlreadyMember,
        Reason::Full => JoinRefusal::Full,
        Reason::Rejected(code) => JoinRefusal::Rejected(code.clone()),
    }
}
