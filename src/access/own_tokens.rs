//! Tokens that this server gives for an hour: what it has found out about somebody, signed.
//!
//! `rcjt_`, the payload as JSON in base64url, a dot, and HMAC-SHA256 of all before the dot. Any node that has the key
//! verifies it without asking anybody.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::jwt::MAX_TOKEN_BYTES;
use super::{AuthError, Identity};
use crate::protocol::{PrincipalKind, Rights, RunPatterns, Scopes, Timestamp};

/// Begins every token, so that scanners of source code find those that were committed.
const PREFIX: &str = "rcjt_";

/// What the keys of tokens are derived for, from a key of `auth.signing_keys`.
pub const OWN_TOKEN_PURPOSE: &[u8] = b"runcast: key of access tokens";

/// Signs tokens of this server and verifies them.
#[derive(Clone)]
pub struct OwnTokens(Arc<[hmac::Key]>);

/// What a token says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    sub: Arc<str>,
    name: Arc<str>,
    kind: PrincipalKind,
    scopes: Scopes,
    runs: RunPatterns,
    /// Milliseconds since the Unix epoch, as `iat` is.
    exp: i64,
    iat: i64,
    jti: Arc<str>,
    /// The credentials that it was made with.
    with: Vec<Arc<str>>,
}

impl OwnTokens {
    /// The first key signs, all of them verify. `None` without a key.
    pub fn new(keys: &[[u8; 32]]) -> Option<Self> {
        let keys: Arc<[hmac::Key]> = keys.iter().map(|key| hmac::Key::new(hmac::HMAC_SHA256, key)).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// A token for this identity, which gets an id of its own as its credential. `None` when the system has no randomness,
    /// or when the rights never end.
    pub fn issue(&self, identity: &Identity) -> Option<(String, Identity)> {
        let mut id = [0; 16];
        rand::fill(&mut id).ok()?;
        let jti: Arc<str> = format!("token:{}", URL_SAFE_NO_PAD.encode(id)).into();
        let identity = Identity { credential: jti, ..identity.clone() };
        let payload = Payload {
            sub: identity.subject.clone(),
            name: identity.name.clone(),
            kind: identity.kind,
            scopes: identity.rights.scopes,
            runs: identity.rights.runs.clone(),
            exp: identity.rights.expires?.as_millis(),
            iat: identity.issued_at.as_millis(),
            jti: identity.credential.clone(),
            with: identity.made_with.clone(),
        };
        let signed = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(serde_json::to_vec(&payload).ok()?));
        let signature = hmac::sign(self.0.first()?, signed.as_bytes());
        Some((format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)), identity))
    }

    /// Whether a text says that it is such a token.
    pub fn may_be_token(shown: &str) -> bool {
        shown.starts_with(PREFIX)
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`AuthError::Unknown`], [`AuthError::Expired`].
    pub fn verify(&self, shown: &str, now: Timestamp) -> Result<Identity, AuthError> {
        let payload = self.payload(shown).ok_or(AuthError::Unknown)?;
        let expires = Timestamp::from_millis(payload.exp);
        if expires <= now {
            return Err(AuthError::Expired(expires));
        }
        Ok(Identity {
            subject: payload.sub,
            name: payload.name,
            kind: payload.kind,
            rights: Rights { scopes: payload.scopes, runs: payload.runs, expires: Some(expires) },
            credential: payload.jti,
            made_with: payload.with,
            // It is exchanged for what nobody else has made, and its subject is the same.
            makers: Vec::new(),
            is_session: false,
            issued_at: Timestamp::from_millis(payload.iat),
        })
    }

    /// What a token says, if one of the keys has signed it. Signatures are compared in constant time.
    fn payload(&self, shown: &str) -> Option<Payload> {
        if shown.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = shown.split_once('.')?;
        let payload = signed.strip_prefix(PREFIX)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let is_ours = self.0.iter().any(|key| hmac::verify(key, signed.as_bytes(), &signature).is_ok());
        let payload = URL_SAFE_NO_PAD.decode(payload).ok().filter(|_| is_ours)?;
        serde_json::from_slice(&payload).ok()
    }
}

