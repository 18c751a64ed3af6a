//! URLs that runcast signs itself: for objects in a directory, and for streams that are decoded on the way.
//!
//! The query is `access=get&decoded=0&disposition=attachment&expires=MILLIS&signature=HEX`, in exactly this form. The
//! signed text is a version, the length of the path, the path, and the query before `&signature=`, byte by byte.
//! Each grant has exactly one text, so a URL with anything changed, added, left out or moved is refused.

use super::url_key::UrlKey;
use crate::protocol::{Sha256, Timestamp};

/// Version of the signed text. Another form of the text needs another version, so that no signature means two things.
const VERSION: &str = "runcast-url-1";

/// What the holder of a URL may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read, by GET or HEAD.
    Get,
    /// Write, by PUT.
    Put,
}

/// What a browser does with the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The browser saves it.
    Attachment,
    /// The browser shows it.
    Inline,
}

/// A permission for one path, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The permitted access.
    pub access: Access,
    /// The path, exactly as in the request.
    pub path: String,
    /// The time from which it is expired.
    pub expires: Timestamp,
    /// How a browser shall treat the response.
    pub disposition: Disposition,
    /// Whether the bytes are decoded on the way.
    pub decoded: bool,
}

/// Why a request is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// The URL has expired.
    #[error("this URL has expired")]
    Expired,
    /// The signature is not valid for this path and query.
    #[error("this URL was not made by this server, or was changed")]
    Tampered,
}

impl Access {
    const ALL: [Self; 2] = [Self::Get, Self::Put];

    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
        }
    }

    fn covers(self, method: &str) -> bool {
        match self {
            Self::Get => matches!(method, "GET" | "HEAD"),
            Self::Put => method == "PUT",
        }
    }
}

impl Disposition {
    const ALL: [Self; 2] = [Self::Attachment, Self::Inline];

    fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Inline => "inline",
        }
    }
}

impl Grant {
    /// Signs the grant; returns the query for its path.
    pub fn sign(&self, key: &UrlKey) -> String {
        let terms = self.terms();
        let signature = key.sign(&message(&self.path, &terms));
        format!("{terms}&signature={signature}")
    }

    /// Checks the signature of a request; returns its grant.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn verify(key: &UrlKey, method: &str, path: &str, query: &str, now: Timestamp) -> Result<Self, GrantError> {
        let (terms, signature) = query.rsplit_once("&signature=").ok_or(GrantError::Tampered)?;
        let signature = Sha256::parse_hex(signature).filter(|read| read.to_string() == signature);
        if !signature.is_some_and(|signature| key.has_signed(&message(path, terms), signature)) {
            return Err(GrantError::Tampered);
        }
        let grant = Self::read(path, terms).filter(|grant| grant.access.covers(method)).ok_or(GrantError::Tampered)?;
        if now < grant.expires { Ok(grant) } else { Err(GrantError::Expired) }
    }

    /// The query without the signature.
    fn terms(&self) -> String {
        let Self { access, expires, disposition, decoded, .. } = self;
        let (access, disposition, decoded) = (access.as_str(), disposition.as_str(), u8::from(*decoded));
        format!("access={access}&decoded={decoded}&disposition={disposition}&expires={}", expires.as_millis())
    }

    /// Parses a query whose signature is valid.
    fn read(path: &str, terms: &str) -> Option<Self> {
        let of = |name: &str| terms.split('&').find_map(|term| term.strip_prefix(name)?.strip_prefix('='));
        let grant = Self {
            access: Access::ALL.into_iter().find(|access| of("access") == Some(access.as_str()))?,
            path: path.to_owned(),
            expires: Timestamp::from_millis(of("expires")?.parse().ok()?),
            disposition: Disposition::ALL.into_iter().find(|form| of("disposition") == Some(form.as_str()))?,
            decoded: of("decoded")? == "1",
        };
        (grant.terms() == terms).then_some(grant)
    }
}

