//! Ids of runs and producers, epochs, and sequence numbers.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// Position of an event within its run: dense, starting at 1. 0 is "before the first".
pub type Seq = u64;

/// Longest accepted run or producer id, in bytes.
pub const MAX_ID_LEN: usize = 128;

/// The reason why an id was refused; its text names the limit or the offending character.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id is empty, or longer than [`MAX_ID_LEN`].
    #[error("must have 1 to {MAX_ID_LEN} characters, has {0}")]
    Length(usize),
    /// A character is not one of `A-Z a-z 0-9 . _ : -`, or the first is neither letter nor digit.
    #[error("character {found:?} at {index} is not allowed (A-Z a-z 0-9 . _ : -, starting with a letter or digit)")]
    Character {
        /// 0-based position, in characters.
        index: usize,
        /// The character.
        found: char,
    },
}

fn check(id: &str) -> Result<(), IdError> {
    if id.is_empty() || id.len() > MAX_ID_LEN {
        return Err(IdError::Length(id.chars().count()));
    }
    for (index, found) in id.chars().enumerate() {
        let fits = found.is_ascii_alphanumeric() || (index > 0 && matches!(found, '.' | '_' | ':' | '-'));
        if !fits {
            return Err(IdError::Character { index, found });
        }
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks an id.
            pub fn parse(id: &str) -> Result<Self, IdError> {
                check(id)?;
                Ok(Self(id.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

text_id! {
    /// The id of a run: 1-128 of `A-Z a-z 0-9 . _ : -`, starting with a letter or digit.
    RunId
}

text_id! {
    /// The id of a producer, for as long as its process runs; clients use a UUIDv7. It has the alphabet of a run id. Ids
    /// that start with `~` are the server's own (see [`ProducerId::own`]), and clients can't send them.
    ProducerId
}

impl ProducerId {
    /// A producer id of the server itself, which no client can send.
    pub fn own(unique: &str) -> Self {
        Self(format!("~{unique}").into())
    }

    /// A stored id: a client's or the server's own.
    pub fn from_stored(id: &str) -> Self {
        Self(id.into())
    }

    /// Whether the id is the server's own.
    pub fn is_own(&self) -> bool {
        self.0.starts_with('~')
    }
}

/// An incarnation of the store. Grows with time; opaque to clients; displayed as digits, so it never contains `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// Parses the form of [`fmt::Display`]; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_refused_with_the_reason() {
        assert!(RunId::parse("Run-1.a_b:c").is_ok());
        assert_eq!(RunId::parse(""), Err(IdError::Length(0)));
        assert_eq!(RunId::parse(&"x".repeat(129)), Err(IdError::Length(129)));
        assert!(RunId::parse(&"x".repeat(128)).is_ok());
        assert_eq!(RunId::parse("a/b"), Err(IdError::Character { index: 1, found: '/' }));
        assert_eq!(RunId::parse(".a"), Err(IdError::Character { index: 0, found: '.' }));
        assert_eq!(RunId::parse("aé"), Err(IdError::Character { index: 1, found: 'é' }));
    }

    #[test]
    fn the_servers_own_producer_ids_cannot_be_sent() {
        let own = ProducerId::own("7");
        assert!(own.is_own());
        assert!(ProducerId::parse(own.as_str()).is_err());
        let first = ProducerId::parse(crate::protocol::event::stamp::ANONYMOUS);
        assert_eq!(first, Err(IdError::Character { index: 0, found: '-' }), "the name of those who send none");
    }

    #[test]
    fn an_epoch_reads_back_and_nothing_else_does() {
        assert_eq!(Epoch::parse(&Epoch(1_795_454_147_966).to_string()), Some(Epoch(1_795_454_147_966)));
        for bad in ["", "-1", "+1", "1:2", "x", "99999999999999999999999"] {
            assert_eq!(Epoch::parse(bad), None, "{bad}");
        }
    }
}
