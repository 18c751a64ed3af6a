//! A real PostgreSQL of the tests' own: on a free port, in a directory of its own, gone with the process that started it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, getuid, kill_process};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::OnceCell;

use super::node::lasting_port;
use super::{Certificates, SOON, eventually};

/// The password of every user; no message of ours may show it.
pub(crate) const PASSWORD: &str = "hunter2";

/// Keeps the server while its own standard input is open, and removes it whole when the test process has ended,
/// however it did; unless it is told to `keep` the files.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM
directory=$1
shift
"$@" </dev/null &
read -r last
kill -QUIT $!
wait $!
[ "$last" = keep ] || rm -rf "$directory"
"#;

/// A server. Dropping it ends it and removes its files.
pub(crate) struct Postgres {
    directory: PathBuf,
    port: u16,
    watchdog: Option<Child>,
}

/// `program` from the PATH, else from where Debian puts it.
fn find(program: &str) -> PathBuf {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|version| version.unwrap().path().join("bin")).collect();
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).chain(versions.into_iter().rev()).map(|place| place.join(program));
    found.into_iter().find(|program| program.is_file()).unwrap_or_else(|| {
        panic!("{program} is neither in PATH nor in /usr/lib/postgresql: install PostgreSQL (scripts/test does)")
    })
}

/// PostgreSQL refuses to run as root: then it runs as the first of these users that there is, by uid and gid.
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

/// The command line that runs `program` as [`user`].
fn as_user(program: &str) -> Vec<String> {
    let program = find(program).to_str().unwrap().to_owned();
    match user() {
        Some((uid, gid)) => {
            vec!["setpriv".into(), format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into(), program]
        }
        None => vec![program],
    }
}

impl Postgres {
    /// The one that all tests of this process share, each with a [`database`](Self::database) of its own.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// One for a test that ends it or freezes it.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("runcast-postgres-").tempdir().unwrap().keep();
        let mut server = Self { directory, port: 0, watchdog: None };
        server.initialise();
        server.start_again().await;
        server
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn initialise(&self) {
        let (data, password) = (self.data(), self.directory.join("password"));
        fs::write(&password, PASSWORD).unwrap();
        fs::create_dir(&data).unwrap();
        if let Some((uid, gid)) = user() {
            fs::set_permissions(&self.directory, fs::Permissions::from_mode(0o711)).unwrap();
            chown(&data, Some(uid), Some(gid)).unwrap();
            chown(&password, Some(uid), Some(gid)).unwrap();
        }
        let command = as_user("initdb");
        let mut initdb = Command::new(&command[0]);
        initdb.args(&command[1..]).args(["--username=admin", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]);
        // A language whose order of names is not that of bytes, as on most people's servers.
        initdb.args(["--locale=C", "--locale-provider=icu", "--icu-locale=en-US"]);
        initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(&data);
        let made = initdb.current_dir(&self.directory).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut settings = File::options().append(true).open(data.join("postgresql.conf")).unwrap();
        let ours = "fsync = off\nfull_page_writes = off\nshared_buffers = 16MB\nlisten_addresses = '127.0.0.1'\n\
                    unix_socket_directories = ''\n";
        settings.write_all(ours.as_bytes()).unwrap();
    }

    /// Starts it on its files: on the port that it had, if it had one.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.watchdog.is_none(), "stop it first");
        for _ in 0..20 {
            let port = if self.port == 0 { lasting_port() } else { self.port };
            let path = self.directory.join("log");
            let log = File::create(&path).unwrap();
            let mut command = Command::new("sh");
            command.args(["-c", WATCHDOG, "watchdog"]).arg(&self.directory).args(as_user("postgres"));
            command.arg("-D").arg(self.data()).arg(format!("--port={port}")).current_dir(&self.directory);
            command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
            self.watchdog = Some(command.spawn().unwrap());
            let taken = "could not create any TCP/IP sockets";
            let told = eventually!(
                fs::read_to_string(&path).unwrap(),
                |log| log.contains("ready to accept connections") || log.contains(taken),
                SOON
            );
            if !told.contains(taken) {
                self.port = port;
                return;
            }
            self.stop();
        }
        panic!("PostgreSQL finds no port");
    }

    /// Ends it at once, as a crash does; its files stay.
    pub(crate) fn stop(&mut self) {
        let mut watchdog = self.watchdog.take().expect("it runs");
        watchdog.stdin.take().unwrap().write_all(b"keep\n").unwrap();
        watchdog.wait().unwrap();
    }

    pub(crate) fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }

    /// A session of the administrator's in a database.
    pub(crate) async fn admin(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.url("admin", database)).await.unwrap()
    }

    /// A new, empty database that belongs to the user `runcast`; its URL.
    pub(crate) async fn database(&self) -> String {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        let mut admin = self.admin("postgres").await;
        // Tests ask at the same time, and `CREATE ROLE` knows no `IF NOT EXISTS`.
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

    /// Makes it take encrypted connections too.
    pub(crate) async fn encrypt(&self, certificates: &Certificates) {
        for (from, to) in [(&certificates.certificate, "server.crt"), (&certificates.key, "server.key")] {
            let to = self.data().join(to);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some((uid, gid)) = user() {
                chown(&to, Some(uid), Some(gid)).unwrap();
            }
        }
        let mut admin = self.admin("postgres").await;
        admin.execute("ALTER SYSTEM SET ssl = on").await.unwrap();
        admin.execute("SELECT pg_reload_conf()").await.unwrap();
        let encrypted = async || {
            let mut admin = self.admin("postgres").await; // only new sessions are
            let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut admin).await.unwrap()
        };
        eventually!(encrypted().await, |encrypted| *encrypted, SOON);
    }

    /// Stops all its processes in their tracks: connections stay open, and nobody answers.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// The end of [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// The main process first, so that it starts no further one.
    fn signal(&self, signal: Signal) {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
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
        match self.watchdog.take() {
            Some(mut watchdog) => {
                drop(watchdog.stdin.take());
                watchdog.wait().unwrap();
            }
            None => fs::remove_dir_all(&self.directory).unwrap(),
        }
    }
}

/// The processes whose parent is `parent`.
fn children(parent: i32) -> Vec<i32> {
    let processes =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let parent_of = |pid: &i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // "1 (name) S 0 ...": a name may hold spaces and parentheses.
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<i32>().ok()
    };
    processes.filter(|pid| parent_of(pid) == Some(parent)).collect()
}
