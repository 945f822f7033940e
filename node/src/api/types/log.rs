//! The membership log of a group, as a person or a program reads it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Time, tag};

tag!(GroupLogSchema "coterie.group_log/1");

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogOperation {
    /// Its id.
    pub id: String,
    /// Its logical time: larger than that of everything it rests on.
    pub lamport: u64,
    /// When, by the author's clock.
    pub at: Time,
    /// What kind it is.
    pub kind: String,
    /// The author's membership.
    pub author: String,
    /// The author's name in the Join, or "founder".
    pub author_name: String,
    /// The office it is done under.
    pub office: Option<String>,
    /// What it rests on.
    pub deps: Vec<String>,
    /// What it does, in words.
    pub does: String,
    /// What became of it, in words.
    pub verdict: String,
    /// The rule by which it is void or changed nothing; none if it counts.
    pub rule: Option<String>,
}

/// One seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogSeat {
    /// Its number.
    pub seat: u8,
    /// The office that owns its output.
    pub custody: String,
    /// The office that stands for it now.
    pub custodian: Option<String>,
    /// The membership that sits there.
    pub occupant: Option<String>,
    /// Under what name.
    pub name: Option<String>,
    /// The office whose link the occupant used; none for the founder.
    pub issuer: Option<String>,
    /// The operation that confirmed the occupant.
    pub confirmed_by: Option<String>,
}

/// One office, by rank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogOffice {
    /// The office: the Promote that made it, or the Genesis.
    pub office: String,
    /// Who holds it.
    pub holder: String,
    /// The holder's name.
    pub name: String,
    /// Each Promote from the founder down to it.
    pub rank: Vec<String>,
    /// Whether it can act now.
    pub standing: bool,
}

/// Two operations that one person, or one set of recovery keys, signed and that don't go together. Nobody is punished by
/// it: a restored backup forks innocently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogProof {
    /// `fork`: two after one; `double`: one office gave one output twice; `rivalry`: the recovery keys put two others in
    /// the place of one office.
    pub kind: String,
    /// The membership, or the office.
    pub who: String,
    /// One operation.
    pub first: String,
    /// The other.
    pub second: String,
}

/// The whole log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupLog {
    /// Which form this is.
    pub schema: GroupLogSchema,
    /// Two people with the same operations see the same value.
    pub state_hash: String,
    /// All operations, oldest first.
    pub operations: Vec<LogOperation>,
    /// Ids of operations that name something that is not here yet.
    pub waiting: Vec<String>,
    /// All seats, by number.
    pub seats: Vec<LogSeat>,
    /// Offices that exist, senior first.
    pub offices: Vec<LogOffice>,
    /// Proofs.
    pub proofs: Vec<LogProof>,
}
