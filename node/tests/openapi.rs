//! The description of the local API is generated from the router and kept beside the crate (VN-1).
//!
//! `COTERIE_BLESS=1 cargo test -p coterie-node --test openapi` writes it anew.

use std::collections::BTreeSet;
use std::path::Path;

use coterie_node::api::problem::Code;
use coterie_node::api::server::openapi_json;
use serde_json::Value;

fn kept() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json")
}

#[test]
fn vn_01_the_kept_description_is_the_one_of_the_router() {
    let made = openapi_json();
    if std::env::var_os("COTERIE_BLESS").is_some() {
        std::fs::write(kept(), &made).unwrap();
    }
    let found = std::fs::read_to_string(kept()).unwrap_or_default();
    assert!(
        found == made,
        "node/openapi.json is not what the router says: COTERIE_BLESS=1 cargo test -p coterie-node --test openapi"
    );
}

/// Every operation, so that none comes or goes unseen.
const OPERATIONS: &[&str] = &[
    "delete /v1/groups/{g}/invites/{i}",
    "delete /v1/groups/{g}/messages/{e}",
    "delete /v1/groups/{g}/messages/{e}/files/{n}",
    "delete /v1/groups/{g}/messages/{e}/pin",
    "delete /v1/groups/{g}/messages/{e}/reactions/{emoji}",
    "delete /v1/joins/{j}",
    "delete /v1/outbox/{o}",
    "get /v1/doctor",
    "get /v1/events",
    "get /v1/groups",
    "get /v1/groups/{g}",
    "get /v1/groups/{g}/invites",
    "get /v1/groups/{g}/invites/{i}",
    "get /v1/groups/{g}/log",
    "get /v1/groups/{g}/members",
    "get /v1/groups/{g}/members/{m}",
    "get /v1/groups/{g}/members/{m}/safety",
    "get /v1/groups/{g}/messages",
    "get /v1/groups/{g}/messages/{e}",
    "get /v1/groups/{g}/messages/{e}/deliveries",
    "get /v1/groups/{g}/messages/{e}/files/{n}",
    "get /v1/groups/{g}/pins",
    "get /v1/groups/{g}/recovery",
    "get /v1/groups/{g}/recovery/request",
    "get /v1/groups/{g}/requests",
    "get /v1/groups/{g}/stragglers",
    "get /v1/groups/{g}/words",
    "get /v1/identity",
    "get /v1/identity/fingerprint",
    "get /v1/joins",
    "get /v1/joins/{j}",
    "get /v1/openapi.json",
    "get /v1/outbox",
    "get /v1/places",
    "get /v1/search",
    "get /v1/status",
    "get /v1/transfers",
    "patch /v1/groups/{g}",
    "patch /v1/groups/{g}/members/{m}",
    "patch /v1/groups/{g}/messages/{e}",
    "patch /v1/identity",
    "post /v1/groups",
    "post /v1/groups/{g}/invites",
    "post /v1/groups/{g}/leave",
    "post /v1/groups/{g}/members/{m}/remove",
    "post /v1/groups/{g}/members/{m}/verify",
    "post /v1/groups/{g}/messages",
    "post /v1/groups/{g}/recovery/take",
    "post /v1/groups/{g}/requests/{r}/approve",
    "post /v1/identity/backup",
    "post /v1/identity/installation",
    "post /v1/identity/lock",
    "post /v1/identity/passphrase",
    "post /v1/identity/unlock",
    "post /v1/joins",
    "post /v1/joins/preview",
    "post /v1/joins/{j}/agree",
    "post /v1/recovery/approve",
    "post /v1/recovery/look",
    "post /v1/shutdown",
    "post /v1/uploads",
    "put /v1/groups/{g}/keeping",
    "put /v1/groups/{g}/messages/{e}/pin",
    "put /v1/groups/{g}/messages/{e}/reactions/{emoji}",
    "put /v1/groups/{g}/mute",
];

#[test]
fn vn_01_every_operation_says_what_it_does_and_what_can_go_wrong() {
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let mut seen = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(path.starts_with("/v1/"), "{name}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name} says what it does");
            seen.insert(name);
        }
    }
    assert_eq!(seen, OPERATIONS.iter().copied().map(str::to_owned).collect());
}

/// What the description says a word is must be what travels: `serde` and `utoipa` read the same attribute.
#[test]
fn js_04_the_words_of_the_description_are_those_that_travel() {
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let words: Vec<&str> = schemas["Code"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(words, codes);
    for (name, schema) in schemas.iter().filter(|(name, _)| name.ends_with("Schema")) {
        let word = schema["enum"][0].as_str().unwrap_or_default();
        assert!(word.starts_with("coterie.") && word.ends_with("/1"), "{name}: {word}");
    }
}

/// Rule JS-4: what a client may rely on stays: every object names its form.
#[test]
fn js_02_every_answer_names_its_form() {
    let document: Value = serde_json::from_str(&openapi_json()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in [
        "Status",
        "Identity",
        "Group",
        "Member",
        "Invite",
        "Join",
        "Preview",
        "Message",
        "Deliveries",
        "Doctor",
        "Request",
        "Problem",
        "Done",
    ] {
        assert!(schemas[name]["properties"]["schema"].is_object(), "{name}");
    }
}
