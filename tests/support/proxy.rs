//! A TCP proxy that injects faults between two parts of a cluster.

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

/// What the proxy does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Pass,
    Stall,
    Refuse,
}

#[derive(Clone, Debug)]
struct Faults {
    mode: Mode,
    target: SocketAddr,
    delay: Duration,
    /// Number of cuts so far; a cut ends all connections made before it.
    cuts: u64,
    /// Connections with a lower number whose first bytes contain this word are stalled.
    stalled: Option<(&'static str, u64)>,
    /// Number of connections so far.
    made: u64,
    /// The next connection on which a client sends this word is cut: the request arrives, but its answer does not.
    cut_behind: Option<&'static str>,
}

/// A proxy. Dropping it cuts all connections.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    /// Bytes forwarded, in both directions.
    passed: Arc<AtomicU64>,
    /// Stops the proxy and all connections when dropped.
    _stop: oneshot::Sender<()>,
}

impl FaultProxy {
    /// Starts a proxy in front of `target` that forwards everything.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let none = Faults {
            mode: Mode::Pass,
            target,
            delay: Duration::ZERO,
            cuts: 0,
            stalled: None,
            made: 0,
            cut_behind: None,
        };
        let (faults, _) = watch::channel(none);
        let (stop, stopped) = oneshot::channel();
        let (seen, passed) = (faults.clone(), Arc::new(AtomicU64::new(0)));
        let counted = passed.clone();
        // The proxy has its own thread, so that a test that blocks does not block it.
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap(), seen, counted) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, faults, passed, _stop: stop }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes forwarded so far, in both directions.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Forwards everything, including what was stalled.
    pub(crate) fn pass(&self) {
        self.faults.send_modify(|faults| (faults.mode, faults.stalled) = (Mode::Pass, None));
    }

    /// Stalls: connections are accepted, but nothing is forwarded, in either direction.
    pub(crate) fn stall(&self) {
        self.faults.send_modify(|faults| faults.mode = Mode::Stall);
    }

    /// Stalls only the connections whose first bytes from the client contain `word`, such as its name in `CLIENT
    /// SETNAME`; until the next [`FaultProxy::pass`].
    pub(crate) fn stall_those_that_say(&self, word: &'static str) {
        self.faults.send_modify(|faults| faults.stalled = Some((word, u64::MAX)));
    }

    /// Stalls only those of them that exist now.
    pub(crate) fn stall_old_ones_that_say(&self, word: &'static str) {
        self.faults.send_modify(|faults| faults.stalled = Some((word, faults.made)));
    }

    /// Forwards the next data of a client that contains `word`, and cuts the connection before an answer can return.
    pub(crate) fn cut_behind(&self, word: &'static str) {
        self.faults.send_modify(|faults| faults.cut_behind = Some(word));
    }

    /// Whether [`FaultProxy::cut_behind`] has taken effect.
    pub(crate) fn has_cut(&self) -> bool {
        self.faults.borrow().cut_behind.is_none()
    }

    /// Resets new connections at once.
    pub(crate) fn refuse(&self) {
        self.faults.send_modify(|faults| faults.mode = Mode::Refuse);
    }

    /// Cuts the existing connections.
    pub(crate) fn cut(&self) {
        self.faults.send_modify(|faults| faults.cuts += 1);
    }

    /// Delays all data by `delay`, in either direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.faults.send_modify(|faults| faults.delay = delay);
    }

    /// Connects new connections to another target.
    pub(crate) fn retarget(&self, target: SocketAddr) {
        self.faults.send_modify(|faults| faults.target = target);
    }
}

async fn accept(listener: TcpListener, faults: watch::Sender<Faults>, passed: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        if faults.borrow().mode == Mode::Refuse {
            client.set_zero_linger().unwrap();
            continue;
        }
        let mut cut = faults.subscribe();
        let Faults { cuts, made, .. } = *faults.borrow();
        faults.send_modify(|faults| faults.made += 1);
        let (faults, passed) = (faults.clone(), passed.clone());
        connections.spawn(async move {
            tokio::select! {
                // Both sides are dropped however it ends.
                _ = connect(client, faults, passed, made) => {}
                _ = cut.wait_for(|faults| faults.cuts > cuts) => {}
            }
        });
    }
}

async fn connect(
    client: TcpStream,
    faults: watch::Sender<Faults>,
    passed: Arc<AtomicU64>,
    number: u64,
) -> io::Result<()> {
    let connection = Connection { faults, passed, number, begun: OnceLock::new() };
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
    faults: watch::Sender<Faults>,
    passed: Arc<AtomicU64>,
    number: u64,
    /// The first bytes from the client.
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
            // A stall may have begun while the read waited.
            let Faults { delay, cut_behind, .. } = self.flowing().await?;
            tokio::time::sleep(delay).await;
            if bytes == 0 {
                return to.shutdown().await;
            }
            to.write_all(&piece[..bytes]).await?;
            self.passed.fetch_add(bytes as u64, Ordering::Relaxed);
            if is_client && cut_behind.is_some_and(|word| says(&piece[..bytes], word)) {
                // Redis executes what it has read, even if no client waits for the answer.
                to.shutdown().await?;
                self.faults.send_modify(|faults| faults.cut_behind = None);
                return Err(io::Error::other("cut"));
            }
        }
    }

    /// The faults, once none of them stalls this connection.
    async fn flowing(&self) -> io::Result<Faults> {
        let stalled = |faults: &Faults| {
            let begun = self.begun.get().map_or(&[][..], Vec::as_slice);
            let is_chosen = |(word, before): (&str, u64)| self.number < before && says(begun, word);
            faults.mode == Mode::Stall || faults.stalled.is_some_and(is_chosen)
        };
        let mut seen = self.faults.subscribe();
        let flows = seen.wait_for(|faults| !stalled(faults)).await;
        flows.map(|faults| faults.clone()).map_err(|_| io::Error::other("the proxy is dropped"))
    }
}

fn says(bytes: &[u8], word: &str) -> bool {
    bytes.windows(word.len()).any(|window| window == word.as_bytes())
}
