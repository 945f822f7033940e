//! Who can read what, from the keys that machines ever held: INV-C2 to C4, and INV-D3.
//!
//! Every chain key that ever lay on a disk is remembered with the person whose disk it was, even if the machine has
//! erased it since, lost it, or was put back: that is what an adversary with all old keys could do. At the end each
//! message is held against all of them. Nothing is decrypted: a chain that is held from an index on opens that index
//! and all behind it, and nothing before it (E-42).

use std::collections::{BTreeMap, BTreeSet};

use coterie_protocol::testing::sight::{Chain, Head, Kind, chain_of, head_of};
use coterie_protocol::{EntryId, Instance, MemberKey, MemberView, MembershipId, Record, RecordId};

use super::{Mark, Oracle};
use crate::network::HostId;

/// A log by its author and installation.
type Log = (MembershipId, Instance);
/// One key of one chain: log, epoch, index.
type Place = (Log, u64, u64);

/// What is known of keys.
#[derive(Default)]
pub(super) struct Keyring {
    /// Whose log a number stands for, on each host.
    logs: BTreeMap<(HostId, u32, u32), Log>,
    /// From which index on a person can read a chain.
    readable: BTreeMap<(Log, u64), BTreeMap<MemberKey, u64>>,
    /// What lies at each number of each log (INV-D3).
    numbers: BTreeMap<(Log, u64), [u8; 32]>,
    /// Entries that went with a lying disk and lie on no other one.
    lost: BTreeSet<[u8; 32]>,
    /// What each key of a chain was used for, and under which nonce (INV-C3).
    used: BTreeMap<Place, ([u8; 24], [u8; 32])>,
    /// Where each message is sealed, by the first half of its id.
    sealed: BTreeMap<[u8; 8], Place>,
    /// When the author's disk had each message.
    written: BTreeMap<Place, u64>,
    /// When the author's disk had Grants in a log.
    granted: BTreeSet<(Log, u64)>,
    /// Everybody who ever sat in the group as each person saw it.
    acquaintances: BTreeMap<MemberKey, BTreeSet<MemberKey>>,
    /// Whose each membership is.
    memberships: BTreeMap<MembershipId, MemberKey>,
    /// With whom a machine whose disk lied has a link when it writes.
    beside: BTreeMap<HostId, BTreeSet<MemberKey>>,
    /// From which number on a log goes on beside what its owner could not know of.
    forked: BTreeMap<Log, u64>,
    /// Keys under which two messages stand because of that.
    shared: BTreeSet<Place>,
    /// Of people whose directory was copied: whom each of the machines has had in its group since.
    copies: BTreeMap<MemberKey, BTreeMap<HostId, BTreeSet<MemberKey>>>,
}

impl Keyring {
    /// A disk is not what it was: its numbers may stand for other logs from now on.
    pub(super) fn forget_numbers(&mut self, host: HostId) {
        self.logs.retain(|(of, ..), _| *of != host);
    }

    /// An entry is on a disk under this number; gives the other one that stood there and is not lost.
    fn taken(&mut self, number: (Log, u64), hash: [u8; 32]) -> Option<[u8; 32]> {
        // A disk still has it, or has it after all.
        self.lost.remove(&hash);
        let known = *self.numbers.entry(number).or_insert(hash);
        let is_lost = self.lost.contains(&known);
        if is_lost {
            self.numbers.insert(number, hash);
        }
        (known != hash && !is_lost).then_some(known)
    }

    /// From now on these machines count on with the same chains, each by itself.
    pub(super) fn learn_copy(&mut self, key: MemberKey, machines: [HostId; 2], seated: &BTreeSet<MemberKey>) {
        let copies = self.copies.entry(key).or_default();
        for machine in machines {
            copies.entry(machine).or_default().extend(seated);
        }
    }

