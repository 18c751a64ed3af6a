//! The store's format version: field `format` of the hash `PREFIX:store`, which `attest.lua` looks at on each new connection.

use super::keys::RedisKeys;
use crate::storage::format::{self, NewerFormat, OpenError, REDIS_JOURNAL};
use crate::storage::redis::{Link, RedisCommand, RedisError, Reply};

/// Reads a version as the store has it; 0 when it has none.
pub(super) fn check(keys: &RedisKeys, stored: Option<&str>) -> Result<u32, NewerFormat> {
    format::check(format_args!("the journal in Redis under {}", keys.store()), stored, REDIS_JOURNAL)
}

/// The format version of the store under a prefix, which is only read; 0 when it has none.
///
/// # Errors
/// [`OpenError::NewerFormat`]: it is a newer build's. [`OpenError::Failed`]: Redis does not say.
pub async fn stored_format(link: &mut Link, prefix: &str) -> Result<u32, OpenError<RedisError>> {
    let keys = RedisKeys::new(prefix);
    let stored = match link.call(RedisCommand::new("HGET").arg(keys.store()).arg("format")).await? {
        Reply::BulkString(text) => Some(String::from_utf8_lossy(&text).into_owned()),
        _ => None,
    };
    check(&keys, stored.as_deref()).map_err(OpenError::NewerFormat)
}
