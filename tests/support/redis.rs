//! A real Redis server with its own directory, and a port that it keeps over restarts.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::node::lasting_port;
use super::{SOON, WallClock, eventually};

/// Environment variable that names a program to run in place of `redis-server`, such as `valkey-server`.
const PROGRAM: &str = "RUNCAST_TEST_REDIS";

/// The line that Redis logs when it serves, with all data loaded.
const READY: &str = "Ready to accept connections";

/// Attempts to find a port: other tests look for ports at the same time.
const PORTS_TRIED: usize = 20;

/// A Redis server. Killed when dropped.
pub(crate) struct RedisServer {
    dir: tempfile::TempDir,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
    tls: bool,
    port: u16,
    process: Option<Child>,
    starts: usize,
}

impl RedisServer {
    /// Starts a server that writes nothing to disk.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with these configuration lines, such as `("appendonly", "yes")`, `("requirepass", "secret")`,
    /// `("user", "ann on >secret ~* &* +@all")`, `("maxmemory", "4mb")`. A line may occur more than once.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::begin(settings, Vec::new(), false).await
    }

    /// Starts a server that accepts only TLS, as `localhost`; see [`RedisServer::ca_file`].
    pub(crate) async fn start_with_tls() -> Self {
        Self::begin(&[], Vec::new(), true).await
    }

    /// Starts a server under this clock.
    pub(crate) async fn start_by(clock: &WallClock) -> Self {
        Self::begin(&[], clock.environment(), false).await
    }

    async fn begin(settings: &[(&str, &str)], environment: Vec<(String, String)>, tls: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        if tls {
            certify(dir.path());
        }
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut server = Self { dir, settings, environment, tls, port: 0, process: None, starts: 0 };
        for _ in 0..PORTS_TRIED {
            server.port = lasting_port();
            match server.launch().await {
                Ok(()) => return server,
                Err(log) => assert!(log.contains("Address already in use"), "redis-server did not start:\n{log}"),
            }
        }
        panic!("no free port for redis-server")
    }

    /// Starts the process; returns its log if it ends.
    async fn launch(&mut self) -> Result<(), String> {
        self.starts += 1;
        let log = self.dir.path().join(format!("redis-{}.log", self.starts));
        let configuration = self.dir.path().join("redis.conf");
        fs::write(&configuration, self.configuration(&log)).unwrap();
        let program = std::env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into());
        let mut command = Command::new(&program);
        command.envs(self.environment.iter().map(|(key, value)| (key, value)));
        command.arg(configuration).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{program:?}: {error} (Debian: apt-get install redis-server)"));
        let process = self.process.insert(process);
        let mut state = || match process.try_wait().unwrap() {
            Some(_) => Some(false),
            None => fs::read_to_string(&log).unwrap_or_default().contains(READY).then_some(true),
        };
        match eventually!(state(), |state| state.is_some(), SOON) {
            Some(true) => Ok(()),
            _ => {
                self.process = None;
                Err(fs::read_to_string(&log).unwrap_or_default())
            }
        }
    }

    fn configuration(&self, log: &Path) -> String {
        let (dir, port) = (self.dir.path().display(), self.port);
        let mut lines = format!("bind 127.0.0.1\ndir {dir}\nlogfile {}\nsave \"\"\n", log.display());
        lines += "daemonize no\nenable-debug-command local\n";
        lines += &match self.tls {
            true => format!(
                "port 0\ntls-port {port}\ntls-cert-file {dir}/cert.pem\ntls-key-file {dir}/key.pem\n\
                 tls-ca-cert-file {dir}/ca.pem\ntls-auth-clients no\n"
            ),
            false => format!("port {port}\n"),
        };
        for (key, value) in &self.settings {
            lines += &format!("{key} {value}\n");
        }
        lines
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The URL without user and password.
    pub(crate) fn url(&self) -> String {
        match self.tls {
            true => format!("rediss://localhost:{}", self.port),
            false => format!("redis://{}", self.address()),
        }
    }

    /// The certificate of the authority that signed the server's.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Sends SIGSTOP: connections stay open, but the server does not answer.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends a [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("it runs");
        kill_process(Pid::from_child(process), signal).unwrap();
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) async fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
        eventually!(process.try_wait().unwrap(), |status| status.is_some(), SOON);
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            process.wait().unwrap();
        }
    }

    /// Restarts the server on its port and its data; stops it first if it runs.
    pub(crate) async fn restart(&mut self) {
        if self.process.is_some() {
            self.stop().await;
        }
        self.launch().await.unwrap_or_else(|log| panic!("redis-server did not start again:\n{log}"));
    }

    /// Runs a command with `redis-cli` and returns its answer.
    #[track_caller]
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let answer = Command::new("redis-cli").args(["-p", &port]).args(arguments).output();
        let answer = answer.expect("redis-cli runs (Debian: apt-get install redis-tools)");
        let text = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        assert!(answer.status.success() && !text.starts_with("ERR"), "redis-cli {arguments:?}: {text}");
        text
    }

    /// A copy of the present data, for [`RedisServer::restart_with`].
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.cli(&["SAVE"]);
        fs::read(self.dir.path().join("dump.rdb")).unwrap()
    }

    /// Everything that it has written to its directory, its log included.
    pub(crate) fn files(&self) -> Vec<u8> {
        let (mut directories, mut bytes) = (vec![self.dir.path().to_owned()], Vec::new());
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => directories.push(path),
                    false => bytes.extend(fs::read(path).unwrap()),
                }
            }
        }
        bytes
    }

    /// Kills the server and restarts it with older data.
    pub(crate) async fn restart_with(&mut self, snapshot: &[u8]) {
        self.kill();
        fs::write(self.dir.path().join("dump.rdb"), snapshot).unwrap();
        self.restart().await;
    }

    /// Makes the server a replica of `master`, and waits until it has all data.
    pub(crate) async fn follow(&self, master: &Self) {
        self.cli(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]);
        eventually!(self.cli(&["INFO", "replication"]), |info| info.contains("master_link_status:up"), SOON);
    }

    /// Kills the server and restarts it without data.
    pub(crate) async fn restart_empty(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(self.dir.path().join("appendonlydir"));
        let _ = fs::remove_file(self.dir.path().join("dump.rdb"));
        self.restart().await;
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes an authority's certificate and a certificate that it signed for `localhost`.
fn certify(dir: &Path) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    fs::write(dir.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
}
