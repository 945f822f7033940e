//! Places: as they are shown, as they are sent, and as they are looked up (LO-1, LO-2, LO-5).

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// Degrees, kept in units of 10⁻⁷ (about a centimetre), written as a plain number: `38.7166667`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Degrees(pub i32);

const UNITS: f64 = 1e7;

impl Degrees {
    /// As a number.
    #[must_use]
    pub fn number(self) -> f64 {
        f64::from(self.0) / UNITS
    }
}

impl From<f64> for Degrees {
    /// What is no angle becomes the nearest one that is.
    #[expect(clippy::cast_possible_truncation, reason = "at most 1.8 thousand million, which an i32 holds; NaN is 0")]
    fn from(degrees: f64) -> Self {
        Self((degrees.clamp(-180.0, 180.0) * UNITS).round() as i32)
    }
}

impl Serialize for Degrees {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.number())
    }
}

impl<'de> Deserialize<'de> for Degrees {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let degrees = f64::deserialize(from)?;
        if !(-180.0..=180.0).contains(&degrees) {
            return Err(de::Error::custom("degrees are -180 to 180"));
        }
        Ok(degrees.into())
    }
}

impl PartialSchema for Degrees {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Number);
        let format = SchemaFormat::KnownFormat(KnownFormat::Double);
        number.format(Some(format)).description(Some("Degrees, seven decimals.")).into()
    }
}

impl ToSchema for Degrees {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Degrees")
    }
}

/// How exactly others learn where it is (LO-2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Within 10 km.
    City,
    /// Within 1 km.
    #[default]
    District,
    /// Within 25 m.
    Exact,
}

/// A place that somebody sent: a circle, and perhaps a name for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Location {
    /// North of the equator.
    pub lat: Degrees,
    /// East of Greenwich.
    pub lon: Degrees,
    /// Of the circle that it lies in, metres.
    pub radius_m: u32,
    /// What its sender calls it: a claim.
    pub label: Option<String>,
    /// What lies there by this computer's own table: `near Lisbon, PT`, `12 km NW of Lisbon, PT`.
    pub near: Option<String>,
}

/// A place to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLocation {
    /// North of the equator, -90 to 90.
    pub lat: Degrees,
    /// East of Greenwich, -180 to 180.
    pub lon: Degrees,
    /// How exactly others learn it: blurred here, before it is sealed.
    #[serde(default)]
    pub precision: Precision,
    /// A name for it, at most 100 bytes.
    #[serde(default)]
    pub label: Option<String>,
}

/// A place of this computer's own table, or a position that was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// `Lisbon`; none of a typed position.
    pub name: Option<String>,
    /// `PT` (ISO 3166-1).
    pub country: Option<String>,
    /// North of the equator.
    pub lat: Degrees,
    /// East of Greenwich.
    pub lon: Degrees,
    /// Inhabitants.
    pub people: u64,
    /// Whether its whole name was typed, not only the beginning.
    pub whole: bool,
}
