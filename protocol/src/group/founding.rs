//! How a group comes to be here: founded, joined, or taken back from the store.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::records::Standing;
use super::shown::Shown;
use super::stored::{Rest, Stored, StoredEntry};
use super::{Context, Group, GroupRecord, InviteRecord, Issued, Numbers, OutboxRecord};
use crate::command::CommandError;
use crate::crypto::{Secret, random};
use crate::encryption::GroupKeys;
use crate::encryption::archive::seed_place;
use crate::encryption::rekey::LeafReason;
use crate::event::Event;
use crate::ids::{GroupId, Instance, LogId, MembershipId, OrderKey};
use crate::limits;
use crate::log::{LogRecord, LogState, Logs, Place};
use crate::membership::{Body, Membership, Recovery, Setting, SignedOperation, setting};
use crate::rendezvous::handshake_secret;
use crate::time::Timestamp;
use crate::timeline::Recent;
use crate::wire::from_bytes;

/// The founder's own name, so that later members know it: a Genesis has no name field, and setting keys that a program
/// doesn't know are kept and ignored (MB-Y1).
pub(super) const FOUNDER_NAME: u8 = 12;

impl Group {
    /// Founds a group: Genesis, the first lookup key, the own log's opening Leaf.
    ///
    /// # Errors
    /// If a name is unusable.
    pub(crate) fn found(
        ctx: &mut Context<'_>,
        g: u32,
        (name, about): (&str, &str),
        recovery: Option<Recovery>,
    ) -> Result<Self, CommandError> {
        let texts = [(setting::NAME, name), (setting::ABOUT, about), (FOUNDER_NAME, ctx.name)];
        let policy = texts.into_iter().map(|(key, text)| (key, Setting::Text(text.into()))).collect();
        let nonce = random::<32>(ctx.rng);
        let genesis = SignedOperation::genesis_with(ctx.identity.keys(), nonce, policy, recovery, ctx.now.wall_ms);
        let membership = Membership::found(&genesis).map_err(|rule| CommandError::OwnRule(alloc::format!("{rule}")))?;
        let me = MembershipId::from(membership.gid());
        let mut group = Self::assemble(g, membership, me, ctx.instance);
        group.put_group(ctx);
        group.duties.begun(ctx.now);
        group.put_operation(ctx, &me.into());
        group.write_leaf(ctx, LeafReason::Open, None)?;
        group.make_lookup_key(ctx);
        group.roster_moved = true;
        ctx.effects.emit(Event::Group(group.gid()));
        Ok(group)
    }

    /// Comes in by a link: the log is verified, and a host has taken the own Join and opening Leaf that the passage made
    /// (MB-I6).
    pub(crate) fn joined(ctx: &mut Context<'_>, g: u32, membership: Membership, me: MembershipId) -> Self {
        let mut group = Self::assemble(g, membership, me, ctx.instance);
        group.put_group(ctx);
        group.duties.begun(ctx.now);
        group.roster_moved = true;
        group
    }

    /// The Join is in the log: write everything down and open the own log. Gives the bytes of entry 0.
    ///
    /// # Errors
    /// If our own entry breaks a rule.
    pub(crate) fn open_own_log(&mut self, ctx: &mut Context<'_>) -> Result<Vec<u8>, CommandError> {
        self.membership.take_admitted();
        let all: Vec<_> = self.membership.operations().map(SignedOperation::id).collect();
        for id in all {
            self.put_operation(ctx, &id);
        }
        // Entry 0 goes together with the Join to the host, which compares nothing else with us.
        let appended = self.write_leaf(ctx, LeafReason::Open, None)?;
        ctx.effects.emit(Event::Group(self.gid()));
        Ok(appended.entry.to_bytes())
    }

