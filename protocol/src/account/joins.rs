//! Joining: every link that this person redeems, from the first dial to the seat; it survives a restart (MB-I6, N-909).

mod claims;
mod lonely;
pub(super) mod record;

use self::record::erase;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Account, Step};
use crate::command::{CommandError, Consent, Reply};
use crate::effects::{AddressSource, LinkAction};
use crate::error::PeerFault;
use crate::event::{JoinRefusal, JoinState, JoinView, PreviewView};
use crate::group::Group;
use crate::ids::{Channel, GroupId, LinkId, MemberKey};
use crate::input::Opener;
use crate::invite::{Host, Introduced, Introducer, InviteLink, Joiner, Reason};
use crate::limits;
use crate::wire::frame::Frame;

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
    /// The stream whose host answered first: it alone goes on (N-909).
    answered: Option<LinkId>,
    /// The group that was joined, as long as nobody's address there is stored: the link's addresses may be needed again
    /// after a crash, or if the host was the only one known and tells nothing.
    kept_for: Option<u32>,
    attempts: u32,
    /// When its addresses were dialled last.
    dialled_mono_ms: u64,
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
            // The host's patience ended before the person's: from the beginning.
            _ => {
                self.set_join_state(step, id, JoinState::Searching);
                self.dial_join(step, id);
            }
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
        join.dialled_mono_ms = step.now.mono_ms;
        let wait = limits::JOIN_RETRY_MS.get(usize::try_from(join.attempts).unwrap_or(usize::MAX).saturating_sub(1));
        let wait = wait.or(limits::JOIN_RETRY_MS.last()).copied().unwrap_or(limits::JOIN_IDLE_MS);
        join.retry_mono_ms = Some(step.now.mono_ms.saturating_add(wait));
        for address in join.addresses() {
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
        if self.introduce_claim(step, link, peer) {
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

    /// A claim that nobody answered may have been taken: whoever of that group is reached is told who we are (N-209).
    fn introduce_claim(&mut self, step: &mut Step<'_>, link: LinkId, peer: MemberKey) -> bool {
        let in_group = |g: &u32| {
            self.groups.get(g).is_some_and(|group| group.membership().roster().mids_of(&peer).next().is_some())
        };
        let claimed = self.joins.all.values().find_map(|join| join.claiming.filter(in_group));
        let known = claimed.or_else(|| self.hanging_on_link().filter(in_group));
        known.is_some_and(|g| self.introduce_to(step, link, (peer, g)))
    }

    /// Somebody of the group knows us: the claim was taken, or is now.
    fn finish_claim(&mut self, step: &mut Step<'_>, g: u32) {
        let Some((&id, join)) = self.joins.all.iter_mut().find(|(_, join)| join.claiming == Some(g)) else { return };
        join.claiming = None;
        join.keep_for(g, step.now);
        join.group = self.groups.get(&g).map(Group::gid);
        self.set_join_state(step, id, JoinState::Seated);
        self.reach.look_soon(step.now);
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

    pub(super) fn on_join_link_closed(&mut self, step: &mut Step<'_>, link: LinkId) {
        if let Some(JoinLink::Joiner { join: id, .. }) = self.links.join.remove(&link) {
            // Between claim and answer nobody knows whether it was taken: introduce oneself as a member (N-209).
            if let Some(join) = self.joins.all.get_mut(&id).filter(|join| join.claiming.is_some()) {
                join.retry_mono_ms = Some(step.now.mono_ms.saturating_add(limits::REDIAL_FIRST_MS));
                return self.reach.look_soon(step.now);
            }
            if self.joins.all.get(&id).is_some_and(|join| join.state != JoinState::Asking) {
                self.set_join_state(step, id, JoinState::Searching);
            }
        }
    }

    /// Retries and silences whose time has come.
    pub(super) fn on_join_times(&mut self, step: &mut Step<'_>) {
        let touched = |join: &Join| join.claiming.filter(|g| self.groups.get(g).is_some_and(Group::is_in_touch));
        let known: Vec<u32> = self.joins.all.values().filter_map(touched).collect();
        known.into_iter().for_each(|g| self.finish_claim(step, g));
        self.forget_done_joins(step);
        let due = |join: &Join| join.retry_mono_ms.is_some_and(|at| at <= step.now.mono_ms);
        let again: Vec<u32> =
            self.joins.all.iter().filter(|(_, join)| due(join) && self.seeks_host(join)).map(|(&id, _)| id).collect();
        let again: Vec<u32> = again.into_iter().filter(|id| self.answering_host(*id).is_none()).collect();
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

    /// A join is done with once a member's address is in the store, or the group is gone again.
    fn forget_done_joins(&mut self, step: &mut Step<'_>) {
        for (&id, join) in &mut self.joins.all {
            let Some(g) = join.kept_for else { continue };
            if self.groups.get(&g).is_none_or(|group| group.knows_an_address() || !group.shares_links()) {
                join.kept_for = None;
                erase(step, id);
            }
        }
    }

    pub(super) fn join_deadline(&self) -> Option<u64> {
        let open = |(id, join): &(&u32, &Join)| self.seeks_host(join) && self.answering_host(**id).is_none();
        let retries = self.joins.all.iter().filter(open).filter_map(|(_, join)| join.retry_mono_ms);
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
            Some(Introduced::Known) => {
                self.finish_claim(step, g);
                self.remember_by_link(g, &peer);
                self.reach.look_at(&peer, step.now);
            }
            Some(Introduced::Ended(operations)) => {
                self.with_group(step, g, |group, ctx| group.told_of_end_by(ctx, peer, &operations));
                self.end_claim(step, g);
            }
            Some(Introduced::Unfit(_)) | None => {}
        }
    }

    /// The claim was never taken, and never will be: its link is withdrawn.
    fn end_claim(&mut self, step: &mut Step<'_>, g: u32) {
        let is_over = self.groups.get(&g).is_some_and(|group| !group.is_live());
        let claiming = self.joins.all.iter().find(|(_, join)| join.claiming == Some(g)).map(|(&id, _)| id);
        if let Some(id) = claiming.filter(|_| is_over) {
            self.on_join_refused(step, id, &Reason::Withdrawn);
        }
    }

    /// What a peer did on the join channel, counted but never answered (N-206).
    pub(super) fn count_fault(&mut self, fault: PeerFault) {
        let count = self.refused.entry(fault.reason()).or_default();
        *count = count.saturating_add(1);
    }
}
