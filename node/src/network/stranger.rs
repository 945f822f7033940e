//! What a stranger's join may cost: time, bytes each way, by how far it has come (N-204).
//!
//! This side knows nothing of KNOCKs and proofs; it sees what the *core* sends. ANSWER goes out only for a valid KNOCK,
//! ENVELOPE or NEED only after a valid proof, so these frames mark the stages. Pure: time comes in as milliseconds.

use bytes::Bytes;
use coterie_protocol::JoinFrame;

use super::limits::{
    KNOCKED_BYTES_MAX, KNOCKED_LIFE_MS, PROVED_BYTES_IN_MAX, PROVED_BYTES_OUT_MAX, PROVED_IDLE_MS, PROVED_LIFE_MS,
    UNKNOWN_BYTES_MAX, UNKNOWN_LIFE_MS,
};

/// How far a stranger has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No valid KNOCK yet.
    Unknown,
    /// The core has answered one.
    Knocked,
    /// The core has seen the proof.
    Proved,
}

/// What a frame meant for the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A KNOCK came.
    Knocked,
    /// An ANSWER goes.
    Answered,
    /// Anything else.
    Other,
}

/// The books on one stranger's stream.
#[derive(Debug)]
pub(super) struct JoinWatch {
    stage: Stage,
    stage_since: u64,
    progress: u64,
    bytes_in: u64,
    bytes_out: u64,
    knocked: bool,
}

impl JoinWatch {
    /// Opened at `now` (monotonic ms).
    pub(super) const fn new(now: u64) -> Self {
        Self { stage: Stage::Unknown, stage_since: now, progress: now, bytes_in: 0, bytes_out: 0, knocked: false }
    }

    /// A whole frame came in.
    pub(super) fn on_received(&mut self, frame: &Bytes, now: u64) -> Result<Step, &'static str> {
        self.bytes_in = self.bytes_in.saturating_add(length(frame));
        if self.bytes_in > self.bytes_max().0 {
            return Err("a stranger sent too much");
        }
        self.progress = now;
        if kind(frame) == Some(JoinFrame::Knock) {
            self.knocked = true;
            return Ok(Step::Knocked);
        }
        Ok(Step::Other)
    }

    /// A whole frame is about to go out.
    pub(super) fn on_sent(&mut self, frame: &Bytes, now: u64) -> Result<Step, &'static str> {
        let step = match kind(frame) {
            Some(JoinFrame::Answer) => {
                self.enter(Stage::Knocked, now);
                Step::Answered
            }
            Some(JoinFrame::Envelope | JoinFrame::Need) => {
                self.enter(Stage::Proved, now);
                Step::Other
            }
            _ => Step::Other,
        };
        self.bytes_out = self.bytes_out.saturating_add(length(frame));
        if self.bytes_out > self.bytes_max().1 {
            return Err("too much for a stranger");
        }
        self.progress = now;
        Ok(step)
    }

    /// Milliseconds until this stream must end; 0: now.
    pub(super) const fn left_ms(&self, now: u64) -> u64 {
        let (life, idle) = match self.stage {
            Stage::Unknown => (UNKNOWN_LIFE_MS, UNKNOWN_LIFE_MS),
            Stage::Knocked => (KNOCKED_LIFE_MS, KNOCKED_LIFE_MS),
            Stage::Proved => (PROVED_LIFE_MS, PROVED_IDLE_MS),
        };
        let life = self.stage_since.saturating_add(life).saturating_sub(now);
        let idle = self.progress.saturating_add(idle).saturating_sub(now);
        if life < idle { life } else { idle }
    }

    /// Whether a KNOCK came that nobody answered.
    pub(super) fn was_refused(&self) -> bool {
        self.knocked && self.stage == Stage::Unknown
    }

    /// In, out.
    const fn bytes_max(&self) -> (u64, u64) {
        match self.stage {
            Stage::Unknown => (UNKNOWN_BYTES_MAX, UNKNOWN_BYTES_MAX),
            Stage::Knocked => (KNOCKED_BYTES_MAX, KNOCKED_BYTES_MAX),
            Stage::Proved => (PROVED_BYTES_IN_MAX, PROVED_BYTES_OUT_MAX),
        }
    }

    fn enter(&mut self, stage: Stage, now: u64) {
        if self.stage != stage && self.stage != Stage::Proved {
            self.stage = stage;
            self.stage_since = now;
        }
    }
}

