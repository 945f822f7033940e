//! What went wrong, in words, with one stable code: the body of every refusal and the source of every exit code.
//!
//! A program branches on [`Code`], a person reads `what`, `why` and `try`. Codes are a contract: one may be added,
//! none may be renamed, removed or given another meaning (JS-4). Ordinary absence is no problem: nobody online or a
//! message that waits are states with a sentence (ER-2).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $word:tt $exit:literal $status:literal $why:literal [$($try:literal),+];)+) => {
        /// Rule EX-1: every reason for which a wish is not carried out, with its exit code, its HTTP status (0 on
        /// the right of the table: it never travels over HTTP), what it means and what to do about it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        pub enum Code { $($(#[$doc])* #[serde(rename = $word)] $variant),+ }

        impl Code {
            /// All of them, by exit code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands in JSON.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What the program's exit code becomes.
            #[must_use]
            pub const fn exit(self) -> u8 {
                match self { $(Self::$variant => $exit),+ }
            }

            /// The HTTP status; none for what only a client can meet.
            #[must_use]
            pub const fn status(self) -> Option<u16> {
                let status = match self { $(Self::$variant => $status),+ };
                if status == 0 { None } else { Some(status) }
            }

            /// The usual cause, for when nothing closer is known.
            #[must_use]
            pub const fn why(self) -> &'static str {
                match self { $(Self::$variant => $why),+ }
            }

            /// What usually helps: command lines or actions.
            #[must_use]
            pub const fn tries(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($try),+]),+ }
            }
        }
    };
}

