//! `runcast doctor`: checks whether the server would run here with this configuration.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rustix::fs::{Access, access};
use serde::Serialize;

use super::SettingArgs;
use crate::app::Shares;
use crate::config::{BindAddress, CatalogSetting, Config, ConfigProblem, EXIT_CONFIG, JournalUrl, SyncSetting};
use crate::descriptors::Descriptors;
use crate::storage::catalog::CatalogError;
use crate::storage::catalog::postgres::{Inspection, PostgresCatalog};
use crate::storage::data_dir::{DataDir, DataDirError};
use crate::storage::space::free_bytes;

mod access;
mod formats;
mod objects;
mod redis;

/// `runcast doctor`.
#[derive(Args, Clone, Debug)]
#[command(
    after_help = "Changes nothing but to try the lock of an existing data directory, and to write and remove one small \
                        object where artifacts are. Connects to Redis, PostgreSQL and the store of artifacts; to none \
                        of them while a server runs here, which it says.\n\
                        Exit codes: 0 it would run (warnings included), 1 a check failed, 2 wrong usage, \
                        64 the configuration would be refused."
)]
pub struct DoctorArgs {
    #[command(flatten)]
    settings: SettingArgs,
    /// Write the result as one JSON object
    #[arg(long)]
    json: bool,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum DoctorVerdict {
    Ok,
    Warn,
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    verdict: DoctorVerdict,
    detail: String,
}

impl Check {
    fn new(name: &'static str, verdict: DoctorVerdict, detail: impl Into<String>) -> Self {
        Self { name, verdict, detail: detail.into() }
    }
}

/// Runs the checks and prints the report.
///
/// # Errors
/// The report can't be written.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let (checks, refused) = match Config::load(&args.settings.sources()) {
        Ok(loaded) => {
            let file = loaded.file.map_or_else(|| "no file".into(), |file| file.display().to_string());
            let mut checks = vec![Check::new("configuration", DoctorVerdict::Ok, format!("holds together ({file})"))];
            checks.extend(loaded.warnings.iter().map(|warning| configuration(DoctorVerdict::Warn, warning)));
            checks.extend(machine(&loaded.config));
            (checks, false)
        }
        Err(problems) => (problems.0.iter().map(|problem| configuration(DoctorVerdict::Fail, problem)).collect(), true),
    };
    let failed = checks.iter().any(|check| check.verdict == DoctorVerdict::Fail);
    match report(&checks, !failed, args.json) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    Ok(match (refused, failed) {
        (true, _) => ExitCode::from(EXIT_CONFIG),
        (false, true) => ExitCode::FAILURE,
        (false, false) => ExitCode::SUCCESS,
    })
}

fn report(checks: &[Check], ok: bool, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::json!({ "ok": ok, "checks": checks }))?;
    } else {
        for Check { name, verdict, detail } in checks {
            let verdict = match verdict {
                DoctorVerdict::Ok => "ok",
                DoctorVerdict::Warn => "warn",
                DoctorVerdict::Fail => "FAIL",
            };
            writeln!(out, "{verdict:<4}  {name:<14} {detail}")?;
        }
    }
    out.flush()
}

fn configuration(verdict: DoctorVerdict, problem: &ConfigProblem) -> Check {
    Check::new("configuration", verdict, problem.to_string())
}

/// The checks that depend on the machine.
fn machine(config: &Config) -> Vec<Check> {
    let data_dir = &config.server.data_dir;
    if let Some(running) = running(config) {
        let mut checks = vec![running];
        if !config.is_cluster() {
            checks.push(free_space(data_dir, config.journal.min_free_bytes));
        }
        checks.extend([journal(config), descriptors(Descriptors::now(), config)]);
        return checks;
    }
    let mut checks = Vec::new();
    if config.is_cluster() {
        checks.push(redis::check(config));
    } else {
        checks.push(data_directory(data_dir));
        checks.push(free_space(data_dir, config.journal.min_free_bytes));
    }
    checks.push(journal(config));
    checks.extend(formats::checks(config));
    checks.extend(catalog(config));
    checks.push(objects::check(config));
    checks.extend(self::access::checks(config));
    checks.push(descriptors(Descriptors::now(), config));
    checks.push(bind("address", &config.server.bind));
    checks.extend(config.server.ops_bind.0.as_ref().map(|address| bind("ops address", address)));
    checks
}

