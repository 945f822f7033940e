//! A founder who is lost is replaced (MB-Z): whoever is to come after asks, those who keep codes consent, and with enough
//! of them the office is taken in one step.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{Context, Group};
use crate::command::{CommandError, KnownLater, Reply};
use crate::event::{RecoveryView, SuccessionView};
use crate::ids::{MembershipId, Office, OperationId, Signature};
use crate::limits;
use crate::membership::{Approval, Body, Pair, RecoveryCode, Role, Succession, SuccessionApproval, SuccessionRequest};

impl Group {
    /// How a founder would be replaced here; none if the group was founded without recovery codes.
    pub(crate) fn recovery_view(&self) -> Option<RecoveryView> {
        let recovery = self.membership.recovery()?;
        let (office, holder) = self.membership.top_office();
        let standing = self.membership.standing(&holder) == Some(office);
        Some(RecoveryView {
            threshold: recovery.threshold,
            codes: u8::try_from(recovery.keys.len()).unwrap_or(u8::MAX),
            holder,
            standing,
        })
    }

    /// The request of one's own: to be named in the place of whoever is above all others (MB-D21). `until` is the
    /// beginning of the id of the last operation of that person that shall count; none for the newest known.
    ///
    /// # Errors
    /// If there are no codes, one holds that office, one has no confirmed seat, or no such operation is theirs.
    pub(crate) fn ask_to_succeed(&self, until: Option<&str>) -> Result<Succession, CommandError> {
        if !self.is_live() {
            return Err(self.why_not_live());
        }
        self.may_come_after(&self.me)?;
        let pin = until.map(|until| self.operation_of_top(until)).transpose()?;
        self.membership.succession(&self.me, pin).ok_or(CommandError::BadValue { field: "operation" })
    }

    /// The one operation of whoever is above all others whose id begins so.
    fn operation_of_top(&self, begins: &str) -> Result<OperationId, CommandError> {
        let (_, holder) = self.membership.top_office();
        let theirs = self.membership.known().filter(|signed| signed.mid() == holder);
        let mut found = theirs.filter(|signed| signed.id().to_string().starts_with(begins));
        match (found.next(), found.next()) {
            (Some(only), None) if !begins.is_empty() => Ok(only.id()),
            _ => Err(CommandError::BadValue { field: "operation" }),
        }
    }

    /// Only a member with a confirmed seat is named, and never whoever holds the office.
    fn may_come_after(&self, who: &MembershipId) -> Result<(), CommandError> {
        if self.membership.recovery().is_none() {
            return Err(CommandError::NoRecovery);
        }
        let (office, holder) = self.membership.top_office();
        if *who == holder && self.membership.standing(who) == Some(office) {
            return Err(CommandError::NoEffect { member: Some(*who) });
        }
        let fit = |person: &&crate::membership::Person| person.anchored && person.role == Role::Member;
        let person = self.membership.roster().person(who).filter(fit);
        person.map(drop).ok_or(CommandError::NotConfirmed { member: *who })
    }

    /// What a request asks for, by the own log.
    ///
    /// # Errors
    /// If the own log doesn't say the same as the request, or whoever asks can't be named.
    pub(crate) fn look_at_request(&self, request: &SuccessionRequest) -> Result<SuccessionView, CommandError> {
        if !self.is_live() {
            return Err(self.why_not_live());
        }
        self.may_come_after(&request.successor)?;
        self.succession_of(request)?;
        let (_, holder) = self.membership.top_office();
        let leaves_out = self.membership.done_after(&request.pin).len();
        Ok(SuccessionView { group: self.gid(), successor: request.successor, holder, leaves_out })
    }

    /// Rule MB-D22: consents with a code to a request, if the own log says the same as the request. The code is used and
    /// forgotten.
    pub(crate) fn approve_succession(
        &self,
        request: &SuccessionRequest,
        code: &RecoveryCode,
        known_later: KnownLater,
    ) -> Result<Reply, CommandError> {
        let asked = self.look_at_request(request)?;
        let recovery = self.membership.recovery().ok_or(CommandError::NoRecovery)?;
        if !recovery.keys.contains(&code.keys().public()) {
            return Err(CommandError::ForeignCode);
        }
        if asked.leaves_out > 0 && known_later == KnownLater::Counts {
            return Err(CommandError::LeavesOut { operations: asked.leaves_out });
        }
        Ok(Reply::Approval(SuccessionApproval::give(&self.succession_of(request)?, code)))
    }

    /// What a request asks for, as the own log knows it.
    fn succession_of(&self, request: &SuccessionRequest) -> Result<Succession, CommandError> {
        let known = self.membership.succession(&request.successor, Some(request.pin));
        known.filter(|known| known.office == request.office).ok_or(CommandError::OutdatedRequest)
    }

