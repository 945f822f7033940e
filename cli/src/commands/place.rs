//! `send --location`: which place is meant, asked of the node's own table and of nobody else (LO-1, LO-3).

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::api::Api;
use crate::args::Precision;
use crate::error::Diagnostic;
use crate::text;

/// Of two places with one name the larger is meant, if it has so many times the inhabitants of the other.
const LARGER_TIMES: u64 = 10;
/// So many are named when it is not clear which is meant.
const NAMED_MAX: usize = 8;

/// A place as the API takes it. A name stands for the whole town, unless it was said otherwise.
pub(super) async fn the_place(api: &Api, typed: &str, precision: Option<Precision>) -> Result<Value, Diagnostic> {
    let page = api.get(&format!("/places?q={}", encoded(typed))).await?;
    let found: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
    let place = pick(typed, &found)?;
    let is_named = place["name"].is_string();
    let precision = precision.unwrap_or(if is_named { Precision::City } else { Precision::District });
    let precision = precision.to_possible_value().map(|value| value.get_name().to_owned());
    Ok(json!({
        "lat": place["lat"],
        "lon": place["lon"],
        "precision": precision,
        "label": is_named.then(|| called(place)),
    }))
}

fn pick<'a>(typed: &str, found: &[&'a Value]) -> Result<&'a Value, Diagnostic> {
    let people = |place: &Value| place["people"].as_u64().unwrap_or_default();
    let whole: Vec<&Value> = found.iter().copied().filter(|place| place["whole"] == true).collect();
    match (whole.as_slice(), found) {
        ([only], _) | ([], [only]) => Ok(only),
        ([larger, next, ..], _) if people(larger) >= people(next).saturating_mul(LARGER_TIMES) => Ok(larger),
        (_, []) => {
            let why = "known are places of 15,000 people and more; a position always works";
            let unknown = Diagnostic::new("not_found", 5, format!("no place {:?} is known", text::line(typed)), why);
            Err(unknown.hint("coterie send --location 38.71,-9.14"))
        }
        _ => {
            let several = if whole.len() > 1 { &whole } else { found };
            let named = several.iter().take(NAMED_MAX).map(|place| {
                format!("{} at {},{} with {} people", called(place), place["lat"], place["lon"], people(place))
            });
            let why = format!("it could be {}", named.collect::<Vec<_>>().join("; "));
            let unclear = Diagnostic::new("ambiguous", 5, format!("{:?} is not one place", text::line(typed)), why);
            Err(unclear.hint("coterie send --location \"NAME, COUNTRY\"").hint("coterie send --location LAT,LON"))
        }
    }
}

fn called(place: &Value) -> String {
    let word = |field: &str| place[field].as_str().unwrap_or_default();
    format!("{}, {}", word("name"), word("country"))
}

/// For a query (RFC 3986): every byte but the unreserved ones as `%XX`.
pub(super) fn encoded(typed: &str) -> String {
    let mut encoded = String::new();
    for byte in typed.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town(name: &str, country: &str, people: u64) -> Value {
        json!({ "name": name, "country": country, "lat": 1.5, "lon": 2, "people": people, "whole": true })
    }

    fn begun(name: &str, country: &str) -> Value {
        json!({ "name": name, "country": country, "lat": 1.5, "lon": 2, "people": 1, "whole": false })
    }

    #[test]
    fn lo_03_a_much_larger_place_of_one_name_is_meant_and_otherwise_all_are_named() {
        let (paris, texas) = (town("Paris", "FR", 2_138_551), town("Paris", "US", 24_782));
        assert_eq!(pick("paris", &[&paris, &texas]).unwrap()["country"], "FR");
        let (one, other) = (town("Springfield", "US", 166_810), town("Springfield", "US", 154_341));
        let unclear = pick("springfield", &[&one, &other]).unwrap_err();
        assert_eq!((unclear.code.as_str(), unclear.exit), ("ambiguous", 5));
        assert!(unclear.why.contains("Springfield, US at 1.5,2 with 166810 people"), "{}", unclear.why);
        let (lisbon, lisburn) = (begun("Lisbon", "PT"), begun("Lisburn", "GB"));
        assert_eq!(pick("lisb", &[&lisbon, &lisburn]).unwrap_err().code, "ambiguous");
        assert_eq!(
            pick("lisbo", &[&lisbon]).unwrap()["name"],
            "Lisbon",
            "the beginning is enough if it is the only one"
        );
        assert_eq!(pick("xanadu", &[]).unwrap_err().code, "not_found");
    }

    #[test]
    fn a_question_with_spaces_signs_and_letters_of_all_scripts_survives_the_way() {
        assert_eq!(encoded("São Paulo, BR&q=#x"), "S%C3%A3o%20Paulo%2C%20BR%26q%3D%23x");
    }
}
