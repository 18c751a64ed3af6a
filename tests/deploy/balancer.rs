//! A real nginx or HAProxy with the file of `deploy/`, in which only addresses, users and log files are others.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::shipped;
use crate::support::{SOON, Site, eventually, lasting_port};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
}

/// A running balancer. Dropping it ends it, workers included.
pub(crate) struct Balancer {
    site: Site,
    process: Process,
    dir: tempfile::TempDir,
}

struct Process {
    pid: Pid,
    /// Disconnected once it has ended.
    ended: Receiver<()>,
}

/// A port that no other balancer of these tests takes for as long as this is held: neither can bind to an address before
/// it is told of it, so that the port has to be chosen for it.
struct Port {
    number: u16,
    _claim: UdpSocket,
}

impl Port {
    fn claim() -> Self {
        loop {
            let number = lasting_port();
            if let Ok(claim) = UdpSocket::bind(("127.0.0.1", number)) {
                return Self { number, _claim: claim };
            }
        }
    }
}

/// Replaces what must be there.
fn replace(text: &mut String, from: &str, to: &str) {
    assert!(text.contains(from), "{from:?} is not in\n{text}");
    *text = text.replace(from, to);
}

/// The nodes that the file names are these; it names no further ones.
fn name_nodes(text: &mut String, nodes: &[SocketAddr]) {
    for (i, node) in nodes.iter().enumerate() {
        replace(text, &format!("runcast-{}:3001", i + 1), &node.to_string());
    }
    *text = text.lines().filter(|line| !line.contains(":3001")).fold(String::new(), |text, line| text + line + "\n");
}

/// Where Debian has them, which is not in everybody's path.
const PATH: &str = "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin";

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
        }
    }

    fn text(self, nodes: &[SocketAddr], port: u16) -> String {
        match self {
            Self::Nginx => {
                let mut text = shipped("nginx/runcast.conf");
                name_nodes(&mut text, nodes);
                replace(&mut text, "listen 80;", &format!("listen 127.0.0.1:{port};"));
                text
            }
            Self::HaProxy => {
                let mut text = shipped("haproxy/haproxy.cfg");
                name_nodes(&mut text, nodes);
                replace(&mut text, "bind :80\n", &format!("bind 127.0.0.1:{port}\n"));
                replace(&mut text, "log /dev/log local0", "log stderr format raw local0");
                replace(&mut text, "maxconn 20000", "maxconn 500");
                for line in ["    user haproxy\n", "    group haproxy\n"] {
                    replace(&mut text, line, "");
                }
                text
            }
        }
    }

    /// Writes what it needs; the command that starts it in the foreground.
    fn prepare(self, dir: &Path, text: &str) -> Command {
        let mut command = Command::new(self.name());
        match self {
            Self::Nginx => {
                fs::write(dir.join("runcast.conf"), text).unwrap();
                fs::write(dir.join("nginx.conf"), nginx_conf(dir)).unwrap();
                command.arg("-p").arg(dir).arg("-e").arg(dir.join("error.log")).arg("-c").arg(dir.join("nginx.conf"));
            }
            Self::HaProxy => {
                fs::write(dir.join("haproxy.cfg"), text).unwrap();
                command.arg("-db").arg("-f").arg(dir.join("haproxy.cfg"));
            }
        }
        command.env_clear().env("PATH", PATH).current_dir(dir).stdin(Stdio::null());
        command
    }
}

/// What stands around the shipped part; two workers, as anywhere, so that they must share what they know.
fn nginx_conf(dir: &Path) -> String {
    let mut text = String::from("daemon off;\nworker_processes 2;\nevents { worker_connections 500; }\n");
    if geteuid().is_root() {
        // Workers of another user could not reach the temporary directory.
        text.push_str("user root;\n");
    }
    let dir = dir.display();
    let _ = writeln!(text, "pid {dir}/nginx.pid;\nerror_log {dir}/error.log info;\nhttp {{");
    let format = "$request_method $request_uri $status by $upstream_addr: $upstream_status";
    let _ = writeln!(text, "log_format tests '{format}';\naccess_log {dir}/access.log tests;");
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "{kind}_temp_path {dir}/{kind};");
    }
    let _ = writeln!(text, "include {dir}/runcast.conf;\n}}");
    text
}