codes! {
    /// Our own mistake.
    Internal "internal" 1 500 "the program met a state that it did not expect; nothing of yours was changed" ["coterie doctor", "try it once more"];
    /// It does not fit the present state.
    Conflict "conflict" 1 409 "things have changed since you looked" ["look again, then repeat it"];
    /// The store failed; reading still works.
    StoreReadOnly "store_read_only" 1 503 "the disk gave errors, so nothing is written until the program starts again" ["coterie doctor", "coterie down && coterie up"];
    /// The data folder cannot be used.
    DataDirUnusable "data_dir_unusable" 1 500 "the data folder must be yours alone and writable" ["coterie doctor"];
    /// The last moment of the link has passed.
    LinkExpired "link_expired" 1 410 "this invite was only good until a certain time, which has passed" ["ask for a new invite"];
    /// The link was withdrawn.
    LinkRevoked "link_revoked" 1 410 "the person who made it, or another organiser, took it back" ["ask for a new invite"];
    /// Who made the link may not invite any more.
    InviterGone "inviter_gone" 1 410 "the person who made this invite can no longer invite people to the group" ["ask another organiser for an invite"];
    /// The seat went to somebody else.
    SeatLost "seat_lost" 1 409 "somebody else's claim to the same seat counts before yours" ["ask for a new invite"];
    /// A member refused a join for a reason of form.
    RefusedByMember "refused_by_member" 1 409 "the member who was asked did not accept the request" ["try it again later", "ask for a new invite"];
    /// Leaving would freeze the group (WD-5).
    LastOrganiser "last_organiser" 1 409 "you are the last organiser: without you the group freezes, everybody can write, nobody can join or be removed" ["coterie member promote SOMEBODY", "coterie leave --confirm NAME"];
    /// Too much at once; trying again helps.
    Busy "busy" 1 503 "the node has its hands full at the moment; nothing was lost" ["try it again in a second"];
    /// A command line that makes no sense.
    Usage "usage" 2 0 "the command line is not complete, or has a part that is not known" ["coterie help"];
    /// A value that cannot be used.
    BadValue "bad_value" 2 400 "a value is empty, too long, or not of the form that is expected" ["coterie help"];
    /// A field that this version does not know.
    UnknownField "unknown_field" 2 400 "the request has a field that this node does not know; a typing error, or a newer client" ["correct the name of the field", "coterie down && coterie up"];
    /// Not an invite at all.
    NotALink "not_a_link" 2 400 "an invite begins with coterie:J/" ["paste the whole invite, or scan its code"];
    /// A link of another program.
    LinkForeign "link_foreign" 2 400 "this link belongs to another program" ["ask for a Coterie invite; it begins with coterie:J/"];
    /// A part is missing.
    LinkTruncated "link_truncated" 2 400 "the end of the invite is missing; chat programs sometimes break long lines" ["copy the whole invite once more", "scan its code instead"];
    /// Of a newer form.
    LinkVersion "link_version" 2 400 "the invite was made by a newer Coterie" ["install the newest Coterie"];
    /// A character is wrong.
    LinkTypo "link_typo" 2 400 "a character of the invite is wrong" ["copy it once more rather than typing it", "scan its code instead"];
    /// One's own link.
    OwnLink "own_link" 2 400 "this is your own invite" ["send it to the person you want to invite"];
    /// No node serves the socket.
    NodeDown "node_down" 3 0 "no node is running for this profile" ["coterie up"];
    /// The node is still opening its store, or closing.
    NodeStarting "node_starting" 3 503 "the node is opening its store" ["wait a moment", "coterie status"];
    /// The socket belongs to somebody else.
    SocketDenied "socket_denied" 3 0 "the node's socket belongs to another user" ["run the command as the user who started the node"];
    /// Another node holds the profile.
    ProfileInUse "profile_in_use" 3 0 "another process holds the data folder of this profile" ["coterie status", "coterie down"];
    /// Client and node do not understand each other.
    ApiMismatch "api_mismatch" 3 0 "the node runs another version of the program" ["coterie down && coterie up"];
    /// Nobody could be asked.
    NoMemberReachable "no_member_reachable" 3 503 "no member of the group is in reach at the moment" ["try it again when somebody is online", "coterie status"];
    /// One is not in the group.
    NotMember "not_member" 4 403 "you are not a member of this group" ["coterie group list", "ask for an invite"];
    /// Only organisers may.
    NotAdmin "not_admin" 4 403 "only an organiser of the group may do this" ["ask an organiser: coterie member list"];
    /// Guests may not.
    GuestMayNot "guest_may_not" 4 403 "guests may read and write, but not this" ["ask an organiser: coterie member list"];
    /// One was removed.
    Removed "removed" 4 403 "an organiser removed you from this group" ["ask for a new invite"];
    /// One's key is banned.
    Banned "banned" 4 403 "the group does not let you in again" ["ask an organiser to lift the ban"];
    /// The rules of the group say no.
    PolicyForbids "policy_forbids" 4 403 "the rules of the group do not allow it" ["coterie group info", "ask an organiser: coterie member list"];
    /// Not enough of a group's recovery codes have agreed.
    TooFewApprovals "too_few_approvals" 4 409 "a new organiser needs the consent of more recovery codes" ["ask the others who keep a code: coterie group recovery request"];
    /// No such thing.
    NotFound "not_found" 5 404 "nothing here has that name or id" ["coterie group list"];
    /// More than one thing fits.
    Ambiguous "ambiguous" 5 409 "more than one thing fits" ["use a longer part of the id"];
    /// Kept, and not delivered within the time asked for.
    NotDeliveredYet "not_delivered_yet" 6 0 "nobody who was due has confirmed it within the time you gave; it is kept and goes on by itself" ["coterie status"];
    /// The identity is locked.
    Locked "locked" 8 423 "the identity is protected by a passphrase, which is needed first" ["coterie up --passphrase-file FILE"];
    /// The passphrase does not fit, or its slot is damaged (EX-2).
    WrongPassphrase "wrong_passphrase" 8 403 "the passphrase is wrong, or the vault file is damaged" ["try it again", "coterie identity restore FILE"];
    /// Not one of the group's recovery codes, or mistyped.
    WrongCode "wrong_code" 8 403 "the recovery code has a typing error, or belongs to another group" ["type it once more, as it stands on the paper"];
    /// All seats are taken.
    GroupFull "group_full" 9 409 "all 100 seats are taken" ["coterie member list"];
    /// Every seat of the link is taken.
    LinkUsed "link_used" 9 409 "somebody else has used this invite already" ["ask for a new invite"];
    /// One has no seat to give.
    NoSeat "no_seat" 9 409 "all seats in your hands are taken or promised by an open invite" ["coterie invite list", "coterie invite revoke ID"];
    /// Too many bytes.
    TooLarge "too_large" 9 413 "it is larger than what a message or request may be" ["make it shorter, or split it"];
    /// Too often, or too many at once.
    RateLimited "rate_limited" 9 429 "there are too many of these at once" ["wait a moment and try it again"];
    /// The disk is full.
    DiskFull "disk_full" 9 507 "disk full: not saved" ["free some space on the disk, then try it again", "coterie status"];
}

