//! Writing down: which record holds what of a group. Every change of state goes through here into the step's batch.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Context, Group, GroupRecord, InviteRecord, Issued, OutboxRecord};
use crate::encryption::secrets::{SecretChange, SecretName};
use crate::ids::{EntryId, LogId, OperationId, OrderKey};
use crate::log::{Appended, Place};
use crate::record::{Record, RecordId};
use crate::wire::to_bytes;

/// Local numbers of branches: keys of records hold them instead of anything that means something elsewhere (ST-31).
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    by_branch: BTreeMap<(LogId, u8), u32>,
    next: u32,
}

impl Numbers {
    /// Takes a number from the store.
    pub(crate) fn restore(&mut self, branch: (LogId, u8), number: u32) {
        self.by_branch.insert(branch, number);
        self.next = self.next.max(number.saturating_add(1));
    }

    /// The number of a branch, given now if it has none.
    pub(crate) fn of(&mut self, branch: (LogId, u8)) -> u32 {
        let next = self.next;
        let number = *self.by_branch.entry(branch).or_insert(next);
        self.next = self.next.max(number.saturating_add(1));
        number
    }

    /// The branch of a number.
    pub(crate) fn branch(&self, number: u32) -> Option<(LogId, u8)> {
        self.by_branch.iter().find(|&(_, &n)| n == number).map(|(&branch, _)| branch)
    }
}

impl Group {
    /// The group's own record.
    pub(super) fn put_group(&self, ctx: &mut Context<'_>) {
        let bytes = to_bytes::<GroupRecord>(&self.record);
        ctx.effects.put(Record { id: RecordId::group(self.g), bytes });
    }

    /// An operation, as received (MB-G5, R-10).
    pub(super) fn put_operation(&self, ctx: &mut Context<'_>, id: &OperationId) {
        let Some(signed) = self.membership.operation(id) else { return };
        let lamport = u32::try_from(signed.operation().lamport).unwrap_or(u32::MAX);
        let record = RecordId::op(self.g, lamport, first16(&id.0));
        ctx.effects.put(Record { id: record, bytes: signed.bytes().to_vec() });
    }

    /// An entry and the state of its branch, in one batch (E-64).
    pub(super) fn put_entry(&mut self, ctx: &mut Context<'_>, appended: &Appended, order: OrderKey) {
        let place = appended.place;
        let id = self.entry_record(place);
        let bytes: Vec<u8> = order.0.into_iter().chain(appended.entry.to_bytes()).collect();
        self.note_size(place, bytes.len().saturating_sub(OrderKey::LEN));
        ctx.effects.put(Record { id, bytes });
        self.put_log(ctx, place);
    }

    /// The state of a branch.
    pub(super) fn put_log(&mut self, ctx: &mut Context<'_>, place: Place) {
        let Some(record) = self.logs.record(&place.log, place.branch) else { return };
        let number = self.numbers.of((place.log, place.branch));
        ctx.effects.put(Record { id: RecordId::log(self.g, number), bytes: to_bytes(&record) });
    }

    /// Where an entry's record lies.
    pub(super) fn entry_record(&mut self, place: Place) -> RecordId {
        RecordId::entry(self.g, self.numbers.of((place.log, place.branch)), place.seq)
    }

    /// Live secrets, in the batch of the entries they belong to (E-64, E-65).
    pub(super) fn put_secrets(&mut self, ctx: &mut Context<'_>, changes: Vec<SecretChange>) {
        for change in changes {
            let id = self.secret_record(change.name());
            match change {
                SecretChange::Put { value, .. } => ctx.effects.put(Record { id, bytes: value.to_vec() }),
                SecretChange::Erase { .. } => ctx.effects.erase(id),
            }
        }
    }

    pub(super) fn secret_record(&mut self, name: &SecretName) -> RecordId {
        match *name {
            SecretName::Chain { log, epoch, rekey } => {
                RecordId::chain(self.g, self.chain_number(log, rekey), small(epoch))
            }
            SecretName::Skipped { log, epoch, rekey, page } => {
                RecordId::skipped(self.g, self.chain_number(log, rekey), small(epoch), page)
            }
            SecretName::Seed { log, epoch, rekey } => {
                RecordId::seed(self.g, self.chain_number(log, rekey), small(epoch))
            }
            SecretName::Leaf { generation } => RecordId::leaf(self.g, small(generation)),
        }
    }

    /// The number of the branch that a chain belongs to; branches of a fork have their own chains (E-45).
    fn chain_number(&mut self, log: LogId, rekey: EntryId) -> u32 {
        let branch = self.logs.place_of(&rekey).map_or(0, |place| place.branch);
        self.numbers.of((log, branch))
    }

    /// A text that is not sealed yet.
    pub(super) fn put_outbox(&mut self, ctx: &mut Context<'_>, number: u64, text: OutboxRecord) {
        ctx.effects.put(Record { id: RecordId::outbox(self.g, number), bytes: to_bytes(&text) });
        self.outbox.insert(number, text);
    }

    /// It was sealed, or taken back.
    pub(super) fn erase_outbox(&mut self, ctx: &mut Context<'_>, number: u64) {
        self.outbox.remove(&number);
        ctx.effects.erase(RecordId::outbox(self.g, number));
    }

    /// An invite and, apart from it, its secret.
    pub(super) fn put_invite(&mut self, ctx: &mut Context<'_>, number: u32, issued: Issued) {
        ctx.effects.put(Record { id: RecordId::invite(self.g, number), bytes: to_bytes(&issued.record) });
        ctx.effects.put(Record { id: RecordId::link(self.g, number), bytes: issued.secret.expose().to_vec() });
        self.invites.insert(number, issued);
    }

    /// An invite changed; its secret did not.
    pub(super) fn put_invite_record(&self, ctx: &mut Context<'_>, number: u32, record: &InviteRecord) {
        ctx.effects.put(Record { id: RecordId::invite(self.g, number), bytes: to_bytes(record) });
    }
}

fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn first16(bytes: &[u8; 32]) -> [u8; 16] {
    let mut out = [0; 16];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}
