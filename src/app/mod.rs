//! The root: opens storage, puts a node together, runs it, and takes it down.
//!
//! [`serve()`] is the process, [`run()`] a node in it, `children` the tree of its actors, `worker` what each HTTP thread has,
//! `drain` how a node goes.

use std::sync::Arc;

use crate::access::oidc::OidcProvider;
use crate::access::{AccessSecret, Authenticator, DeviceRequests, TokenExchange};
use crate::artifacts::ArtifactParts;
use crate::storage::catalog::Catalog;
use crate::storage::catalog::runs::RunCatalog;
use crate::storage::data_dir::DataDir;
use crate::storage::journal::Journal;
use crate::storage::journal::redis::RedisJournal;
use crate::storage::packages::Packages;
use crate::storage::presence::Register;

mod access;
mod artifact_ports;
mod children;
mod clock;
mod drain;
mod limits;
mod listeners;
mod live;
mod ops_edge;
mod ops_server;
mod parts;
mod reload;
mod revocations;
mod run;
mod serve;
mod shares;
mod signals;
mod steering;
mod storage;
mod transport;
mod worker;

pub use access::{TokenParts, open_issuers, open_tokens, signing_keys};
pub use children::{TREE, TreeEntry};
pub use limits::{control_limits, event_limits};
pub use listeners::Listeners;
pub use live::LiveSettings;
pub use reload::ConfigReload;
pub use run::{NodeOutcome, run};
pub use serve::{EXIT_OVERDUE, serve};
pub use shares::Shares;
pub use storage::{
    FIRST_KEY, URL_KEY, given_first_key, objects_options, open_catalog, open_objects, open_redis, open_url_key,
    read_first_key, redis_settings,
};

/// The parts that keep things; opened before the node starts, closed after it has stopped.
#[derive(Clone)]
pub struct Storage {
    /// The runs' logs.
    pub journal: Arc<dyn Journal>,
    /// The list of runs.
    pub catalog: Arc<dyn Catalog>,
    /// The same catalog, for the summaries of runs and the history of their tests.
    pub run_catalog: Arc<dyn RunCatalog>,
    /// The client packages of this build, and those in the catalog.
    pub packages: Packages,
    /// Verifies credentials; `None`: everybody may do everything.
    pub authenticator: Option<Authenticator>,
    /// Exchanges tokens of build servers for those of this server; `None`: no issuer's are exchanged.
    pub token_exchange: Option<TokenExchange>,
    /// The identity provider with which people sign in; `None`: they have keys.
    pub provider: Option<OidcProvider>,
    /// Seals what command lines ask for; `None`: they have keys.
    pub devices: Option<DeviceRequests>,
    /// The key with which an operator begins; `None`: everybody may do everything.
    pub first_key: Option<AccessSecret>,
    /// The journal as what it is in a cluster; `None` on a single node.
    pub redis: Option<Arc<RedisJournal>>,
    /// Who is connected to which node of a cluster; `None` on a single node.
    pub presence: Option<Arc<Register>>,
    /// What artifacts are kept with; `None`: none are kept.
    pub artifacts: Option<Arc<ArtifactParts>>,
    /// Keeps others from the same directory; `None` when nothing is kept in one.
    pub data_dir: Option<Arc<DataDir>>,
}
