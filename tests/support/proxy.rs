//! A TCP proxy with faults: what stands between two parts of a cluster when it is not the parts that fail.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    Stall,
    Refuse,
}

#[derive(Clone, Debug)]
struct Weather {
    mode: Mode,
    target: SocketAddr,
    delay: Duration,
    /// Connections made under a lower number are cut.
    cuts: u64,
    /// Connections on which a client said this first, made under a lower number, are stalled.
    stalled: Option<(&'static str, u64)>,
    /// Connections so far.
    made: u64,
    /// After a client has said this once more, that connection is cut: it was heard, and hears no answer.
    cut_behind: Option<&'static str>,
}

/// A proxy. Dropping it cuts everything.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Bytes that have passed, in both directions.
    passed: Arc<AtomicU64>,
    /// Dropped, it ends the proxy and all connections.
    _stop: oneshot::Sender<()>,
}

impl FaultProxy {
    /// Starts one before `target`, that lets everything pass.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let fair = Weather {
            mode: Mode::Pass,
            target,
            delay: Duration::ZERO,
            cuts: 0,
            stalled: None,
            made: 0,
            cut_behind: None,
        };
        let (weather, _) = watch::channel(fair);
        let (stop, stopped) = oneshot::channel();
        let (seen, passed) = (weather.clone(), Arc::new(AtomicU64::new(0)));
        let counted = passed.clone();
        // On a thread of its own: what stands behind it must not wait for a test that blocks.
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), seen, counted) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, weather, passed, _stop: stop }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that have passed so far, in both directions.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Lets everything pass, also what was stalled.
    pub(crate) fn pass(&self) {
        self.weather.send_modify(|weather| (weather.mode, weather.stalled) = (Mode::Pass, None));
    }

    /// Says nothing: connections are accepted, and nothing moves on any, in either direction.
    pub(crate) fn stall(&self) {
        self.weather.send_modify(|weather| weather.mode = Mode::Stall);
    }

    /// The same for those connections alone on whose beginning the client said `word`, such as its name in `CLIENT SETNAME`;
    /// until the next [`FaultProxy::pass`].
    pub(crate) fn stall_those_that_say(&self, word: &'static str) {
        self.weather.send_modify(|weather| weather.stalled = Some((word, u64::MAX)));
    }

    /// The same for those of them alone that there are now.
    pub(crate) fn stall_old_ones_that_say(&self, word: &'static str) {
        self.weather.send_modify(|weather| weather.stalled = Some((word, weather.made)));
    }

    /// Lets the next piece from a client pass in which it says `word`, and cuts the connection before an answer is back.
    pub(crate) fn cut_behind(&self, word: &'static str) {
        self.weather.send_modify(|weather| weather.cut_behind = Some(word));
    }

    /// Whether [`FaultProxy::cut_behind`] has struck.
    pub(crate) fn has_cut(&self) -> bool {
        self.weather.borrow().cut_behind.is_none()
    }

    /// Resets new connections at once.
    pub(crate) fn refuse(&self) {
        self.weather.send_modify(|weather| weather.mode = Mode::Refuse);
    }

    /// Drops the connections that there are.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Lets each piece wait before it goes on, in either direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }

    /// Sends new connections elsewhere.
    pub(crate) fn retarget(&self, target: SocketAddr) {
        self.weather.send_modify(|weather| weather.target = target);
    }
}

async fn accept(listener: TcpListener, weather: watch::Sender<Weather>, passed: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        if weather.borrow().mode == Mode::Refuse {
            client.set_zero_linger().unwrap();
            continue;
        }
        let mut cut = weather.subscribe();
        let Weather { cuts, made, .. } = *weather.borrow();
        weather.send_modify(|weather| weather.made += 1);
        let (weather, passed) = (weather.clone(), passed.clone());
        connections.spawn(async move {
            tokio::select! {
                // However it ends, both sides are dropped.
                _ = connect(client, weather, passed, made) => {}
                _ = cut.wait_for(|weather| weather.cuts > cuts) => {}
            }
        });
    }
}

async fn connect(
    client: TcpStream,
    weather: watch::Sender<Weather>,
    passed: Arc<AtomicU64>,
    number: u64,
) -> io::Result<()> {
    let connection = Connection { weather, passed, number, begun: OnceLock::new() };
    let target = connection.flowing().await?.target;
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let there = connection.pump(from_client, to_server, true);
    let back = connection.pump(from_server, to_client, false);
    tokio::try_join!(there, back).map(drop)
}

struct Connection {
    weather: watch::Sender<Weather>,
    passed: Arc<AtomicU64>,
    number: u64,
    /// What the client said first.
    begun: OnceLock<Vec<u8>>,
}

impl Connection {
    async fn pump(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, is_client: bool) -> io::Result<()> {
        let mut piece = vec![0; 64 * 1024];
        loop {
            self.flowing().await?;
            let bytes = from.read(&mut piece).await?;
            if is_client {
                self.begun.get_or_init(|| piece[..bytes].to_vec());
            }
            // It may have come to a halt while nothing came.
            let Weather { delay, cut_behind, .. } = self.flowing().await?;
            tokio::time::sleep(delay).await;
            if bytes == 0 {
                return to.shutdown().await;
            }
            to.write_all(&piece[..bytes]).await?;
            self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
            if is_client && cut_behind.is_some_and(|word| says(&piece[..bytes], word)) {
                // What Redis has read it runs, whoever still waits for the answer.
                to.shutdown().await?;
                self.weather.send_modify(|weather| weather.cut_behind = None);
                return Err(io::Error::other("cut"));
            }
        }
    }

    /// The weather, once nothing stalls this connection.
    async fn flowing(&self) -> io::Result<Weather> {
        let stalled = |weather: &Weather| {
            let begun = self.begun.get().map_or(&[][..], Vec::as_slice);
            let is_chosen = |(word, before): (&str, u64)| self.number < before && says(begun, word);
            weather.mode == Mode::Stall || weather.stalled.is_some_and(is_chosen)
        };
        let mut seen = self.weather.subscribe();
        let flows = seen.wait_for(|weather| !stalled(weather)).await;
        flows.map(|weather| weather.clone()).map_err(|_| io::Error::other("the proxy is dropped"))
    }
}

fn says(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}
