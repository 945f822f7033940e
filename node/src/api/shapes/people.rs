//! What people compare, and who lags behind, in the shape of the API.

use coterie_protocol::{self as core, GroupId, MemberKey, MembershipId, NoMemory};

use super::super::types::{MemberRef, Safety, SafetySchema, Straggler, StragglerSchema, Time, Unsealed, spell_id};
use super::super::words;
use super::{Names, reference};
use crate::driver::View;

/// Why one's words do not go to somebody.
pub(super) const fn unsealed(why: core::Unsealed) -> Unsealed {
    match why {
        core::Unsealed::Seat => Unsealed::Seat,
        core::Unsealed::NoLeaf => Unsealed::NoKey,
        core::Unsealed::StaleLeaf => Unsealed::StaleKey,
        core::Unsealed::Forked => Unsealed::Forked,
    }
}

/// Somebody who may still send to a person who is out (E-85).
pub(crate) fn straggler(view: &View<'_>, group: &GroupId, found: &core::Straggler) -> Straggler {
    let names = Names::of(view, group);
    let (member, gone) = (names.get(view, &found.member), names.get(view, &found.gone));
    let sentence = words::straggler(&member.name, &gone.name, found);
    let since = Time(found.since_ms);
    Straggler { schema: StragglerSchema::V1, member, gone, since, heard: found.heard, sentence }
}

/// What a comparison needs from the core; the words are made outside of its thread (E-97).
pub(crate) struct Safe {
    member: MemberRef,
    key: MemberKey,
    own: MemberKey,
    verified: Option<u64>,
    notice: Option<String>,
}

/// Who is to be compared with; none if nobody is, or it is oneself.
pub(crate) fn safe(view: &View<'_>, group: &GroupId, id: &MembershipId) -> Option<Safe> {
    let members = view.account.members(group)?;
    let found = members.iter().find(|member| member.id == *id && !member.me)?;
    Some(Safe {
        member: reference(found),
        key: found.key,
        own: view.account.me(),
        verified: found.verified_at_ms,
        notice: words::key_notice(found),
    })
}

impl Safe {
    /// The code that both screens show.
    pub(crate) fn code(&self) -> String {
        core::safety_code(&self.own, &self.key)
    }

    /// All that can be compared. Takes 64 MiB and a quarter of a second.
    pub(crate) fn compute(self) -> Result<Safety, NoMemory> {
        let words = |key| core::key_words(key).map(|words| words.into_iter().map(str::to_owned).collect());
        Ok(Safety {
            schema: SafetySchema::V1,
            key: spell_id(self.key.as_ref()),
            number: core::safety_text(&core::safety_number(&self.own, &self.key)),
            code: self.code(),
            words: words(&self.key)?,
            own_words: words(&self.own)?,
            member: self.member,
            verified: self.verified.map(Time),
            notice: self.notice,
        })
    }
}