fn kind(frame: &Bytes) -> Option<JoinFrame> {
    JoinFrame::from_number(*frame.first()?)
}

fn length(frame: &Bytes) -> u64 {
    u64::try_from(frame.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use coterie_protocol::{FRAME_HEADER_BYTES, Frame};

    use super::*;

    fn frame(kind: JoinFrame, bytes: u64) -> Bytes {
        let body = vec![0; usize::try_from(bytes).unwrap() - FRAME_HEADER_BYTES];
        Frame { kind: kind.number(), slot: 0, body: Bytes::from(body) }.to_bytes()
    }

    #[test]
    fn n_204_bytes_before_a_valid_knock_and_one_over() {
        let mut watch = JoinWatch::new(0);
        assert_eq!(watch.on_received(&frame(JoinFrame::Knock, 1_024), 1), Ok(Step::Knocked));
        assert!(watch.on_received(&frame(JoinFrame::Knock, 5), 1).is_err());
        assert!(watch.was_refused());
    }

    #[test]
    fn n_204_bytes_after_a_knock_and_after_the_proof() {
        let mut watch = JoinWatch::new(0);
        watch.on_received(&frame(JoinFrame::Knock, 100), 1).unwrap();
        assert_eq!(watch.on_sent(&frame(JoinFrame::Answer, 100), 1), Ok(Step::Answered));
        assert!(!watch.was_refused());
        watch.on_received(&frame(JoinFrame::Prove, 3_996), 2).unwrap();
        assert!(watch.on_received(&frame(JoinFrame::Prove, 5), 2).is_err());

        let mut watch = JoinWatch::new(0);
        watch.on_sent(&frame(JoinFrame::Answer, 100), 1).unwrap();
        watch.on_sent(&frame(JoinFrame::Envelope, 60_000), 2).unwrap();
        watch.on_received(&frame(JoinFrame::Fetch, 256 << 10), 3).unwrap();
        assert!(watch.on_received(&frame(JoinFrame::Fetch, 5), 3).is_err());
        let mut sent = 60_100;
        while sent + 60_000 <= 24 << 20 {
            watch.on_sent(&frame(JoinFrame::Operations, 60_000), 3).unwrap();
            sent += 60_000;
        }
        assert!(watch.on_sent(&frame(JoinFrame::Operations, (24 << 20) - sent + 1), 3).is_err());
    }

    #[test]
    fn n_204_each_stage_has_its_life() {
        let mut watch = JoinWatch::new(1_000);
        assert_eq!(watch.left_ms(10_999), 1);
        assert_eq!(watch.left_ms(11_000), 0);
        watch.on_received(&frame(JoinFrame::Knock, 100), 9_000).unwrap();
        assert_eq!(watch.left_ms(11_000), 0, "a knock alone gives no time");
        watch.on_sent(&frame(JoinFrame::Answer, 100), 10_000).unwrap();
        assert_eq!(watch.left_ms(19_999), 1);
        watch.on_sent(&frame(JoinFrame::Envelope, 100), 15_000).unwrap();
        assert_eq!(watch.left_ms(15_000), 60_000, "a minute without progress");
        for second in 16..=614 {
            watch.on_received(&frame(JoinFrame::Fetch, 5), second * 1_000).unwrap();
        }
        assert_eq!(watch.left_ms(614_000), 1_000, "ten minutes in all");
    }
}
