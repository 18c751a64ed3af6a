//! What a token claims of itself: who made it, for whom, and for which time (RFC 7519, section 4.1).

use serde_json::{Map, Value};

use super::{JwtError, LEEWAY_MILLIS};
use crate::protocol::Timestamp;

/// Latest time that is taken: the end of the year 9999.
const LATEST_SECS: f64 = 253_402_300_799.0;

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// The time of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenTime {
    /// When it is over, the difference of clocks included.
    pub(super) expires: Timestamp,
    /// When it was issued; the beginning of time if it does not say so, for then everything revokes it.
    pub(super) issued_at: Timestamp,
}

/// Who has made it, as it says itself.
pub(super) fn issuer(claims: &Claims) -> Result<&str, JwtError> {
    claims.get("iss").and_then(Value::as_str).ok_or(JwtError::Claim("iss"))
}

/// Whether it is for one of these.
pub(super) fn check_audience(claims: &Claims, audiences: &[String]) -> Result<(), JwtError> {
    let is_ours = |audience: &str| audiences.iter().any(|ours| ours == audience);
    let is_for_us = match claims.get("aud") {
        Some(Value::String(audience)) => is_ours(audience),
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
            all.iter().filter_map(Value::as_str).any(is_ours)
        }
        _ => return Err(JwtError::Claim("aud")),
    };
    if is_for_us { Ok(()) } else { Err(JwtError::Audience) }
}

/// Checks `exp`, `nbf` and `iat`.
pub(super) fn check_time(claims: &Claims, now: Timestamp) -> Result<TokenTime, JwtError> {
    let expires = time(claims, "exp")?.ok_or(JwtError::Claim("exp"))?;
    let (until, soon) = (expires.plus_millis(LEEWAY_MILLIS), now.plus_millis(LEEWAY_MILLIS));
    if until <= now {
        return Err(JwtError::Expired(expires));
    }
    let issued_at = time(claims, "iat")?;
    // A token from the future would outlive what is revoked until then.
    let begins = time(claims, "nbf")?.max(issued_at);
    if let Some(begins) = begins.filter(|begins| *begins > soon) {
        return Err(JwtError::Early(begins));
    }
    Ok(TokenTime { expires: until, issued_at: issued_at.unwrap_or_default() })
}

/// A NumericDate. A text of digits is none: other libraries pass over a time that they can't read.
fn time(claims: &Claims, claim: &'static str) -> Result<Option<Timestamp>, JwtError> {
    let secs = match claims.get(claim) {
        None => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(_) => None,
    };
    match secs.filter(|secs| (0.0..=LATEST_SECS).contains(secs)) {
        Some(secs) => Ok(Some(Timestamp::from_millis((secs * 1_000.0) as i64))),
        None => Err(JwtError::Claim(claim)),
    }
}

/// A claim by its name; parts of a nested one stand between dots. A name that has dots itself is found first.
pub(super) fn find<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| find(claims.get(&path[..dot])?.as_object()?, &path[dot + 1..]))
}

/// A claim as text: a text, a whole number, or yes and no.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_audience_is_a_text_or_a_list_of_texts_with_one_of_ours() {
        let ours = ["https://a.example".to_owned(), "b".to_owned()];
        for (audience, result) in [
            (json!("b"), Ok(())),
            (json!(["x", "https://a.example"]), Ok(())),
            (json!("https://a.example/"), Err(JwtError::Audience)),
            (json!(["x"]), Err(JwtError::Audience)),
            (json!([]), Err(JwtError::Audience)),
            (json!(["b", 1]), Err(JwtError::Claim("aud"))),
            (json!({"b": "b"}), Err(JwtError::Claim("aud"))),
            (json!(null), Err(JwtError::Claim("aud"))),
        ] {
            assert_eq!(check_audience(&claims(json!({"aud": audience})), &ours), result, "{audience}");
        }
        assert_eq!(check_audience(&Claims::new(), &ours), Err(JwtError::Claim("aud")));
    }

    #[test]
    fn times_are_numbers_and_may_differ_by_half_a_minute() {
        let at = |secs: i64| Timestamp::from_millis(secs * 1_000);
        let check = |value: Value| check_time(&claims(value), at(1_000));
        assert_eq!(check(json!({"exp": 971})), Ok(TokenTime { expires: at(1_001), issued_at: at(0) }));
        assert_eq!(check(json!({"exp": 970})), Err(JwtError::Expired(at(970))));
        assert_eq!(check(json!({"exp": 1_100, "nbf": 1_030, "iat": 900})).unwrap().issued_at, at(900));
        assert_eq!(check(json!({"exp": 1_100, "nbf": 1_031})), Err(JwtError::Early(at(1_031))));
        assert_eq!(check(json!({"exp": 1_100, "iat": 1_031})), Err(JwtError::Early(at(1_031))));
        assert_eq!(check(json!({"exp": 1_100.5})).unwrap().expires, Timestamp::from_millis(1_130_500));
        for bad in [json!("1100"), json!(-1), json!(1e300), json!(null), json!([1_100]), json!(true)] {
            assert_eq!(check(json!({"exp": bad})), Err(JwtError::Claim("exp")), "{bad}");
            assert_eq!(check(json!({"exp": 1_100, "nbf": bad})), Err(JwtError::Claim("nbf")), "{bad}");
            assert_eq!(check(json!({"exp": 1_100, "iat": bad})), Err(JwtError::Claim("iat")), "{bad}");
        }
        assert_eq!(check(json!({"nbf": 1})), Err(JwtError::Claim("exp")));
    }

    #[test]
    fn a_nested_claim_is_found_by_dots_and_one_with_dots_in_its_name_by_its_name() {
        let claims = claims(json!({"a": {"b": {"c": 1}}, "https://x.example/roles": ["r"], "a.b": 2, "n": 1.5}));
        assert_eq!(find(&claims, "a.b.c"), Some(&json!(1)));
        assert_eq!(find(&claims, "a.b"), Some(&json!(2)));
        assert_eq!(find(&claims, "https://x.example/roles"), Some(&json!(["r"])));
        assert_eq!((find(&claims, "a.c"), find(&claims, "b"), find(&claims, "")), (None, None, None));
        assert_eq!(text(&json!(7)).as_deref(), Some("7"));
        assert_eq!((text(&json!(1.5)), text(&json!(null)), text(&json!(["a"]))), (None, None, None));
    }
}
