//! Verifies credentials, and says whether who was verified still may do something.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::known::{Finding, Known};
use super::revoked::RevokedSet;
use super::secret::digest_of;
use super::{AccessSecret, AuthError, Identity, TokenVerifiers};
use crate::protocol::{Clock, Sha256, Timestamp};
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::access::{AccessCatalog, Revocation};
use crate::storage::revocation_bell::RevocationBell;

/// How long a credential that nobody has is not looked for again.
const UNKNOWN_MILLIS: i64 = 5_000;
/// How often an open connection's rights are looked at, at least.
const LOOK_MILLIS: i64 = 60_000;
/// How long a credential that has expired is still listed: 30 days.
const FORGET_MILLIS: i64 = 30 * 86_400_000;
/// How often the use of a credential is written down.
const USED_MILLIS: i64 = 60_000;

/// Limits of the authenticator.
#[derive(Clone, Copy, Debug)]
pub struct AuthLimits {
    /// How long whoever was verified goes on while the catalog can't say what was revoked.
    pub grace: Duration,
    /// Most credentials that one subject has made and that have not expired.
    pub max_credentials: usize,
}

/// A credential that somebody shows, and what its node knows of it.
pub struct SeenCredential<'a> {
    shown: &'a str,
    digest: Sha256,
    found: Option<Finding>,
}

impl SeenCredential<'_> {
    /// Whether it is known whose it is, or that it is nobody's.
    pub fn is_known(&self) -> bool {
        self.found.is_some()
    }
}

/// Verifies credentials; one per node, whose clones share what they know.
#[derive(Clone)]
pub struct Authenticator(Arc<AuthenticatorState>);