    /// Whether another machine with the same directory may have given that reader what opens the author's words: to
    /// whom it grants, and with whom it seals, follows from the roster that it sees. No rule can bind it to the roster
    /// of a copy that it doesn't know of (ST-102), and the keys are the same.
    fn may_read_by_copy(&self, (author, machine): (&MemberKey, HostId), reader: &MemberKey) -> bool {
        let others = self.copies.get(author).into_iter().flatten().filter(|(other, _)| **other != machine);
        others.into_iter().any(|(_, seated)| seated.contains(reader))
    }
}

impl Oracle {
    /// A chain is on a disk.
    pub(super) fn learn_chain(&mut self, host: HostId, record: &Record) {
        let RecordId::Chain { g, l, .. } = record.id else { return };
        let Some(Chain { log, epoch, first }) = chain_of(&record.bytes) else { return };
        let key = self.keys[usize::from(host)];
        let log = (log.mid, log.inst);
        self.keyring.logs.insert((host, g, l), log);
        let from = self.keyring.readable.entry((log, epoch)).or_default().entry(key).or_insert(first);
        *from = first.min(*from);
    }

    /// A lying disk lost what its owner wrote last (F-M3). If no other disk holds it, nobody it compares heads with can
    /// tell its owner that the number was used, so no rule prevents that it stands for another entry (E-71, ST-103).
    /// What is promised even then is another nonce (E-81).
    pub(super) fn lose_what_nobody_else_holds(&mut self, host: HostId) {
        let own = self.keys[usize::from(host)];
        let (keyring, holders) = (&self.keyring, &self.holders);
        let is_held = |hash: &[u8; 32]| holders.get(hash).is_some_and(|keys| keys.iter().any(|key| *key != own));
        let of_host = keyring.numbers.iter().filter(|(((mid, _), _), _)| keyring.memberships.get(mid) == Some(&own));
        let lost: Vec<_> = of_host.map(|(_, hash)| *hash).filter(|hash| !is_held(hash)).collect();
        self.keyring.lost.extend(lost);
    }

    /// With whom a machine whose disk lied is linked as it writes.
    pub fn note_neighbours(&mut self, host: HostId, keys: BTreeSet<MemberKey>) {
        self.keyring.beside.insert(host, keys);
    }

    /// Whether a person's log goes on beside what that person could not know of.
    pub(super) fn has_branch(&self, own: MemberKey) -> bool {
        self.keyring.forked.keys().any(|(mid, _)| self.keyring.memberships.get(mid) == Some(&own))
    }

    /// Whether another message stands under the same key: whoever opened one has erased the key of the other.
    pub(super) fn shares_its_key(&self, entry: &EntryId) -> bool {
        self.place_of(entry).is_some_and(|place| self.keyring.shared.contains(&place))
    }

    /// Whether a commit holds a message and, behind it, the Grant that let this reader in: who is due is looked up when
    /// the commit is through, and the reader's key, which begins behind the message, says that it was too early (E-47).
    pub(super) fn was_let_in_behind(&self, entry: &EntryId, reader: HostId) -> bool {
        let Some((log, epoch, index)) = self.place_of(entry) else { return false };
        let place = (log, epoch, index);
        let holders = self.keyring.readable.get(&(log, epoch));
        let from = holders.and_then(|holders| holders.get(&self.keys[usize::from(reader)]));
        let granted = self.keyring.written.get(&place).is_some_and(|at| self.keyring.granted.contains(&(log, *at)));
        granted && from.is_some_and(|from| *from > index)
    }

    /// Whether a machine could know that an own entry stood there before. One whose disk lied compares heads with one
    /// member before it writes (E-71): if somebody beside it lacks the entry, it may have been that one, and if nobody
    /// is there, it was nobody.
    fn could_know(&self, host: HostId, entry: [u8; 32]) -> bool {
        let Some(beside) = self.keyring.beside.get(&host) else { return true };
        let holders = self.holders.get(&entry);
        !beside.is_empty() && beside.iter().all(|key| holders.is_some_and(|keys| keys.contains(key)))
    }