impl fmt::Debug for OwnTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnTokens(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            subject: "github:7".into(),
            name: "org/shop".into(),
            kind: PrincipalKind::Agent,
            rights: Rights {
                scopes: "view publish".parse().unwrap(),
                runs: RunPatterns::parse(&["gh-7-42-*"]).unwrap(),
                expires: Some(Timestamp::from_millis(2_000)),
            },
            credential: "jwt:github:1".into(),
            made_with: vec!["jwt:github:1".into()],
            makers: Vec::new(),
            is_session: false,
            issued_at: Timestamp::from_millis(1_000),
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_token_says_what_it_was_made_for_until_it_expires() {
        let tokens = OwnTokens::new(&[[1; 32]]).unwrap();
        let (token, issued) = tokens.issue(&identity()).unwrap();
        assert!(token.starts_with("rcjt_ey") && OwnTokens::may_be_token(&token), "{token}");
        assert_eq!(tokens.verify(&token, at(1_999)), Ok(issued.clone()));
        assert_eq!(issued, Identity { credential: issued.credential.clone(), ..identity() });
        assert!(issued.credential.starts_with("token:") && issued.credential.len() == 28, "{}", issued.credential);
        assert_eq!(tokens.verify(&token, at(2_000)), Err(AuthError::Expired(at(2_000))));
        assert_ne!(tokens.issue(&identity()).unwrap().1.credential, issued.credential);
        let endless = Identity { rights: Rights { expires: None, ..identity().rights }, ..identity() };
        assert!(tokens.issue(&endless).is_none() && OwnTokens::new(&[]).is_none());
        assert_eq!(format!("{tokens:?}"), "OwnTokens(..)");
    }

    #[test]
    fn the_first_key_signs_and_a_key_that_has_gone_verifies_nothing_any_more() {
        let tokens = |keys: &[u8]| OwnTokens::new(&keys.iter().map(|key| [*key; 32]).collect::<Vec<_>>()).unwrap();
        let (old, _) = tokens(&[1]).issue(&identity()).unwrap();
        let (new, _) = tokens(&[2, 1]).issue(&identity()).unwrap();
        assert!(tokens(&[2, 1]).verify(&old, at(1)).is_ok() && tokens(&[2]).verify(&new, at(1)).is_ok());
        assert_eq!(tokens(&[2]).verify(&old, at(1)), Err(AuthError::Unknown));
        assert_eq!(tokens(&[1]).verify(&new, at(1)), Err(AuthError::Unknown));
    }

    #[test]
    fn a_token_that_was_edited_cut_or_made_long_is_unknown() {
        let tokens = OwnTokens::new(&[[1; 32]]).unwrap();
        let (token, _) = tokens.issue(&identity()).unwrap();
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(bytes).unwrap();
            assert_eq!(tokens.verify(&edited, at(1)), Err(AuthError::Unknown), "{place}");
            assert_eq!(tokens.verify(&token[..place], at(1)), Err(AuthError::Unknown), "{place}");
        }
        let (signed, signature) = token.split_once('.').unwrap();
        let payload = URL_SAFE_NO_PAD.decode(signed.strip_prefix(PREFIX).unwrap()).unwrap();
        let more = String::from_utf8(payload).unwrap().replace("\"view\"", "\"ops\"");
        let forged = format!("{PREFIX}{}.{signature}", URL_SAFE_NO_PAD.encode(more));
        let padded = format!("{token}{}", "=".repeat(2));
        let long = format!("{token}{}", "A".repeat(MAX_TOKEN_BYTES));
        for bad in [forged, padded, long, format!("{signed}."), format!("{token}.{signature}"), String::new()] {
            assert_eq!(tokens.verify(&bad, at(1)), Err(AuthError::Unknown), "{bad}");
        }
    }
}
