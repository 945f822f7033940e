//! A failing story made small: what is left when everything that does not matter is gone.
//!
//! Delta debugging (Zeller, Hildebrandt 2002) over the actions, then values made simple. It works because luck is cut
//! into streams (SIM-10): what one action draws does not depend on whether another one is there. A story counts as the
//! same failure if the same invariant breaks (SIM-60).

use crate::oracle::Violation;
use crate::scenario::{Act, Scenario, Tie, Timed};
use crate::world::{Options, Verdict, World};

/// A small story that fails.
pub struct Small {
    /// The story.
    pub scenario: Scenario,
    /// What fails in it.
    pub violation: Violation,
}

impl Small {
    /// The file, with what it shows in its first lines (SIM-61).
    #[must_use]
    pub fn to_text(&self) -> String {
        let violation = &self.violation;
        format!("# {}: {}\n{}", violation.id, violation.text.replace('\n', " "), self.scenario.to_text())
    }
}

struct Search<'a> {
    id: String,
    runs: u32,
    most: u32,
    tell: &'a mut dyn FnMut(u32, usize),
}

/// Makes a failing story small within so many runs; nothing if it does not fail.
pub fn shrink(scenario: &Scenario, most: u32, tell: &mut dyn FnMut(u32, usize)) -> Option<Small> {
    let violation = failure(scenario)?;
    let mut search = Search { id: violation.id, runs: 0, most, tell };
    let mut best = scenario.clone();
    search.try_all(&mut best, vec![|story| story.limit.quiesce_us = story.limit.quiesce_us.min(90_000_000)]);
    search.drop_actions(&mut best);
    search.try_all(&mut best, simpler_settings());
    search.shorten(&mut best);
    search.drop_actions(&mut best);
    search.drop_last_hosts(&mut best);
    let violation = failure(&best)?;
    Some(Small { scenario: best, violation })
}

fn failure(scenario: &Scenario) -> Option<Violation> {
    match World::new(scenario.clone(), Options::default()).run().verdict {
        Verdict::Good => None,
        Verdict::Failed(violation) => Some(violation),
    }
}

type Change = fn(&mut Scenario);

fn simpler_settings() -> Vec<Change> {
    vec![
        |story| story.tie = Tie::Fifo,
        |story| story.links.clear(),
        |story| story.hosts.clear(),
        |story| story.links.iter_mut().for_each(|link| link.quality.loss_ppm = 0),
        |story| story.links.iter_mut().for_each(|link| link.quality.jitter_us = 0),
    ]
}

impl Search<'_> {
    fn fails(&mut self, story: &Scenario) -> bool {
        if self.runs >= self.most {
            return false;
        }
        self.runs += 1;
        (self.tell)(self.runs, story.timed.len());
        failure(story).is_some_and(|violation| violation.id == self.id)
    }

    /// Takes runs of actions away, long ones first.
    fn drop_actions(&mut self, best: &mut Scenario) {
        let mut chunk = best.timed.len().div_ceil(2).max(1);
        loop {
            let mut at = 0;
            while at < best.timed.len() {
                let mut story = best.clone();
                story.timed.drain(at..(at + chunk).min(story.timed.len()));
                if self.fails(&story) {
                    *best = story;
                } else {
                    at += chunk;
                }
            }
            if chunk == 1 {
                return;
            }
            chunk = chunk.div_ceil(2);
        }
    }

    fn try_all(&mut self, best: &mut Scenario, changes: Vec<Change>) {
        for change in changes {
            let mut story = best.clone();
            change(&mut story);
            if story != *best && self.fails(&story) {
                *best = story;
            }
        }
    }

    /// Fewer repetitions.
    fn shorten(&mut self, best: &mut Scenario) {
        for index in 0..best.timed.len() {
            for _ in 0..8 {
                let mut story = best.clone();
                let Some(Timed { act: Act::Say { pace, .. }, .. }) = story.timed.get_mut(index) else { break };
                if pace.for_us <= pace.every_us.max(1) {
                    break;
                }
                pace.for_us = pace.for_us / 2_000 * 1_000;
                if !self.fails(&story) {
                    break;
                }
                *best = story;
            }
        }
    }

    /// Members that nothing names need not be there.
    fn drop_last_hosts(&mut self, best: &mut Scenario) {
        while best.outsiders == 0 && best.nodes > 2 {
            let mut story = best.clone();
            story.nodes -= 1;
            story.group.members.retain(|&host| host < story.nodes);
            story.group.admins.retain(|&host| host < story.nodes);
            // A story that still names the host does not read back.
            let Ok(mut story) = Scenario::parse(&story.to_text()) else { return };
            story.timed.iter_mut().for_each(|timed| timed.line = 0);
            if !self.fails(&story) {
                return;
            }
            *best = story;
        }
    }
}