/// A server that runs here already, whose stores are left alone; `None`: there is none.
fn running(config: &Config) -> Option<Check> {
    let where_ = if config.is_cluster() {
        if !answers(config) {
            return None;
        }
        format!("on {}", config.server.bind)
    } else {
        let path = &config.server.data_dir;
        // Its lock says it, and is only looked at.
        if !path.join("lock").exists() || !matches!(DataDir::open(path), Err(DataDirError::InUse { .. })) {
            return None;
        }
        format!("with the data directory {}", path.display())
    };
    let detail = format!(
        "a server runs {where_}: its address, journal, catalog and artifacts were not touched; ask it by /ready, or \
         stop it for all checks"
    );
    Some(Check::new("server", DoctorVerdict::Ok, detail))
}

/// Whether a server answers on the address that is configured.
fn answers(config: &Config) -> bool {
    const PATIENCE: Duration = Duration::from_secs(1);
    let ask = |address: SocketAddr| -> io::Result<String> {
        // What listens on all addresses is asked on this machine's own.
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let mut socket = TcpStream::connect_timeout(&SocketAddr::new(ip, address.port()), PATIENCE)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        socket.take(4_096).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let addresses = config.server.bind.resolve().unwrap_or_default();
    addresses.into_iter().any(|address| ask(address).is_ok_and(|answer| answer.contains("\"status\":\"ok\"")))
}

fn data_directory(path: &Path) -> Check {
    let check = |verdict, detail| Check::new("data directory", verdict, detail);
    let shown = path.display();
    if path.exists() {
        // Takes the lock as the server does, and releases it at once.
        return match DataDir::open(path) {
            Ok(_) => check(DoctorVerdict::Ok, format!("{shown} is writable, and no other process uses it")),
            Err(error) => check(DoctorVerdict::Fail, error.to_string()),
        };
    }
    let parent = nearest_existing(path);
    match access(&parent, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => check(DoctorVerdict::Ok, format!("{shown} will be made in {}", parent.display())),
        Err(error) => check(DoctorVerdict::Fail, format!("{shown} can't be made in {}: {error}", parent.display())),
    }
}

/// The closest ancestor of `path` that exists, `path` included.
fn nearest_existing(path: &Path) -> PathBuf {
    let above = path.ancestors().find(|above| above.exists()).unwrap_or(Path::new(""));
    if above.as_os_str().is_empty() { PathBuf::from(".") } else { above.to_owned() }
}

fn free_space(path: &Path, min_free_bytes: u64) -> Check {
    let check = |verdict, detail| Check::new("free space", verdict, detail);
    match free_bytes(&nearest_existing(path)) {
        Err(error) => check(DoctorVerdict::Warn, format!("can't be read: {error}")),
        Ok(free) => {
            let detail = format!("{} MiB free, journal.min_free_bytes is {} MiB", free >> 20, min_free_bytes >> 20);
            // Warns below twice the limit, because appends will soon be refused.
            let verdict = match free {
                free if free < min_free_bytes => DoctorVerdict::Fail,
                free if free < min_free_bytes.saturating_mul(2) => DoctorVerdict::Warn,
                _ => DoctorVerdict::Ok,
            };
            check(verdict, detail)
        }
    }
}

fn journal(config: &Config) -> Check {
    let (verdict, detail) = match (&config.journal.url, config.journal.sync) {
        (JournalUrl::Memory, _) => (DoctorVerdict::Warn, "memory: all runs are gone when the process ends"),
        (JournalUrl::Redis, _) => {
            (DoctorVerdict::Ok, "redis: what an acknowledged event survives, Redis's own settings say")
        }
        (JournalUrl::Sqlite(_), SyncSetting::Normal) => (
            DoctorVerdict::Ok,
            "sync is normal: the end of the process loses nothing; a power loss may take the last moments, which \
             viewers are told",
        ),
        (JournalUrl::Sqlite(_), SyncSetting::Full) => {
            (DoctorVerdict::Ok, "sync is full: a power loss loses nothing either")
        }
    };
    Check::new("journal", verdict, detail)
}

/// Connects to a PostgreSQL catalog; `None` for other catalogs.
fn catalog(config: &Config) -> Option<Check> {
    let CatalogSetting::Postgres(url) = &config.catalog.url else { return None };
    let found = super::block_on(PostgresCatalog::inspect(url.reveal()));
    let (verdict, detail) = match found.map_err(|error| CatalogError(error.to_string())).flatten() {
        Ok(Inspection { obstacle: Some(obstacle), location, .. }) => {
            (DoctorVerdict::Fail, format!("PostgreSQL at {location} can't be used: {obstacle}"))
        }
        Ok(Inspection { version, location, tls, format, .. }) => {
            let encrypted = if tls { "encrypted" } else { "not encrypted" };
            (DoctorVerdict::Ok, format!("PostgreSQL {version} at {location}, {encrypted}, format version {format}"))
        }
        Err(error) => (DoctorVerdict::Fail, format!("catalog.url: {error}")),
    };
    Some(Check::new("catalog", verdict, detail))
}

fn descriptors(limits: Descriptors, config: &Config) -> Check {
    // The server raises the soft limit to the hard one.
    let raised = Descriptors { soft: limits.hard, ..limits };
    let Shares { connections, uploads, .. } = Shares::of(config, raised);
    let max_connections = config.server.max_connections;
    let detail = format!(
        "{} descriptors, {} of them kept free: room for {connections} connections and {uploads} uploads",
        limits.hard,
        raised.reserve()
    );
    if max_connections > connections {
        let detail = format!("{detail}, fewer than server.max_connections = {max_connections} (ulimit -Hn)");
        return Check::new("descriptors", DoctorVerdict::Warn, detail);
    }
    Check::new("descriptors", DoctorVerdict::Ok, detail)
}

fn bind(name: &'static str, bind: &BindAddress) -> Check {
    let fails = |error: io::Error| Check::new(name, DoctorVerdict::Fail, format!("can't listen on {bind}: {error}"));
    let addresses = match bind.resolve() {
        Ok(addresses) => addresses,
        Err(error) => return fails(error),
    };
    match TcpListener::bind(&*addresses) {
        Ok(_) => Check::new(name, DoctorVerdict::Ok, format!("{bind} is free")),
        Err(error) => fails(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_descriptors_than_connections_are_a_warning() {
        let limits = Descriptors { soft: 1_024, hard: 4_096 };
        let verdict = |max_connections| {
            let mut config = Config::default();
            config.artifacts.compress_threads = 1;
            config.server.max_connections = max_connections;
            descriptors(limits, &config).verdict
        };
        assert_eq!(verdict(0), DoctorVerdict::Ok);
        assert_eq!(verdict(3_000), DoctorVerdict::Ok, "the soft limit is raised");
        assert_eq!(verdict(4_000), DoctorVerdict::Warn);
    }

    #[test]
    fn a_full_disk_fails() {
        let here = Path::new(".");
        assert_eq!(free_space(here, 0).verdict, DoctorVerdict::Ok);
        assert_eq!(free_space(here, u64::MAX).verdict, DoctorVerdict::Fail);
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_looked_for_above() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        assert_eq!(nearest_existing(&path), parent.path());
        assert_eq!(data_directory(&path).verdict, DoctorVerdict::Ok);
        assert!(!path.exists(), "nothing was made");
        assert_eq!(nearest_existing(Path::new("nonexistent")), Path::new("."));
    }
}
