//! Settings of a group, as they are typed: NAME=VALUE.

use std::time::Duration;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// What newcomers get of what was said before.
    History(Past),
    /// How newcomers come in (MB-D17).
    Admittance(Admittance),
}

/// What newcomers get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nothing.
    Nothing,
    /// So many days.
    Days(u16),
    /// All that was said since this was set.
    All,
}

/// How newcomers come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admittance {
    /// They wait without keys until an organiser confirms them.
    AfterConfirm,
    /// They take part as soon as they come by a link.
    ByLink,
}

/// For how long what is said is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For ever.
    All,
    /// So many days.
    Days(u16),
}

/// For how long a group is muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MuteFor {
    /// Until it is undone.
    Always,
    /// So long.
    Span(Duration),
}

/// The longest mute that ends by itself.
const MUTE_MAX: Duration = Duration::from_secs(366 * 86_400);

/// The most days of either kind.
const PAST_DAYS_MAX: u16 = 3_660;
const KEEP_DAYS_MAX: u16 = 3_653;

/// Reads `history=none`, `history=30d`, `history=30`, `history=all`, `require-confirm=on` or `require-confirm=off`.
pub(super) fn setting(text: &str) -> Result<Setting, String> {
    let past = |value| match value {
        "none" => Ok(Past::Nothing),
        "all" => Ok(Past::All),
        days_typed => days(days_typed, PAST_DAYS_MAX).map(Past::Days).map_err(|why| format!("none, all, or {why}")),
    };
    match text.split_once('=') {
        Some(("history", value)) => past(value).map(Setting::History),
        Some(("require-confirm", "on")) => Ok(Setting::Admittance(Admittance::AfterConfirm)),
        Some(("require-confirm", "off")) => Ok(Setting::Admittance(Admittance::ByLink)),
        Some(("require-confirm", _)) => Err("on or off".to_owned()),
        _ => Err("the settings are history=none, 30d or all, and require-confirm=on or off".to_owned()),
    }
}

/// Reads `30d`, `30` or `all`.
pub(super) fn keeping(text: &str) -> Result<Keep, String> {
    match text {
        "all" => Ok(Keep::All),
        typed => days(typed, KEEP_DAYS_MAX).map(Keep::Days).map_err(|why| format!("all, or {why}")),
    }
}

/// Reads `8h`, `1w` or `always`.
pub(super) fn muting(text: &str) -> Result<MuteFor, String> {
    if text == "always" {
        return Ok(MuteFor::Always);
    }
    let span = super::times::duration(text).ok().filter(|span| !span.is_zero() && *span <= MUTE_MAX);
    span.map(MuteFor::Span).ok_or_else(|| "always, or up to 366 days such as 30m, 8h, 3d or 1w".to_owned())
}

/// Reads `30d` or `30`.
fn days(text: &str, max: u16) -> Result<u16, String> {
    let days = text.strip_suffix('d').unwrap_or(text).parse().ok().filter(|days| (1..=max).contains(days));
    days.ok_or_else(|| format!("1 to {max} days such as 30d"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_110_words_are_kept_for_days_or_for_ever() {
        assert_eq!(
            (keeping("30d"), keeping("7"), keeping("all")),
            (Ok(Keep::Days(30)), Ok(Keep::Days(7)), Ok(Keep::All))
        );
        for bad in ["", "0", "0d", "-1d", "3654", "week", "30h"] {
            assert!(keeping(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cv_11_a_mute_has_an_end_or_none() {
        let hours = |hours: u64| Ok(MuteFor::Span(Duration::from_secs(hours * 3_600)));
        assert_eq!((muting("8h"), muting("1w"), muting("always")), (hours(8), hours(168), Ok(MuteFor::Always)));
        for bad in ["", "0h", "8", "53w", "-1h", "forever"] {
            assert!(muting(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn e_86_history_is_none_days_or_all() {
        assert_eq!(setting("history=none"), Ok(Setting::History(Past::Nothing)));
        assert_eq!(setting("history=all"), Ok(Setting::History(Past::All)));
        let past_days = |days| Ok(Setting::History(Past::Days(days)));
        assert_eq!((setting("history=30d"), setting("history=3660")), (past_days(30), past_days(3_660)));
        assert_eq!(setting("require-confirm=on"), Ok(Setting::Admittance(Admittance::AfterConfirm)));
        for bad in [
            "history",
            "history=",
            "history=0d",
            "history=9999",
            "history=-1",
            "colour=red",
            "=all",
            "require-confirm=yes",
        ] {
            assert!(setting(bad).is_err(), "{bad}");
        }
    }
}
