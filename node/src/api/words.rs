//! Words for people: what the core refuses, how a join goes, what to keep in mind. One table, so that every face says
//! the same (WD). Sentences in problems have no full stop; the faces put it.

use coterie_protocol::{
    AlertKind, CommandError, GroupState, GroupView, InviteState, InviteView, JoinRefusal, JoinState, LinkError,
    MemberView, RecoveryTextError, Unsealed,
};

use super::problem::{Code, Problem};
use crate::driver::Refused;

/// Why a wish was not carried out; `what` says which.
pub(crate) fn refused(refused: Refused, what: &str) -> Problem {
    match refused {
        Refused::Command(error) => command(error, what),
        Refused::DiskFull => Problem::new(Code::DiskFull, what),
        Refused::ReadOnly => Problem::new(Code::StoreReadOnly, what),
        Refused::WrongKey => Problem::new(Code::WrongPassphrase, what)
            .because("it is not the passphrase in force")
            .advise(["coterie identity passphrase --passphrase-file FILE"]),
        Refused::Busy => Problem::new(Code::Busy, what),
        Refused::Internal => Problem::new(Code::Internal, what),
    }
}

fn command(error: CommandError, what: &str) -> Problem {
    let missing = |why: &str, try_this: &str| Problem::new(Code::NotFound, what).because(why).advise([try_this]);
    match error {
        CommandError::UnknownGroup => missing("there is no such group here", "coterie group list"),
        CommandError::UnknownMember => missing("there is no such member in the group", "coterie member list"),
        CommandError::UnknownMessage => missing("there is no such message here", "coterie history"),
        CommandError::NotAuthor => Problem::new(Code::PolicyForbids, what)
            .because("somebody else wrote it; only its author can change it, and only its author or an organiser can delete it")
            .advise(["coterie react MSG 👍", "coterie send --reply MSG TEXT"]),
        CommandError::UnknownInvite => missing("you have no such invite", "coterie invite list"),
        CommandError::UnknownJoin => missing("there is no such join under way", "coterie join LINK"),
        CommandError::UnknownOutbox => missing("it is not waiting any more", "coterie outbox list"),
        CommandError::NotMember => Problem::new(Code::NotMember, what),
        CommandError::Removed => Problem::new(Code::Removed, what),
        CommandError::SeatLost => Problem::new(Code::SeatLost, what),
        CommandError::NotAdmin => Problem::new(Code::NotAdmin, what),
        CommandError::Senior => Problem::new(Code::PolicyForbids, what)
            .because("that person was made an organiser before you, or by somebody before you")
            .advise(["ask an organiser who is senior to both: coterie member list"]),
        CommandError::SeniorsWord => Problem::new(Code::PolicyForbids, what)
            .because("an organiser who is senior to you has said otherwise, and that stands")
            .advise(["ask an organiser who is senior to you: coterie member list"]),
        CommandError::Frozen => Problem::new(Code::PolicyForbids, what)
            .because("no organiser is left in this group: everybody can write, nobody can join or be removed")
            .advise(["coterie group create NAME", "go on writing: coterie send TEXT"]),
        CommandError::NoSeat { wanted, free } => no_seat(what, wanted, free),
        CommandError::GroupFull => Problem::new(Code::GroupFull, what),
        CommandError::OwnLink => Problem::new(Code::OwnLink, what),
        CommandError::BadValue { field } => Problem::new(Code::BadValue, what)
            .because(format!("the {field} is empty, too long, or has characters that cannot be shown"))
            .advise([format!("choose another {field}")])
            .detail("field", field),
        CommandError::TooLarge { bytes, max } => Problem::new(Code::TooLarge, what)
            .because(format!("it has {bytes} bytes, and {max} is the most"))
            .detail("bytes", bytes)
            .detail("max", max),
        CommandError::NoMemberReachable => Problem::new(Code::NoMemberReachable, what).because(
            "since this computer started it has not been in touch with anybody of the group, and must be first",
        ),
        CommandError::LastOrganiser => Problem::new(Code::LastOrganiser, what),
        CommandError::NoEffect { .. } => {
            Problem::new(Code::Conflict, what).because("it is so already, or cannot be so any more")
        }
        CommandError::TooMany { what: thing } => {
            Problem::new(Code::RateLimited, what).because(format!("there are too many {thing} at once"))
        }
        error @ (CommandError::NoRecovery
        | CommandError::NotConfirmed { .. }
        | CommandError::ForeignCode
        | CommandError::OutdatedRequest
        | CommandError::LeavesOut { .. }
        | CommandError::OtherApproval
        | CommandError::TooFewApprovals { .. }) => succession(error, what),
        CommandError::OwnRule(rule) => Problem::new(Code::Internal, what)
            .because(format!("the program kept itself from breaking rule {rule}; nothing was changed"))
            .detail("rule", rule),
    }
}

