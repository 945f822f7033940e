//! Which admitted entries count: cuts of Removes and Leaves, several at once, across a member's installations.
//!
//! A cut names points; an entry lies within a point if it *is* that entry or an ancestor of it by `prev`, or by `prior`
//! from an entry 0 (E-29). An entry of someone removed counts if each of his cuts has a point around it (E-30), so the
//! order of removals does not matter. On the way along a branch it is: first all count, then none does.

use alloc::vec::Vec;

use super::Logs;
use super::state::Place;
use crate::ids::{LogId, MembershipId, Point};
use crate::limits;

/// What the present fold says of a member's words (MB-C1, last column).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// All count.
    Count,
    /// Ended: only what lies within every one of these cuts (one list of points for each Remove and Leave).
    UpTo(Vec<Vec<Point>>),
    /// Lost: none counts (E-33).
    Void,
}

impl Logs {
    /// Rules E-29 to E-33: whether an admitted entry is shown, opened and gives keys, by the present fold.
    #[must_use]
    pub fn honoured(&self, place: &Place, words: &Words) -> bool {
        match words {
            Words::Count => true,
            Words::Void => false,
            Words::UpTo(cuts) => cuts.iter().all(|points| points.iter().any(|point| self.is_within(place, point))),
        }
    }

    /// The highest honoured sequence number of a branch; none if nothing of it counts.
    #[must_use]
    pub fn honoured_to(&self, log: &LogId, branch: u8, words: &Words) -> Option<u64> {
        let top = self.branch_state(log, branch)?.seq;
        let counts = |seq| self.honoured(&Place { log: *log, branch, seq }, words);
        if counts(top) {
            return Some(top);
        }
        // What counts is a beginning of the branch: halve the distance between a number that counts (or −1, written
        // as a length of 0) and one that does not.
        let (mut length, mut void) = (0, top);
        while length < void {
            let middle = length.midpoint(void);
            if counts(middle) {
                length = middle.saturating_add(1);
            } else {
                void = middle;
            }
        }
        length.checked_sub(1)
    }

    /// Rule E-31: the points for a Remove (or the own Leave): of each log the newest entry held, the newest installation
    /// first, without what another point includes, at most eight; ascending by installation as the operation has them.
    #[must_use]
    pub fn cuts_for(&self, mid: &MembershipId) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::new();
        for (_, log) in self.ranked(mid) {
            let Some(branch) = self.longest_branch(&log) else { continue };
            let Some(state) = self.branch_state(&log, branch) else { continue };
            let head = Place { log, branch, seq: state.seq };
            if points.iter().any(|point| self.is_within(&head, point)) {
                continue;
            }
            points.push(Point { inst: log.inst, seq: state.seq, eid: state.head });
            if points.len() >= limits::CUTS_MAX {
                break;
            }
        }
        points.sort_unstable_by_key(|point| point.inst);
        points
    }

    /// Whether the entry is the point's or an ancestor of it; by number only while the point's entry is not held
    /// (E-32).
    fn is_within(&self, place: &Place, point: &Point) -> bool {
        let mid = place.log.mid;
        let mut point = *point;
        // Each turn goes to a log with a lower number, so the turns are at most as many as the logs.
        for _ in 0..self.logs_of(&mid).count() {
            let log = LogId { mid, inst: point.inst };
            let target = self.place_of(&point.eid).filter(|at| at.log == log && at.seq == point.seq);
            if place.log == log {
                return place.seq <= point.seq
                    && target.is_none_or(|at| {
                        self.logs.get(&log).is_some_and(|held| held.leads_to(place.branch, place.seq, at.branch))
                    });
            }
            let Some(prior) = self.prior_of(&log, target.map_or(0, |at| at.branch)) else { return false };
            point = prior;
        }
        false
    }

    /// The newest entry of the installation before, as a branch of this log names it. Rule R-38: it counts only if that
    /// log has a lower number.
    fn prior_of(&self, log: &LogId, branch: u8) -> Option<Point> {
        let state = self.branch_state(log, branch)?;
        let point = state.prior?;
        let before = self.logs.get(&LogId { mid: log.mid, inst: point.inst })?;
        (before.inst_no() < state.inst_no).then_some(point)
    }
}
