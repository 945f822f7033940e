//! What must never happen: INV-S1 to S7, S9 and S11.

use coterie_protocol::{
    Alert, AlertKind, Delivery, DeliveryState, EntryId, GroupId, MembershipId, MessageKind, MessageView,
};

use super::{Novelty, Oracle};
use crate::host::Host;
use crate::network::HostId;

/// Seats of a group.
const CAP: usize = 100;

impl Oracle {
    /// INV-S1, INV-S2, INV-S4 for one line.
    pub(super) fn safety_line(
        &mut self,
        host: HostId,
        now_us: u64,
        message: &MessageView,
        novelty: Novelty,
        author: Option<HostId>,
    ) {
        self.s1_no_forgery(host, now_us, message, author);
        self.s2_no_duplication(host, now_us, message, novelty);
        self.s4_views_grow(host, now_us, message);
        self.l1_one_order(host, now_us, message);
    }

    /// INV-S1 *No forgery*, and the first half of INV-S2 *No alteration*.
    fn s1_no_forgery(&mut self, host: HostId, now_us: u64, message: &MessageView, author: Option<HostId>) {
        if message.kind != MessageKind::Text {
            return;
        }
        self.check("INV-S1");
        let Some(said) = self.said.get(&message.entry) else {
            // A twin or a host with a bad habit speaks through its own core: its words are still its own.
            if author.is_none_or(|author| self.speaks_behind_our_back(author)) {
                return;
            }
            return self.violate("INV-S1", host, now_us, format!("{:?} was never said", message.entry));
        };
        if said.text != message.text {
            let text = format!("{:?} reads {:?}, was {:?}", message.entry, message.text, said.text);
            return self.violate("INV-S2", host, now_us, text);
        }
        let real = said.author;
        if author.is_some_and(|author| self.keys[usize::from(author)] != self.keys[usize::from(real)]) {
            self.violate("INV-S1", host, now_us, format!("{:?} is shown as by host {author:?}", message.entry));
        }
    }

    fn speaks_behind_our_back(&self, host: HostId) -> bool {
        let seen = &self.seen[usize::from(host)];
        seen.twin || seen.excused
    }

    /// INV-S2 *No duplication*: one line per message.
    fn s2_no_duplication(&mut self, host: HostId, now_us: u64, message: &MessageView, novelty: Novelty) {
        self.check("INV-S2");
        let is_known = self.seen(host).lines.contains_key(&message.entry);
        if novelty == Novelty::New && is_known && !self.seen(host).excused {
            self.violate("INV-S2", host, now_us, format!("{:?} came twice", message.entry));
        }
    }

    /// INV-S4 *Views grow or explain*: words that were shown stay words, unless their author was sent away.
    fn s4_views_grow(&mut self, host: HostId, now_us: u64, message: &MessageView) {
        self.check("INV-S4");
        let Some(before) = self.seen(host).lines.get(&message.entry).copied() else { return };
        let is_words = |kind| kind == MessageKind::Text;
        let author = self.said.get(&message.entry).map(|said| said.author);
        let may_end = author.is_none_or(|author| self.ends.contains(&author) || self.provoked.contains(&author));
        if is_words(before.kind) && !is_words(message.kind) {
            self.violate(
                "INV-S4",
                host,
                now_us,
                format!("{:?} turned from words into {:?}", message.entry, message.kind),
            );
        } else if before.counts && !message.counts && !may_end {
            self.violate("INV-S4", host, now_us, format!("{:?} stopped to count without a reason", message.entry));
        } else if before.order != message.order && is_words(before.kind) {
            self.violate("INV-S4", host, now_us, format!("{:?} moved", message.entry));
        }
    }

    /// INV-L1, the part on order: a line has one place, whoever shows it.
    fn l1_one_order(&mut self, host: HostId, now_us: u64, message: &MessageView) {
        if message.kind != MessageKind::Text {
            return;
        }
        let place = *self.places.entry(message.entry).or_insert(message.order);
        if place != message.order {
            self.violate("INV-L1", host, now_us, format!("{:?} stands elsewhere than with others", message.entry));
        }
    }

