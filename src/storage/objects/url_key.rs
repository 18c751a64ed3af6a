//! The key for the URLs that runcast signs itself.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::{hmac, rand};

use crate::protocol::Sha256;

/// Signs URLs and verifies the signatures. Its holder can read every artifact.
#[derive(Clone)]
pub struct UrlKey(hmac::Key);

impl fmt::Debug for UrlKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlKey(..)")
    }
}

impl UrlKey {
    /// The key made of a configured text.
    pub fn from_text(text: &str) -> Self {
        Self::new(text.as_bytes())
    }

    /// The key derived from another secret. It does not reveal the secret, and is the same on every node that has it.
    pub fn derived(secret: &str) -> Self {
        Self::new(&Self::new(secret.as_bytes()).sign(b"runcast: key of signed URLs, made of a secret").0)
    }

    /// The key in a file, created at the first call with 64 hexadecimal digits, readable by its owner only. Processes
    /// that create it at the same time get the same key.
    ///
    /// # Errors
    /// When the file can't be read or created, or holds no key.
    pub fn in_file(path: &Path) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(path)?;
                fs::read_to_string(path)?
            }
            read => read?,
        };
        match Sha256::parse_hex(text.trim_end()) {
            Some(Sha256(bytes)) => Ok(Self::new(&bytes)),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "has no key of 64 hexadecimal digits")),
        }
    }

    /// 32 bytes for another purpose, which reveal nothing of this key: HMAC-SHA256 of the purpose.
    pub fn derive(&self, purpose: &[u8]) -> [u8; 32] {
        self.sign(purpose).0
    }

    fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// HMAC-SHA256 of a message.
    pub(super) fn sign(&self, message: &[u8]) -> Sha256 {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        Sha256(bytes)
    }

    /// Whether `signature` is the one of `message`, compared in constant time.
    pub(super) fn has_signed(&self, message: &[u8], Sha256(signature): Sha256) -> bool {
        hmac::verify(&self.0, message, &signature).is_ok()
    }
}

/// Creates the file whole or not at all; an existing file stays.
fn make(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The temporary name is unique among processes and among machines that share the directory.
    let draft = directory.join(format!(".{name}-{}", &random()?.to_string()[..16]));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
        writeln!(file, "{}", random()?)?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    });
    let _ = fs::remove_file(&draft);
    written?;
    File::open(directory)?.sync_all()
}

/// 32 random bytes as hexadecimal digits.
fn random() -> io::Result<Sha256> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Sha256(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_and_read_from_then_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let tags: Vec<Sha256> = thread::scope(|scope| {
            let made: Vec<_> = (0..8).map(|_| scope.spawn(|| UrlKey::in_file(&path).unwrap().sign(b"x"))).collect();
            made.into_iter().map(|made| made.join().unwrap()).collect()
        });
        assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
        let other = UrlKey::in_file(&directory.path().join("other")).unwrap();
        assert_ne!(other.sign(b"x"), tags[0]);
    }

    #[test]
    fn a_file_that_has_no_key_is_refused_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        fs::write(&path, "short").unwrap();
        assert_eq!(UrlKey::in_file(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
    }

    #[test]
    fn signatures_are_hmac_sha256() {
        // RFC 4231, test case 2.
        let key = UrlKey::from_text("Jefe");
        let tag = key.sign(b"what do ya want for nothing?");
        assert_eq!(tag.to_string(), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(key.has_signed(b"what do ya want for nothing?", tag));
        assert!(!key.has_signed(b"what do ya want for nothing!", tag));
        assert_eq!(format!("{key:?}"), "UrlKey(..)");
        let derived = UrlKey::derived("Jefe").sign(b"x");
        assert_eq!(derived, UrlKey::derived("Jefe").sign(b"x"));
        assert!(derived != key.sign(b"x") && derived != UrlKey::derived("Jeff").sign(b"x"));
    }
}
