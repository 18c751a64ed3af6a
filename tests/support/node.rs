//! A real server process on its own data directory and a free port.

use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{Dice, SOON, Site, eventually};

/// What a drain logs at its end.
const CLEAN: &str = "drained: no actor is left";

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Exit {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// All that it wrote to stderr.
    pub(crate) log: String,
}

/// A server. Dropping it ends it with SIGTERM, and fails the test unless it goes cleanly.
pub(crate) struct TestNode {
    settings: Vec<(String, String)>,
    dir: tempfile::TempDir,
    site: Site,
    life: Option<Life>,
    lives: usize,
    /// The bytes of the disk that it has at `small` in its data directory, seen by nobody else.
    small_disk: Option<u64>,
    /// The most descriptors that it may have.
    descriptors: Option<u32>,
    may_panic: bool,
    may_report: bool,
}

struct Life {
    pid: Pid,
    ended: Receiver<ExitStatus>,
    log: PathBuf,
}

/// Starts a process; its address as it tells it, or how it ended instead.
fn launch(
    settings: &[(String, String)],
    data: &Path,
    log: PathBuf,
    port: u16,
    small_disk: Option<u64>,
    descriptors: Option<u32>,
) -> Result<(SocketAddr, Life), Exit> {
    let program = env!("CARGO_BIN_EXE_runcast");
    let mut command = match small_disk {
        None if descriptors.is_some() => {
            let mut command = Command::new("sh");
            command.args(["-c", r#"ulimit -n "$1" && exec "$0" serve"#, program]);
            command.arg(descriptors.unwrap_or_default().to_string());
            command
        }
        None => {
            let mut command = Command::new(program);
            command.arg("serve");
            command
        }
        Some(bytes) => {
            let mut command = Command::new("unshare");
            let script =
                r#"mkdir -p "$1" && mount -t tmpfs -o size="$2" small "$1" && mkdir "$1/objects" && exec "$0" serve"#;
            command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, program]);
            command.arg(data.join("data/small")).arg(bytes.to_string());
            command
        }
    };
    command.env_clear().current_dir(data).stdin(Stdio::null());
    command.env("RUNCAST__SERVER__BIND", format!("127.0.0.1:{port}"));
    command.env("RUNCAST__SERVER__DATA_DIR", data.join("data"));
    command.env("RUNCAST__SERVER__DRAIN_SECS", "10").env("RUST_BACKTRACE", "1");
    command.envs(settings.iter().map(|(key, value)| (key, value)));
    let mut child = command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let stdout = child.stdout.take().unwrap();
    let (tell, ended) = channel();
    thread::spawn(move || tell.send(child.wait().unwrap()));
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let _ = tell.send(line);
        // Read on: the process must never wait for a full pipe.
        let _ = stdout.read_to_end(&mut Vec::new());
    });
    let life = Life { pid, ended, log };
    let line = told.recv_timeout(SOON).unwrap_or_default();
    match line.trim().strip_prefix("runcast listens on http://").and_then(|address| address.parse().ok()) {
        Some(address) => Ok((address, life)),
        None => {
            life.signal(Signal::KILL);
            Err(life.wait(SOON).unwrap_or_else(|| panic!("{line:?} is no address, and the process does not end")))
        }
    }
}