    /// Rules INV-D3 and INV-C3: an entry is on a disk; its number and its key have never stood for another one.
    pub(super) fn learn_entry(&mut self, host: HostId, now_us: u64, (id, signed): (&RecordId, &[u8]), hash: [u8; 32]) {
        let RecordId::Entry { g, l, .. } = *id else { return };
        let (Some(&log), Some(Head { seq, kind })) = (self.keyring.logs.get(&(host, g, l)), head_of(signed)) else {
            return;
        };
        self.check("INV-D3");
        let taken = self.keyring.taken((log, seq), hash).filter(|_| !self.is_of_twin(host, log.0));
        if taken.is_some_and(|known| !self.could_know(host, known)) {
            self.keyring.forked.entry(log).or_insert(seq);
        }
        let is_forked = self.keyring.forked.get(&log).is_some_and(|&from| from <= seq);
        if taken.is_some() && !is_forked {
            self.violate("INV-D3", host, now_us, format!("number {seq} of {:?} stands for two entries", log.0));
        }
        self.mark_entry(kind);
        let is_own = self.keyring.memberships.get(&log.0) == Some(&self.keys[usize::from(host)]);
        if is_own && matches!(kind, Kind::Grant(_)) {
            self.keyring.granted.insert((log, now_us));
        }
        let Kind::Message { epoch, index, nonce } = kind else { return };
        self.check("INV-C3");
        let place = (log, epoch, index);
        if is_own {
            self.keyring.written.entry(place).or_insert(now_us);
        }
        let (known_nonce, known) = *self.keyring.used.entry(place).or_insert((nonce, hash));
        let is_lost = self.keyring.lost.contains(&known);
        if is_lost {
            self.keyring.used.insert(place, (nonce, hash));
        }
        if known != hash && is_forked {
            self.keyring.shared.insert(place);
        }
        let may_count_anew = is_lost || self.is_of_twin(host, log.0) || is_forked;
        let is_repeated = known != hash && (known_nonce == nonce || !may_count_anew);
        if is_repeated {
            let text = format!("key {index} of epoch {epoch} of {:?} sealed two messages", log.0);
            self.violate("INV-C3", host, now_us, text);
        }
    }

    /// Two live copies of one directory count on by themselves; what they did is evidence, not a fault (F-M10).
    fn is_of_twin(&self, host: HostId, author: MembershipId) -> bool {
        let key = self.keyring.memberships.get(&author).copied().unwrap_or(self.keys[usize::from(host)]);
        self.seen.iter().zip(&self.keys).any(|(seen, known)| seen.twin && *known == key)
    }

    /// A message stands at this place of its author's chain.
    pub(super) fn learn_place(&mut self, host: HostId, name: [u8; 8], id: &RecordId, signed: &[u8]) {
        let RecordId::Entry { g, l, .. } = *id else { return };
        let (Some(&log), Some(head)) = (self.keyring.logs.get(&(host, g, l)), head_of(signed)) else { return };
        if let Kind::Message { epoch, index, .. } = head.kind {
            self.keyring.sealed.entry(name).or_insert((log, epoch, index));
        }
    }

    /// These people have sat in the group as this one saw it.
    pub(super) fn learn_acquaintances(&mut self, host: HostId, members: &[MemberView]) {
        let key = self.keys[usize::from(host)];
        let known = self.keyring.acquaintances.entry(key).or_default();
        known.extend(members.iter().map(|member| member.key));
        let copies = self.keyring.copies.get_mut(&key).and_then(|copies| copies.get_mut(&host));
        copies.into_iter().for_each(|seated| seated.extend(members.iter().map(|member| member.key)));
        self.keyring.memberships.extend(members.iter().map(|member| (member.id, member.key)));
    }

