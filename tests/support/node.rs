//! A real server process with its own data directory, on a free port.

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

/// The line that a drain logs at its end.
const CLEAN: &str = "drained: no actor is left";

/// The end of a process.
#[derive(Debug)]
pub(crate) struct Exit {
    /// The exit code; `None` if a signal ended the process.
    pub(crate) code: Option<i32>,
    /// All that the process wrote to stderr.
    pub(crate) log: String,
}

/// A server. Dropping it sends SIGTERM, and fails the test unless the server drains cleanly.
pub(crate) struct TestNode {
    settings: Vec<(String, String)>,
    dir: tempfile::TempDir,
    site: Site,
    process: Option<Process>,
    starts: usize,
    /// Bytes of the separate disk mounted at `small` in the data directory, in the server's own mount namespace.
    small_disk: Option<u64>,
    /// Limit on the server's descriptors.
    descriptors: Option<u32>,
    may_panic: bool,
    may_report: bool,
}

struct Process {
    pid: Pid,
    ended: Receiver<ExitStatus>,
    log: PathBuf,
}

/// Starts a process. Returns its address as it prints it, or its exit if it ends first.
fn launch(
    settings: &[(String, String)],
    data: &Path,
    log: PathBuf,
    port: u16,
    small_disk: Option<u64>,
    descriptors: Option<u32>,
) -> Result<(SocketAddr, Process), Exit> {
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
    let (sender, ended) = channel();
    thread::spawn(move || sender.send(child.wait().unwrap()));
    let (sender, first_line) = channel();
    thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let _ = sender.send(line);
        // The pipe is read to its end, so that the process never blocks on it.
        let _ = stdout.read_to_end(&mut Vec::new());
    });
    let process = Process { pid, ended, log };
    let line = first_line.recv_timeout(SOON).unwrap_or_default();
    match line.trim().strip_prefix("runcast listens on http://").and_then(|address| address.parse().ok()) {
        Some(address) => Ok((address, process)),
        None => {
            process.signal(Signal::KILL);
            Err(process.wait(SOON).unwrap_or_else(|| panic!("{line:?} is no address, and the process does not end")))
        }
    }
}

