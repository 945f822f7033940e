//! Where a place is: answered from the table in the program, never from a network (LO-1, LO-5).

use std::sync::Arc;

use axum::Json;
use coterie_protocol as core;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::Asked;
use super::super::problem::{Code, Problem};
use super::super::types::{NewLocation, Page, Place};
use super::Node;
use crate::places::{self, Position};

/// Bytes of a question; the longest name of a place has 54.
const QUESTION_BYTES_MAX: usize = 200;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().routes(routes!(find))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Question {
    /// `Lisbon`, `Lisb`, `London, CA`, `38.71,-9.14`, `geo:38.71,-9.14`, `38°42'36"N 9°8'24"W`.
    q: String,
}

/// Places by name, whole names first, then by inhabitants; or the position that was typed.
#[utoipa::path(get, path = "/places", tag = "messages", params(Question),
    responses((status = 200, body = Page<Place>), (status = "default", body = Problem)))]
async fn find(Asked(question): Asked<Question>) -> Result<Json<Page<Place>>, Problem> {
    if question.q.len() > QUESTION_BYTES_MAX {
        let problem = Problem::new(Code::BadValue, "no place was looked for");
        return Err(problem.because(format!("the name is longer than {QUESTION_BYTES_MAX} bytes")));
    }
    Ok(Json(Page::whole(places::find(&question.q).into_iter().map(shown).collect())))
}

fn shown(place: places::Place) -> Place {
    let (lat, lon) = place.position.degrees();
    Place {
        name: place.name.map(|(name, _)| name.to_owned()),
        country: place.name.map(|(_, country)| country.to_owned()),
        lat: lat.into(),
        lon: lon.into(),
        people: place.people,
        whole: place.whole,
    }
}

/// Blurred before it is sealed (LO-2).
pub(super) fn blurred(new: NewLocation) -> Result<core::Location, Problem> {
    let bad = |why: &str| {
        Problem::new(Code::BadValue, "the message was not kept")
            .because(why)
            .advise(["coterie send --location 38.71,-9.14"])
    };
    let position = Position::new(new.lat.number(), new.lon.number());
    let position =
        position.ok_or_else(|| bad("a place lies at -90 to 90 degrees north and -180 to 180 degrees east"))?;
    let location = position.blurred(new.precision, new.label.filter(|label| !label.trim().is_empty()));
    if location.is_sound() { Ok(location) } else { Err(bad("the name of the place is longer than 100 bytes")) }
}
