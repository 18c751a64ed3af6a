//! Texts that only the nodes of this server can read: they go to a browser or a command line and come back, and no node keeps
//! anything meanwhile.
//!
//! AES-256-GCM with a random nonce, in base64url. The purpose is authenticated with it: what was sealed for one cannot be
//! opened for another, also where a key should be the same.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::protocol::Timestamp;

/// Most characters of a sealed text: a cookie has no more.
const MAX_SEALED: usize = 4_000;

/// Seals texts for one purpose, and opens them until their time is over.
#[derive(Clone)]
pub(super) struct Sealer(Arc<SealerState>);

struct SealerState {
    purpose: &'static [u8],
    keys: Vec<RandomizedNonceKey>,
}

/// Why a text is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was not sealed here, was changed, or was sealed for something else.
    #[error("it is none of this server's")]
    Foreign,
    /// Its time is over.
    #[error("its time is over")]
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    /// Milliseconds since the Unix epoch.
    until: i64,
    value: T,
}

impl Sealer {
    /// The first key seals, all of them open. `None` without a key.
    pub(super) fn new(purpose: &'static [u8], keys: &[[u8; 32]]) -> Option<Self> {
        let keys: Vec<_> = keys.iter().filter_map(|key| RandomizedNonceKey::new(&AES_256_GCM, key).ok()).collect();
        (!keys.is_empty()).then(|| Self(Arc::new(SealerState { purpose, keys })))
    }

    /// Seals a value until a time. `None` when the system has no randomness, or it would be too long.
    pub(super) fn seal<T: Serialize>(&self, value: T, until: Timestamp) -> Option<String> {
        let mut text = serde_json::to_vec(&Envelope { until: until.as_millis(), value }).ok()?;
        let key = self.0.keys.first()?;
        let nonce = key.seal_in_place_append_tag(Aad::from(self.0.purpose), &mut text).ok()?;
        let sealed = URL_SAFE_NO_PAD.encode([&nonce.as_ref()[..], &text].concat());
        (sealed.len() <= MAX_SEALED).then_some(sealed)
    }

    /// Opens a value, and says until when that can be done.
    pub(super) fn open<T: DeserializeOwned>(&self, sealed: &str, now: Timestamp) -> Result<(T, Timestamp), SealError> {
        let Envelope { until, value } = self.envelope(sealed).ok_or(SealError::Foreign)?;
        let until = Timestamp::from_millis(until);
        if until <= now { Err(SealError::Expired) } else { Ok((value, until)) }
    }

    fn envelope<T: DeserializeOwned>(&self, sealed: &str) -> Option<Envelope<T>> {
        if sealed.len() > MAX_SEALED {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
        let opened = self.0.keys.iter().find_map(|key| {
            let (nonce, mut text) = (Nonce::try_assume_unique_for_key(nonce).ok()?, text.to_vec());
            let opened = key.open_in_place(nonce, Aad::from(self.0.purpose), &mut text).ok()?;
            Some(opened.to_vec())
        })?;
        serde_json::from_slice(&opened).ok()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn sealer(purpose: &'static [u8], keys: &[u8]) -> Sealer {
        Sealer::new(purpose, &keys.iter().map(|key| [*key; 32]).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_is_sealed_is_read_by_whoever_has_the_key_until_its_time_is_over() {
        let sealed = sealer(b"a", &[1]).seal("secret", at(10)).unwrap();
        assert!(!sealed.contains("secret") && sealer(b"a", &[1]).seal("secret", at(10)).unwrap() != sealed);
        for keys in [&[1][..], &[2, 1]] {
            assert_eq!(sealer(b"a", keys).open::<String>(&sealed, at(9)), Ok(("secret".to_owned(), at(10))));
        }
        assert_eq!(sealer(b"a", &[1]).open::<String>(&sealed, at(10)), Err(SealError::Expired));
        assert_eq!(sealer(b"a", &[2]).open::<String>(&sealed, at(9)), Err(SealError::Foreign));
        assert_eq!(sealer(b"b", &[1]).open::<String>(&sealed, at(9)), Err(SealError::Foreign), "another purpose");
        assert!(Sealer::new(b"a", &[]).is_none());
        assert!(sealer(b"a", &[1]).seal("x".repeat(MAX_SEALED), at(10)).is_none());
    }

    #[test]
    fn a_text_that_was_changed_or_cut_is_foreign() {
        let sealer = sealer(b"a", &[1]);
        let sealed = sealer.seal("secret", at(10)).unwrap();
        for place in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(sealer.open::<String>(&changed, at(1)), Err(SealError::Foreign), "{place}");
            assert_eq!(sealer.open::<String>(&sealed[..place], at(1)), Err(SealError::Foreign), "{place}");
        }
    }
}