    fn assemble(g: u32, membership: Membership, me: MembershipId, inst: Instance) -> Self {
        let gid = membership.gid();
        let own = LogId { mid: me, inst };
        let (standing, synced_at_ms, heard_at_ms) = (Standing::In, 0, 0);
        let record = GroupRecord { gid, me, standing, synced_at_ms, heard_at_ms, keep_days: 0, muted_until_ms: 0 };
        Self {
            g,
            me,
            own,
            record,
            logs: Logs::new(gid, me),
            keys: GroupKeys::new(gid, own, 0),
            numbers: Numbers::default(),
            recent: Recent::default(),
            unopened: BTreeMap::new(),
            void: BTreeSet::new(),
            shown: Shown::default(),
            late: BTreeMap::new(),
            reading: BTreeMap::new(),
            walk: None,
            walked: BTreeMap::new(),
            words: BTreeMap::new(),
            epochs: BTreeMap::new(),
            left_out: BTreeMap::new(),
            outbox: BTreeMap::new(),
            invites: BTreeMap::new(),
            envelopes: BTreeMap::new(),
            past: super::history::Past::default(),
            sharing: super::sharing::Sharing::new(handshake_of(&gid, &membership)),
            near: super::neighbours::Near::default(),
            named: super::blobs::Named::default(),
            duties: super::duties::Duties::default(),
            refused: super::refused::Refused::default(),
            rates: super::rates::Rates::default(),
            alerted: BTreeSet::new(),
            in_touch: false,
            compared_mono_ms: None,
            roster_moved: true,
            leave_taken_by: BTreeSet::new(),
            released: super::operations::Released::default(),
            membership,
        }
    }

