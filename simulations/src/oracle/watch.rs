//! What machines did: what they stored, told their faces and answered their people.

use std::collections::{BTreeMap, BTreeSet};

use coterie_protocol::{
    EntryId, Event, FaultStore, GroupId, MemberKey, MemberView, MembershipId, MessageKind, MessageView, SealedStore,
};

use super::{Mark, Oracle, Said, Shown};
use crate::host::{Host, Noted};
use crate::network::HostId;

impl Oracle {
    /// A process started and its records are read.
    pub fn on_boot(&mut self, host: HostId, now_us: u64, store: Option<&SealedStore<FaultStore>>) {
        if let Some(store) = store {
            self.durable_after_boot(host, now_us, store);
        }
    }

    /// The records do not make a profile.
    pub fn on_unbootable(&mut self, host: HostId, now_us: u64, text: &str) {
        if !self.seen(host).excused {
            self.violate("INV-D4", host, now_us, format!("cannot be restored: {text}"));
        }
    }

    /// These changes are durable on that host.
    pub fn on_changes(&mut self, host: HostId, now_us: u64, changes: &[Noted]) {
        // Chains first: they say whose log a number stands for.
        for change in changes {
            if let Noted::Put(record) = change {
                self.learn_chain(host, record);
            }
        }
        for change in changes {
            if let Noted::Put(record) = change {
                self.durable_record(host, now_us, record);
            }
        }
    }

    /// The author's person was told *saved*.
    pub fn on_saved(
        &mut self,
        host: &Host,
        gid: Option<GroupId>,
        (at, story): (u64, u64),
        entry: EntryId,
        text: String,
    ) {
        let members = gid.map(|gid| host.members(&gid)).unwrap_or_default();
        let (due, readers) = (due(members), self.readers(host.id, members));
        self.note_said(host.id, (at, story), entry, text, (due, Some(readers)));
    }

    /// Who could be meant to read what an author says now: who sits there now, and who did before this batch.
    fn readers(&self, author: HostId, members: &[MemberView]) -> BTreeSet<MemberKey> {
        let before = self.seen[usize::from(author)].seated.iter().copied();
        before.chain(members.iter().map(|member| member.key)).collect()
    }

    fn note_said(
        &mut self,
        author: HostId,
        (at_us, story_us): (u64, u64),
        entry: EntryId,
        text: String,
        (due, readers): (BTreeSet<MemberKey>, Option<BTreeSet<MemberKey>>),
    ) {
        self.wanted.remove(&(author, text.clone()));
        // The number of the text, not of the sealing: what is said first stands first.
        let number = text_number(&text);
        let super::Seen { memory, twin: copied, .. } = self.seen[usize::from(author)];
        let (shown, acknowledged) = (BTreeMap::new(), false);
        let said = Said { author, text, story_us, at_us, due, readers, number, memory, copied, shown, acknowledged };
        match self.said.get_mut(&entry) {
            None => drop(self.said.insert(entry, said)),
            // It was seen before its author's person was told.
            Some(known) if known.due.is_empty() && known.text == said.text => {
                (known.due, known.readers) = (said.due, said.readers);
            }
            Some(_) => self.violate("INV-D3", author, at_us, format!("{entry:?} was said twice")),
        }
    }

    /// The author's person was told *queued*.
    pub fn on_queued(&mut self, host: HostId, outbox: u64, text: String) {
        self.seen(host).queued.insert(outbox, text);
    }

    /// A machine told its faces something.
    pub fn on_event(&mut self, host: HostId, now_us: u64, story_us: u64, event: &Event, hosts: &[Host]) {
        match event {
            Event::Message { group, message } => self.on_line(host, now_us, (*group, message, Novelty::New), hosts),
            Event::MessageChanged { group, message } => {
                self.on_line(host, now_us, (*group, message, Novelty::Changed), hosts)
            }
            Event::Delivery { entry, delivery, .. } => self.safety_delivery(host, now_us, entry, *delivery),
            Event::Outbox { group, outbox, sealed } => {
                let Some(text) = self.seen(host).queued.remove(outbox) else { return };
                if let Some(entry) = sealed {
                    let members = hosts.get(usize::from(host)).map(|host| host.members(group)).unwrap_or_default();
                    let (due, readers) = (due(members), self.readers(host, members));
                    self.mark(Mark::OutboxSealed);
                    self.note_said(host, (now_us, story_us), *entry, text, (due, Some(readers)));
                }
            }
            Event::Group(gid) | Event::Member { group: gid, .. } => {
                self.mark_roster(host, event, hosts);
                self.safety_roster(host, now_us, gid, hosts);
            }
            Event::Alert { group, alert } => {
                self.seen(host).alarms.push((format!("{:?}", alert.kind), now_us));
                self.mark_alarm(alert.kind);
                self.safety_alarm(host, now_us, (group.as_ref(), alert), hosts);
            }
            Event::Join { join } => self.mark_join(host, *join, hosts),
            Event::GroupGone(_) | Event::Annotated { .. } | Event::Presence { .. } | Event::Invite { .. } => {}
        }
    }

    fn on_line(
        &mut self,
        host: HostId,
        now_us: u64,
        (gid, message, novelty): (GroupId, &MessageView, Novelty),
        hosts: &[Host],
    ) {
        let author = self.author_host(host, &gid, &message.author, hosts);
        self.learn_unanswered(now_us, message);
        self.mark_line(host, message);
        self.safety_line(host, now_us, message, novelty, author);
        let shown = Shown { order: message.order, kind: message.kind, counts: message.counts };
        self.seen(host).lines.insert(message.entry, shown);
        if message.kind == MessageKind::Text
            && let Some(said) = self.said.get_mut(&message.entry)
        {
            said.shown.entry(host).or_insert(now_us);
        }
    }

    /// A text whose author crashed between *durable* and *told*: nobody knows the outcome until it is seen somewhere.
    fn learn_unanswered(&mut self, now_us: u64, message: &MessageView) {
        if message.kind != MessageKind::Text || self.said.contains_key(&message.entry) {
            return;
        }
        let wanted = self.wanted.iter().find(|(_, text)| *text == message.text).cloned();
        if let Some((author, text)) = wanted {
            let story_us = now_us.saturating_sub(self.zero_us);
            self.note_said(author, (now_us, story_us), message.entry, text, (BTreeSet::new(), None));
        }
    }

    /// Whose membership that is, by the view of the host that shows it.
    fn author_host(&self, host: HostId, gid: &GroupId, author: &MembershipId, hosts: &[Host]) -> Option<HostId> {
        let key = hosts.get(usize::from(host))?.account()?.member_key(gid, author)?;
        self.keys.iter().position(|known| *known == key).and_then(|at| u16::try_from(at).ok())
    }
}

/// The number that every text of the simulator begins with.
fn text_number(text: &str) -> u64 {
    let rest = text.strip_prefix(crate::world::CANARY).unwrap_or_default();
    rest.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Whether a line is new or known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// New.
    New,
    /// Known.
    Changed,
}

/// Who must come to read what an author says now: everybody who sits there undisputed and whose key the author holds.
/// Words that were said before a newcomer's key arrived are not for the newcomer (E-47).
fn due(members: &[MemberView]) -> BTreeSet<MemberKey> {
    members.iter().filter(|member| !member.contested && member.unsealed.is_none()).map(|member| member.key).collect()
}
