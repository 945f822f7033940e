//! STUB
use super::{Context, Group};
use crate::ids::{Neighbour, EntryId, MembershipId};
use crate::log::Place;
#[derive(Default)]
pub(super) struct Receipts;
impl Group {
    pub(super) fn acknowledge(&mut self, _ctx: &mut Context<'_>, _m: &MembershipId) {}
    pub(super) fn holders(&self, _e: &EntryId) -> u32 { 0 }
    pub(super) fn due_of(&self, _p: &Place) -> u32 { 0 }
    pub(super) fn undelivered(&self) -> usize { 0 }
    pub(super) fn restore_receipt(&mut self, _b: &[u8]) {}
    pub(super) fn take_receipt(&mut self, _ctx: &mut Context<'_>, _b: &[u8], _f: Neighbour) -> bool { false }
}