/// Why nobody takes the organiser's place.
fn succession(error: CommandError, what: &str) -> Problem {
    match error {
        CommandError::NoRecovery => Problem::new(Code::PolicyForbids, what)
            .because("this group was founded without recovery codes, so nobody can be named in the organiser's place")
            .advise(["coterie group create NAME --recovery 2of3", "ask an organiser: coterie member list"]),
        CommandError::NotConfirmed { .. } => Problem::new(Code::PolicyForbids, what)
            .because("only a member with a confirmed seat, and no guest, can become the organiser")
            .advise(["coterie member list"]),
        CommandError::ForeignCode => Problem::new(Code::WrongCode, what),
        CommandError::OutdatedRequest => Problem::new(Code::Conflict, what)
            .because("it was made before the last change of organiser, or one of the two computers is behind")
            .advise(["be online together for a moment, then: coterie group recovery request"]),
        CommandError::LeavesOut { operations } => Problem::new(Code::Conflict, what)
            .because(format!("the organiser is known to have done {operations} more things, which would not count"))
            .advise([
                "ask for a new request: coterie group recovery request",
                "if the organiser's computer was stolen: add --anyway",
            ])
            .detail("operations", operations),
        CommandError::OtherApproval => Problem::new(Code::BadValue, what)
            .because("an approval is for another group, another request or another person")
            .advise(["ask for approvals of your newest request: coterie group recovery request"]),
        CommandError::TooFewApprovals { given, wanted } => Problem::new(Code::TooFewApprovals, what)
            .because(format!("the consent of {wanted} different recovery codes is needed, and {given} came"))
            .detail("given", given)
            .detail("wanted", wanted),
        _ => Problem::new(Code::Internal, what),
    }
}

/// Why a text is not the code, request or approval that was expected.
pub(crate) fn recovery_text(error: RecoveryTextError, field: &'static str) -> Problem {
    let code = if field == "code" { Code::WrongCode } else { Code::BadValue };
    let problem = Problem::new(code, format!("this {field} cannot be read")).detail("field", field);
    match error {
        RecoveryTextError::Other => problem.because(format!("this is no {field}")).advise(["coterie group recovery"]),
        RecoveryTextError::Length => {
            problem.because(format!("a part of the {field} is missing")).advise(["copy all of it once more"])
        }
        RecoveryTextError::Typo => {
            problem.because(format!("a letter of the {field} is wrong")).advise(["copy it once more, letter by letter"])
        }
    }
}

fn no_seat(what: &str, wanted: u8, free: u8) -> Problem {
    let have = match free {
        0 => "you have no free seat to give".to_owned(),
        1 => "you have one free seat to give".to_owned(),
        n => format!("you have {n} free seats to give"),
    };
    Problem::new(Code::NoSeat, what)
        .because(format!("{have}, and {wanted} would be needed"))
        .detail("wanted", wanted)
        .detail("free", free)
}

/// Rule QR-5: why a text is not an invite, never a generic failure.
pub(crate) fn link(error: LinkError) -> Problem {
    let (code, what) = match error {
        LinkError::NotALink => (Code::NotALink, "this is not an invite"),
        LinkError::Foreign => (Code::LinkForeign, "this is not a Coterie invite"),
        LinkError::Version => (Code::LinkVersion, "this invite cannot be read by this version"),
        LinkError::Typo => (Code::LinkTypo, "this invite has a typing error"),
        LinkError::Truncated => (Code::LinkTruncated, "a part of this invite is missing"),
    };
    Problem::new(code, what)
}

/// Why a join ended without a seat (QR-5, R-18).
pub(crate) fn join_refusal(reason: &JoinRefusal, group: Option<&str>) -> Problem {
    let name = group.map_or_else(|| "the group".to_owned(), |name| format!("“{name}”"));
    let what = format!("you could not join {name}");
    let admission = |code: Code, word: &str| Problem::new(code, what.clone()).detail("admission", word);
    let link = |code: Code, said: &str, word: &str| Problem::new(code, said).detail("admission", word);
    match reason {
        JoinRefusal::Used => link(Code::LinkUsed, "this invite is used up", "used"),
        JoinRefusal::Withdrawn => link(Code::LinkRevoked, "this invite was withdrawn", "withdrawn"),
        JoinRefusal::Expired => link(Code::LinkExpired, "this invite has expired", "expired"),
        JoinRefusal::InviterGone => admission(Code::InviterGone, "inviter_gone"),
        JoinRefusal::Banned => admission(Code::Banned, "banned"),
        JoinRefusal::Full => admission(Code::GroupFull, "full"),
        JoinRefusal::SeatLost => admission(Code::SeatLost, "lost_ground"),
        JoinRefusal::AlreadyMember => Problem::new(Code::Conflict, format!("you are in {name} already"))
            .because("one person has one seat")
            .advise(["coterie group list"]),
        JoinRefusal::Rejected(rule) => admission(Code::RefusedByMember, "rejected").detail("rule", rule.as_str()),
    }
}