fn message(path: &str, terms: &str) -> Vec<u8> {
    format!("{VERSION}\n{}\n{path}\n{terms}", path.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_454_147_966);

    fn key() -> UrlKey {
        UrlKey::from_text("a key of thirty-two characters..")
    }

    fn grants() -> impl Strategy<Value = Grant> {
        let access = prop_oneof![Just(Access::Get), Just(Access::Put)];
        let form = prop_oneof![Just(Disposition::Attachment), Just(Disposition::Inline)];
        (access, "/[a-zA-Z0-9/._&=%-]{0,40}", 1..i64::MAX / 2, form, any::<bool>()).prop_map(
            |(access, path, ahead, disposition, decoded)| Grant {
                access,
                path,
                expires: NOW.plus_millis(ahead),
                disposition,
                decoded,
            },
        )
    }

    fn method(grant: &Grant) -> &'static str {
        match grant.access {
            Access::Get => "GET",
            Access::Put => "PUT",
        }
    }

    proptest! {
        #[test]
        fn a_grant_is_read_as_it_was_signed(grant in grants()) {
            let query = grant.sign(&key());
            prop_assert_eq!(Grant::verify(&key(), method(&grant), &grant.path, &query, NOW), Ok(grant));
        }

        #[test]
        fn another_byte_anywhere_is_refused(grant in grants(), at in any::<prop::sample::Index>(), byte in 0x20_u8..0x7f) {
            let query = grant.sign(&key());
            let (path, mut changed) = (grant.path.as_str(), query.clone().into_bytes());
            let at = at.index(changed.len());
            prop_assume!(changed[at] != byte);
            changed[at] = byte;
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(Grant::verify(&key(), method(&grant), path, &changed, NOW), Err(GrantError::Tampered));
        }

        #[test]
        fn another_path_key_or_method_is_refused(grant in grants(), other in grants()) {
            let query = grant.sign(&key());
            let refused = Err(GrantError::Tampered);
            if grant.path != other.path {
                prop_assert_eq!(Grant::verify(&key(), method(&grant), &other.path, &query, NOW), refused.clone());
            }
            if grant.access != other.access {
                prop_assert_eq!(Grant::verify(&key(), method(&other), &grant.path, &query, NOW), refused.clone());
            }
            for method in ["POST", "DELETE", "PATCH", "get", ""] {
                prop_assert_eq!(Grant::verify(&key(), method, &grant.path, &query, NOW), refused.clone());
            }
            let other_key = UrlKey::from_text("another key of some length......");
            prop_assert_eq!(Grant::verify(&other_key, method(&grant), &grant.path, &query, NOW), refused);
        }

        #[test]
        fn what_is_added_left_out_or_moved_is_refused(grant in grants(), a in 0..5_usize, b in 0..5_usize) {
            let query = grant.sign(&key());
            let mut terms: Vec<&str> = query.split('&').collect();
            let moved = if a == b { terms.remove(a); terms.join("&") } else { terms.swap(a, b); terms.join("&") };
            let double = format!("{query}&expires=9999999999999");
            let before = format!("expires=9999999999999&{query}");
            for changed in [moved.as_str(), &double, &before, &format!("{query}&"), &format!("?{query}"), ""] {
                let refused = Grant::verify(&key(), method(&grant), &grant.path, changed, NOW);
                prop_assert_eq!(refused, Err(GrantError::Tampered), "{}", changed);
            }
        }

        #[test]
        fn no_two_grants_have_one_message(a in grants(), b in grants()) {
            prop_assert_eq!(a == b, message(&a.path, &a.terms()) == message(&b.path, &b.terms()));
        }
    }

    #[test]
    fn a_grant_to_read_covers_head_and_ends_at_its_time() {
        let grant = Grant {
            access: Access::Get,
            path: "/api/runs/r/artifacts/x/content".into(),
            expires: NOW.plus_millis(1),
            disposition: Disposition::Inline,
            decoded: true,
        };
        let query = grant.sign(&key());
        let at = |method, now| Grant::verify(&key(), method, &grant.path, &query, now);
        assert_eq!(at("HEAD", NOW), Ok(grant.clone()));
        assert_eq!(at("GET", NOW.plus_millis(1)), Err(GrantError::Expired));
        assert_eq!(at("PUT", NOW.plus_millis(1)), Err(GrantError::Tampered));
        // The length separates the path from the query.
        assert_ne!(message("/a\nb", "c"), message("/a", "b\nc"));
    }

    #[test]
    fn signatures_in_capitals_are_not_ours() {
        let grant = Grant {
            access: Access::Get,
            path: "/x".into(),
            expires: NOW.plus_millis(1),
            disposition: Disposition::Attachment,
            decoded: false,
        };
        let query = grant.sign(&key());
        let (terms, signature) = query.rsplit_once('=').unwrap();
        let capitals = format!("{terms}={}", signature.to_uppercase());
        assert_ne!(capitals, query);
        assert_eq!(Grant::verify(&key(), "GET", "/x", &capitals, NOW), Err(GrantError::Tampered));
    }
}
