//! A small pool of connections to PostgreSQL.
//!
//! sqlx's own pool waits without a bound for a connection that went silent, keeps its permit meanwhile, and does not
//! report why there is none. Here only a successful caller returns a connection to the pool; in every other case it is
//! dropped with its transaction.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::str::FromStr as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::super::CatalogError;

/// Connections of a node: one for the catalog writer, and a few for requests that list runs.
const MOST: usize = 4;
/// Longest time to make a connection, or to wait for a free one.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for the check of an idle connection, and for closing one.
const PING: Duration = Duration::from_secs(1);
/// Age at which a connection is replaced, so that a server that moved behind its host name is found.
const LIFETIME: Duration = Duration::from_secs(300);

/// The pool.
pub(super) struct Connections {
    options: PgConnectOptions,
    permits: Semaphore,
    /// Idle connections, the one used last at the end; at most [`MOST`].
    idle: Mutex<Vec<HeldConnection>>,
}

struct HeldConnection {
    connection: PgConnection,
    since: Instant,
}

/// A borrowed connection. Dropping it closes the connection unless it was given back.
pub(super) struct Borrowed<'a> {
    held: HeldConnection,
    from: &'a Connections,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    /// Parses the URL; connects to nothing yet.
    pub(super) fn to(url: &str) -> Result<Self, CatalogError> {
        let options = PgConnectOptions::from_str(url).map_err(|error| CatalogError(error.to_string()))?;
        let named = options.get_application_name().is_some();
        let options = options.disable_statement_logging();
        let options = if named { options } else { options.application_name("runcast") };
        Ok(Self { options, permits: Semaphore::new(MOST), idle: Mutex::default() })
    }

    /// The server's address, without the password.
    pub(super) fn location(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }

    /// Makes a connection outside the pool.
    pub(super) async fn single(&self, within: Duration) -> Result<PgConnection, CatalogError> {
        match timeout(within, self.options.connect()).await {
            Ok(connected) => connected.map_err(|error| CatalogError(error.to_string())),
            Err(_) => Err(CatalogError(format!("PostgreSQL took no connection within {} s", within.as_secs()))),
        }
    }

    /// Borrows a connection that answers: an idle one, else a new one.
    pub(super) async fn lend(&self) -> Result<Borrowed<'_>, CatalogError> {
        let permit = match timeout(CONNECT, self.permits.acquire()).await {
            Ok(permit) => permit.map_err(|_| CatalogError("closed".into()))?,
            Err(_) => return Err(CatalogError("all connections to PostgreSQL were busy for 5 s".into())),
        };
        let held = match self.rested().await {
            Some(held) => held,
            None => HeldConnection { connection: self.single(CONNECT).await?, since: Instant::now() },
        };
        Ok(Borrowed { held, from: self, _permit: permit })
    }

    /// Takes the idle connection that was used last, if it still works.
    async fn rested(&self) -> Option<HeldConnection> {
        let mut held = self.idle().pop()?;
        if let Ok(Ok(())) = timeout(PING, held.connection.ping()).await {
            return Some(held);
        }
        // The other idle connections are most likely broken too, and checking each could take a second.
        self.idle().clear();
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<HeldConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes idle connections and lends no more. Borrowed ones are dropped when they are given back.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        for HeldConnection { connection, .. } in idle {
            let _ = timeout(PING, connection.close()).await; // what does not answer is dropped all the same
        }
    }
}

/// Hides the options, which hold the password.
impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connections").field(&self.location()).finish()
    }
}

impl Borrowed<'_> {
    /// Returns a connection that has no open transaction and no outstanding result.
    pub(super) fn give_back(self) {
        let Self { held, from, _permit } = self;
        let mut idle = from.idle();
        if !from.permits.is_closed() {
            idle.push(held);
        }
        idle.retain(|held| held.since.elapsed() < LIFETIME);
    }
}

impl Deref for Borrowed<'_> {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.held.connection
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.held.connection
    }
}