struct AuthenticatorState {
    catalog: Arc<dyn AccessCatalog>,
    /// Tokens that are verified by their signatures.
    tokens: TokenVerifiers,
    clock: Clock,
    grace_millis: i64,
    max_credentials: usize,
    known: Mutex<Known>,
    revoked: RwLock<RevokedSet>,
    /// When the catalog last said what is revoked, and how often that has changed.
    read_at: Mutex<Timestamp>,
    changes: watch::Sender<u64>,
    /// Tells the other nodes.
    bell: RevocationBell,
    /// Credentials that were used since that was last written down.
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    ids: HashSet<Arc<str>>,
    written_at: Timestamp,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Authenticator {
    /// An authenticator that has read the revocations once: without them nobody could be let in.
    ///
    /// # Errors
    /// [`CatalogError`]
    pub async fn open(
        catalog: Arc<dyn AccessCatalog>,
        tokens: TokenVerifiers,
        clock: Clock,
        limits: AuthLimits,
        bell: RevocationBell,
    ) -> Result<Self, CatalogError> {
        let state = AuthenticatorState {
            catalog,
            tokens,
            grace_millis: limits.grace.as_millis() as i64,
            max_credentials: limits.max_credentials,
            known: Mutex::default(),
            revoked: RwLock::default(),
            read_at: Mutex::new(clock.now()),
            changes: watch::Sender::new(0),
            bell,
            used: Mutex::default(),
            clock,
        };
        let authenticator = Self(Arc::new(state));
        authenticator.read_revocations().await?;
        Ok(authenticator)
    }

    /// Where credentials are.
    pub(super) fn catalog(&self) -> &dyn AccessCatalog {
        &*self.0.catalog
    }

    /// Most credentials that one subject has made and that have not expired.
    pub(super) fn max_credentials(&self) -> usize {
        self.0.max_credentials
    }

    /// The time by which credentials expire.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// What this node knows of a credential.
    pub fn look<'a>(&self, shown: &'a str) -> SeenCredential<'a> {
        let digest = digest_of(shown.as_bytes());
        SeenCredential { shown, digest, found: lock(&self.0.known).get(digest, self.0.clock.now()) }
    }

    /// Whose credential this is, if it is good now.
    ///
    /// # Errors
    /// [`AuthError`]
    pub async fn authenticate(&self, shown: &str) -> Result<Arc<Identity>, AuthError> {
        self.judge(self.look(shown)).await
    }

    /// Whose credential this is of which that is known, if it is good now.
    ///
    /// # Errors
    /// [`AuthError`]
    pub async fn judge(&self, looked: SeenCredential<'_>) -> Result<Arc<Identity>, AuthError> {
        let SeenCredential { shown, digest, found } = looked;
        let (state, now) = (&self.0, self.0.clock.now());
        let identity = match found {
            Some(Finding::Of(identity)) => identity,
            Some(Finding::Nobodys(_)) => return Err(AuthError::Unknown),
            None => {
                let identity = Arc::new(self.verify(shown, now).await?);
                lock(&state.known).put(digest, Finding::Of(identity.clone()));
                identity
            }
        };
        self.check(&identity)?;
        if AccessSecret::has_form(shown) {
            lock(&state.used).ids.insert(identity.credential.clone());
        }
        Ok(identity)
    }

    /// Whose credential this is, of which nothing is known yet.
    async fn verify(&self, shown: &str, now: Timestamp) -> Result<Identity, AuthError> {
        let state = &self.0;
        let Some(secret) = AccessSecret::parse(shown) else {
            return state.tokens.verify(shown, now).await.unwrap_or(Err(AuthError::Unknown));
        };
        match state.catalog.credential(secret.digest()).await {
            Ok(Some(row)) => Ok(Identity::of(&row)),
            Ok(None) => {
                lock(&state.known).put(secret.digest(), Finding::Nobodys(now.plus_millis(UNKNOWN_MILLIS)));
                Err(AuthError::Unknown)
            }
            Err(error) => Err(AuthError::Unavailable(error.to_string())),
        }
    }

    /// Forgets what was revoked and would not be good anyway, and credentials that expired a month ago.
    ///
    /// # Errors
    /// [`CatalogError`]
    pub async fn forget(&self) -> Result<(), CatalogError> {
        let now = self.now();
        self.0.catalog.forget_access(now, now.plus_millis(-FORGET_MILLIS)).await
    }

    /// The request headers that carry tokens besides `Authorization`.
    pub fn token_headers(&self) -> impl Iterator<Item = &str> {
        self.0.tokens.headers()
    }

    /// Whether somebody who was verified is still good.
    ///
    /// # Errors
    /// [`AuthError`] but for `Unknown`.
    pub fn check(&self, identity: &Identity) -> Result<(), AuthError> {
        let state = &self.0;
        let now = state.clock.now();
        if let Some(expires) = identity.rights.expires.filter(|expires| *expires <= now) {
            return Err(AuthError::Expired(expires));
        }
        if state.revoked.read().unwrap_or_else(PoisonError::into_inner).has(identity) {
            return Err(AuthError::Revoked);
        }
        if lock(&state.read_at).plus_millis(state.grace_millis) < now {
            return Err(AuthError::Unavailable("the catalog has not said for too long what was revoked".to_owned()));
        }
        Ok(())
    }

    /// Revokes something, on this node at once and on the others when they hear the bell, or else when they next look.
    ///
    /// # Errors
    /// [`CatalogError`]; then nothing is revoked.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<(), CatalogError> {
        self.0.catalog.revoke(revocation).await?;
        {
            let mut revoked = self.0.revoked.write().unwrap_or_else(PoisonError::into_inner);
            revoked.add(revocation);
            self.0.changes.send_modify(|changes| *changes += 1);
        }
        self.0.bell.ring().await;
        Ok(())
    }

    /// The bell by which nodes tell one another that something was revoked.
    pub fn bell(&self) -> &RevocationBell {
        &self.0.bell
    }

    /// Takes what the catalog has said when there had been `seen` changes. What was revoked here since it may not have said.
    fn take(&self, read: RevokedSet, seen: u64) {
        if *self.0.revoked.read().unwrap_or_else(PoisonError::into_inner) == read {
            return;
        }
        let mut revoked = self.0.revoked.write().unwrap_or_else(PoisonError::into_inner);
        if *self.0.changes.borrow() == seen {
            *revoked = read;
        } else {
            revoked.merge(read);
        }
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// Reads what was revoked anywhere, and writes down which credentials were used.
    ///
    /// # Errors
    /// [`CatalogError`]; then all stays as it is, for as long as the grace lasts.
    pub async fn read_revocations(&self) -> Result<(), CatalogError> {
        let state = &self.0;
        let (now, seen) = (state.clock.now(), *state.changes.borrow());
        self.take(RevokedSet::of(state.catalog.revocations(now).await?), seen);
        *lock(&state.read_at) = now;
        let used: Vec<String> = {
            let mut used = lock(&state.used);
            if used.ids.is_empty() || now < used.written_at.plus_millis(USED_MILLIS) {
                return Ok(());
            }
            used.written_at = now;
            used.ids.drain().map(|id| id.as_ref().to_owned()).collect()
        };
        state.catalog.used(&used, now).await
    }

    /// Resolves when somebody who was verified is no longer good: its rights have expired, or were revoked. That the catalog
    /// can't say what was revoked ends nothing that is open.
    pub async fn ends(&self, identity: &Identity) {
        let mut changes = self.0.changes.subscribe();
        loop {
            changes.borrow_and_update();
            if matches!(self.check(identity), Err(AuthError::Expired(_) | AuthError::Revoked)) {
                return;
            }
            let left = identity.rights.expires.map(|at| at.as_millis() - self.0.clock.now().as_millis());
            // The clock may be set meanwhile: it is looked at again.
            let pause = Duration::from_millis(left.map_or(LOOK_MILLIS, |left| left.clamp(1, LOOK_MILLIS)) as u64);
            let _ = timeout(pause, changes.changed()).await;
        }
    }
}

