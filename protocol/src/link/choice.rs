//! Two links with one person: which stays.

use crate::ids::{Boot, Instance, LinkId, MemberKey, Path};

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

/// Watches the starts of one person's installation for a second live copy.
///
/// As N-310 asks. A restart replaces a start for good, and what is left of the old one's link is closed at once; so a
/// start that comes back after another one was never dead: two machines run the same installation.
#[derive(Debug, Default)]
pub struct TwinWatch {
    current: Option<(Instance, Boot)>,
    former: Option<(Instance, Boot)>,
}

impl TwinWatch {
    /// A link is ready. Gives the other live start, if there are two.
    pub fn on_ready(&mut self, instance: Instance, boot: Boot) -> Option<Boot> {
        let new = Some((instance, boot));
        if self.current == new {
            return None;
        }
        let was_here = self.former == new;
        self.former = core::mem::replace(&mut self.current, new);
        self.former.filter(|&(other, _)| was_here && other == instance).map(|(_, boot)| boot)
    }
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

    #[test]
    fn n_310_a_start_that_comes_back_after_another_one_is_a_twin_and_a_restart_is_none() {
        let (mut watch, inst) = (TwinWatch::default(), Instance([1; 16]));
        let boots = [1, 2, 3].map(|n| Boot([n; 8]));
        assert_eq!(boots.map(|boot| watch.on_ready(inst, boot)), [None; 3]);
        assert_eq!(watch.on_ready(inst, boots[2]), None, "the same one again");
        assert_eq!(watch.on_ready(inst, boots[1]), Some(boots[2]));
        assert_eq!(watch.on_ready(inst, boots[2]), Some(boots[1]));
        let other = Instance([2; 16]);
        assert_eq!(watch.on_ready(other, boots[1]), None, "another installation of the same person");
        assert_eq!(watch.on_ready(inst, boots[2]), None);
    }
}
