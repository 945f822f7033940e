//! What runs along below the lanes: rosters that are alike, messages that are everywhere, bytes.

use std::fmt::Write as _;

use super::timeline::{Frame, LEFT, RIGHT, WIDTH};
use crate::oracle::Journey;
use crate::trace::{Line, clock_text};
use crate::world::Census;

/// Height of a strip.
const HEIGHT: u64 = 22;

/// Which part of the messages said so far everybody has who will ever have it: it sinks in a split and rises after.
pub(super) fn everywhere(frame: &Frame<'_>, journeys: &[Journey]) -> String {
    const BINS: u64 = 240;
    let last = |journey: &Journey| journey.shown_us.iter().map(|(_, at)| *at).max().unwrap_or(frame.end_us);
    let base = frame.bottom() + 24 + HEIGHT + 6 + HEIGHT;
    let mut path = format!("M{LEFT} {base}");
    for bin in 0..=BINS {
        let t = frame.end_us / BINS * bin;
        let said = journeys.iter().filter(|journey| journey.said_us <= t).count() as u64;
        let done = journeys.iter().filter(|journey| journey.said_us <= t && last(journey) <= t).count() as u64;
        let height = (HEIGHT * done).checked_div(said).unwrap_or(HEIGHT);
        let _ = write!(path, "L{} {}", frame.x(t), base - height);
    }
    let _ = write!(path, "L{} {base}Z", WIDTH - RIGHT);
    format!(
        "<rect class=\"apart\" x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"{HEIGHT}\"/><path class=\"whole\" d=\"{path}\"><title>messages that everybody has, of those said so far</title></path><text x=\"{}\" y=\"{}\" text-anchor=\"end\">messages</text>",
        base - HEIGHT,
        WIDTH - RIGHT - LEFT,
        LEFT - 10,
        base - 7
    )
}

/// How many rosters were alike: full height is all of them, the rest is those that were not.
pub(super) fn alike(frame: &Frame<'_>, census: &[Census]) -> String {
    let top = frame.bottom() + 24;
    let mut out = format!("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">rosters</text>", LEFT - 10, top + 15);
    for (index, now) in census.iter().enumerate() {
        let until = census.get(index + 1).map_or(frame.end_us, |next| next.at_us);
        let (x, end) = (frame.x(now.at_us), frame.x(until));
        let (width, of) = (end.saturating_sub(x).max(1), u64::from(now.of).max(1));
        let good = HEIGHT * u64::from(now.alike) / of;
        let _ = write!(
            out,
            "<rect class=\"apart\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{}\"/><rect class=\"alike\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{good}\"><title>{} of {} alike from {}</title></rect>",
            HEIGHT - good,
            top + HEIGHT - good,
            now.alike,
            now.of,
            clock_text(now.at_us)
        );
        if width > 60 {
            let _ = write!(
                out,
                "<text class=\"onbar\" x=\"{}\" y=\"{}\">{} of {} see the same seats</text>",
                x + 6,
                top + 15,
                now.alike,
                now.of
            );
        }
    }
    out
}

/// Bytes over time, below the lanes.
pub(super) fn traffic(frame: &Frame<'_>, lines: &[&Line]) -> String {
    const BINS: u64 = 160;
    let mut bins = vec![0_u64; usize::try_from(BINS).unwrap_or(1)];
    for line in lines.iter().filter(|line| line.kind == "frame") {
        let bytes = line.what.rsplit(' ').nth(1).and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        let bin = usize::try_from(line.t.saturating_mul(BINS - 1) / frame.end_us.max(1)).unwrap_or(0);
        if let Some(bin) = bins.get_mut(bin) {
            *bin += bytes;
        }
    }
    let most = bins.iter().copied().max().unwrap_or(0).max(1);
    let base = frame.bottom() + 158;
    let mut path = format!("M{LEFT} {base}");
    for (index, bytes) in bins.iter().enumerate() {
        let x = frame.x(frame.end_us * index as u64 / BINS);
        let _ = write!(path, "L{x} {}", base - 70 * bytes / most);
    }
    let _ = write!(path, "L{} {base}Z", WIDTH - RIGHT);
    let per_second = most.saturating_mul(BINS).saturating_mul(1_000_000) / frame.end_us.max(1);
    format!(
        "<path class=\"traffic\" d=\"{path}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">bytes</text><text class=\"time\" x=\"{}\" y=\"{}\" text-anchor=\"end\">peak {per_second} B/s in all</text>",
        LEFT - 10,
        base,
        WIDTH - RIGHT,
        base + 12
    )
}