impl Authenticator {
    /// Resolves `before` somebody's rights expire, to the seconds that are left; `None`: they do not expire.
    pub fn expires_soon(&self, identity: &Identity, before: Duration) -> Option<impl Future<Output = u64> + 'static> {
        let (expires, clock) = (identity.rights.expires?, self.0.clock.clone());
        let before = before.as_millis() as i64;
        Some(async move {
            loop {
                let left = expires.as_millis() - clock.now().as_millis();
                if left <= before {
                    return (left.max(0) as u64).div_ceil(1_000);
                }
                // The clock may be set meanwhile: it is looked at again.
                sleep(Duration::from_millis((left - before).min(LOOK_MILLIS) as u64)).await;
            }
        })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::WantedCredential;
    use crate::protocol::{PrincipalKind, Rights};
    use crate::storage::catalog::access::{CredentialKind, Revoked};
    use crate::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};

    #[tokio::test]
    async fn what_a_node_that_has_not_heard_of_a_revocation_still_makes_is_void_with_the_rest() {
        let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
        let clock = Clock::external(Timestamp::now, Duration::from_secs(3_600));
        let times = AuthLimits { grace: Duration::from_secs(60), max_credentials: 100 };
        let open = async || {
            let (verifiers, bell) = (TokenVerifiers::default(), RevocationBell::of_one());
            Authenticator::open(catalog.clone(), verifiers, clock.clone(), times, bell).await.unwrap()
        };
        let (here, there) = (open().await, open().await);
        let maker = Identity {
            subject: "corp:ann".into(),
            name: "Ann".into(),
            kind: PrincipalKind::Human,
            rights: Rights::all(),
            credential: "jwt:corp:1".into(),
            made_with: Vec::new(),
            makers: Vec::new(),
            is_session: false,
            issued_at: here.now(),
        };
        there.revoke_subject("corp:ann").await.unwrap();
        let make = async |maker: &Identity, kind| {
            let wanted =
                WantedCredential { kind, name: "k".to_owned(), holder: PrincipalKind::Agent, rights: Rights::all() };
            let (secret, _) = here.issue(maker, wanted).await.unwrap();
            (here.authenticate(secret.reveal()).await.unwrap(), secret)
        };
        let (key, first) = make(&maker, CredentialKind::Key).await;
        let (session, second) = make(&maker, CredentialKind::Session).await;
        let (_, third) = make(&key, CredentialKind::Key).await;
        let (_, fourth) = make(&session, CredentialKind::Session).await;
        here.read_revocations().await.unwrap();
        for secret in [first, second, third, fourth] {
            assert_eq!(here.authenticate(secret.reveal()).await, Err(AuthError::Revoked));
            assert_eq!(there.authenticate(secret.reveal()).await, Err(AuthError::Revoked));
        }
    }

    #[tokio::test]
    async fn what_is_revoked_while_the_catalog_is_read_stays_revoked() {
        let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
        let clock = Clock::external(Timestamp::now, Duration::from_secs(3_600));
        let times = AuthLimits { grace: Duration::from_secs(60), max_credentials: 100 };
        let authenticator =
            Authenticator::open(catalog, TokenVerifiers::default(), clock, times, RevocationBell::of_one())
                .await
                .unwrap();
        let (seen, now) = (*authenticator.0.changes.borrow(), authenticator.now());
        let revocation = Revocation {
            what: Revoked::Credential("c".to_owned()),
            issued_until: now,
            revoked_at: now,
            forget_at: None,
        };
        authenticator.revoke(&revocation).await.unwrap();
        authenticator.take(RevokedSet::default(), seen);
        let revoked = || authenticator.0.revoked.read().unwrap().clone();
        assert_eq!(revoked(), RevokedSet::of(vec![revocation]), "read before it was revoked");
        let seen = *authenticator.0.changes.borrow();
        authenticator.take(RevokedSet::default(), seen);
        assert_eq!(revoked(), RevokedSet::default());
    }
}
