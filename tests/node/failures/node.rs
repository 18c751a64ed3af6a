//! A node inside the test's process, on storage that the test can break.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use runcast::app::{self, NodeOutcome, Storage};
use runcast::config::Config;
use runcast::protocol::RunId;
use runcast::storage::catalog::sqlite::{CatalogUrl, SqliteCatalog};
use runcast::storage::journal::Journal;
use runcast::storage::packages::Packages;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// See the module's page. Dropped, it must drain without an actor left.
pub(crate) struct LocalNode {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<NodeOutcome>>>,
}

/// Storage on this journal, with a catalog in memory and nothing else.
pub(crate) async fn storage(journal: Arc<dyn Journal>) -> Storage {
    let catalog = Arc::new(SqliteCatalog::open(&CatalogUrl::Memory).await.unwrap());
    Storage {
        authenticator: None,
        token_exchange: None,
        provider: None,
        devices: None,
        first_key: None,
        journal,
        catalog: catalog.clone(),
        run_catalog: catalog.clone(),
        packages: Packages::built_in(catalog),
        redis: None,
        presence: None,
        artifacts: None,
        data_dir: None,
    }
}

impl LocalNode {
    /// Starts a node on what `open` opens, on a thread of its own.
    pub(crate) async fn start(
        settings: impl FnOnce(&mut Config),
        open: impl FnOnce() -> LocalBoxFuture<'static, Storage> + Send + 'static,
    ) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").unwrap(), settings, open).await
    }

    /// The same on this listener.
    pub(crate) async fn start_on(
        listener: TcpListener,
        settings: impl FnOnce(&mut Config),
        open: impl FnOnce() -> LocalBoxFuture<'static, Storage> + Send + 'static,
    ) -> Self {
        let mut config = Config::default();
        config.server.drain_secs = 8;
        config.server.workers = 2;
        settings(&mut config);
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, address) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let storage = open().await;
                let told = move |address, _| started.send(address).unwrap();
                let stopped = async move { stopped.await.unwrap_or(()) };
                let outcome = app::run(config, storage.clone(), listener, Vec::new(), told, stopped).await;
                assert!(storage.close(PATIENCE).await, "a store was not closed");
                outcome
            })
        });
        let address = timeout(PATIENCE, address).await.unwrap().unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Posts one event; the status, the answer and `Retry-After`.
    pub(crate) async fn post(&self, run: &str, event: &Value) -> (u16, Value, Option<String>) {
        let request = reqwest::Client::new().post(self.url(&format!("/api/runs/{run}/events"))).json(event);
        let response = request.send().await.unwrap();
        let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), response.json().await.unwrap(), retry)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = reqwest::get(self.url(path)).await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn watch(&self, run: &str, after: &str) -> Watcher {
        let url = format!("ws://{}/ws/runs/{run}?after={after}", self.address);
        Watcher(tokio_tungstenite::connect_async(url).await.unwrap().0)
    }

    pub(crate) fn stop(mut self) {
        self.end();
    }

    /// Waits until it has ended by itself; how.
    pub(crate) async fn ended(mut self) -> NodeOutcome {
        let thread = self.thread.take().unwrap();
        let outcome = timeout(PATIENCE, tokio::task::spawn_blocking(move || thread.join().unwrap().unwrap()));
        let outcome = outcome.await.unwrap().unwrap();
        drop(self.stop.take());
        outcome
    }

    fn end(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        let outcome = thread.join();
        if !std::thread::panicking() {
            assert_eq!(outcome.unwrap().unwrap(), NodeOutcome::Drained, "no actor may be left");
        }
    }
}

impl Drop for LocalNode {
    fn drop(&mut self) {
        self.end();
    }
}

/// A viewer.
pub(crate) struct Watcher(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Watcher {
    /// The next JSON message, or the code that the connection was closed with.
    pub(crate) async fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next message that has this `type`.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.unwrap_or_else(|code| panic!("closed with {code:?} before {kind}"));
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Reads to the end; the close code.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }
}

pub(crate) fn run(id: &str) -> RunId {
    RunId::parse(id).unwrap()
}