    /// INV-S5 *Cap and admission*, INV-S6 *Membership is a function of the op set*.
    pub(super) fn safety_roster(&mut self, host: HostId, now_us: u64, gid: &GroupId, hosts: &[Host]) {
        let Some(machine) = hosts.get(usize::from(host)) else { return };
        let (members, Some(group)) = (machine.members(gid), machine.group(gid)) else { return };
        self.learn_acquaintances(host, members);
        self.check("INV-S5");
        if members.len() > CAP || usize::try_from(group.occupied).unwrap_or(usize::MAX) > CAP {
            self.violate("INV-S5", host, now_us, format!("{} members, cap {CAP}", members.len()));
        }
        self.seen(host).seated = members.iter().map(|member| member.key).collect();
        let mut seats: Vec<_> = members.iter().map(|member| member.seat).collect();
        seats.dedup();
        if seats.len() != members.len() {
            self.violate("INV-S5", host, now_us, "two members on one seat".into());
        }
        self.check("INV-S6");
        let operations = self.seen(host).operations.sum();
        let state = *self.states.entry(operations).or_insert(group.state_hash);
        if state != group.state_hash {
            self.violate("INV-S6", host, now_us, "equal operations, another state".into());
        }
    }

    /// INV-S7 *Honest states*: never back, and never more than the truth.
    pub(super) fn safety_delivery(&mut self, host: HostId, now_us: u64, entry: &EntryId, delivery: Delivery) {
        self.check("INV-S7");
        let before = self.seen(host).delivered.insert(*entry, delivery);
        if before.is_some_and(|before| delivery.reached < before.reached) && self.ends.is_empty() {
            let text = format!("{entry:?} went back from {before:?} to {delivery:?}");
            return self.violate("INV-S7", host, now_us, text);
        }
        let own = self.keys[usize::from(host)];
        let holders = self.holders_of(entry).filter(|holder| *holder != own).count();
        let reached = usize::try_from(delivery.reached).unwrap_or(usize::MAX);
        // A receipt names a log and a number, not a branch: until the copy of an installation is noticed (ST-102), both
        // take receipts for the other's words as their own. So does one whose lying disk made it begin a branch.
        if reached > holders && !self.seen(host).twin && !self.has_branch(own) {
            return self.violate("INV-S7", host, now_us, format!("{entry:?} reached {reached}, but {holders} hold it"));
        }
        if delivery.state >= DeliveryState::Sent
            && let Some(said) = self.said.get_mut(entry)
        {
            said.acknowledged = true;
        }
    }

    /// INV-S11 *No false alarm*: whoever is accused gave a cause.
    pub(super) fn safety_alarm(
        &mut self,
        host: HostId,
        now_us: u64,
        (gid, alert): (Option<&GroupId>, &Alert),
        hosts: &[Host],
    ) {
        self.check("INV-S11");
        let is_accusation = matches!(
            alert.kind,
            AlertKind::Fork
                | AlertKind::DoubleSpend
                | AlertKind::Restored
                | AlertKind::Clone
                | AlertKind::BrokenMessage
                | AlertKind::PeerMisbehaving
                | AlertKind::HandshakeFailed
                | AlertKind::Throttled
        );
        if is_accusation && !self.has_cause(host, gid, alert, hosts) {
            let text = format!("{:?} ({}) without a cause", alert.kind, alert.reason);
            self.violate("INV-S11", host, now_us, text);
        }
    }

    /// The accused, by key or by membership, is one of those who gave a cause. Who accuses nobody in particular, or
    /// somebody who sits there no more, needs some cause in the run.
    fn has_cause(&self, host: HostId, gid: Option<&GroupId>, alert: &Alert, hosts: &[Host]) -> bool {
        let key_of = |mid: &MembershipId| {
            let members = hosts.get(usize::from(host))?.members(gid?);
            members.iter().find(|member| member.id == *mid).map(|member| member.key)
        };
        // Who is not honest may accuse whom it likes.
        if self.is_dishonest(host) {
            return true;
        }
        match alert.peer.or_else(|| alert.member.as_ref().and_then(key_of)) {
            Some(accused) => self.provoked.iter().any(|&id| self.keys[usize::from(id)] == accused),
            None => !self.provoked.is_empty(),
        }
    }
}

/// INV-S9, the part on size: at most 64 bytes out for each byte in, and 64 KiB. Gives what is wrong.
#[must_use]
pub fn excessive(bytes_in: usize, bytes_out: usize) -> Option<String> {
    // A step may greet a hundred members at once; each greeting has its own bound of 64 KiB.
    let most = bytes_in.saturating_mul(64).saturating_add(100 * 65_536);
    (bytes_out > most).then(|| format!("{bytes_in} bytes in, {bytes_out} bytes out"))
}
