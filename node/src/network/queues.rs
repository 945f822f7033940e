//! What waits to be sent on one link: four queues, strict order, every one bounded (N-404).
//!
//! Small and important frames overtake large and patient ones, but one frame in eight is of the most patient kind, so
//! that a busy chat doesn't starve catching up. A queue that is full is dropped *whole and with a mark*: the core then
//! asks the peer's vector again, so nothing is lost in silence (N-406). Only order 0 can't be dropped (handshakes,
//! credits, good-byes): a link that is behind with 256 of those is over.

use std::collections::VecDeque;

use bytes::Bytes;
use coterie_protocol::{Channel, GroupFrame};

use super::limits::{
    IN_HAND_BYTES_MAX, P0_FRAMES_MAX, P1_BYTES_MAX, P1_FRAMES_MAX, P2_FRAMES_MAX, P3_BYTES_MAX, P3_FRAMES_MAX, P3_TURN,
};

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offered {
    /// It waits its turn.
    Queued,
    /// Its queue was full and was dropped with it; the core must hear of it.
    Overflowed,
    /// The link can't go on.
    Broken,
}

/// One of the four.
#[derive(Debug)]
struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    frames_max: usize,
    bytes_max: usize,
}

impl Queue {
    const fn new(frames_max: usize, bytes_max: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, frames_max, bytes_max }
    }

    /// Puts a frame last, or says no.
    fn push(&mut self, frame: Bytes) -> Result<(), Full> {
        let bytes = self.bytes.saturating_add(frame.len());
        if self.frames.len() >= self.frames_max || bytes > self.bytes_max {
            return Err(Full);
        }
        self.bytes = bytes;
        self.frames.push_back(frame);
        Ok(())
    }

    fn pop(&mut self) -> Option<Bytes> {
        let frame = self.frames.pop_front()?;
        self.bytes = self.bytes.saturating_sub(frame.len());
        Some(frame)
    }

    fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }

    /// A newer frame of the same kind and slot takes the place of the older one.
    fn replace(&mut self, frame: &Bytes) -> bool {
        let Some(old) = self.frames.iter_mut().find(|old| old.get(..2) == frame.get(..2)) else { return false };
        self.bytes = self.bytes.saturating_sub(old.len()).saturating_add(frame.len());
        *old = frame.clone();
        true
    }
}

/// The queue was full.
struct Full;

/// The four queues of a link.
#[derive(Debug)]
pub(super) struct SendQueues {
    queues: [Queue; 4],
    /// Frames sent since the last one of priority 3.
    since_patient: u32,
}

impl SendQueues {
    /// Rule N-404: the bounds.
    pub(super) const fn new() -> Self {
        Self {
            queues: [
                Queue::new(P0_FRAMES_MAX, usize::MAX),
                Queue::new(P1_FRAMES_MAX, P1_BYTES_MAX),
                Queue::new(P2_FRAMES_MAX, usize::MAX),
                Queue::new(P3_FRAMES_MAX, P3_BYTES_MAX),
            ],
            since_patient: 0,
        }
    }

    /// Puts a whole frame into the queue of its kind.
    ///
    /// Rule N-406: what doesn't fit takes its queue with it, and is told.
    pub(super) fn offer(&mut self, channel: Channel, frame: Bytes) -> Offered {
        let kind = frame.first().copied().unwrap_or_default();
        let priority = priority_of(channel, kind);
        let Some(queue) = self.queues.get_mut(usize::from(priority)) else { return Offered::Broken };
        let superseding = channel == Channel::Group && kind == GroupFrame::State.number();
        if superseding && queue.replace(&frame) {
            return Offered::Queued;
        }
        match queue.push(frame) {
            Ok(()) => Offered::Queued,
            Err(Full) if priority == 0 => Offered::Broken,
            Err(Full) => {
                queue.clear();
                Offered::Overflowed
            }
        }
    }

    /// The next frames, up to 32 KiB (one frame may be longer). Empty if none waits.
    pub(super) fn next_batch(&mut self) -> Vec<Bytes> {
        let mut batch = Vec::new();
        let mut bytes = 0_usize;
        while bytes < IN_HAND_BYTES_MAX {
            let Some(frame) = self.next_frame() else { break };
            bytes = bytes.saturating_add(frame.len());
            batch.push(frame);
        }
        batch
    }

    /// Whether a frame of order 0 or 1 waits.
    pub(super) fn is_urgent(&self) -> bool {
        let [first, second, ..] = &self.queues;
        !first.frames.is_empty() || !second.frames.is_empty()
    }

    /// Whether nothing waits.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.frames.is_empty())
    }

    fn next_frame(&mut self) -> Option<Bytes> {
        let [first, second, third, patient] = &mut self.queues;
        if self.since_patient.saturating_add(1) >= P3_TURN
            && let Some(frame) = patient.pop()
        {
            self.since_patient = 0;
            return Some(frame);
        }
        if let Some(frame) = first.pop().or_else(|| second.pop()).or_else(|| third.pop()) {
            self.since_patient = self.since_patient.saturating_add(1);
            return Some(frame);
        }
        self.since_patient = 0;
        patient.pop()
    }
}

