//! STUB
use super::{Context, Group};
use crate::effects::Stored;
use crate::ids::{LogId, LogTag, Neighbour, EntryId, MembershipId, ItemId};
use crate::wire::DecodeError;
use crate::push::frames::PushItem;
use alloc::vec::Vec;
#[derive(Default)]
pub(super) struct Fetcher;
impl Group {
    pub(super) fn drop_fetches(&mut self, _ctx: &mut Context<'_>, _n: Neighbour) {}
    pub(super) fn compare_later(&mut self, _ctx: &mut Context<'_>, _n: Neighbour) {}
    pub(super) fn send_vector(&mut self, _ctx: &mut Context<'_>, _n: Neighbour) {}
    pub(super) fn ask_who(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _t: LogTag) {}
    pub(super) fn log_of_tag(&self, t: &LogTag) -> Option<LogId> { self.logs.by_tag(t) }
    pub(super) fn on_vector(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _b: &[u8]) -> Result<(), DecodeError> { Ok(()) }
    pub(super) fn on_who(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _b: &[u8]) -> Result<(), DecodeError> { Ok(()) }
    pub(super) fn on_logs(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _b: &[u8]) -> Result<(), DecodeError> { Ok(()) }
    pub(super) fn on_want(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _b: &[u8]) -> Result<(), DecodeError> { Ok(()) }
    pub(super) fn on_give(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _b: &[u8]) -> Result<(), DecodeError> { Ok(()) }
    pub(super) fn on_gone(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _b: &[u8]) -> Result<(), DecodeError> { Ok(()) }
    pub(super) fn on_repair(&mut self, _ctx: &mut Context<'_>, _n: Neighbour, _b: &[u8]) -> Result<(), DecodeError> { Ok(()) }
    pub(super) fn ask_repair(&mut self, _ctx: &mut Context<'_>, _m: &MembershipId, _r: EntryId) {}
    pub(super) fn note_hop(&mut self, _id: ItemId, _i: &PushItem) {}
    pub(super) fn fresh_size(&self, _id: &ItemId) -> Option<u64> { None }
    pub(crate) fn take_gives(&mut self) -> Vec<(Stored, usize)> { Vec::new() }
    pub(crate) fn on_overflowed(&mut self, _ctx: &mut Context<'_>, _n: Neighbour) {}
    pub(super) fn keep_evidence(&mut self, _ctx: &mut Context<'_>, _p: &crate::log::ForkProof) {}
    pub(crate) fn next_deadline(&self) -> Option<u64> { self.duties.next_deadline() }
    pub(crate) fn on_time(&mut self, ctx: &mut Context<'_>) { self.on_duties(ctx); }
}
