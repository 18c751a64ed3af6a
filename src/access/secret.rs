//! The secret of an API key, of a share link or of a session.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use flate2::Crc;
use zeroize::Zeroizing;

use crate::protocol::Sha256;

/// Begins every secret, so that scanners of source code find those that were committed.
const PREFIX: &str = "rcast_";
/// Random characters: 178 bits.
const RANDOM: usize = 30;
/// Characters of the checksum.
const CHECKSUM: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `rcast_`, 30 random characters of `0-9 A-Z a-z`, and 6 of the CRC-32 of what stands before them: a text that was cut or
/// mistyped is refused without a look into the catalog. `Debug` does not show it, and its memory is zeroed when it is
/// dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessSecret(Zeroizing<String>);

impl AccessSecret {
    /// A new secret; `None` when the system has no randomness.
    pub fn generate() -> Option<Self> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + RANDOM + CHECKSUM));
        text.push_str(PREFIX);
        while text.len() < PREFIX.len() + RANDOM {
            let mut bytes = Zeroizing::new([0_u8; 64]);
            rand::fill(&mut *bytes).ok()?;
            // 248 is 4 * 62: each character is as likely as any other.
            let fair = bytes.iter().filter(|byte| **byte < 248);
            let missing = PREFIX.len() + RANDOM - text.len();
            text.extend(fair.map(|byte| char::from(BASE62[usize::from(byte % 62)])).take(missing));
        }
        let checksum = checksum(text.as_bytes());
        text.extend(checksum.iter().copied().map(char::from));
        Some(Self(text))
    }

    /// Whether a text begins as a secret does.
    pub(super) fn has_form(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// The secret that this text is; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let random = text.strip_prefix(PREFIX)?;
        let has_form = random.len() == RANDOM + CHECKSUM && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !has_form {
            return None;
        }
        let (body, given) = text.as_bytes().split_at(PREFIX.len() + RANDOM);
        (checksum(body) == given).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret as text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the catalog knows it by.
    pub fn digest(&self) -> Sha256 {
        digest_of(self.0.as_bytes())
    }
}

/// SHA-256 of what somebody has shown.
pub(super) fn digest_of(shown: &[u8]) -> Sha256 {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, shown).as_ref());
    Sha256(bytes)
}

/// CRC-32 of the bytes in base 62, most significant digit first.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut crc = Crc::new();
    crc.update(bytes);
    let mut rest = crc.sum();
    let mut digits = [0; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

impl fmt::Debug for AccessSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_back_and_no_other_one_is_like_it() {
        let secret = AccessSecret::generate().unwrap();
        let text = secret.reveal();
        assert_eq!(text.len(), 42);
        assert_eq!(AccessSecret::parse(text), Some(secret.clone()));
        assert_ne!(AccessSecret::generate(), Some(secret.clone()));
        assert!(!format!("{secret:?}").contains(&text[6..20]));
    }

    #[test]
    fn a_text_that_was_changed_cut_or_made_up_is_none() {
        let secret = AccessSecret::generate().unwrap();
        let text = secret.reveal();
        for place in PREFIX.len()..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
            assert_eq!(AccessSecret::parse(std::str::from_utf8(&bytes).unwrap()), None, "{place}");
        }
        for bad in ["", "rcast_", &text[..41], &format!("{text}0"), &text.replace("rcast_", "rcasT_"), &"é".repeat(21)]
        {
            assert_eq!(AccessSecret::parse(bad), None, "{bad}");
        }
    }
}
