//! What this life found wrong with its store, and what became of it: told in `status` for as long as the node runs, so
//! that a loss is never silent (ST-41, ST-90).

use std::path::Path;

use coterie_protocol::Findings;

use crate::store::Condition;

/// Everything there is to tell about the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Diagnosis {
    renewed: Option<Renewed>,
    without_snapshots: bool,
    rolled_back: bool,
    lost_records: u64,
    census_lost: bool,
}

/// A store that was begun anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Renewed {
    aside: Option<String>,
    rescue: Rescue,
}

/// Whether groups and contacts were there to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rescue {
    /// They were in the rescue file.
    Found,
    /// Only the identity is left.
    Missing,
}

/// One thing to tell: what happened, what that means, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) what: String,
    pub(crate) why: String,
    pub(crate) tries: Vec<String>,
}

impl Diagnosis {
    /// What the opening found.
    pub(crate) fn of_opening(condition: &Condition, rescue: Rescue) -> Self {
        let mut found = Self::default();
        match condition {
            Condition::Sound => {}
            Condition::SnapshotsPutAside(_) => found.without_snapshots = true,
            Condition::Replaced(aside) => found.note_renewed(Some(aside), rescue),
            Condition::Lost => found.note_renewed(None, rescue),
        }
        found
    }

    /// The store is older than the one that was closed (ST-100).
    pub(crate) const fn note_roll_back(&mut self) {
        self.rolled_back = true;
    }

    /// A new store was begun.
    pub(crate) fn note_renewed(&mut self, aside: Option<&Path>, rescue: Rescue) {
        self.renewed = Some(Renewed { aside: aside.map(|path| path.display().to_string()), rescue });
        // What was wrong with the old one is no news any more.
        (self.lost_records, self.census_lost) = (0, false);
    }

    /// What a reading of the store has shown. The larger finding counts: a later look sees more kinds.
    pub(crate) fn note(&mut self, findings: &Findings) {
        let missing: u64 = findings.miscounts.iter().map(|kind| kind.expected.abs_diff(kind.found).max(1)).sum();
        let damaged = u64::try_from(findings.damaged.len()).unwrap_or(u64::MAX);
        self.lost_records = self.lost_records.max(missing.max(damaged));
        self.census_lost |= findings.census_lost;
    }

    /// How many records are known to be gone.
    pub(crate) const fn lost_records(&self) -> u64 {
        self.lost_records
    }

    /// All there is to tell.
    pub(crate) fn told(&self) -> Vec<Told> {
        let tell = |what: &str, why: String, tries: &[&str]| Told {
            what: what.to_owned(),
            why,
            tries: tries.iter().map(|&line| line.to_owned()).collect(),
        };
        let mut told = Vec::new();
        if let Some(Renewed { aside, rescue }) = &self.renewed {
            let kept = aside.as_ref().map_or_else(
                || "the folder of the old one was gone".to_owned(),
                |path| format!("the old one is kept in {path}"),
            );
            let back = match rescue {
                Rescue::Found => "groups and contacts are back, and what others still hold comes from them",
                Rescue::Missing => "only the identity is left: ask for new invites, or restore a backup",
            };
            told.push(tell(
                "the messages on this computer could not be opened, and a new store was begun",
                format!("{kept}; {back}"),
                &["coterie group list", "coterie status"],
            ));
        }
        if self.without_snapshots {
            let why = "they were damaged and are kept aside";
            told.push(tell("the store was opened without its snapshots", why.to_owned(), &["coterie doctor --deep"]));
        }
        if self.rolled_back {
            let why = "what is missing is fetched from members again, and this computer goes on as a new installation";
            let what = "the store is older than it was: its end was damaged, or an older copy was put back";
            told.push(tell(what, why.to_owned(), &["keep the node running until a member was in reach"]));
        }
        if self.lost_records > 0 || self.census_lost {
            let what = match (self.lost_records, self.census_lost) {
                (0, _) => "the list of what should be on this computer's disk was damaged".to_owned(),
                (1, _) => "1 record on this computer's disk is damaged or missing".to_owned(),
                (n, _) => format!("{n} records on this computer's disk are damaged or missing"),
            };
            let why = "what others still hold is fetched from them; lines whose only copy was here stay away";
            told.push(tell(&what, why.to_owned(), &["coterie doctor --deep", "check this disk: it may be failing"]));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coterie_protocol::Miscount;

    #[test]
    fn a_sound_store_has_nothing_to_tell_and_each_finding_one_thing_with_advice() {
        let sound = Diagnosis::of_opening(&Condition::Sound, Rescue::Found);
        assert_eq!(sound.told(), Vec::new());
        let mut worst = Diagnosis::of_opening(&Condition::SnapshotsPutAside("/s".into()), Rescue::Found);
        worst.note_roll_back();
        worst.note(&Findings { census_lost: true, ..Findings::default() });
        assert_eq!(worst.told().len(), 3);
        assert!(worst.told().iter().all(|told| !told.tries.is_empty() && !told.why.is_empty()));
    }

    #[test]
    fn st_90_it_says_where_the_old_store_lies_and_what_is_back() {
        let told = |rescue| Diagnosis::of_opening(&Condition::Replaced("/data/broken-7".into()), rescue).told();
        assert!(told(Rescue::Found)[0].why.contains("/data/broken-7"));
        assert!(told(Rescue::Found)[0].why.contains("groups and contacts are back"));
        assert!(told(Rescue::Missing)[0].why.contains("only the identity"));
    }

    #[test]
    fn st_41_a_swapped_record_counts_though_the_number_is_right() {
        let mut found = Diagnosis::default();
        let miscounts =
            vec![Miscount { kind: 0x14, expected: 5, found: 5 }, Miscount { kind: 0x13, expected: 5, found: 3 }];
        found.note(&Findings { miscounts, ..Findings::default() });
        assert_eq!(found.lost_records(), 3);
        found.note(&Findings::default());
        assert_eq!(found.lost_records(), 3, "a look at fewer kinds takes nothing back");
    }
}
