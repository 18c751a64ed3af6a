//! A real PostgreSQL for the tests: on a free port, in its own directory, removed together with the test process.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, getuid, kill_process};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::OnceCell;

use super::node::lasting_port;
use super::{Certificates, SOON, eventually};

/// The password of every user; no message of runcast may show it.
pub(crate) const PASSWORD: &str = "hunter2";

/// A script that executes commands from its standard input. When that ends, which is when the test process has ended in
/// any way, it stops the server and removes its files. Arguments: the directory, `initdb`, `postgres`, and a command
/// prefix.
const WATCHDOG: &str = r#"
trap '' HUP INT PIPE TERM
cd "$1" && directory=$1 initdb=$2 postgres=$3 server= && shift 3 || exit
end() {
    [ -n "$server" ] || return
    kill -QUIT "$server"
    kill -CONT "$server" # it may be frozen
    wait "$server"
    server=
}
while read -r word port; do
    case $word in
    make)
        # The locale's sort order differs from byte order, as on most servers.
        "$@" "$initdb" --pgdata=data --username=admin --pwfile=password --auth=scram-sha-256 --no-sync \
            --encoding=UTF8 --locale=C --locale-provider=icu --icu-locale=en-US >log 2>&1 </dev/null ;;
    start)
        : >log # truncated now, not by the server: nobody must read the "ready" of the last start
        "$@" "$postgres" -D "$directory/data" --port="$port" >>log 2>&1 </dev/null &
        server=$! ;;
    stop) end ;;
    esac
    echo "$?"
done
end
rm -rf "$directory"
"#;

/// A server. Dropping it stops it and removes its files.
pub(crate) struct Postgres {
    directory: PathBuf,
    port: u16,
    watchdog: Child,
    answers: BufReader<ChildStdout>,
}

/// The path of `program`: from PATH, else from Debian's directories.
fn find(program: &str) -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|version| version.unwrap().path().join("bin")).collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain(versions.into_iter().rev()).map(|directory| directory.join(program));
    found.into_iter().find(|program| program.is_file()).unwrap_or_else(|| {
        panic!("{program} is neither in PATH nor in /usr/lib/postgresql: install PostgreSQL (scripts/test does)")
    })
}

/// The uid and gid to run PostgreSQL as, because it refuses to run as root: `postgres`, else `nobody`. `None` if not
/// root.
fn user() -> Option<(u32, u32)> {
    if !getuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let fields: Vec<_> =
            users.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(name))?.collect();
        Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("a user who is not root"))
}

impl Postgres {
    /// The server that all tests of this process share; each test has its own [`database`](Self::database).
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// A separate server, for a test that stops or freezes it.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("runcast-postgres-").tempdir().unwrap().keep();
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "watchdog"]).arg(&directory).args([find("initdb"), find("postgres")]);
        if let Some((uid, gid)) = user() {
            command.args(["setpriv", &format!("--reuid={uid}"), &format!("--regid={gid}"), "--clear-groups"]);
        }
        let mut watchdog = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(watchdog.stdout.take().unwrap());
        let mut server = Self { directory, port: 0, watchdog, answers };
        server.make();
        server.start_again().await;
        server
    }

    /// Sends a command to the watchdog, and blocks until it is done.
    fn tell(&mut self, command: &str) {
        let mut status = String::new();
        self.watchdog.stdin.as_mut().unwrap().write_all(format!("{command}\n").as_bytes()).unwrap();
        self.answers.read_line(&mut status).unwrap();
        assert!(status == "0\n" || command == "stop", "{command}: status {status:?}\n{}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Writes a file into the server's directory.
    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.directory.join(name);
        fs::write(&path, contents).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((uid, gid)) = user() {
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
    }

    fn make(&mut self) {
        if let Some((uid, gid)) = user() {
            chown(&self.directory, Some(uid), Some(gid)).unwrap();
        }
        self.write("password", PASSWORD);
        self.tell("make");
        let defaults = fs::read_to_string(self.directory.join("data/postgresql.conf")).unwrap();
        let ours = "fsync = off\nfull_page_writes = off\nshared_buffers = 16MB\nlisten_addresses = '127.0.0.1'\n\
                    unix_socket_directories = ''\n";
        self.write("data/postgresql.conf", defaults + ours);
    }

    /// Restarts the server on its files, at the same port if it had one.
    pub(crate) async fn start_again(&mut self) {
        for _ in 0..20 {
            let port = if self.port == 0 { lasting_port() } else { self.port };
            self.tell(&format!("start {port}"));
            let taken = "could not create any TCP/IP sockets";
            let log = eventually!(self.log(), |log| log.contains("ready to accept") || log.contains(taken), SOON);
            if !log.contains(taken) {
                self.port = port;
                return;
            }
            self.stop();
        }
        panic!("PostgreSQL finds no port");
    }

    /// Stops the server at once, as in a crash; its files stay.
    pub(crate) fn stop(&mut self) {
        self.tell("stop");
    }

    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// Opens an administrator's session in a database.
    pub(crate) async fn admin(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url("admin", database)).await.unwrap()
    }

    /// Creates an empty database that belongs to the user `runcast`, and returns its URL.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        let mut admin = self.admin("postgres").await;
        // Tests run in parallel, and `CREATE ROLE` has no `IF NOT EXISTS`.
        let role = format!(
            "BEGIN; SELECT pg_advisory_xact_lock(1); \
             DO $$ BEGIN IF to_regrole('runcast') IS NULL THEN CREATE ROLE runcast LOGIN PASSWORD '{PASSWORD}'; \
             END IF; END $$; COMMIT"
        );
        admin.execute(AssertSqlSafe(role)).await.unwrap();
        let create = format!("CREATE DATABASE {name} OWNER runcast");
        admin.execute(AssertSqlSafe(create)).await.unwrap();
        self.url("runcast", &name)
    }

    /// Enables encrypted connections.
    pub(crate) async fn encrypt(&self, certificates: &Certificates) {
        self.write("data/server.crt", fs::read(&certificates.certificate).unwrap());
        self.write("data/server.key", fs::read(&certificates.key).unwrap());
        let mut admin = self.admin("postgres").await;
        admin.execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        admin.execute("SELECT pg_reload_conf()").await.unwrap();
        let encrypted = async || {
            let mut admin = self.admin("postgres").await; // only new sessions are encrypted
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut admin).await.unwrap()
        };
        eventually!(encrypted().await, |encrypted| *encrypted, SOON);
    }

    /// Stops all processes of the server: connections stay open, but it does not answer.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Ends a [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Signals the main process first, so that it starts no further one.
    fn signal(&self, signal: Signal) {
        let file = fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap();
        let main: i32 = file.lines().next().unwrap().parse().unwrap();
        let of = |pid: i32| kill_process(Pid::from_raw(pid).unwrap(), signal);
        of(main).unwrap();
        for child in children(main) {
            let _ = of(child); // it may have ended by itself
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        self.watchdog.wait().unwrap();
    }
}

/// The child processes of `parent`.
fn children(parent: i32) -> Vec<i32> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let parent_of = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The format is "1 (name) S 0 ..."; a name may contain spaces and parentheses.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<i32>().ok()
    };
    processes.filter(|pid| parent_of(pid) == Some(parent)).collect()
}
