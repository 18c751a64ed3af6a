//! A command line that asks to be let in, by somebody in front of a browser (as RFC 8628 has it, without anything that a
//! server would keep).
//!
//! The command line makes a secret and keeps it; the server learns its SHA-256. What it asks for is sealed into a link. A
//! code, made of the digest, stands on the terminal and on the page: a person who compares them confirms the command line in
//! front of her and no other one.

use serde::{Deserialize, Serialize};

use super::sealed::{SealError, Sealer};
use crate::protocol::{Sha256, Timestamp};

/// What the keys of such requests are derived for, from a key of `auth.signing_keys`.
pub const DEVICE_PURPOSE: &[u8] = b"runcast: key of command lines that ask to be let in";

/// How long a request can be confirmed: 10 minutes.
const REQUEST_MILLIS: i64 = 600_000;
/// Letters of a code (RFC 8628, section 6.1): none looks like another one, and they make no words.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a code, and after how many a hyphen stands.
const LENGTH: usize = 8;
const GROUP: usize = 4;

/// Seals requests of command lines and opens them.
#[derive(Clone, Debug)]
pub struct DeviceRequests(Sealer);

/// A command line that asks to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequest {
    /// SHA-256 of the secret that it has made.
    pub digest: Sha256,
    /// What it calls itself.
    pub label: String,
    /// Until when it can be confirmed.
    pub until: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    digest: String,
    label: String,
}

impl DeviceRequests {
    /// The first key seals, all of them open. `None` without a key.
    pub fn new(keys: &[[u8; 32]]) -> Option<Self> {
        Sealer::new(DEVICE_PURPOSE, keys).map(Self)
    }

    /// Seals what a command line asks for, and says until when it can be confirmed. `None` when the system has no randomness.
    pub fn seal(&self, digest: Sha256, label: &str, now: Timestamp) -> Option<(String, Timestamp)> {
        let until = now.plus_millis(REQUEST_MILLIS);
        let sealed = Sealed { digest: digest.to_string(), label: label.to_owned() };
        Some((self.0.seal(sealed, until)?, until))
    }

    /// Opens what a command line has asked for.
    ///
    /// # Errors
    /// [`SealError`]
    pub fn open(&self, sealed: &str, now: Timestamp) -> Result<DeviceRequest, SealError> {
        let (Sealed { digest, label }, until) = self.0.open(sealed, now)?;
        let digest = Sha256::parse_hex(&digest).ok_or(SealError::Foreign)?;
        Ok(DeviceRequest { digest, label, until })
    }
}

/// The code of a secret, by its digest: `BCDF-GHJK`.
pub fn device_code(Sha256(digest): Sha256) -> String {
    let mut code = String::with_capacity(LENGTH + 1);
    for (place, byte) in digest.iter().take(LENGTH).enumerate() {
        if place == GROUP {
            code.push('-');
        }
        code.push(char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_opened_by_a_node_with_the_key_for_ten_minutes() {
        let at = Timestamp::from_millis;
        let (one, other) =
            (DeviceRequests::new(&[[1; 32]]).unwrap(), DeviceRequests::new(&[[2; 32], [1; 32]]).unwrap());
        let (sealed, until) = one.seal(Sha256([7; 32]), "ann@laptop", at(0)).unwrap();
        assert_eq!(until, at(600_000));
        let opened = DeviceRequest { digest: Sha256([7; 32]), label: "ann@laptop".to_owned(), until };
        assert_eq!(other.open(&sealed, at(599_999)), Ok(opened));
        assert_eq!(other.open(&sealed, until), Err(SealError::Expired));
        assert_eq!(one.open(&sealed[1..], at(0)), Err(SealError::Foreign));
        assert!(DeviceRequests::new(&[]).is_none());
    }

    #[test]
    fn a_code_is_two_groups_of_four_letters_and_another_digest_has_another_one() {
        let mut digest = [0; 32];
        assert_eq!(device_code(Sha256(digest)), "BBBB-BBBB");
        digest[..8].copy_from_slice(&[0, 1, 2, 3, 19, 20, 39, 255]);
        assert_eq!(device_code(Sha256(digest)), "BCDF-ZBZT");
    }
}