    /// Takes a group back from the store.
    ///
    /// # Errors
    /// What is damaged, by the name of its kind (ST-91).
    pub(crate) fn restore(g: u32, stored: Stored, inst: Instance, now: Timestamp) -> Result<Self, &'static str> {
        let record: GroupRecord = from_bytes(&stored.group, limits::VALUE_BYTES_MAX).map_err(|_| "group")?;
        let membership = Membership::restore(stored.operations).map_err(|_| "op")?;
        let inst = if planted!(OldInstallation) { last_installation(&stored.logs, record.me, inst) } else { inst };
        let mut group = Self::assemble(g, membership, record.me, inst);
        group.record = record;
        group.restore_logs(stored.logs)?;
        group.restore_entries(stored.entries);
        group.keys = group.keys_to_restore();
        let chains = stored.chains.iter().map(Vec::as_slice);
        let (pages, leaves) = (stored.skipped.iter().map(Vec::as_slice), stored.leaves.iter().map(Vec::as_slice));
        group.keys.restore(chains, pages, leaves).map_err(|_| "chain")?;
        group.restore_seeds(&stored.seeds);
        group.settle_installation();
        if let Some(newest) = group.logs.newest_stamp() {
            group.keys.last_stamped(newest);
        }
        let logged = group.logs.state(&group.own).map_or(0, LogState::next_index);
        // An own entry that the disk lost: what stood there can't be told from what another copy wrote (ST-102).
        let is_torn = group.logs.incomplete().any(|place| place.log == group.own);
        if is_torn || group.keys.next_index().is_some_and(|next| next < logged) {
            group.duties.rolled_back();
        }
        for (number, bytes) in stored.outbox {
            if planted!(OutboxForgotten) {
                break;
            }
            if let Ok(text) = from_bytes::<OutboxRecord>(&bytes, limits::VALUE_BYTES_MAX) {
                group.outbox.insert(number, text);
            }
        }
        for (number, bytes) in stored.invites {
            let record = from_bytes::<InviteRecord>(&bytes, limits::VALUE_BYTES_MAX);
            let secret = stored.links.get(&number).and_then(|bytes| Secret::try_from(bytes.as_slice()).ok());
            if let (Ok(record), Some(secret)) = (record, secret) {
                group.invites.insert(number, Issued { record, secret });
            }
        }
        group.restore_access(&stored.access, now);
        stored.peers.iter().for_each(|(number, bytes)| group.restore_peer((*number, bytes)));
        group.forget_old_addresses(now);
        group.settle_departure();
        stored.blobs.iter().for_each(|(number, bytes)| group.restore_blob(*number, bytes));
        stored.receipts.iter().for_each(|(number, bytes)| group.restore_receipt((*number, bytes)));
        group.restore_words();
        group.duties.restored(now);
        group.rates.restored(now, group.record.synced_at_ms);
        Ok(group)
    }

    fn restore_logs(&mut self, records: Vec<(u32, Vec<u8>)>) -> Result<(), &'static str> {
        let mut decoded: Vec<(u32, LogRecord)> = Vec::new();
        for (number, bytes) in records {
            decoded.push((number, from_bytes(&bytes, limits::VALUE_BYTES_MAX).map_err(|_| "log")?));
        }
        decoded.sort_by_key(|(_, record)| (record.log, record.branch));
        for (number, record) in decoded {
            self.numbers.restore((record.log, record.branch), number);
            if let Some(epoch) = &record.state.epoch {
                let epochs = self.epochs.entry((record.log, record.branch)).or_default();
                epochs.insert(epoch.rekey_seq, epoch.rekey);
            }
            if !self.logs.restore(record) {
                return Err("log");
            }
        }
        Ok(())
    }

    /// Entries give their ids and places; bodies are dropped (H-14), but for envelopes, which hosts hand out.
    fn restore_entries(&mut self, entries: Vec<StoredEntry>) {
        for StoredEntry { number, seq, id, bytes, rest } in entries {
            let Some((log, branch)) = self.numbers.branch(number) else { continue };
            let place = Place { log, branch, seq };
            self.note_size(place, bytes);
            if !self.logs.restore_entry(place, id) {
                continue;
            }
            match rest {
                Rest::Rekey(entry) => {
                    self.epochs.entry((log, branch)).or_default().insert(seq, id);
                    self.restore_left_out(log, &entry);
                }
                Rest::Envelope(entry) => self.keep_envelope(&entry),
                Rest::Message(order) => self.restore_message(place, order),
                Rest::Nothing => {}
            }
        }
    }

    /// Seeds come back from a backup without the logs that they open: their numbers stay theirs.
    fn restore_seeds(&mut self, seeds: &[(u32, Vec<u8>)]) {
        for (number, bytes) in seeds {
            if let Some(log) = seed_place(bytes).filter(|_| self.numbers.branch(*number).is_none()) {
                self.numbers.restore((log, 0), *number);
            }
        }
        self.keys.restore_seeds(seeds.iter().map(|(_, bytes)| bytes.as_slice()));
    }

    fn restore_message(&mut self, place: Place, order: OrderKey) {
        if order != super::hearing::NOT_SHOWN {
            if !super::keeping::is_forgotten(&order) {
                self.shown.insert(place, order);
            }
            let eid = self.logs.eid_at(&place.log, place.branch, place.seq);
            if let Some(eid) = eid {
                self.recent.note(place.log.mid, (order, eid), &[], &self.me);
            }
        } else if let Some(rekey) = self.rekey_of(&place) {
            self.unopened.entry(rekey).or_default().insert(place);
        }
    }

    /// Verdicts on words as they are now, so that only a change is a change.
    fn restore_words(&mut self) {
        let authors: BTreeSet<MembershipId> = self.logs.ids().map(|log| log.mid).collect();
        for author in authors {
            let words = super::hearing::log_words(&self.membership.words(&author));
            self.words.insert(author, words);
        }
        let all: Vec<Place> = self.unopened.values().flatten().copied().collect();
        self.void = all.into_iter().filter(|place| !self.counts(place)).collect();
    }
}

/// The installation under which the profile last spoke: what a restored profile must never go on with (E-80).
fn last_installation(logs: &[(u32, Vec<u8>)], me: MembershipId, inst: Instance) -> Instance {
    let records = logs.iter().filter_map(|(_, bytes)| from_bytes::<LogRecord>(bytes, limits::VALUE_BYTES_MAX).ok());
    let own = records.filter(|record| record.log.mid == me).max_by_key(|record| record.state.inst_no);
    own.map_or(inst, |record| record.log.inst)
}

/// By N-801, the handshake secret follows from the nonce of the Genesis.
fn handshake_of(gid: &GroupId, membership: &Membership) -> Secret<32> {
    let nonce = match membership.operation(&(*gid).into()).map(|signed| &signed.operation().body) {
        Some(Body::Genesis { nonce, .. }) => *nonce,
        _ => [0; 32],
    };
    handshake_secret(gid, &nonce)
}
