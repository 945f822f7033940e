//! What went wrong, why, and what to try: the one form of every error (ER-1).

use serde_json::{Value, json};

/// An error for a person and, as JSON, for a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Names the object in the user's words.
    pub what: String,
    /// The cause.
    pub why: String,
    /// One to three command lines or actions.
    pub hints: Vec<String>,
    /// Stable word.
    pub code: String,
    /// Exit code.
    pub exit: u8,
    /// For scripts; boxed, because every result carries room for an error.
    pub details: Box<Value>,
}

impl Diagnostic {
    /// A new error.
    #[must_use]
    pub fn new(code: &str, exit: u8, what: impl Into<String>, why: impl Into<String>) -> Self {
        let (what, why, code) = (what.into(), why.into(), code.to_owned());
        Self { what, why, hints: Vec::new(), code, exit, details: Box::new(Value::Null) }
    }

    /// Adds a thing to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What the API said (the body of ER-1).
    #[must_use]
    pub fn from_api(body: &Value) -> Self {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let hints = body["try"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let exit = body["exit"].as_u64().and_then(|exit| u8::try_from(exit).ok()).unwrap_or(1);
        Self {
            what: text("what"),
            why: text("why"),
            hints,
            code: text("code"),
            exit,
            details: Box::new(body["details"].clone()),
        }
    }

    /// Something that should not happen.
    #[must_use]
    pub fn internal(why: &str) -> Self {
        Self::new("internal", 1, "something in Coterie broke", why).hint("coterie doctor")
    }

    /// A mistake in what was typed.
    #[must_use]
    pub fn usage(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new("usage", 2, what, why)
    }

    /// The answer that a danger level asks for is missing (DG-1).
    #[must_use]
    pub fn needs_yes(what: &str) -> Self {
        Self::usage(format!("{what} needs your word"), "this isn't a terminal, so nobody could be asked")
            .hint("add --yes")
    }

    /// The object of `coterie.error/1`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "schema": "coterie.error/1", "code": self.code, "exit": self.exit, "what": self.what, "why": self.why,
            "try": self.hints, "details": self.details,
        })
    }
}