    /// Rule MB-D23: takes the office with enough consents. In one batch: the Depose; Confirms of everybody who sat by a
    /// bare ticket of the one before, and would lose the seat; the free seats.
    pub(crate) fn take_over(
        &mut self,
        ctx: &mut Context<'_>,
        approvals: &[SuccessionApproval],
    ) -> Result<Reply, CommandError> {
        if !self.is_live() {
            return Err(self.why_not_live());
        }
        self.may_come_after(&self.me)?;
        let first = approvals.first().ok_or(CommandError::TooFewApprovals { given: 0, wanted: self.wanted() })?;
        let succession = self.succession_of(&first.request)?;
        let given = self.consents(&succession, approvals)?;
        let kept = self.membership.handed_on();
        let pin = succession.certificate.pin;
        let taken = self.act(ctx, Body::Depose { office: succession.office, pin, approvals: given })?;
        for join in kept {
            self.act(ctx, Body::Confirm { join: join.into() })?;
        }
        self.reclaim_orphans(ctx, &taken)?;
        Ok(Reply::Done)
    }

    fn wanted(&self) -> u8 {
        self.membership.recovery().map_or(0, |recovery| recovery.threshold)
    }

    /// As many consents as the Genesis asks for, by different keys.
    fn consents(
        &self,
        succession: &Succession,
        approvals: &[SuccessionApproval],
    ) -> Result<Vec<Approval>, CommandError> {
        let recovery = self.membership.recovery().ok_or(CommandError::NoRecovery)?;
        let certificate = &succession.certificate;
        let mut given: BTreeMap<u8, Signature> = BTreeMap::new();
        for approval in approvals {
            if approval.request != SuccessionRequest::from(succession) || approval.request.successor != self.me {
                return Err(CommandError::OtherApproval);
            }
            let place = certificate.signed_by(recovery, &approval.signature).ok_or(CommandError::ForeignCode)?;
            given.insert(place, approval.signature);
        }
        let wanted = recovery.threshold;
        if given.len() < usize::from(wanted) {
            let given = u8::try_from(given.len()).unwrap_or(u8::MAX);
            return Err(CommandError::TooFewApprovals { given, wanted });
        }
        Ok(given.into_iter().take(usize::from(wanted)).collect())
    }

