//! An issuer of tokens that shares a secret with the server.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use runcast::protocol::Timestamp;
use serde_json::json;

pub(super) const SECRET: &str = "a secret of the issuer and the server";
/// By how much longer a token is good than it says, in seconds: clocks differ.
const LEEWAY: i64 = 30;

/// The setting that lists it: whoever has a token of it may do everything with every run.
pub(super) fn setting() -> (&'static str, String) {
    let rules = json!([{"scopes": ["view", "control", "ops"], "runs": ["*"]}]);
    let issuer = json!({"name": "corp", "issuer": "i", "secret": SECRET, "audiences": ["runcast"], "rules": rules});
    ("RUNCAST__AUTH__ISSUERS", json!([issuer]).to_string())
}

/// The time in seconds.
pub(super) fn now() -> i64 {
    Timestamp::now().as_millis() / 1_000
}

/// A token of somebody that was issued at a time, and is good for so many seconds from now on.
pub(super) fn token(who: &str, issued_at: i64, secs: i64) -> String {
    let claims = json!({"iss": "i", "aud": "runcast", "sub": who, "iat": issued_at, "exp": now() - LEEWAY + secs});
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}
