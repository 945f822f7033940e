//! A join as it is kept: its record, its secret, and how both come back at start.

use super::super::{Account, Step};
use super::*;
use crate::command::Consent;
use crate::crypto::Secret;
use crate::event::{Event, JoinState};
use crate::ids::MemberKey;
use crate::invite::InviteLink;
use crate::limits;
use crate::record::{Record, RecordId};
use crate::time::Timestamp;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

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
    /// Takes the joins back from the store.
    pub(in crate::account) fn restore_joins(
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
            // The power failed between claim and answer: the group is here, so no second seat is claimed (MB-I6).
            let invite_pk = join.link.keys().invite.public();
            let claimed = self.groups.values().find(|group| group.came_by(&invite_pk));
            if let Some(group) = claimed {
                (join.claiming, join.state) = (Some(group.g), JoinState::Syncing);
            }
            self.joins.all.insert(id, join);
            self.joins.next = self.joins.next.max(id.saturating_add(1));
        }
    }
}

impl Join {
    pub(super) fn new(link: InviteLink, name: String, mut via: Vec<Vec<u8>>, consent: Consent) -> Self {
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
            answered: None,
            kept_for: None,
            attempts: 0,
            dialled_mono_ms: 0,
            retry_mono_ms: None,
            sightings: Vec::new(),
        }
    }

    /// Where hosts of this link may be.
    pub(super) fn addresses(&self) -> Vec<Vec<u8>> {
        let all = self.via.iter().chain(self.link.addresses()).chain(&self.sightings);
        let mut addresses: Vec<Vec<u8>> = Vec::new();
        all.for_each(|address| {
            if !addresses.contains(address) {
                addresses.push(address.clone());
            }
        });
        addresses
    }

    /// Whose link it is.
    pub(in crate::account) const fn inviter(&self) -> &MemberKey {
        self.link.inviter()
    }

    /// Whether hosts are still looked for, or may be again.
    pub(in crate::account) fn is_searching(&self) -> bool {
        matches!(self.state, JoinState::Searching) || self.kept_for.is_some()
    }

    /// The seat is taken; the link's addresses stay until a member's is stored.
    pub(super) fn keep_for(&mut self, g: u32, now: Timestamp) {
        self.kept_for = Some(g);
        self.retry_mono_ms = Some(now.mono_ms.saturating_add(limits::LINK_AGAIN_MS));
    }

    /// Tries again at once.
    pub(in crate::account) fn retry_now(&mut self, now: Timestamp) {
        self.retry_mono_ms = Some(now.mono_ms);
    }

    pub(super) fn put(&self, step: &mut Step<'_>, id: u32) {
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

pub(in crate::account) fn erase(step: &mut Step<'_>, id: u32) {
    step.effects.erase(RecordId::joiner(id));
    step.effects.erase(RecordId::link(limits::JOINER_LINK_GROUP, id));
}