/// How far a join is, for people.
pub(crate) fn join_sentence(state: JoinState, group: Option<&str>) -> String {
    let name = group.map_or_else(|| "the group".to_owned(), |name| format!("“{name}”"));
    match state {
        JoinState::Searching => "Saved. You'll be in as soon as someone from the group is online.".to_owned(),
        JoinState::Proving => "Found somebody; proving the invite.".to_owned(),
        JoinState::Asking => format!("This invite leads to {name}. Join?"),
        JoinState::Syncing => format!("Fetching what a member of {name} needs."),
        JoinState::Seated => format!("You are in {name}."),
        JoinState::WaitingForAdmin => {
            format!("You have a seat in {name}. An organiser has to confirm it before you can read.")
        }
        JoinState::Refused => format!("You could not join {name}."),
    }
}

/// WD-4, WD-13: what a group should be told.
pub(crate) fn group_notice(group: &GroupView) -> Option<String> {
    match group.state {
        GroupState::Newer => Some("Needs a newer Coterie.".to_owned()),
        GroupState::Member if group.name_a_second_organiser => Some(
            "Name a second organiser. If this computer is lost, nobody can invite or remove people again.".to_owned(),
        ),
        _ => None,
    }
}

/// A word of caution about a person: an unexpected key before all else.
pub(crate) fn member_notice(member: &MemberView) -> Option<String> {
    key_notice(member).or_else(|| seat_notice(member)).or_else(|| unsealed_notice(member))
}

/// By E-96, a new key for a name that was compared.
pub(crate) fn key_notice(member: &MemberView) -> Option<String> {
    member.other_key.then(|| {
        format!(
            "WARNING: this is not the key that you compared with {}. It may be a new computer of theirs, or somebody else.",
            member.name
        )
    })
}

/// By E-40, somebody who sits here and gets no keys.
fn unsealed_notice(member: &MemberView) -> Option<String> {
    Some(match member.unsealed? {
        Unsealed::Seat => "no keys yet: the seat is not settled".to_owned(),
        Unsealed::NoLeaf => "no keys yet: their program has not been heard of".to_owned(),
        Unsealed::StaleLeaf => "no keys: not heard of for 90 days".to_owned(),
        Unsealed::Forked => "no keys: two programs write in their name".to_owned(),
    })
}

/// WD-10, E-85: who may still send to somebody who is out.
pub(crate) fn straggler(member: &str, gone: &str, found: &coterie_protocol::Straggler) -> String {
    if found.heard {
        format!("{member} knows that {gone} is out, and has not spoken since.")
    } else {
        format!("{member} hasn't heard yet that {gone} is out; what they send can still reach {gone}.")
    }
}

/// WD-8: a seat that is not settled.
pub(crate) fn seat_notice(member: &MemberView) -> Option<String> {
    if member.contested {
        return Some("Two people used one link. Neither gets keys until an organiser decides.".to_owned());
    }
    member.provisional.then(|| "new, not confirmed".to_owned())
}

/// WD-6: until and after a member has a copy of the invite.
pub(crate) const fn invite_sentence(invite: &InviteView) -> &'static str {
    match invite.state {
        InviteState::Open if invite.kept_by == 0 => "Keep this computer on until a member has a copy of this invite.",
        InviteState::Open => "Works while you are offline.",
        InviteState::Used => "Everybody it was for is in.",
        InviteState::Expired => "Its time is over.",
        InviteState::Revoked => "It was withdrawn.",
    }
}

