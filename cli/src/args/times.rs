//! Spans of time and moments as people type them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// `2026-11-21` (where its day begins on this computer), `2026-11-21 14:00`, `2026-11-21T14:00:00Z`, or so long ago: `7d`.
pub(super) fn moment(typed: &str) -> Result<Timestamp, String> {
    moment_in(typed, (&TimeZone::system(), Timestamp::now()))
}

fn moment_in(typed: &str, (zone, now): (&TimeZone, Timestamp)) -> Result<Timestamp, String> {
    let wrong = || format!("write it like 2026-11-21, \"2026-11-21 14:00\", 2026-11-21T14:00:00Z or 7d, not {typed:?}");
    let typed = typed.trim();
    let found = if let Ok(ago) = duration(typed) {
        now.checked_sub(ago).ok()
    } else if let (10, Ok(day)) = (typed.len(), typed.parse::<Date>()) {
        day.to_zoned(zone.clone()).ok().map(|day| day.timestamp())
    } else if let Ok(moment) = typed.parse::<Timestamp>() {
        Some(moment)
    } else {
        let local = typed.parse::<DateTime>().ok();
        local.and_then(|local| local.to_zoned(zone.clone()).ok()).map(|moment| moment.timestamp())
    };
    found.filter(|moment| *moment >= Timestamp::UNIX_EPOCH).ok_or_else(wrong)
}

/// `30s`, `5m`, `24h`, `7d`, `2w`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("write it like 30s, 5m, 24h or 7d, not {text:?}"))?;
    let unit = match text.strip_prefix(digits).unwrap_or_default() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err("give it a unit: s, m, h, d or w".to_owned()),
    };
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(|| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_day_a_clock_an_instant_or_so_long_ago() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        for (typed, meant) in [
            ("2026-11-21", "2026-11-20T22:00:00Z"),
            ("2026-11-21 14:00", "2026-11-21T12:00:00Z"),
            ("2026-11-21T14:00:00Z", "2026-11-21T14:00:00Z"),
            ("7d", "2026-11-14T12:00:00Z"),
        ] {
            assert_eq!(moment_in(typed, (&zone, now)).map(|at| at.to_string()).as_deref(), Ok(meant), "{typed}");
        }
        for wrong in ["", "yesterday", "2026-13-01", "2026-02-30", "1960-01-01", "99999999d", "2026-11-2"] {
            assert!(moment_in(wrong, (&zone, now)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        assert_eq!(duration("1w"), duration("7d"));
        assert!(duration("7").is_err() && duration("x").is_err() && duration("18446744073709551615d").is_err());
    }
}