/// Kinds of the group channel have their own; the join channel has one.
fn priority_of(channel: Channel, kind: u8) -> u8 {
    match channel {
        Channel::Join => 0,
        Channel::Group => GroupFrame::from_number(kind).map_or(2, GroupFrame::priority),
    }
}

#[cfg(test)]
mod tests {
    use coterie_protocol::Frame;

    use super::*;

    fn frame(kind: GroupFrame, mark: usize) -> Bytes {
        let body = Bytes::copy_from_slice(&mark.to_be_bytes());
        Frame { kind: kind.number(), slot: 1, body }.to_bytes()
    }

    fn kinds(queues: &mut SendQueues) -> Vec<GroupFrame> {
        let mut kinds = Vec::new();
        loop {
            let batch = queues.next_batch();
            if batch.is_empty() {
                return kinds;
            }
            kinds.extend(batch.iter().filter_map(|frame| GroupFrame::from_number(frame[0])));
        }
    }

    #[test]
    fn n_404_the_small_and_urgent_go_first_but_one_in_eight_is_patient() {
        let mut queues = SendQueues::new();
        for mark in 0..3 {
            assert_eq!(queues.offer(Channel::Group, frame(GroupFrame::Give, mark)), Offered::Queued);
        }
        for mark in 0..20 {
            assert_eq!(queues.offer(Channel::Group, frame(GroupFrame::Push, mark)), Offered::Queued);
        }
        assert_eq!(queues.offer(Channel::Group, frame(GroupFrame::Graft, 0)), Offered::Queued);
        let order = kinds(&mut queues);
        assert_eq!(order.first(), Some(&GroupFrame::Graft));
        let patient: Vec<_> =
            order.iter().enumerate().filter(|(_, kind)| **kind == GroupFrame::Give).map(|(at, _)| at).collect();
        assert_eq!(patient, [7, 15, 23]);
        assert!(queues.is_empty());
    }

    #[test]
    fn n_404_a_newer_state_takes_the_place_of_an_older_one_of_its_slot() {
        let mut queues = SendQueues::new();
        for mark in 0..1_000 {
            assert_eq!(queues.offer(Channel::Group, frame(GroupFrame::State, mark)), Offered::Queued);
        }
        let batch = queues.next_batch();
        assert_eq!(batch, [frame(GroupFrame::State, 999)]);
    }

    #[test]
    fn n_406_one_frame_over_drops_the_whole_queue_and_says_so() {
        for (kind, max) in
            [(GroupFrame::Push, P1_FRAMES_MAX), (GroupFrame::Want, P2_FRAMES_MAX), (GroupFrame::Give, P3_FRAMES_MAX)]
        {
            let mut queues = SendQueues::new();
            assert_eq!(queues.offer(Channel::Group, frame(GroupFrame::Credit, 0)), Offered::Queued);
            for mark in 0..max {
                assert_eq!(queues.offer(Channel::Group, frame(kind, mark)), Offered::Queued);
            }
            assert_eq!(queues.offer(Channel::Group, frame(kind, max)), Offered::Overflowed);
            assert_eq!(kinds(&mut queues), [GroupFrame::Credit], "other queues stay");
        }
    }

    #[test]
    fn n_406_bytes_overflow_like_frames() {
        let mut queues = SendQueues::new();
        let large = Frame { kind: GroupFrame::Push.number(), slot: 1, body: Bytes::from(vec![0; 65_531]) }.to_bytes();
        for _ in 0..P1_BYTES_MAX / large.len() {
            assert_eq!(queues.offer(Channel::Group, large.clone()), Offered::Queued);
        }
        assert_eq!(queues.offer(Channel::Group, large), Offered::Overflowed);
        assert!(queues.is_empty());
    }

    #[test]
    fn n_404_control_frames_are_never_dropped_the_link_ends_instead() {
        let mut queues = SendQueues::new();
        for mark in 0..P0_FRAMES_MAX {
            assert_eq!(queues.offer(Channel::Group, frame(GroupFrame::Graft, mark)), Offered::Queued);
        }
        assert_eq!(queues.offer(Channel::Group, frame(GroupFrame::Graft, 0)), Offered::Broken);
        assert_eq!(kinds(&mut queues).len(), P0_FRAMES_MAX);
    }

    #[test]
    fn n_404_at_most_32_kib_and_one_frame_are_in_hand() {
        let mut queues = SendQueues::new();
        let body = Bytes::from(vec![0; 20 << 10]);
        let push = Frame { kind: GroupFrame::Push.number(), slot: 1, body }.to_bytes();
        for _ in 0..10 {
            queues.offer(Channel::Group, push.clone());
        }
        assert_eq!(queues.next_batch().len(), 2);
    }
}
