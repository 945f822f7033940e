//! A position on Earth: how people type it, how it is blurred before anybody else sees it, and how far it is from another.

use coterie_protocol::Location;

use crate::api::types::{Degrees, Precision};

/// Of the Earth as a ball; great circles are good to half a percent.
const EARTH_KM: f64 = 6_371.0;
const DIRECTIONS: [&str; 8] = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
/// Towards the poles, cells keep this part of their width, so that a step is never wider than the Earth (LO-2).
const COS_MIN: f64 = 0.1;

/// Degrees north and east.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Position {
    lat: f64,
    lon: f64,
}

impl Position {
    /// If it is on Earth.
    pub(crate) fn new(lat: f64, lon: f64) -> Option<Self> {
        ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some(Self { lat, lon })
    }

    /// Degrees, north and east.
    pub(crate) const fn degrees(self) -> (f64, f64) {
        (self.lat, self.lon)
    }

    /// Reads `38.71,-9.14`, `38.71 -9.14`, `geo:38.71,-9.14;u=35` (RFC 5870), `38°42'36"N 9°8'24"W`.
    pub(crate) fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        if let Some(uri) = typed.strip_prefix("geo:") {
            let mut numbers = uri.split([';', '?']).next()?.split(',');
            return Self::new(number(numbers.next()?)?, number(numbers.next()?)?);
        }
        if let Some((lat, lon)) = typed.split_once([',', ' '])
            && let (Some(lat), Some(lon)) = (number(lat), number(lon))
        {
            return Self::new(lat, lon);
        }
        let middle = typed.find(['N', 'S', 'n', 's'])? + 1;
        let (lat, lon) = (typed.get(..middle)?, typed.get(middle..)?);
        Self::new(by_compass(lat, ['N', 'S'])?, by_compass(lon.trim_start_matches([',', ' ']), ['E', 'W'])?)
    }

    /// Rule LO-2: the middle of the cell of a fixed grid that it lies in; not random noise, which averages out.
    pub(crate) fn blurred(self, precision: Precision, label: Option<String>) -> Location {
        let (cell, radius_m) = match precision {
            Precision::City => (0.1, 10_000),
            Precision::District => (0.01, 1_000),
            Precision::Exact => {
                return Location {
                    lat_e7: Degrees::from(self.lat).0,
                    lon_e7: Degrees::from(self.lon).0,
                    radius_m: 25,
                    label,
                };
            }
        };
        // Cells are counted from the pole and the date line, so each lies wholly on Earth; the last one may be narrow.
        let middle = |from: f64, value: f64, step: f64, max: f64| {
            let begin = ((value - from) / step).floor() * step + from;
            if begin >= max { max } else { f64::midpoint(begin, (begin + step).min(max)) }
        };
        let lat = middle(-90.0, self.lat, cell, 90.0);
        let lon = middle(-180.0, self.lon, cell / lat.to_radians().cos().max(COS_MIN), 180.0);
        Location { lat_e7: Degrees::from(lat).0, lon_e7: Degrees::from(lon).0, radius_m, label }
    }

    /// The way over the ground, by the haversine formula.
    pub(crate) fn km_to(self, other: Self) -> f64 {
        let half = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let along = self.lat.to_radians().cos() * other.lat.to_radians().cos() * half(self.lon, other.lon);
        2.0 * EARTH_KM * (half(self.lat, other.lat) + along).sqrt().min(1.0).asin()
    }

    /// Whether it could be that near, by the latitude alone: what most places of the Earth fail.
    pub(crate) fn may_be_within(self, other: Self, km: f64) -> bool {
        (self.lat - other.lat).abs() <= (km / EARTH_KM).to_degrees()
    }

    /// The compass point under which another one is seen.
    pub(crate) fn direction_to(self, other: Self) -> &'static str {
        let (here, there) = (self.lat.to_radians(), other.lat.to_radians());
        let turn = (other.lon - self.lon).to_radians();
        let east = turn.sin() * there.cos();
        let north = here.cos() * there.sin() - here.sin() * there.cos() * turn.cos();
        let eighths = (east.atan2(north).to_degrees() / 45.0).round().rem_euclid(8.0);
        let names = DIRECTIONS.iter().zip(0_u8..);
        names.filter(|(_, n)| f64::from(*n) <= eighths).last().map_or("N", |(name, _)| name)
    }
}

impl From<&Location> for Position {
    fn from(location: &Location) -> Self {
        Self { lat: Degrees(location.lat_e7).number(), lon: Degrees(location.lon_e7).number() }
    }
}

