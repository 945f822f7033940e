//! Names of a seat's outputs. Consuming an output creates exactly one next one (MB-E5).
//!
//! `bump` and `free` depend only on what was consumed, not on who did it: two admins who withdraw the same link or
//! remove the same person at once agree instead of conflicting.

use crate::crypto::{Field, Label, hash};
use crate::ids::{GroupId, MemberKey, MembershipId, OperationId, Output, SeatNumber};

/// Rule MB-E5: the first output of a seat.
#[must_use]
pub fn root(gid: &GroupId, seat: SeatNumber) -> Output {
    Output(hash(Label::OutRoot, &[Field::B(&gid.0), Field::U(seat.0.into())]).0)
}

/// What a Transfer or Reclaim leaves behind.
#[must_use]
pub fn handed(by: &OperationId, seat: SeatNumber) -> Output {
    Output(hash(Label::OutOp, &[Field::B(&by.0), Field::U(seat.0.into())]).0)
}

/// What a Bump leaves behind.
#[must_use]
pub fn bump(out: &Output) -> Output {
    Output(hash(Label::OutBump, &[Field::B(&out.0)]).0)
}

/// What a person leaves behind.
#[must_use]
pub fn free(join: &MembershipId) -> Output {
    Output(hash(Label::OutFree, &[Field::B(&join.0)]).0)
}

/// Who comes first of several who redeem one output.
#[must_use]
pub fn tie(out: &Output, pk: &MemberKey) -> [u8; 32] {
    hash(Label::Tie, &[Field::B(&out.0), Field::B(&pk.0)]).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn mb_e06_derived_names_match_the_vectors() {
        let root = root(&GroupId([0x11; 32]), SeatNumber(7));
        assert_eq!(root.to_string(), "fd70d2d110cb4d4ab62af7eac7edb273a06e550c849510ecc0a29206f5fd6888");
        assert_eq!(bump(&root).to_string(), "1633f05cab02bbf314f690592519fe05dc05e7957ca49c0511ebdef1a275b7b0");
        assert_eq!(
            free(&MembershipId([0x22; 32])).to_string(),
            "d5bb7795b4eb830c46cff0e8fa407517eb9f25e76f9e8861137a934ad2782924"
        );
        assert_eq!(
            handed(&OperationId([0x33; 32]), SeatNumber(7)).to_string(),
            "8ceabf6320755bf1f1fe025ad384fdd1abebc6b815c0789ebc6c2fea652933a6"
        );
        assert_eq!(
            Output(tie(&root, &MemberKey([0x44; 32]))).to_string(),
            "f30ebbc94c8fd0f8dc2dacb21809cb82f0b938584e5ae9bd0ea2cc2209d28299"
        );
    }
}