    /// Free seats whose office stands no more, and those of one's own other offices that no link has promised, go to
    /// this office (MB-D9).
    pub(super) fn reclaim_orphans(&mut self, ctx: &mut Context<'_>, office: &Office) -> Result<(), CommandError> {
        let orphaned = self.membership.reclaimable(office);
        let mut pairs: Vec<Pair> =
            orphaned.into_iter().filter(|(_, after)| after.is_none()).map(|(pair, _)| pair).collect();
        pairs.sort_unstable();
        self.confirm_departed(ctx, &pairs)?;
        for pairs in pairs.chunks(limits::PAIRS_MAX) {
            self.act(ctx, Body::Reclaim { pairs: pairs.to_vec(), after: None })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Ban, Command, RecoveryPlan};
    use crate::event::{AlertKind, Event, RoleView};
    use crate::ids::GroupId;
    use crate::membership::RecoveryTextError;
    use crate::testing::party::Party;
    use rand_core::SeedableRng;

    const ANA: usize = 0;
    const BEN: usize = 1;
    const CLEO: usize = 2;

    /// Ana founds with two of three codes; Ben and Cleo are in.
    fn harbour() -> (Party, GroupId, Vec<RecoveryCode>) {
        let mut party = Party::new(3);
        let recovery = Some(RecoveryPlan { threshold: 2, codes: 3 });
        let command = Command::CreateGroup { name: "Harbour".into(), about: "".into(), recovery };
        let Ok(Reply::Recoverable { group, codes }) = party.ask(ANA, command) else { panic!("no codes") };
        let link = party.invite(ANA, group, 2);
        [BEN, CLEO].into_iter().for_each(|who| {
            party.join(who, &link);
        });
        party.pass(60_000);
        (party, group, codes)
    }

    fn request(party: &Party, who: usize, group: &GroupId) -> Result<SuccessionRequest, CommandError> {
        let text = party.hosts[who].account.succession_request(group, None)?;
        Ok(SuccessionRequest::parse(&text).unwrap())
    }

    fn approve(
        party: &mut Party,
        who: usize,
        request: SuccessionRequest,
        code: &RecoveryCode,
    ) -> Result<SuccessionApproval, CommandError> {
        let code = RecoveryCode::parse(&code.to_text()).unwrap();
        match party.ask(who, Command::ApproveSuccession { request, code, known_later: KnownLater::Counts })? {
            Reply::Approval(approval) => Ok(approval),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn mb_d22_a_code_consents_only_to_what_the_own_log_says_too() {
        let (mut party, group, codes) = harbour();
        let by_ben = request(&party, BEN, &group).unwrap();
        assert!(matches!(request(&party, ANA, &group), Err(CommandError::NoEffect { .. })), "she is it already");
        let foreign = RecoveryCode::random(&mut rand_chacha::ChaCha20Rng::from_seed([9; 32]));
        assert_eq!(approve(&mut party, CLEO, by_ben, &foreign), Err(CommandError::ForeignCode));
        let bent = SuccessionRequest { pin: by_ben.successor.into(), ..by_ben };
        assert_eq!(approve(&mut party, CLEO, bent, &codes[0]), Err(CommandError::OutdatedRequest));
        let nobody = SuccessionRequest { successor: MembershipId([7; 32]), ..by_ben };
        assert!(matches!(approve(&mut party, CLEO, nobody, &codes[0]), Err(CommandError::NotConfirmed { .. })));
        // Ana does something more, and Cleo knows it.
        party.ask(ANA, Command::RenameGroup { group, name: "Quay".into() }).unwrap();
        party.pass(5_000);
        assert_eq!(approve(&mut party, CLEO, by_ben, &codes[0]), Err(CommandError::LeavesOut { operations: 1 }));
        let code = RecoveryCode::parse(&codes[0].to_text()).unwrap();
        let anyway = Command::ApproveSuccession { request: by_ben, code, known_later: KnownLater::IsVoid };
        assert!(matches!(party.ask(CLEO, anyway), Ok(Reply::Approval(_))));
        assert_eq!(RecoveryCode::parse("COTERIE:J/AAAA").err(), Some(RecoveryTextError::Length));
    }

    #[test]
    fn mb_d23_a_member_takes_over_and_everybody_is_told() {
        let (mut party, group, codes) = harbour();
        party.split(&[ANA], &[BEN, CLEO]);
        let asked = request(&party, BEN, &group).unwrap();
        let first = approve(&mut party, BEN, asked, &codes[0]).unwrap();
        let again = approve(&mut party, CLEO, asked, &codes[0]).unwrap();
        let take = |approvals: &[SuccessionApproval]| Command::TakeOver { group, approvals: approvals.to_vec() };
        assert_eq!(
            party.ask(BEN, take(&[first, again])).unwrap_err(),
            CommandError::TooFewApprovals { given: 1, wanted: 2 },
            "one code twice is one"
        );
        assert_eq!(party.ask(BEN, take(&[])).unwrap_err(), CommandError::TooFewApprovals { given: 0, wanted: 2 });
        let second = approve(&mut party, CLEO, asked, &codes[2]).unwrap();
        assert_eq!(party.ask(CLEO, take(&[first, second])).unwrap_err(), CommandError::OtherApproval);
        let forged = SuccessionApproval { signature: first.signature, request: second.request };
        assert!(party.ask(BEN, take(&[first, forged])).is_err());
        party.ask(BEN, take(&[first, second])).unwrap();
        party.pass(5_000);
        let view = party.hosts[BEN].account.group(&group).unwrap();
        assert_eq!((view.role, view.mine, view.occupied), (RoleView::Founder, 97, 3));
        let told = |party: &Party, who: usize| {
            let is_told =
                |event: &Event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::Replaced);
            party.hosts[who].events.iter().any(is_told)
        };
        assert!(told(&party, CLEO));
        party.heal();
        party.pass(60_000);
        assert!(told(&party, ANA), "and she, when she comes back");
        assert_eq!(party.hosts[ANA].account.group(&group).unwrap().role, RoleView::Member);
        let renamed = party.ask(ANA, Command::RenameGroup { group, name: "Mine".into() });
        assert_eq!(renamed.unwrap_err(), CommandError::NotAdmin);
    }

    /// Ana's computer was stolen: the thief removes Ben before anybody knows. The two sides each think that the other is
    /// out; the keepers' word decides.
    #[test]
    fn s60_a_thief_who_removes_the_successor_first_is_overruled() {
        let (mut party, group, codes) = harbour();
        let members = party.hosts[ANA].account.members(&group).unwrap();
        let key = party.hosts[BEN].account.me();
        let ben = members.into_iter().find(|member| member.key == key).unwrap().id;
        party.split(&[ANA], &[BEN, CLEO]);
        party.ask(ANA, Command::Remove { group, member: ben, ban: Ban::Yes }).unwrap();
        assert_eq!(party.hosts[ANA].account.group(&group).unwrap().occupied, 2);
        let asked = request(&party, BEN, &group).unwrap();
        let approvals =
            [(BEN, 0), (CLEO, 1)].map(|(who, code)| approve(&mut party, who, asked, &codes[code]).unwrap()).to_vec();
        party.ask(BEN, Command::TakeOver { group, approvals }).unwrap();
        party.heal();
        party.pass(600_000);
        for who in [ANA, BEN, CLEO] {
            let members = party.hosts[who].account.members(&group).unwrap();
            let roles: Vec<RoleView> = members.iter().map(|member| member.role).collect();
            assert_eq!(roles, [RoleView::Member, RoleView::Founder, RoleView::Member], "host {who}");
        }
        party.ask(BEN, Command::Remove { group, member: group.into(), ban: Ban::Yes }).unwrap();
        party.pass(60_000);
        assert_eq!(party.hosts[CLEO].account.group(&group).unwrap().occupied, 2);
    }
}
