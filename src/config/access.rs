//! The section `auth`: who may do what.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::declare::section;
use super::issuers::{IssuerList, OidcSetting};
use super::values::{AuthMode, Secret};

section! {
    /// Who may do what.
    auth: AuthConfig {
        /// `open`: whoever reaches the server may do everything; `token`: a credential is needed.
        mode: AuthMode = AuthMode::Open;
        /// Whether `open` is meant although others than this machine reach the server.
        allow_open_on_network: bool = false;
        /// The first key of a cluster, which may do everything; a single node makes one itself.
        bootstrap_key: Secret = Secret::default();
        /// Keys that sessions, tickets and tokens of this server are signed with: the first one signs, all verify.
        /// Empty: `objects.signing_key`.
        signing_keys: Vec<Secret> = Vec::new();
        /// Days that an API key is good for, unless it is created for another time.
        key_days: u64 = 90, 1..=3_650;
        /// Hours that somebody who has signed in stays so.
        session_hours: u64 = 12, 1..=8_760;
        /// Seconds before the end of its rights at which somebody who watches is told of it.
        expiring_secs: u64 = 60, 1..=3_600;
        /// Most credentials that have not expired of those that one subject has made: keys, share links, sessions.
        max_credentials: usize = 10_000, 1..=1_000_000;
        /// Seconds between two looks for what other nodes have revoked.
        revocation_secs: u64 = 5, 1..=300;
        /// Seconds that a principal that was verified goes on while the catalog is away.
        grace_secs: u64 = 600, 0..=86_400;
        /// Issuers of tokens: identity providers, proxies, build servers.
        issuers: IssuerList = IssuerList::default();
        /// The identity provider with which people sign in.
        oidc: OidcSetting = OidcSetting::default();
        /// Seconds between two loads of an issuer's keys while a token names one that is not known.
        keys_retry_secs: u64 = 60, 1..=3_600;
        /// Seconds after which the keys of an issuer are loaded again.
        keys_max_age_secs: u64 = 600, 1..=86_400;
    }
}