/// A free port below those that the kernel gives to whoever asks for any.
pub(crate) fn lasting_port() -> u16 {
    let mut dice = Dice::new(RandomState::new().hash_one(0));
    loop {
        let port = 12_000 + dice.below(20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Life {
    fn signal(&self, signal: Signal) {
        // It may have ended by itself.
        let _ = kill_process(self.pid, signal);
    }

    fn exit(&self, status: ExitStatus) -> Exit {
        Exit { code: status.code(), log: self.log() }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Blocks until it has ended.
    fn wait(&self, within: Duration) -> Option<Exit> {
        self.ended.recv_timeout(within).ok().map(|status| self.exit(status))
    }
}

impl TestNode {
    /// Starts a server with these settings (`RUNCAST__SECTION__KEY`).
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_on(0, settings, None, None)
    }

    /// The same with a disk of its own that has so many bytes: at `small` in its data directory, `objects` being there.
    pub(crate) fn start_with_a_small_disk(bytes: u64, settings: &[(&str, &str)]) -> Self {
        Self::start_on(0, settings, Some(bytes), None)
    }

    /// The same with no more descriptors than `limit`.
    pub(crate) fn start_with_descriptors(limit: u32, settings: &[(&str, &str)]) -> Self {
        Self::start_on(0, settings, None, Some(limit))
    }

    /// That disk as others reach it.
    pub(crate) fn small_disk(&self) -> PathBuf {
        let data = self.data().join("small");
        Path::new("/proc").join(self.pid().to_string()).join("root").join(data.strip_prefix("/").unwrap())
    }

    /// The same, for a node that is to be restarted in place: on a port that nobody is given while it is down.
    pub(crate) fn start_to_stay(settings: &[(&str, &str)]) -> Self {
        Self::start_on(lasting_port(), settings, None, None)
    }

    fn start_on(port: u16, settings: &[(&str, &str)], small_disk: Option<u64>, descriptors: Option<u32>) -> Self {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let dir = tempfile::tempdir().unwrap();
        let site = Site::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut node = Self {
            settings,
            dir,
            site,
            life: None,
            lives: 0,
            small_disk,
            descriptors,
            may_panic: false,
            may_report: false,
        };
        node.begin(port);
        node
    }

    fn begin(&mut self, port: u16) {
        match self.launch_on(port) {
            Ok((address, life)) => (self.site, self.life) = (Site::new(address), Some(life)),
            Err(exit) => panic!("the server did not start: {:?}\n{}", exit.code, exit.log),
        }
    }

    fn launch_on(&mut self, port: u16) -> Result<(SocketAddr, Life), Exit> {
        self.lives += 1;
        let log = self.dir.path().join(format!("stderr-{}.txt", self.lives));
        launch(&self.settings, self.dir.path(), log, port, self.small_disk, self.descriptors)
    }

    /// Tries to start a second process on the same data directory; how that ended.
    pub(crate) fn start_a_rival(&mut self) -> Exit {
        match self.launch_on(0) {
            Err(exit) => exit,
            Ok((address, life)) => {
                life.signal(Signal::KILL);
                panic!("a second server started on {address}")
            }
        }
    }

    /// Starts it again on its data directory, at a new port, with other settings.
    pub(crate) fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.restart();
    }

    /// Starts it again on its data directory, at a new port.
    pub(crate) fn restart(&mut self) {
        assert!(self.life.is_none(), "end it first");
        self.begin(0);
    }

    /// Starts it again on its data directory, at the port it had (see [`TestNode::start_to_stay`]).
    pub(crate) fn restart_in_place(&mut self) {
        assert!(self.life.is_none(), "end it first");
        self.begin(self.address().port());
    }

    /// For a test that makes it panic.
    pub(crate) fn may_panic(&mut self) {
        self.may_panic = true;
    }

    /// For a test that makes it log what a human must look at.
    pub(crate) fn may_report(&mut self) {
        self.may_report = true;
    }

    /// What it has logged so far that a human must look at.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.log().lines().filter(|line| is_error(line)).map(str::to_owned).collect()
    }

    fn life(&self) -> &Life {
        self.life.as_ref().expect("the server runs")
    }

    pub(crate) fn pid(&self) -> i32 {
        self.life().pid.as_raw_nonzero().get()
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What it wrote to stderr so far.
    pub(crate) fn log(&self) -> String {
        self.life().log()
    }

    /// Its resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        self.memory("VmRSS:")
    }

    /// The most since it began, or since [`Self::forget_peak`].
    pub(crate) fn peak_resident_bytes(&self) -> usize {
        self.memory("VmHWM:")
    }

    /// From now on the peak is measured anew.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    fn memory(&self, figure: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill9(&mut self) {
        let life = self.life.take().expect("the server runs");
        life.signal(Signal::KILL);
        let exit = life.wait(SOON).expect("a killed process ends");
        assert!(!exit.log.contains("panicked"), "{}", exit.log);
    }

    /// SIGSTOP: connections stay open, and nobody answers.
    pub(crate) fn freeze(&self) {
        self.life().signal(Signal::STOP);
    }

    /// The end of [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.life().signal(Signal::CONT);
    }

    /// SIGTERM, without waiting.
    pub(crate) fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Any signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.life().signal(signal);
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> Exit {
        let status = eventually!(self.life().ended.try_recv(), |status| status.is_ok(), SOON).unwrap();
        let exit = self.life().exit(status);
        self.life = None;
        exit
    }

    /// SIGTERM, and its end.
    pub(crate) async fn terminate(&mut self) -> Exit {
        self.ask_to_stop();
        self.ended().await
    }

    #[track_caller]
    fn assert_clean(&self, exit: &Exit) {
        match self.may_report {
            true => exit.assert_drained(self.may_panic),
            false => exit.assert_clean(self.may_panic),
        }
    }
}

impl Deref for TestNode {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Exit {
    /// That it drained: exit code 0, no actor left, no panic, nothing that a human must look at.
    #[track_caller]
    pub(crate) fn assert_clean(&self, may_panic: bool) {
        self.assert_drained(may_panic);
        let error = self.log.lines().find(|line| is_error(line));
        assert!(may_panic || error.is_none(), "{error:?} in\n{}", self.log);
    }

    /// That it drained: exit code 0, no actor left, no panic.
    #[track_caller]
    fn assert_drained(&self, may_panic: bool) {
        let Self { code, log } = self;
        assert_eq!(*code, Some(0), "exit code; the log:\n{log}");
        assert!(log.contains(CLEAN), "{CLEAN:?} is not in\n{log}");
        assert!(may_panic || !log.contains("panicked"), "a panic:\n{log}");
    }
}

/// A stopped acceptor may report its listener, if it was slow to take up the pause.
fn is_error(line: &str) -> bool {
    line.contains("ERROR") && !line.contains("actix_server::accept")
}

impl Drop for TestNode {
    fn drop(&mut self) {
        let Some(life) = self.life.take() else { return };
        if thread::panicking() {
            life.signal(Signal::KILL);
            let log = life.wait(SOON).map(|exit| exit.log).unwrap_or_default();
            let from = log.len().saturating_sub(4_000);
            eprintln!("the end of the server's log:\n{}", &log[log.ceil_char_boundary(from)..]);
            return;
        }
        life.signal(Signal::TERM);
        match life.wait(SOON) {
            Some(exit) => self.assert_clean(&exit),
            None => {
                life.signal(Signal::KILL);
                panic!("the server did not end within {SOON:?} after SIGTERM:\n{}", life.log());
            }
        }
    }
}
