//! Where a place is, and what lies near a position, without asking anybody (LO-1, LO-5).
//!
//! The table holds the 24,323 places of at least 15,000 inhabitants, most inhabitants first: GeoNames data, CC BY 4.0,
//! made by `data/places.py`. It lies in the program and is read in place.

mod position;

use std::cmp::Ordering;
use std::sync::OnceLock;

use icu_normalizer::DecomposingNormalizerBorrowed;

pub(crate) use self::position::Position;

static TABLE: &str = include_str!("../data/places.tsv");
/// Answers to one question; who gets as many asks more exactly.
const FOUND_MAX: usize = 20;
/// Further away than this no place says anything about a position.
const NEAR_KM_MAX: f64 = 500.0;
/// Closer than this one is in a place rather than beside it.
const INSIDE_KM: f64 = 5.0;

/// A place of the table, or a position that somebody typed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Name and country (ISO 3166-1); none of a typed position.
    pub(crate) name: Option<(&'static str, &'static str)>,
    /// Its middle.
    pub(crate) position: Position,
    /// Inhabitants.
    pub(crate) people: u64,
    /// Whether that is all that was typed, or only the beginning.
    pub(crate) whole: bool,
}

struct Row {
    name: &'static str,
    country: &'static str,
    position: Position,
    people: u64,
    /// The name as it is typed on a plain keyboard, where it is not just the name in small letters.
    typed: Option<&'static str>,
}

/// The table, read at the first question: 2 MiB that most nodes never need.
fn rows() -> std::slice::Iter<'static, Row> {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| read().collect()).iter()
}

fn read() -> impl Iterator<Item = Row> {
    TABLE.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        let (name, country) = (fields.next()?, fields.next()?);
        let position = Position::new(fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)?;
        Some(Row { name, country, position, people: fields.next()?.parse().ok()?, typed: fields.next() })
    })
}

/// What somebody means who types this: a position (`38.71,-9.14`, `geo:…`, degrees and minutes), or a place by its name or
/// the beginning of it, perhaps with its country (`Paris, FR`). Whole names come first, then larger places.
pub(crate) fn find(typed: &str) -> Vec<Place> {
    if let Some(position) = Position::parse(typed) {
        return vec![Place { name: None, position, people: 0, whole: true }];
    }
    let (name, country) = match typed.rsplit_once(',') {
        // Some names have a comma of their own: Washington, D.C.
        Some((name, country)) if country.trim().len() == 2 => (name, Some(country.trim())),
        _ => (typed, None),
    };
    let wanted = plain(name.trim());
    if wanted.is_empty() {
        return Vec::new();
    }
    let (mut whole, mut begun) = (Vec::new(), Vec::new());
    for row in rows().filter(|row| country.is_none_or(|country| country.eq_ignore_ascii_case(row.country))) {
        let Some(rest) = beginning(row, &wanted) else { continue };
        let place = Place {
            name: Some((row.name, row.country)),
            position: row.position,
            people: row.people,
            whole: rest == Ordering::Equal,
        };
        match place.whole {
            true => whole.push(place),
            false if begun.len() < FOUND_MAX => begun.push(place),
            false => {}
        }
    }
    whole.append(&mut begun);
    whole.truncate(FOUND_MAX);
    whole
}

/// Whether a row's name is what was typed, or goes on behind it.
fn beginning(row: &Row, wanted: &str) -> Option<Ordering> {
    let is = |name: &str| {
        let rest = name.strip_prefix(wanted)?;
        Some(rest.len().cmp(&0))
    };
    match row.typed {
        Some(typed) => is(typed),
        // Only ASCII and letters without marks are left here, so the first byte decides without a copy.
        None if row.name.as_bytes().first().map(u8::to_ascii_lowercase) != wanted.as_bytes().first().copied()
            && row.name.is_ascii() =>
        {
            None
        }
        None => is(&row.name.to_lowercase()),
    }
}

/// As people type a name on a plain keyboard: small letters without marks. `data/places.py` does the same.
fn plain(name: &str) -> String {
    let apart = DecomposingNormalizerBorrowed::new_nfkd().normalize(&name.to_lowercase()).into_owned();
    let mut plain = String::with_capacity(apart.len());
    for letter in apart.chars().filter(|letter| !('\u{300}'..='\u{36f}').contains(letter)) {
        match letter {
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'þ' => plain.push_str("th"),
            'ø' => plain.push('o'),
            'ł' => plain.push('l'),
            'đ' | 'ð' => plain.push('d'),
            'ı' => plain.push('i'),
            'ħ' => plain.push('h'),
            'ŧ' => plain.push('t'),
            'ə' => plain.push('e'),
            'ʻ' | 'ʼ' | '‘' | '’' | '`' | '´' => plain.push('\''),
            other => plain.push(other),
        }
    }
    plain
}