/// A plain decimal number; not `inf`, `nan` or `1e9`.
fn number(typed: &str) -> Option<f64> {
    let typed = typed.trim();
    let plain = !typed.is_empty() && typed.chars().all(|one| one.is_ascii_digit() || "+-.".contains(one));
    typed.parse().ok().filter(|_| plain)
}

/// Degrees, perhaps minutes and seconds, and a letter for the direction.
fn by_compass(typed: &str, [plus, minus]: [char; 2]) -> Option<f64> {
    let typed = typed.trim();
    let letter = typed.chars().next_back()?.to_ascii_uppercase();
    let sign = if letter == plus {
        1.0
    } else if letter == minus {
        -1.0
    } else {
        return None;
    };
    let marks = ['°', '\'', '"', '′', '″', '’', '”', 'º', ' '];
    let mut parts = typed.get(..typed.len().checked_sub(1)?)?.split(marks).filter(|part| !part.is_empty());
    let degrees = number(parts.next()?).filter(|degrees| *degrees >= 0.0)?;
    let mut sixtieth = || match parts.next() {
        None => Some(0.0),
        Some(part) => number(part).filter(|part| (0.0..60.0).contains(part)),
    };
    let (minutes, seconds) = (sixtieth()?, sixtieth()?);
    if parts.next().is_some() {
        return None;
    }
    Some(sign * (degrees + minutes / 60.0 + seconds / 3_600.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lo_03_positions_are_read_in_the_forms_that_people_paste() {
        let forms = [
            "38.71,-9.14",
            " 38.71, -9.14 ",
            "38.71 -9.14",
            "geo:38.71,-9.14",
            "geo:38.71,-9.14;u=35",
            "geo:38.71,-9.14?z=12",
            "38°42'36\"N 9°8'24\"W",
            "38° 42′ 36″ N, 9° 8′ 24″ W",
            "38.71N 9.14W",
        ];
        for form in forms {
            let (lat, lon) = Position::parse(form).unwrap_or_else(|| panic!("{form}")).degrees();
            assert!((lat - 38.71).abs() < 1e-9 && (lon + 9.14).abs() < 1e-9, "{form}: {lat} {lon}");
        }
        for bad in [
            "",
            "38.71",
            "91,0",
            "0,181",
            "nan,0",
            "inf,inf",
            "1e1,0",
            "geo:",
            "geo:1",
            "38°99'N 9°W",
            "N W",
            "Lisbon",
            "°N°E",
            "é,ü",
        ] {
            assert_eq!(Position::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_compass_and_the_distance_are_right() {
        let at = |lat, lon| Position::new(lat, lon).unwrap();
        let (lisbon, porto) = (at(38.717, -9.133), at(41.150, -8.610));
        assert!((lisbon.km_to(porto) - 274.0).abs() < 2.0, "{}", lisbon.km_to(porto));
        assert_eq!((lisbon.direction_to(porto), porto.direction_to(lisbon)), ("N", "S"));
        assert_eq!(at(0.0, 179.9).direction_to(at(0.0, -179.9)), "E");
        assert!((at(0.0, 179.9).km_to(at(0.0, -179.9)) - 22.2).abs() < 0.1);
        assert_eq!(at(10.0, 10.0).direction_to(at(9.0, 9.0)), "SW");
        assert_eq!(at(0.0, 0.0).direction_to(at(0.01, -0.01)), "NW");
    }

    proptest! {
        #[test]
        fn lo_02_a_blurred_place_is_within_its_circle_and_says_no_more_the_second_time(
            lat in -90.0..=90.0_f64, lon in -180.0..=180.0_f64,
        ) {
            let here = Position::new(lat, lon).unwrap();
            for precision in [Precision::City, Precision::District, Precision::Exact] {
                let told = here.blurred(precision, None);
                prop_assert!(told.is_sound(), "{told:?}");
                let middle = Position::from(&told);
                let off_m = here.km_to(middle) * 1_000.0;
                prop_assert!(off_m <= f64::from(told.radius_m), "{off_m} m off with {precision:?}");
                prop_assert_eq!(middle.blurred(precision, None), told);
            }
        }

        #[test]
        fn lo_02_two_places_of_one_cell_are_told_alike(lat in -89.0..89.0_f64, lon in -179.0..179.0_f64) {
            let told = Position::new(lat, lon).unwrap().blurred(Precision::City, None);
            let middle = Position::from(&told);
            let (lat, lon) = middle.degrees();
            for (north, east) in [(0.049, 0.0), (-0.049, 0.0), (0.0, 0.049), (0.0, -0.049)] {
                let beside = Position::new(lat + north, lon + east).unwrap();
                prop_assert_eq!(beside.blurred(Precision::City, None), told.clone());
            }
        }
    }
}
