//! What comes in from a client, read within bounds: JSON bodies, ids in the path, queries; and problems on their way
//! out.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::problem::{Code, Problem};

/// JSON bodies (AP-3).
const BODY_BYTES_MAX: usize = 1 << 20;
/// To receive one (AP-3).
const BODY_MS_MAX: u64 = 30_000;

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        // Rule AP-16.
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// A JSON body of known form, with the bytes as they came (AP-14 compares them).
#[derive(Debug)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// How it was written.
    pub bytes: axum::body::Bytes,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Rule AP-6: a plain form or text never changes anything.
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(Problem::new(Code::BadValue, "the request was not read")
                .because("a request that changes something needs Content-Type: application/json")
                .advise(["add the header Content-Type: application/json"]));
        }
        let reading = to_bytes(request.into_body(), BODY_BYTES_MAX);
        let bytes = tokio::time::timeout(Duration::from_millis(BODY_MS_MAX), reading)
            .await
            .map_err(|_| {
                Problem::new(Code::Busy, "the request was not read").because("its body did not arrive in time")
            })?
            .map_err(|_| {
                Problem::new(Code::TooLarge, "the request was not read").because("its body is over 1 MiB, or broke off")
            })?;
        let value = serde_json::from_slice(&bytes).map_err(|error| unreadable(&error.to_string()))?;
        Ok(Self { value, bytes })
    }
}

/// The query part of the address, with unknown names refused.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(value)| Self(value)).map_err(|error| unreadable(&error.body_text()))
    }
}

/// The ids in the address; one that is not well-formed is a thing that does not exist (AP-12).
#[derive(Debug)]
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|_| Problem::new(Code::NotFound, "there is no such address"))
    }
}

/// Rule AP-13: a field that is not known is named.
fn unreadable(error: &str) -> Problem {
    let field = error.split("unknown field `").nth(1).and_then(|tail| tail.split('`').next());
    match field {
        Some(field) => {
            Problem::new(Code::UnknownField, format!("the field “{field}” is not known")).detail("field", field)
        }
        None => Problem::new(Code::BadValue, "the request was not understood").because(error),
    }
}