/// Rule LO-6: `near Lisbon, PT` or `12 km NW of Lisbon, PT`; nothing far out at sea. A position is told no more exactly
/// than its circle.
pub(crate) fn near(position: Position, radius_km: f64) -> Option<String> {
    let inside = INSIDE_KM.max(radius_km);
    let mut nearest: Option<(f64, &Row)> = None;
    for row in rows() {
        let reach = nearest.as_ref().map_or(NEAR_KM_MAX, |(km, _)| *km);
        if !position.may_be_within(row.position, reach) {
            continue;
        }
        let km = position.km_to(row.position);
        if km < inside {
            // The largest town of several, for the table begins with them: Lisbon, not one of its quarters.
            return Some(format!("near {}, {}", row.name, row.country));
        }
        if km < reach {
            nearest = Some((km, row));
        }
    }
    let (km, row) = nearest?;
    Some(format!("{km:.0} km {} of {}, {}", row.position.direction_to(position), row.name, row.country))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(typed: &str) -> String {
        let place = find(typed).into_iter().next().unwrap();
        let (name, country) = place.name.unwrap();
        format!("{name}, {country}")
    }

    #[test]
    fn lo_05_places_are_found_by_name_beginning_and_country_without_marks_and_capitals() {
        assert_eq!(first("lisbon"), "Lisbon, PT");
        assert_eq!(first("Tel Av"), "Tel Aviv, IL");
        assert_eq!((first("london"), first("London, ca")), ("London, GB".to_owned(), "London, CA".to_owned()));
        assert_eq!(first("sao paulo"), "São Paulo, BR");
        assert_eq!(first("SÃO PAULO"), "São Paulo, BR");
        assert_eq!(first("lodz"), "Łódź, PL");
        assert_eq!(first("bar"), "Bar, ME", "a whole name before a larger place that only begins so");
        assert!(find("springfield").len() > 5);
        assert_eq!(first("Washington, D.C."), "Washington, D.C., US");
        for nothing in ["", " ", ",", "Xanadu", "Lisbon, XX", "#lisbon", "@lisbon"] {
            assert_eq!(find(nothing), [], "{nothing:?}");
        }
    }

    #[test]
    fn lo_05_the_table_is_whole_and_agrees_with_how_questions_are_read() {
        assert_eq!(rows().count(), TABLE.lines().count());
        assert_eq!(TABLE.lines().count(), 24_323);
        for row in rows() {
            assert_eq!(
                plain(row.name),
                row.typed.map_or_else(|| row.name.to_lowercase(), str::to_owned),
                "{}",
                row.name
            );
            let is_found = || find(row.name).iter().any(|place| place.name == Some((row.name, row.country)));
            assert!(!row.name.contains(',') || is_found(), "{}", row.name);
        }
        let people: Vec<u64> = rows().map(|row| row.people).collect();
        assert!(people.is_sorted_by(|one, next| one >= next));
    }

    #[test]
    fn lo_06_a_position_is_told_by_the_nearest_place() {
        let at = |lat, lon| near(Position::new(lat, lon).unwrap(), 1.0);
        assert_eq!(at(38.71, -9.14).as_deref(), Some("near Lisbon, PT"));
        assert_eq!(at(38.95, -9.42).as_deref(), Some("17 km N of Sintra, PT"));
        assert_eq!(
            near(Position::new(38.95, -9.42).unwrap(), 50.0).as_deref(),
            Some("near Lisbon, PT"),
            "the largest of many"
        );
        assert_eq!(at(0.0, -140.0), None, "in the middle of the Pacific");
        assert!(at(-16.8, -179.99).is_some(), "over the date line: Fiji");
        assert!(at(90.0, 0.0).is_none());
    }

    #[test]
    fn lo_05_a_question_takes_a_blink() {
        let begin = crate::clock::Stopwatch::start();
        for _ in 0..10 {
            find("zzyzx");
            near(Position::new(31.0, -100.0).unwrap(), 1.0);
        }
        // In a build without optimisation, on a busy machine; the aim of a release is 10 ms for one.
        assert!(begin.elapsed_ms() < 10_000, "{} ms", begin.elapsed_ms());
    }
}