impl Balancer {
    /// Starts one in front of these nodes, as it is shipped, and waits until one of them answers through it: one that has
    /// just begun to listen may know of no node yet.
    pub(crate) async fn before(kind: Kind, nodes: &[SocketAddr]) -> Self {
        Self::changed_before(kind, nodes, &[]).await
    }

    /// The same with `changes` (from, to) to its file.
    pub(crate) async fn changed_before(kind: Kind, nodes: &[SocketAddr], changes: &[(&str, &str)]) -> Self {
        let balancer = Self::start(kind, nodes, changes).await;
        eventually!(balancer.reaches_a_node(), |reaches| *reaches, SOON);
        balancer
    }

    /// Starts one in front of these nodes, with further `changes` (from, to) to its file.
    pub(crate) async fn start(kind: Kind, nodes: &[SocketAddr], changes: &[(&str, &str)]) -> Self {
        loop {
            let port = Port::claim();
            let mut text = kind.text(nodes, port.number);
            for (from, to) in changes {
                replace(&mut text, from, to);
            }
            let dir = tempfile::tempdir().unwrap();
            let process = Process::launch(kind.prepare(dir.path(), &text), dir.path());
            let site = Site::new(SocketAddr::from(([127, 0, 0, 1], port.number)));
            let balancer = Self { site, process, dir };
            let listens = || TcpStream::connect(balancer.address()).is_ok();
            let answers = || balancer.process.has_ended() || listens();
            eventually!(answers(), |answers| *answers, SOON);
            if !balancer.process.has_ended() {
                return balancer;
            }
            let log = balancer.log();
            let taken = log.contains("Address already in use") || log.contains("cannot bind socket");
            assert!(taken, "{kind:?} did not start:\n{log}");
        }
    }

    /// Whether a node answers through it, on a connection that does not stay.
    fn reaches_a_node(&self) -> bool {
        let answer = || -> std::io::Result<String> {
            let mut tcp = TcpStream::connect(self.address())?;
            tcp.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            tcp.read_to_string(&mut answer)?;
            Ok(answer)
        };
        answer().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        let read = |file: &str| fs::read_to_string(self.dir.path().join(file)).unwrap_or_default();
        ["stderr.txt", "error.log", "access.log"].map(read).concat()
    }
}

impl Process {
    fn launch(mut command: Command, dir: &Path) -> Self {
        let program = command.get_program().to_owned();
        let log: PathBuf = dir.join("stderr.txt");
        let child = command.stdout(Stdio::null()).stderr(File::create(log).unwrap()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{program:?}, a package of that name: {error}"));
        let pid = Pid::from_child(&child);
        let (tell, ended) = channel();
        thread::spawn(move || {
            child.wait().unwrap();
            drop(tell);
        });
        Self { pid, ended }
    }

    fn has_ended(&self) -> bool {
        self.ended.try_recv() == Err(TryRecvError::Disconnected)
    }
}

impl Deref for Balancer {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(8_000);
            eprintln!("the end of the balancer's log:\n{}", &log[log.ceil_char_boundary(from)..]);
        }
        if self.process.has_ended() {
            return;
        }
        // Its quick end; nginx takes its workers along.
        let _ = kill_process(self.process.pid, Signal::TERM);
        let ended = self.process.ended.recv_timeout(SOON);
        if ended != Err(RecvTimeoutError::Disconnected) && !thread::panicking() {
            panic!("the balancer did not end within {SOON:?} after SIGTERM:\n{}", self.log());
        }
    }
}