/// EV-7: the word, what it means, and what to do.
pub(crate) const fn alert(kind: AlertKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        AlertKind::Fork => (
            "fork",
            "somebody's program wrote two different things under one number",
            "ask them whether they use a copy of their data folder",
        ),
        AlertKind::DoubleSpend => ("double_spend", "one seat was given away twice", "coterie requests list"),
        AlertKind::Rivalry => (
            "rivalry",
            "the recovery codes named two different organisers; one of them stands",
            "ask those who keep codes whom they meant, and look at coterie group log",
        ),
        AlertKind::Excluded => ("excluded", "a member does not send you keys", "ask them to look at coterie status"),
        AlertKind::Restored => {
            ("restored", "a member's installation is a new one", "compare words with them before you trust it")
        }
        AlertKind::Clone => (
            "clone",
            "this profile is in use on another computer, or lost what it had written",
            "if this is the computer you use: coterie identity here; if not, stop it: coterie down",
        ),
        AlertKind::LinkLeaked => ("link_leaked", "two people used one invite", "coterie requests list"),
        AlertKind::KeyChanged => (
            "key_changed",
            "somebody is here under a name that you know, with another key",
            "ask them by another way, then compare: coterie member verify NAME",
        ),
        AlertKind::BrokenMessage => {
            ("broken_message", "a member's program made a message wrongly; it is not shown", "ask them to update")
        }
        AlertKind::Throttled => ("throttled", "a member sends more than the group can carry", "coterie member list"),
        AlertKind::PeerMisbehaving => (
            "peer_misbehaving",
            "a computer sent something it should not have; it was refused",
            "nothing; it is kept away for a while",
        ),
        AlertKind::HandshakeFailed => (
            "handshake_failed",
            "a member's computer could not prove that it belongs to the group",
            "ask them to look at coterie status",
        ),
        AlertKind::LogLarge => ("log_large", "the membership log of a group is getting large", "coterie group info"),
        AlertKind::Frozen => {
            ("frozen", "a group has no organiser any more: nobody can join or be removed", "coterie group create NAME")
        }
        AlertKind::Replaced => (
            "organiser_replaced",
            "somebody took the organiser's place with the group's recovery codes",
            "ask those who keep the codes whether they agreed: coterie group log",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_the_core_has_words_of_its_own() {
        let errors = [
            CommandError::UnknownGroup,
            CommandError::UnknownMember,
            CommandError::UnknownMessage,
            CommandError::NotAuthor,
            CommandError::UnknownInvite,
            CommandError::UnknownJoin,
            CommandError::UnknownOutbox,
            CommandError::NotMember,
            CommandError::Removed,
            CommandError::SeatLost,
            CommandError::NotAdmin,
            CommandError::Senior,
            CommandError::SeniorsWord,
            CommandError::Frozen,
            CommandError::NoSeat { wanted: 3, free: 1 },
            CommandError::GroupFull,
            CommandError::OwnLink,
            CommandError::BadValue { field: "name" },
            CommandError::TooLarge { bytes: 20_000, max: 16_384 },
            CommandError::NoMemberReachable,
            CommandError::LastOrganiser,
            CommandError::NoEffect { member: None },
            CommandError::TooMany { what: "invites" },
            CommandError::NoRecovery,
            CommandError::NotConfirmed { member: coterie_protocol::MembershipId([1; 32]) },
            CommandError::ForeignCode,
            CommandError::OutdatedRequest,
            CommandError::LeavesOut { operations: 2 },
            CommandError::OtherApproval,
            CommandError::TooFewApprovals { given: 1, wanted: 2 },
            CommandError::OwnRule("MB-A7".into()),
        ];
        let mut whys = std::collections::BTreeSet::new();
        for error in errors {
            let problem = command(error.clone(), "it was not done");
            assert!(problem.status.is_some() && !problem.tries.is_empty(), "{error:?}");
            assert!(whys.insert(problem.why.clone()), "{error:?} has a cause of its own: {}", problem.why);
        }
    }

    #[test]
    fn qr_05_every_broken_link_and_every_refused_join_has_its_own_code() {
        let links =
            [LinkError::NotALink, LinkError::Foreign, LinkError::Version, LinkError::Typo, LinkError::Truncated];
        for error in links {
            assert_eq!(link(error).code.word(), error.code());
        }
        let expected = [
            (JoinRefusal::Used, "link_used"),
            (JoinRefusal::Withdrawn, "link_revoked"),
            (JoinRefusal::Expired, "link_expired"),
            (JoinRefusal::InviterGone, "inviter_gone"),
            (JoinRefusal::Banned, "banned"),
            (JoinRefusal::Full, "group_full"),
            (JoinRefusal::SeatLost, "seat_lost"),
            (JoinRefusal::AlreadyMember, "conflict"),
            (JoinRefusal::Rejected("MB-I6".into()), "refused_by_member"),
        ];
        for (reason, word) in expected {
            assert_eq!(join_refusal(&reason, Some("Harbour")).code.word(), word);
        }
    }
}
