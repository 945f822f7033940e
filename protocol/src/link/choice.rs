//! Two links with one person: which stays, and when two links mean that one installation runs twice.

use crate::ids::{Boot, Instance, LinkId, MemberKey, Path};
use crate::limits::TWIN_MS;
use crate::time::Timestamp;

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

/// Watches the links of one person for a copy of the same installation that runs at the same time.
///
/// Rule N-310: frames on an older and a newer link of one installation, with different starts, for 30 s.
#[derive(Debug, Default)]
pub struct TwinWatch {
    current: Option<Seen>,
    former: Option<Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    instance: Instance,
    boot: Boot,
    ready: Timestamp,
}

impl TwinWatch {
    /// A link with the person is ready.
    pub fn on_ready(&mut self, instance: Instance, boot: Boot, now: Timestamp) {
        if self.current.is_some_and(|seen| seen.instance == instance && seen.boot == boot) {
            return;
        }
        self.former = self.current.replace(Seen { instance, boot, ready: now });
    }

    /// A frame came on a link of that start. What to send as TWIN to both, if there are two.
    #[must_use]
    pub fn on_frame(&self, instance: Instance, boot: Boot, now: Timestamp) -> Option<(Instance, Boot)> {
        let (current, former) = (self.current?, self.former?);
        let from_former = former.instance == instance && former.boot == boot && current.boot != boot;
        let is_twin = from_former && current.instance == instance && now.since(current.ready) >= TWIN_MS;
        is_twin.then_some((instance, current.boot))
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
    fn n_310_two_starts_of_one_installation_for_thirty_seconds_are_a_twin() {
        let (mut watch, start) = (TwinWatch::default(), Timestamp::new(0, 0));
        let (inst, old, new) = (Instance([1; 16]), Boot([1; 8]), Boot([2; 8]));
        watch.on_ready(inst, old, start);
        assert_eq!(watch.on_frame(inst, old, start.plus_ms(60_000)), None);
        watch.on_ready(inst, new, start.plus_ms(100_000));
        assert_eq!(watch.on_frame(inst, old, start.plus_ms(129_999)), None, "what was still on its way");
        assert_eq!(watch.on_frame(inst, new, start.plus_ms(130_000)), None);
        assert_eq!(watch.on_frame(inst, old, start.plus_ms(130_000)), Some((inst, new)));
    }

    #[test]
    fn n_310_another_installation_of_the_same_person_is_no_twin() {
        let (mut watch, start) = (TwinWatch::default(), Timestamp::new(0, 0));
        watch.on_ready(Instance([1; 16]), Boot([1; 8]), start);
        watch.on_ready(Instance([2; 16]), Boot([2; 8]), start);
        assert_eq!(watch.on_frame(Instance([1; 16]), Boot([1; 8]), start.plus_ms(90_000)), None);
    }
}