    /// Rules INV-C2, INV-C4: nobody outside the circle that the author saw holds, or ever held, what opens a message.
    pub(super) fn c2_only_the_circle_can_read(&mut self, now_us: u64) {
        let mut found = Vec::new();
        let (mut checks, mut gone) = (0, 0);
        for (entry, said) in &self.said {
            let (Some(readers), Some((log, epoch, index))) = (&said.readers, self.place_of(entry)) else { continue };
            let author = self.keys[usize::from(said.author)];
            let known = self.keyring.acquaintances.get(&author);
            let Some(holders) = self.keyring.readable.get(&(log, epoch)) else { continue };
            checks += 1;
            gone += u64::from(known.is_some_and(|known| known.iter().any(|key| !readers.contains(key))));
            let by_copy = |key: &MemberKey| said.copied && self.keyring.may_read_by_copy((&author, said.author), key);
            let is_odd = |key: &MemberKey| *key != author && !readers.contains(key) && !by_copy(key);
            let odd = holders.iter().find(|(key, from)| **from <= index && is_odd(key));
            if let Some((key, _)) = odd {
                let was_in = known.is_some_and(|known| known.contains(key));
                found.push((said.author, *key, *entry, if was_in { "INV-C2" } else { "INV-C4" }));
            }
        }
        *self.checks.entry("INV-C2").or_default() += checks;
        *self.checks.entry("INV-C4").or_default() += checks;
        if gone > 0 {
            self.mark(Mark::RemovedReadsNothing);
        }
        if let Some((author, key, entry, id)) = found.first() {
            let who = self.keys.iter().position(|known| known == key);
            let text = format!("{entry:?} of host {author} can be read by host {who:?}, who does not sit there");
            self.violate(id, *author, now_us, text);
        }
    }

    fn place_of(&self, entry: &EntryId) -> Option<Place> {
        self.keyring.sealed.get(entry.0.first_chunk::<8>()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_d03_a_number_is_free_again_only_if_the_entry_lay_on_the_lying_disk_alone() {
        let (own, other) = (MemberKey([1; 32]), MemberKey([2; 32]));
        let log = (MembershipId([3; 32]), Instance([4; 16]));
        let mut oracle = Oracle::new([own, other].into_iter());
        oracle.keyring.memberships.insert(log.0, own);
        let mut lay = |number: u8, keys: &[MemberKey]| {
            assert_eq!(oracle.keyring.taken((log, number.into()), [number; 32]), None);
            oracle.holders.insert([number; 32], keys.iter().copied().collect());
        };
        lay(4, &[own, other]);
        [5, 6, 7].into_iter().for_each(|number| lay(number, &[own]));
        oracle.lose_what_nobody_else_holds(0);
        // The disk still has number 5 after the power cut.
        assert_eq!(oracle.keyring.taken((log, 5), [5; 32]), None);
        let again: Vec<u64> = (4..8).filter(|&number| oracle.keyring.taken((log, number), [9; 32]).is_none()).collect();
        assert_eq!(again, [6, 7]);
        assert!(oracle.keyring.taken((log, 7), [8; 32]).is_some(), "once");
        assert!(oracle.keyring.taken((log, 6), [6; 32]).is_some(), "somebody had it after all");
        // Another member holds number 4: whoever is linked with that one alone knows, else nobody can say so.
        assert!(oracle.could_know(0, [4; 32]));
        for (beside, knows) in [(vec![], false), (vec![other], true), (vec![other, MemberKey([5; 32])], false)] {
            oracle.note_neighbours(0, beside.into_iter().collect());
            assert_eq!(oracle.could_know(0, [4; 32]), knows);
        }
    }

    #[test]
    fn inv_c02_a_copy_excuses_only_readers_whom_the_other_machine_has_had_since() {
        let [author, seated, newcomer, stranger] = [1, 2, 3, 4].map(|n| MemberKey([n; 32]));
        let mut keyring = Keyring::default();
        keyring.learn_copy(author, [2, 5], &BTreeSet::from([seated]));
        keyring.copies.entry(author).or_default().entry(5).or_default().insert(newcomer);
        let may_read = |machine, reader| keyring.may_read_by_copy((&author, machine), &reader);
        assert!(may_read(2, seated) && may_read(2, newcomer));
        assert!(!may_read(5, newcomer), "its own roster is what it sealed by");
        assert!(!may_read(2, stranger));
        assert!(!keyring.may_read_by_copy((&seated, 2), &newcomer), "nobody copied that one");
    }
}
