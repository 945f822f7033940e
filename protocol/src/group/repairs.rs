//! A chain that should be here and isn't: asking its author for it, and answering who asks (E-50).

use super::{Context, Group};
use crate::ids::{EntryId, LogId, MembershipId, Neighbour};
use crate::sync::frames::Repair;
use crate::wire::frame::GroupFrame;
use crate::wire::{DecodeError, from_bytes};

impl Group {
    /// Rule E-50: asks the author of an epoch for a repair Grant, over a direct link, now and then.
    pub(super) fn ask_repair(&mut self, ctx: &mut Context<'_>, author: &MembershipId, rekey: EntryId) {
        let direct = self.near.slots.iter().find(|(_, near)| near.mid == *author && near.settled).map(|(&at, _)| at);
        if let Some(to) = direct
            && self.near.fetcher.asked.may_ask(ctx.now, rekey)
        {
            self.send_body(ctx, to, GroupFrame::Repair, &Repair(rekey));
        }
    }

    /// An author that counts us among its readers while its chain is not here, for whatever reason, is asked for it:
    /// else every word until its next Rekey would wait.
    pub(super) fn look_for_lost_chain(&mut self, ctx: &mut Context<'_>, author: &MembershipId) {
        let current = self.logs.current_instance(author).map(|(inst, _)| LogId { mid: *author, inst });
        let epoch = current.and_then(|log| self.logs.state(&log)?.epoch.as_ref());
        let lost = epoch.filter(|epoch| epoch.audience.contains_key(&self.me) && !self.keys.holds(&epoch.rekey));
        if let Some(rekey) = lost.map(|epoch| epoch.rekey) {
            self.ask_repair(ctx, author, rekey);
        }
    }

    pub(super) fn on_repair(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let Repair(rekey) = from_bytes(body, GroupFrame::Repair.body_bytes_max())?;
        let Some(mid) = self.near.slots.get(&from).map(|near| near.mid) else { return Ok(()) };
        let current = self.logs.state(&self.own).and_then(|state| state.epoch.as_ref()).map(|epoch| epoch.rekey);
        if current == Some(rekey) && self.near.fetcher.answered.may_answer(ctx.now, (mid, rekey)) {
            self.write_repair(ctx, mid);
        }
        Ok(())
    }
}
