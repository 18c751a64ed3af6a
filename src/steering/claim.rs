//! Claims: which producer does an act, and what it gets for it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Serialize;

use super::draft::normal_id;
use super::error::SteeringError;
use super::service::{Steering, shows_the_run};
use crate::control::{Answer, ClaimAnswer, ClaimRequest, ControlRequest};
use crate::protocol::RunId;

/// Bytes of a claim's key: 128 bits.
const KEY_BYTES: usize = 16;

/// base64url, with or without the padding that Python's `urlsafe_b64encode` writes.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a producer recognises its claim by: a digest of the key that it made, which alone goes on.
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimKey(Arc<str>);

impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimKey(..)")
    }
}

impl ClaimKey {
    /// Reads a key: 32 hexadecimal digits, or 22 characters of base64url.
    ///
    /// # Errors
    /// `invalid_claim_key`.
    pub fn parse(text: &str) -> Result<Self, SteeringError> {
        let hex = || -> Option<Vec<u8>> {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let pairs = text.as_bytes().chunks(2);
            pairs.map(|pair| Some((digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?) as u8)).collect()
        };
        let bytes = match text.len() {
            32 => hex(),
            _ => BASE64_URL.decode(text).ok(),
        };
        let bytes = bytes.filter(|bytes| bytes.len() == KEY_BYTES).ok_or_else(|| {
            let detail =
                "Runcast-Claim-Key must be 128 random bits: 32 hexadecimal digits, or 22 characters of base64url";
            SteeringError::new("invalid_claim_key", detail)
        })?;
        let hashed = digest(&SHA256, &[b"runcast: claim key\n", &bytes[..]].concat());
        Ok(Self(BASE64_URL.encode(hashed).trim_end_matches('=').into()))
    }
}

/// What a claimant gets: the claim, the command, and the secret that belongs to it.
#[derive(Clone, Serialize)]
pub struct Claimed {
    /// The claim, and the command.
    #[serde(flatten)]
    pub answer: ClaimAnswer,
    /// The secret, as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed").field("claim", &self.answer.claim).finish_non_exhaustive()
    }
}

impl Steering {
    /// Claims an act for a producer.
    ///
    /// # Errors
    /// [`SteeringError`].
    pub async fn claim(
        &self,
        run: &RunId,
        command_id: &str,
        producer: &Arc<str>,
        key: &ClaimKey,
    ) -> Result<Claimed, SteeringError> {
        let command_id = normal_id(command_id);
        let claim =
            ClaimRequest { command_id: command_id.clone(), producer: producer.clone(), key_hash: key.0.clone() };
        let given = self.try_ask(run, ControlRequest::Claim(claim), None).await;
        if shows_the_run(&given) {
            self.heard(run, producer);
        }
        let (answer, _) = given?;
        let Answer::Claim(answer) = answer else { return Err(SteeringError::unexpected()) };
        let secret = match answer.has_secret {
            true => Some(self.secret(run, &command_id).await?),
            false => None,
        };
        Ok(Claimed { answer, secret })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_however_it_is_written_and_only_its_digest_goes_on() {
        let hex = ClaimKey::parse("000102030405060708090a0b0c0d0e0f").unwrap();
        for same in ["000102030405060708090A0B0C0D0E0F", "AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODw=="] {
            assert_eq!(ClaimKey::parse(same).unwrap(), hex, "{same}");
        }
        assert_eq!(hex.0.len(), 43, "{}", hex.0);
        assert_ne!(ClaimKey::parse("000102030405060708090a0b0c0d0e10").unwrap(), hex);
        assert_eq!(format!("{hex:?}"), "ClaimKey(..)");
        for bad in
            ["", "x", "000102030405060708090a0b0c0d0e0g", "AAECAwQFBgcICQoLDA0O", "AAECAwQFBgcICQoLDA0ODxAR", "é"]
        {
            assert_eq!(ClaimKey::parse(bad).unwrap_err().code, "invalid_claim_key", "{bad}");
        }
    }
}