/// The tag in every problem's JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ErrorSchema {
    /// The only form so far.
    #[default]
    #[serde(rename = "coterie.error/1")]
    V1,
}

/// Rule ER-1: one refusal: what was not done, why, and one to three things that help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Form of this object.
    #[serde(default)]
    pub schema: ErrorSchema,
    /// Stable word to branch on.
    pub code: Code,
    /// HTTP status, if it came over HTTP.
    pub status: Option<u16>,
    /// Exit code of the command line.
    pub exit: u8,
    /// What was not done, naming the thing in the person's words.
    pub what: String,
    /// The cause.
    pub why: String,
    /// One to three commands or actions.
    #[serde(rename = "try")]
    pub tries: Vec<String>,
    /// More, for programs.
    #[schema(value_type = Object)]
    pub details: Map<String, Value>,
}

impl Problem {
    /// A refusal with the usual cause and advice of its code.
    #[must_use]
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self {
            schema: ErrorSchema::V1,
            code,
            status: code.status(),
            exit: code.exit(),
            what: what.into(),
            why: code.why().to_owned(),
            tries: code.tries().iter().map(|&line| line.to_owned()).collect(),
            details: Map::new(),
        }
    }

    /// With a closer cause.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// With closer advice in place of the usual.
    #[must_use]
    pub fn advise<I: Into<String>>(mut self, tries: impl IntoIterator<Item = I>) -> Self {
        self.tries = tries.into_iter().map(Into::into).take(3).collect();
        self
    }

    /// With one more fact for programs.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ex_01_every_code_has_an_exit_a_status_a_cause_and_advice() {
        for &code in Code::ALL {
            let json = serde_json::to_value(code).unwrap();
            assert_eq!(json, code.word(), "the word in JSON is the word of the table");
            assert!((1..=9).contains(&code.exit()), "{code:?}");
            assert!(code.status().is_none_or(|status| (400..600).contains(&status)), "{code:?}");
            assert!(!code.why().is_empty() && (1..=3).contains(&code.tries().len()), "{code:?}");
            assert!(!code.why().ends_with('.'), "{code:?}: the faces put the full stop");
        }
    }

    #[test]
    fn ex_01_only_what_a_client_meets_alone_has_no_status() {
        let alone: Vec<&str> =
            Code::ALL.iter().filter(|code| code.status().is_none()).map(|code| code.word()).collect();
        let expected = ["usage", "node_down", "socket_denied", "profile_in_use", "api_mismatch", "not_delivered_yet"];
        assert_eq!(alone, expected);
    }

    #[test]
    fn er_01_a_problem_says_all_its_parts_in_json() {
        let problem = Problem::new(Code::NoSeat, "you have no free seat of Harbour to give").detail("wanted", 2);
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["schema"], "coterie.error/1");
        assert_eq!(json["code"], "no_seat");
        assert_eq!(json["status"], 409);
        assert_eq!(json["exit"], 9);
        assert_eq!(json["details"]["wanted"], 2);
        assert_eq!(json["try"].as_array().unwrap().len(), 2);
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }
}
