//! Moments of the API (RFC 3339, UTC) as a person at this computer reads them: local clock, short days.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

/// `14:02`.
#[must_use]
pub fn clock(at: &Value) -> String {
    shown(at, "%H:%M", &TimeZone::system())
}

/// `Mon 23 Nov`.
#[must_use]
pub fn day(at: &Value) -> String {
    shown(at, "%a %-d %b", &TimeZone::system())
}

/// `Mon 23 Nov 14:02`.
#[must_use]
pub fn day_and_clock(at: &Value) -> String {
    shown(at, "%a %-d %b %H:%M", &TimeZone::system())
}

/// `Monday 23 November 2026`: for what is read years later.
#[must_use]
pub fn whole_day(at: &Value) -> String {
    shown(at, "%A %-d %B %Y", &TimeZone::system())
}

/// The day that it is.
#[must_use]
pub fn today() -> String {
    Timestamp::now().to_zoned(TimeZone::system()).strftime("%a %-d %b").to_string()
}

fn shown(at: &Value, format: &str, zone: &TimeZone) -> String {
    let moment = at.as_str().and_then(|at| at.parse::<Timestamp>().ok());
    moment.map_or_else(|| "?".to_owned(), |moment| moment.to_zoned(zone.clone()).strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_are_shown_in_the_zone_of_the_reader() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let at = json!("2026-11-21T23:02:09.500Z");
        assert_eq!(shown(&at, "%a %-d %b %H:%M", &zone), "Sun 22 Nov 01:02");
        assert_eq!(shown(&json!(null), "%H:%M", &zone), "?");
    }
}
