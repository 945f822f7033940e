//! Founders who are replaced: keepers of recovery codes who name somebody, two of them who name two at once, and people
//! who only seem to have their word.

use alloc::vec::Vec;

use super::{History, Manners};
use crate::ids::{Digest, GroupId, OperationId};
use crate::membership::{Approval, Body, Certificate, Role, SignedOperation};
use crate::testing::keepers::Keepers;
use crate::testing::town::{Person, Side};

/// One act in so many is preceded by a word of the keepers.
const RARELY: usize = 6;

impl<const S: usize> History<S> {
    /// Now and then somebody is named, or pretends to be.
    pub(super) fn maybe_succeed(&mut self, side: &mut Side<S>) {
        let Some((keepers, dice)) = &mut self.keepers else { return };
        if dice.below(RARELY) != 0 || self.manners == Manners::Gentle {
            return;
        }
        let (keepers, kind) = (keepers.clone(), dice.below(5));
        match (self.manners, kind) {
            (Manners::Hostile, 0 | 1) => self.pretend(side, &keepers),
            (Manners::Hostile, 2) => self.name_anybody(side, &keepers),
            (Manners::Hostile, 3) => self.say_it_again(side),
            _ => self.name_somebody(side, &keepers),
        }
    }

    fn roll(&mut self, below: usize) -> usize {
        self.keepers.as_mut().map_or(0, |(_, dice)| dice.below(below))
    }

    fn any<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        self.keepers.as_mut().and_then(|(_, dice)| dice.pick(list).cloned())
    }

    /// Whoever could be named: members of this side who are no guests.
    fn nominees(&self, side: &Side<S>) -> Vec<Person> {
        let member = |person: &&Person| side.log.role_of(&person.mid) == Some(Role::Member);
        self.people.iter().filter(member).cloned().collect()
    }

    /// Keepers who obey: they are on one side only, know what is known there, and name somebody confirmed.
    fn name_somebody(&mut self, side: &mut Side<S>, keepers: &Keepers) {
        let hostile = self.manners == Manners::Hostile;
        let top = side.log.top_office().1;
        let mut nominees = self.nominees(side);
        nominees.retain(|person| {
            let sits = side.log.roster().person(&person.mid).is_some_and(|person| person.anchored);
            sits && person.mid != top && (hostile || self.home(person) == self.here)
        });
        if !hostile && self.here != 0 {
            return;
        }
        if let Some(mut who) = self.any(&nominees) {
            let id = side.depose(&mut who, keepers, None);
            self.took_over(side, who, id);
        }
    }

    fn took_over(&mut self, side: &Side<S>, who: Person, id: OperationId) {
        if side.log.operation(&id).is_some() {
            self.successions = self.successions.saturating_add(1);
            self.people.push(who);
        }
    }

    /// Keepers who don't obey: any office of the line, any pin, anybody, in any place of the own chain.
    fn name_anybody(&mut self, side: &mut Side<S>, keepers: &Keepers) {
        let Some((office, certificate)) = self.any_certificate(side) else { return };
        let Some(mut who) = self.people.iter().find(|person| person.mid == certificate.successor).cloned() else {
            return;
        };
        let places = self.any(&[[0, 1], [0, 2], [1, 2]]).unwrap_or([0, 1]);
        let approvals = keepers.approvals(&certificate, &places);
        let id = self.write(side, &who, Body::Depose { office, pin: certificate.pin, approvals });
        who.office = Some(id);
        self.took_over(side, who, id);
    }

    /// A word about an office of the line, in favour of somebody who may be named.
    fn any_certificate(&mut self, side: &Side<S>) -> Option<(OperationId, Certificate)> {
        let mut line = self.known(side, |body| matches!(body, Body::Depose { .. }));
        line.push(side.log.gid().into());
        let office = self.any(&line)?;
        let holder = side.log.holder(&office)?;
        let pins: Vec<OperationId> =
            side.log.known().filter(|signed| signed.mid() == holder).map(SignedOperation::id).collect();
        let mut nominees = self.nominees(side);
        nominees.retain(|person| person.mid != holder);
        let successor = self.any(&nominees)?.mid;
        let certificate =
            Certificate { gid: side.log.gid(), over: over(side, &office)?, pin: self.any(&pins)?, successor };
        Some((office, certificate))
    }

    /// A Depose that is known already, once more, by the same person.
    fn say_it_again(&mut self, side: &mut Side<S>) {
        let deposes = self.known(side, |body| matches!(body, Body::Depose { .. }));
        let Some(signed) = self.any(&deposes).and_then(|id| side.log.operation(&id).cloned()) else { return };
        let Some(mut who) = self.people.iter().find(|person| person.mid == signed.mid()).cloned() else { return };
        let id = self.write(side, &who, signed.operation().body.clone());
        who.office = Some(id);
        self.took_over(side, who, id);
    }

    /// Somebody without enough consents: too few, one twice, strangers', of another group, about somebody or something
    /// else. All of it must be refused, and change nothing.
    fn pretend(&mut self, side: &mut Side<S>, keepers: &Keepers) {
        let Some((office, certificate)) = self.any_certificate(side) else { return };
        let Some(who) = self.people.iter().find(|person| person.mid == certificate.successor).cloned() else {
            return;
        };
        let approvals = self.false_approvals(&certificate, keepers);
        let prev = side.tip(&who);
        let body = Body::Depose { office, pin: certificate.pin, approvals };
        let signed = side.forge(&who, prev, &[office, certificate.pin], body);
        self.offer_junk(side, signed.bytes(), "a Depose without enough consents");
    }

    fn false_approvals(&mut self, certificate: &Certificate, keepers: &Keepers) -> Vec<Approval> {
        let honest = keepers.approvals(certificate, &[0, 1]);
        let first = honest.first().copied();
        let mut of = *certificate;
        match self.roll(6) {
            0 => return first.into_iter().collect(),
            1 => return first.into_iter().chain(first.map(|(_, signature)| (1, signature))).collect(),
            2 => return Keepers::new("stranger", 2, 3).approvals(certificate, &[0, 1]),
            3 => of.gid = GroupId([3; 32]),
            4 => of.over = Digest([3; 32]),
            _ => of.pin = OperationId([3; 32]),
        }
        keepers.approvals(&of, &[0, 1])
    }
}

/// By what name an office of the line is succeeded, read off the operations.
fn over<const S: usize>(side: &Side<S>, office: &OperationId) -> Option<Digest> {
    let mut steps = Vec::new();
    let mut at = *office;
    while let Body::Depose { office, pin, .. } = side.log.operation(&at)?.operation().body {
        steps.push((pin, side.log.operation(&at)?.mid()));
        at = office;
    }
    let mut name = Digest(at.0);
    for (pin, successor) in steps.into_iter().rev() {
        name = Certificate { gid: side.log.gid(), over: name, pin, successor }.id();
    }
    Some(name)
}
