//! Azurite, Azure's storage emulator, with its own directory.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use runcast::storage::objects::{AccessKeys, Bucket};

use super::node::lasting_port;
use super::{SOON, eventually};

/// The line that the emulator prints when it serves.
const READY: &str = "successfully listens";
/// Attempts to find a port: other tests look for ports at the same time.
const PORTS_TRIED: usize = 20;

/// An emulator with the container [`Azurite::CONTAINER`]. Killed when dropped.
pub(crate) struct Azurite {
    _dir: tempfile::TempDir,
    port: u16,
    process: Child,
}

impl Azurite {
    /// The account that every emulator has.
    pub(crate) const ACCOUNT: &str = "devstoreaccount1";
    /// The account's key, which is public.
    pub(crate) const KEY: &str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    /// The container that exists.
    pub(crate) const CONTAINER: &str = "runs";

    /// Starts an emulator.
    pub(crate) async fn start() -> Self {
        for _ in 0..PORTS_TRIED {
            match Self::launch(lasting_port()).await {
                Ok(emulator) => {
                    emulator.make_container().await;
                    return emulator;
                }
                Err(log) => assert!(log.contains("EADDRINUSE"), "azurite did not start:\n{log}"),
            }
        }
        panic!("no free port for azurite")
    }

    /// Starts the process; returns its log if it ends.
    async fn launch(port: u16) -> Result<Self, String> {
        let program =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azurite/node_modules/azurite/dist/src/blob/main.js");
        assert!(program.is_file(), "azurite is missing: (cd tests/azurite && npm ci)");
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = Command::new("node");
        command.arg(program).args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
        command.args(["--location", ".", "--silent", "--skipApiVersionCheck", "--disableTelemetry"]);
        command.current_dir(dir.path()).stdin(Stdio::null()).stdout(File::create(&log).unwrap());
        command.stderr(File::create(dir.path().join("errors")).unwrap());
        let process = command.spawn().expect("node runs");
        let mut emulator = Self { _dir: dir, port, process };
        let output = || fs::read_to_string(&log).unwrap_or_default();
        let mut state = || match emulator.process.try_wait().unwrap() {
            Some(_) => Some(false),
            None => output().contains(READY).then_some(true),
        };
        match eventually!(state(), |state| state.is_some(), SOON) {
            Some(true) => Ok(emulator),
            _ => Err(output() + &fs::read_to_string(log.with_file_name("errors")).unwrap_or_default()),
        }
    }

    /// The address in the form of `objects.endpoint`; only an emulator has the account in the path.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{}", self.port, Self::ACCOUNT)
    }

    /// The container with its usual configuration.
    pub(crate) fn bucket(&self) -> Bucket {
        Bucket {
            name: Self::CONTAINER.into(),
            endpoint: Some(self.endpoint()),
            keys: Some(AccessKeys { id: Self::ACCOUNT.into(), secret: Self::KEY.into() }),
            ..Bucket::default()
        }
    }

    /// Settings of a node that stores its artifacts here.
    pub(crate) fn settings(&self) -> [(String, String); 4] {
        [
            ("RUNCAST__OBJECTS__URL", format!("az://{}", Self::CONTAINER)),
            ("RUNCAST__OBJECTS__ENDPOINT", self.endpoint()),
            ("RUNCAST__OBJECTS__ACCESS_KEY", Self::ACCOUNT.to_owned()),
            ("RUNCAST__OBJECTS__SECRET_KEY", Self::KEY.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Creates the container with a request that is signed here, because the store's client can't create containers.
    async fn make_container(&self) {
        let script = format!(
            "const c = require('crypto'), date = new Date().toUTCString();\
             const text = ['PUT','','','','','','','','','','','','x-ms-date:' + date, 'x-ms-version:2021-08-06',\
             '/{a}/{a}/{c}\\nrestype:container'].join('\\n');\
             const key = Buffer.from('{k}', 'base64');\
             const signature = c.createHmac('sha256', key).update(text, 'utf8').digest('base64');\
             fetch('{e}/{c}?restype=container', {{ method: 'PUT', headers: {{ 'x-ms-date': date, \
             'x-ms-version': '2021-08-06', 'Authorization': 'SharedKey {a}:' + signature }} }})\
             .then(r => r.text().then(t => console.log(r.status, t)));",
            a = Self::ACCOUNT,
            c = Self::CONTAINER,
            k = Self::KEY,
            e = self.endpoint(),
        );
        let made = Command::new("node").args(["-e", &script]).output().unwrap();
        let output = String::from_utf8_lossy(&made.stdout).into_owned() + &String::from_utf8_lossy(&made.stderr);
        assert!(output.starts_with("201"), "{output}");
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
