//! Doing a thing only once: the answers of requests that carried an `Idempotency-Key` (AP-14).
//!
//! They are kept in memory, for a day or until the node stops. So a repeated request after a restart is a new one:
//! a face that has lost its answer in a restart looks into the timeline before it repeats.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::problem::{Code, Problem};
use crate::clock::Clock;

/// Answers kept. The oldest goes first; 1,024 sends of a script within a day is a guess.
const KEPT_MAX: usize = 1_024;
/// For how long (AP-14).
const KEPT_MS: u64 = 24 * 3_600_000;
/// Characters of a key (AP-14).
const KEY_CHARS_MAX: usize = 64;

#[derive(Default)]
struct Kept {
    by_key: BTreeMap<String, Entry>,
    order: VecDeque<(u64, String)>,
}

struct Entry {
    request: [u8; 32],
    /// None while it is being carried out.
    answer: Option<(StatusCode, Value)>,
}

/// Answers by key.
#[derive(Default)]
pub(crate) struct Once(Mutex<Kept>);

impl Once {
    /// Carries `wish` out, unless the same request with the same key was: then its answer again.
    pub(crate) async fn perform<T: Serialize>(
        &self,
        headers: &HeaderMap,
        request: &[&[u8]],
        wish: impl Future<Output = Result<(StatusCode, axum::Json<T>), Problem>>,
    ) -> Result<Response, Problem> {
        let Some(key) = read_key(headers)? else {
            return wish.await.map(IntoResponse::into_response);
        };
        let mut hash = Sha256::new();
        for part in request {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        if let Some((status, answer)) = self.begin(&key, hash.finalize().into())? {
            return Ok((status, axum::Json(answer)).into_response());
        }
        // If this future is dropped, the key is free again: the guard sees to it.
        let claim = Claim { once: self, key: Some(key) };
        let (status, axum::Json(answer)) = wish.await?;
        let answer = serde_json::to_value(answer).unwrap_or(Value::Null);
        claim.keep(status, answer.clone());
        Ok((status, axum::Json(answer)).into_response())
    }

    fn begin(&self, key: &str, request: [u8; 32]) -> Result<Option<(StatusCode, Value)>, Problem> {
        let mut kept = self.lock();
        kept.forget_old(Clock::now().mono_ms);
        match kept.by_key.get(key) {
            None => {
                kept.by_key.insert(key.to_owned(), Entry { request, answer: None });
                Ok(None)
            }
            Some(entry) if entry.request != request => {
                Err(Problem::new(Code::Conflict, "the request was not carried out")
                    .because("another request with the same Idempotency-Key came before")
                    .advise(["use a new key for each new thing"]))
            }
            Some(Entry { answer: Some(answer), .. }) => Ok(Some(answer.clone())),
            Some(_) => Err(Problem::new(Code::Busy, "the same request is being carried out")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Each statement leaves the table whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget_old(&mut self, now_ms: u64) {
        while let Some((at, key)) = self.order.front() {
            if self.order.len() <= KEPT_MAX && now_ms.saturating_sub(*at) < KEPT_MS {
                return;
            }
            self.by_key.remove(key);
            self.order.pop_front();
        }
    }
}

/// A key that is in use.
struct Claim<'a> {
    once: &'a Once,
    key: Option<String>,
}

impl Claim<'_> {
    fn keep(mut self, status: StatusCode, answer: Value) {
        let Some(key) = self.key.take() else { return };
        let mut kept = self.once.lock();
        if let Some(entry) = kept.by_key.get_mut(&key) {
            entry.answer = Some((status, answer));
            kept.order.push_back((Clock::now().mono_ms, key));
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.once.lock().by_key.remove(&key);
        }
    }
}

fn read_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(text) if (1..=KEY_CHARS_MAX).contains(&text.len()) => Ok(Some(text.to_owned())),
        _ => Err(Problem::new(Code::BadValue, "the request was not carried out")
            .because("an Idempotency-Key has 1 to 64 plain characters")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn with_key(key: &str) -> HeaderMap {
        HeaderMap::from_iter([(axum::http::HeaderName::from_static("idempotency-key"), key.parse().unwrap())])
    }

    async fn ask(once: &Once, key: &str, body: &[u8], done: &AtomicU32) -> Result<Response, Problem> {
        let wish = async { Ok((StatusCode::CREATED, axum::Json(done.fetch_add(1, Ordering::SeqCst)))) };
        once.perform(&with_key(key), &[b"/groups", body], wish).await
    }

    #[tokio::test]
    async fn ap_14_the_same_key_and_body_is_carried_out_once_and_another_body_is_refused() {
        let (once, done) = (Once::default(), AtomicU32::new(0));
        for _ in 0..3 {
            assert_eq!(ask(&once, "k", b"{}", &done).await.unwrap().status(), StatusCode::CREATED);
        }
        assert_eq!(done.load(Ordering::SeqCst), 1);
        assert_eq!(ask(&once, "k", b"{ }", &done).await.unwrap_err().code, Code::Conflict);
        ask(&once, "l", b"{}", &done).await.unwrap();
        assert_eq!(done.load(Ordering::SeqCst), 2);
        assert_eq!(ask(&once, &"x".repeat(65), b"{}", &done).await.unwrap_err().code, Code::BadValue);
    }

    #[tokio::test]
    async fn ap_14_a_refused_wish_may_be_repeated_and_the_table_is_bounded() {
        let (once, done) = (Once::default(), AtomicU32::new(0));
        let refused = async { Err::<(StatusCode, axum::Json<u32>), _>(Problem::new(Code::NoSeat, "no")) };
        assert!(once.perform(&with_key("k"), &[b"a"], refused).await.is_err());
        ask(&once, "k", b"b", &done).await.unwrap();
        for n in 0..KEPT_MAX + 10 {
            ask(&once, &format!("n{n}"), b"", &done).await.unwrap();
        }
        assert!(once.lock().by_key.len() <= KEPT_MAX + 1);
    }
}
