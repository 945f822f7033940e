//! Two links with one person: which stays.

use crate::ids::{Boot, LinkId, MemberKey, Path};

/// What decides between two links with one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The link.
    pub link: LinkId,
    /// How it gets there now.
    pub path: Path,
    /// Whose key opened it.
    pub opener: MemberKey,
    /// The peer's process start.
    pub boot: Boot,
}

/// The link that stays. Both sides come to the same answer.
///
/// Rule N-309: the better path; on equal paths the one whose opener has the smaller key; opened by the same person
/// twice, the newer one. A link to a newer start of the peer's program always wins (N-310): the older one is what is
/// left of the time before.
#[must_use]
pub fn better<'a>(a: &'a Standing, b: &'a Standing) -> &'a Standing {
    let (older, newer) = if a.link < b.link { (a, b) } else { (b, a) };
    if older.boot != newer.boot {
        return newer;
    }
    if (older.path, older.opener) < (newer.path, newer.opener) { older } else { newer }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(link: u64, path: Path, opener: u8, boot: u8) -> Standing {
        Standing { link: LinkId(link), path, opener: MemberKey([opener; 32]), boot: Boot([boot; 8]) }
    }

    #[test]
    fn n_309_the_better_path_wins_then_the_smaller_opener_and_both_sides_agree() {
        let quic = standing(1, Path::DirectQuic, 9, 1);
        let relayed = standing(2, Path::Relayed, 1, 1);
        assert_eq!(better(&quic, &relayed), &quic);
        assert_eq!(better(&relayed, &quic), &quic);
        let by_one = standing(4, Path::DirectQuic, 1, 1);
        assert_eq!(better(&quic, &by_one), &by_one);
        // The other side numbers its links the other way round.
        let (quic, by_one) = (standing(8, Path::DirectQuic, 9, 1), standing(7, Path::DirectQuic, 1, 1));
        assert_eq!(better(&quic, &by_one), &by_one);
        let again = standing(9, Path::DirectQuic, 9, 1);
        assert_eq!(better(&quic, &again), &again);
    }

    #[test]
    fn n_310_a_restarted_peer_is_used_at_once_whatever_its_path() {
        let (old, new) = (standing(1, Path::DirectQuic, 1, 1), standing(2, Path::Relayed, 9, 2));
        assert_eq!(better(&old, &new), &new);
        assert_eq!(better(&new, &old), &new);
    }
}
