//! The store's format version: field `format` of the hash `PREFIX:store`, which `attest.lua` reads on each new
//! connection.

use super::keys::RedisKeys;
use crate::storage::format::{self, NewerFormat, OpenError, REDIS_JOURNAL};
use crate::storage::redis::{Link, RedisCommand, RedisError, Reply};

/// Parses and checks the stored version; 0 when the store has none.
pub(super) fn check(keys: &RedisKeys, stored: Option<&str>) -> Result<u32, NewerFormat> {
    format::check(format_args!("the journal in Redis under {}", keys.store()), stored, REDIS_JOURNAL)
}

/// Reads the format version of the store under a prefix without changing anything; 0 when it has none.
///
/// # Errors
/// [`OpenError::NewerFormat`]: a newer build wrote the store. [`OpenError::Failed`]: Redis does not answer.
pub async fn stored_format(link: &mut Link, prefix: &str) -> Result<u32, OpenError<RedisError>> {
    let keys = RedisKeys::new(prefix);
    let stored = match link.call(RedisCommand::new("HGET").arg(keys.store()).arg("format")).await? {
        Reply::BulkString(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    check(&keys, stored.as_deref()).map_err(OpenError::NewerFormat)
}
