//! A real server process with its own data directory, on a free port.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread;

use rustix::process::Signal;

use super::process::{Process, launch};
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
    /// The build that is started: this one, unless a test says otherwise.
    program: PathBuf,
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

    /// Starts a server of another build, whose port is not given to another process while it is down.
    pub(crate) fn start_build(program: &Path, settings: &[(&str, &str)]) -> Self {
        let mut node = Self::unstarted(settings, None, None);
        node.take_build(program);
        node.begin(lasting_port());
        node
    }

    /// Starts a server of another build, which must fail; returns its exit.
    pub(crate) fn refused(program: &Path, settings: &[(&str, &str)]) -> Exit {
        let mut node = Self::unstarted(settings, None, None);
        node.take_build(program);
        node.start_a_rival()
    }

    /// What is started from now on is this build.
    pub(crate) fn take_build(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
    }

    fn start_on(port: u16, settings: &[(&str, &str)], small_disk: Option<u64>, descriptors: Option<u32>) -> Self {
        let mut node = Self::unstarted(settings, small_disk, descriptors);
        node.begin(port);
        node
    }

    fn unstarted(settings: &[(&str, &str)], small_disk: Option<u64>, descriptors: Option<u32>) -> Self {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let dir = tempfile::tempdir().unwrap();
        let site = Site::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self {
            program: env!("CARGO_BIN_EXE_runcast").into(),
            settings,
            dir,
            site,
            process: None,
            starts: 0,
            small_disk,
            descriptors,
            may_panic: false,
            may_report: false,
        }
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
        launch(&self.program, &self.settings, self.dir.path(), log, port, self.small_disk, self.descriptors)
    }

    /// Starts a process on the same data directory, beside its own if that runs, which must fail; returns its exit.
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
