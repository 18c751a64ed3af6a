//! The key that secrets are kept under. See [`SecretKey`].

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use super::{SecretError, SecretValue};
use crate::protocol::RunId;
use crate::storage::objects::UrlKey;

/// Begins each sealed secret, so that another form can be told from this one.
const VERSION: u8 = 1;

/// Length of both keys, in bytes.
struct KeyLength;

impl hkdf::KeyType for KeyLength {
    fn len(&self) -> usize {
        32
    }
}

/// Seals secrets with AES-256-GCM, and makes the MACs (HMAC-SHA256) that stand for them in the log. Its two keys are
/// derived by HKDF-SHA256 (RFC 5869) from the key of signed URLs, so the nodes of a cluster have the same.
pub struct SecretKey {
    seal: RandomizedNonceKey,
    mac: hmac::Key,
}

impl SecretKey {
    /// The key that belongs to the key of signed URLs.
    ///
    /// # Errors
    /// [`SecretError::Crypto`], when the library refuses.
    pub fn derived(key: &UrlKey) -> Result<Self, SecretError> {
        let material = Zeroizing::new(key.derive(b"runcast: secrets"));
        let secret = hkdf::Salt::new(hkdf::HKDF_SHA256, b"runcast: secrets").extract(&*material);
        let expand = |purpose: &'static str| {
            let mut bytes = Zeroizing::new([0_u8; 32]);
            let info = [purpose.as_bytes()];
            let expanded = secret.expand(&info, KeyLength).and_then(|okm| okm.fill(&mut *bytes));
            expanded.map(|()| bytes).map_err(|_| SecretError::Crypto)
        };
        let seal = RandomizedNonceKey::new(&AES_256_GCM, &*expand("seal")?).map_err(|_| SecretError::Crypto)?;
        Ok(Self { seal, mac: hmac::Key::new(hmac::HMAC_SHA256, &*expand("mac")?) })
    }

    /// Seals a secret: it can only be opened for this run and command.
    pub(super) fn seal(&self, run: &RunId, command_id: &str, value: &SecretValue) -> Result<Vec<u8>, SecretError> {
        let mut text = Zeroizing::new(value.reveal().as_bytes().to_vec());
        let aad = Aad::from(place(run, command_id));
        let (nonce, tag) = self.seal.seal_in_place_separate_tag(aad, &mut text).map_err(|_| SecretError::Crypto)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + text.len() + tag.as_ref().len());
        sealed.push(VERSION);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&text);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`SecretKey::seal`] made; `None` if it was sealed under another key, for another command, or changed.
    pub(super) fn open(&self, run: &RunId, command_id: &str, sealed: &[u8]) -> Option<SecretValue> {
        let (nonce, text) = sealed.strip_prefix(&[VERSION])?.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let opened = self.seal.open_in_place(nonce, Aad::from(place(run, command_id)), &mut text).ok()?;
        Some(SecretValue::new(std::str::from_utf8(opened).ok()?))
    }

    /// 64 hexadecimal digits that only this key makes of the secret, the run and the command: the same secret in
    /// another command has others.
    pub(super) fn mac(&self, run: &RunId, command_id: &str, value: &SecretValue) -> String {
        let mut context = hmac::Context::with_key(&self.mac);
        context.update(&place(run, command_id));
        context.update(value.reveal().as_bytes());
        context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The run and the command, with their lengths, so that no two pairs are the same bytes.
fn place(run: &RunId, command_id: &str) -> Vec<u8> {
    format!("{}|{run}|{}|{command_id}|", run.as_str().len(), command_id.len()).into_bytes()
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> SecretKey {
        SecretKey::derived(&UrlKey::from_text(text)).unwrap()
    }

    fn run(id: &str) -> RunId {
        RunId::parse(id).unwrap()
    }

    #[test]
    fn a_secret_opens_for_its_own_command_under_its_own_key() {
        let (one, value) = (key("a key"), SecretValue::new("hunter2 ö"));
        let sealed = one.seal(&run("r"), "c", &value).unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(key("a key").open(&run("r"), "c", &sealed).unwrap().reveal(), "hunter2 ö", "on any node");
        assert!(one.open(&run("s"), "c", &sealed).is_none());
        assert!(one.open(&run("r"), "d", &sealed).is_none());
        assert!(key("another").open(&run("r"), "c", &sealed).is_none());
        assert_ne!(sealed, one.seal(&run("r"), "c", &value).unwrap(), "each has a nonce of its own");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(one.open(&run("r"), "c", &changed).is_none(), "{at}");
        }
        assert!(one.open(&run("r"), "c", &sealed[..5]).is_none() && one.open(&run("r"), "c", b"").is_none());
    }

    #[test]
    fn a_mac_tells_the_same_secret_again_and_nothing_else() {
        let (key, value) = (key("a key"), SecretValue::new("hunter2"));
        let mac = key.mac(&run("r"), "c", &value);
        assert_eq!((mac.len(), &mac), (64, &key.mac(&run("r"), "c", &SecretValue::new("hunter2"))));
        for other in [
            key.mac(&run("r"), "c", &SecretValue::new("hunter3")),
            key.mac(&run("r"), "d", &value),
            key.mac(&run("s"), "c", &value),
            self::key("another").mac(&run("r"), "c", &value),
        ] {
            assert_ne!(mac, other);
        }
    }

    #[test]
    fn nothing_shows_a_secret_or_the_key() {
        assert_eq!(format!("{:?} {:?}", key("a key"), SecretValue::new("hunter2")), "SecretKey(..) SecretValue(..)");
    }
}