/// A free port outside the kernel's ephemeral range.
pub(crate) fn lasting_port() -> u16 {
    let mut dice = Dice::new(RandomState::new().hash_one(0));
    loop {
        let port = 12_000 + dice.below(20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Process {
    fn signal(&self, signal: Signal) {
        // The process may have ended by itself.
        let _ = kill_process(self.pid, signal);
    }

    fn exit(&self, status: ExitStatus) -> Exit {
        Exit { code: status.code(), log: self.log() }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Blocks until the process has ended; `None` after the timeout.
    fn wait(&self, within: Duration) -> Option<Exit> {
        self.ended.recv_timeout(within).ok().map(|status| self.exit(status))
    }
}

impl TestNode {
    /// Starts a server with these settings (`RUNCAST__SECTION__KEY`).
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_on(0, settings, None, None)
    }

    /// Starts a server with a separate disk of `bytes` bytes at `small` in its data directory; the disk has a folder
    /// `objects`.
    pub(crate) fn start_with_a_small_disk(bytes: u64, settings: &[(&str, &str)]) -> Self {
        Self::start_on(0, settings, Some(bytes), None)
    }

    /// Starts a server with at most `limit` descriptors.
    pub(crate) fn start_with_descriptors(limit: u32, settings: &[(&str, &str)]) -> Self {
        Self::start_on(0, settings, None, Some(limit))
    }

    /// The path to the small disk from outside the server's mount namespace.
    pub(crate) fn small_disk(&self) -> PathBuf {
        let data = self.data().join("small");
        Path::new("/proc").join(self.pid().to_string()).join("root").join(data.strip_prefix("/").unwrap())
    }

    /// Starts a server that can restart in place: its port is not given to another process while it is down.
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
            process: None,
            starts: 0,
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
            Ok((address, process)) => (self.site, self.process) = (Site::new(address), Some(process)),
            Err(exit) => panic!("the server did not start: {:?}\n{}", exit.code, exit.log),
        }
    }

    fn launch_on(&mut self, port: u16) -> Result<(SocketAddr, Process), Exit> {
        self.starts += 1;
        let log = self.dir.path().join(format!("stderr-{}.txt", self.starts));
        launch(&self.settings, self.dir.path(), log, port, self.small_disk, self.descriptors)
    }

    /// Starts a second process on the same data directory, which must fail; returns its exit.
    pub(crate) fn start_a_rival(&mut self) -> Exit {
        match self.launch_on(0) {
            Err(exit) => exit,
            Ok((address, process)) => {
                process.signal(Signal::KILL);
                panic!("a second server started on {address}")
            }
        }
    }

    /// Restarts the server on its data directory, at a new port, with other settings.
    pub(crate) fn restart_with(&mut self, settings: &[(&str, &str)]) {
        self.settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.restart();
    }

    /// Restarts the server on its data directory, at a new port.
    pub(crate) fn restart(&mut self) {
        assert!(self.process.is_none(), "end it first");
        self.begin(0);
    }

    /// Restarts the server on its data directory, at the same port (see [`TestNode::start_to_stay`]).
    pub(crate) fn restart_in_place(&mut self) {
        assert!(self.process.is_none(), "end it first");
        self.begin(self.address().port());
    }

    /// Allows the server to panic.
    pub(crate) fn may_panic(&mut self) {
        self.may_panic = true;
    }

    /// Allows the server to log errors.
    pub(crate) fn may_report(&mut self) {
        self.may_report = true;
    }

    /// The errors that the server has logged so far.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.log().lines().filter(|line| is_error(line)).map(str::to_owned).collect()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process().pid.as_raw_nonzero().get()
    }

    /// The server's data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What the server has written to stderr so far.
    pub(crate) fn log(&self) -> String {
        self.process().log()
    }

    /// Resident memory in bytes.
    pub(crate) fn resident_bytes(&self) -> usize {
        self.memory("VmRSS:")
    }

    /// Largest resident memory since the start, or since [`Self::forget_peak`].
    pub(crate) fn peak_resident_bytes(&self) -> usize {
        self.memory("VmHWM:")
    }

    /// Restarts the measurement of the peak.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    fn memory(&self, figure: &str) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) fn kill9(&mut self) {
        let process = self.process.take().expect("the server runs");
        process.signal(Signal::KILL);
        let exit = process.wait(SOON).expect("a killed process ends");
        assert!(!exit.log.contains("panicked"), "{}", exit.log);
    }

    /// Sends SIGSTOP: connections stay open, but the server does not answer.
    pub(crate) fn freeze(&self) {
        self.process().signal(Signal::STOP);
    }

    /// Ends a [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.process().signal(Signal::CONT);
    }

    /// Sends SIGTERM without waiting.
    pub(crate) fn ask_to_stop(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        self.process().signal(signal);
    }

    /// Waits for the process to end.
    pub(crate) async fn ended(&mut self) -> Exit {
        let status = eventually!(self.process().ended.try_recv(), |status| status.is_ok(), SOON).unwrap();
        let exit = self.process().exit(status);
        self.process = None;
        exit
    }

    /// Sends SIGTERM and waits for the end.
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
    /// Asserts a clean drain: exit code 0, no actor left, no panic, no error logged.
    #[track_caller]
    pub(crate) fn assert_clean(&self, may_panic: bool) {
        self.assert_drained(may_panic);
        let error = self.log.lines().find(|line| is_error(line));
        assert!(may_panic || error.is_none(), "{error:?} in\n{}", self.log);
    }

    /// Asserts a drain: exit code 0, no actor left, no panic.
    #[track_caller]
    fn assert_drained(&self, may_panic: bool) {
        let Self { code, log } = self;
        assert_eq!(*code, Some(0), "exit code; the log:\n{log}");
        assert!(log.contains(CLEAN), "{CLEAN:?} is not in\n{log}");
        assert!(may_panic || !log.contains("panicked"), "a panic:\n{log}");
    }
}

/// Whether a log line is an error. A stopped acceptor that was slow to pause may report its listener; that is ignored.
fn is_error(line: &str) -> bool {
    line.contains("ERROR") && !line.contains("actix_server::accept")
}

impl Drop for TestNode {
    fn drop(&mut self) {
        let Some(process) = self.process.take() else { return };
        if thread::panicking() {
            process.signal(Signal::KILL);
            let log = process.wait(SOON).map(|exit| exit.log).unwrap_or_default();
            let from = log.len().saturating_sub(4_000);
            eprintln!("the end of the server's log:\n{}", &log[log.ceil_char_boundary(from)..]);
            return;
        }
        process.signal(Signal::TERM);
        match process.wait(SOON) {
            Some(exit) => self.assert_clean(&exit),
            None => {
                process.signal(Signal::KILL);
                panic!("the server did not end within {SOON:?} after SIGTERM:\n{}", process.log());
            }
        }
    }
}
