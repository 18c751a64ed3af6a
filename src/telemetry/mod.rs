//! The process's telemetry: the log on stderr, reports to Sentry, and metrics.
//!
//! The levels have a meaning: an `error` needs a human's attention and is the only level that becomes a report; `warn`
//! and `info` are kept as breadcrumbs of the next report.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use sentry::integrations::tracing::{BreadcrumbLayer, ErrorLayer};
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, reload};

use crate::audit::AUDIT_TARGET;
use crate::config::{Config, LogFormat, SentryConfig};

mod audit_file;
pub mod metrics;

use audit_file::AuditFile;

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `log.filter` is invalid.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// `log.audit_file` can't be written.
    #[error("log.audit_file: {0}: {1}")]
    AuditFile(PathBuf, #[source] io::Error),
    /// `sentry.dsn` is invalid. Its value is not shown.
    #[error("sentry.dsn is no Sentry DSN")]
    Dsn,
    /// The HTTP client for reports can't be built, for example because there are no root certificates.
    #[error("reports to Sentry can't be sent: {0}")]
    Transport(#[source] reqwest::Error),
    /// The process has a subscriber already.
    #[error("the log is set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps reporting alive. When dropped, it sends what is left, for at most two seconds.
#[must_use = "reports end with it"]
pub struct TelemetryGuard {
    /// Changes what the log says.
    pub filter: LogFilter,
    /// Whether the log says nothing at all, errors included.
    pub is_silent: bool,
    _sentry: Option<sentry::ClientInitGuard>,
}

/// Changes `log.filter` while the process runs.
#[derive(Clone)]
pub struct LogFilter(Arc<dyn Fn(EnvFilter) + Send + Sync>);

impl LogFilter {
    /// For a process whose log is set up elsewhere: changes nothing.
    pub fn of_nobody() -> Self {
        Self(Arc::new(|_| ()))
    }

    /// Puts a filter in force.
    ///
    /// # Errors
    /// The filter is invalid.
    pub fn set(&self, filter: &str) -> Result<(), TelemetryError> {
        let filter = EnvFilter::try_new(filter)?;
        (self.0)(filter);
        Ok(())
    }
}

/// Sets up the process's log and reports. It must be called before any runtime starts, because threads inherit the
/// reporter.
///
/// # Errors
/// A setting is invalid, or the function was called before.
pub fn init(config: &Config) -> Result<TelemetryGuard, TelemetryError> {
    let sentry = reporter(&config.sentry)?;
    let filter = EnvFilter::try_new(&config.log.filter)?;
    let is_silent = filter.max_level_hint() == Some(LevelFilter::OFF);
    let (filter, handle) = reload::Layer::new(filter);
    let terminal = io::stderr().is_terminal();
    let json = match config.log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = if json {
        lines.json().flatten_event(true).with_current_span(false).boxed()
    } else {
        lines.with_ansi(terminal && std::env::var_os("NO_COLOR").is_none()).boxed()
    };
    let audit_file = (!config.log.audit_file.is_empty()).then(|| PathBuf::from(&config.log.audit_file));
    let audit_file =
        audit_file.map(|path| AuditFile::open(&path).map_err(|error| TelemetryError::AuditFile(path, error)));
    let audit_file = audit_file.transpose()?;
    let is_apart = audit_file.is_some();
    let not_apart = filter_fn(move |metadata| !is_apart || metadata.target() != AUDIT_TARGET);
    let audit = audit_file.map(|file| {
        let lines = fmt::layer().with_writer(file).json().flatten_event(true).with_current_span(false);
        let lines = lines.with_span_list(false).with_level(false).with_target(false);
        lines.with_filter(filter_fn(|metadata| metadata.target() == AUDIT_TARGET))
    });
    // The audit log names people, and is nobody else's.
    let breadcrumbs = filter_fn(|metadata| {
        matches!(*metadata.level(), Level::WARN | Level::INFO) && metadata.target() != AUDIT_TARGET
    });
    let reporting = sentry.is_some();
    let when_reporting = move || filter_fn(move |_| reporting);
    // actix logs an error when a peer sends invalid HTTP or disconnects; that needs no attention.
    let a_peers_doing = |target: &str| target.starts_with("actix_http::");
    let ours = filter_fn(move |metadata| !a_peers_doing(metadata.target()));
    tracing_subscriber::registry()
        .with(ours)
        .with(lines.with_filter(filter.and(not_apart)))
        .with(audit)
        .with(BreadcrumbLayer::new().with_filter(breadcrumbs.and(when_reporting())))
        .with(ErrorLayer::new().with_filter(LevelFilter::ERROR.and(when_reporting())))
        .try_init()?;
    // The log is gone only when the process is.
    let set = move |filter| drop(handle.reload(filter));
    Ok(TelemetryGuard { filter: LogFilter(Arc::new(set)), is_silent, _sentry: sentry })
}

fn reporter(config: &SentryConfig) -> Result<Option<sentry::ClientInitGuard>, TelemetryError> {
    if config.dsn.is_empty() {
        return Ok(None);
    }
    let dsn: sentry::types::Dsn = config.dsn.reveal().parse().map_err(|_| TelemetryError::Dsn)?;
    // Sentry's own transport would panic where this check returns an error.
    reqwest::Client::builder().build().map_err(TelemetryError::Transport)?;
    let mut options =
        sentry::ClientOptions::default().environment(config.environment.clone()).maybe_release(sentry::release_name!());
    options.dsn = Some(dsn);
    Ok(Some(sentry::init(options)))
}
