//! A TCP proxy with faults: what stands between two parts of a cluster when it is not the parts that fail.

use std::io;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Apart from the tests' own: what passes also passes while a test blocks its thread, waiting for a node's end.
static NETWORK: LazyLock<Handle> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
});

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
}

/// A proxy. Dropping it cuts everything.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts one before `target`, that lets everything pass.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listening = NETWORK.spawn(TcpListener::bind("127.0.0.1:0"));
        let listener = listening.await.unwrap().unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, seen) = watch::channel(Weather { mode: Mode::Pass, target, delay: Duration::ZERO, cuts: 0 });
        Self { address, weather, accepting: NETWORK.spawn(accept(listener, seen)) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets everything pass, also what was stalled.
    pub(crate) fn pass(&self) {
        self.weather.send_modify(|weather| weather.mode = Mode::Pass);
    }

    /// Says nothing: connections are accepted, and nothing moves on any, in either direction.
    pub(crate) fn stall(&self) {
        self.weather.send_modify(|weather| weather.mode = Mode::Stall);
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

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort(); // and with it all connections
    }
}

async fn accept(listener: TcpListener, weather: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        if weather.borrow().mode == Mode::Refuse {
            client.set_zero_linger().unwrap();
            continue;
        }
        let mut cut = weather.clone();
        let cuts = weather.borrow().cuts;
        let weather = weather.clone();
        connections.spawn(async move {
            tokio::select! {
                // However it ends, both sides are dropped.
                _ = connect(client, weather) => {}
                _ = cut.wait_for(|weather| weather.cuts > cuts) => {}
            }
        });
    }
}

async fn connect(client: TcpStream, mut weather: watch::Receiver<Weather>) -> io::Result<()> {
    let target = flowing(&mut weather).await?.target;
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let there = pump(from_client, to_server, weather.clone());
    let back = pump(from_server, to_client, weather);
    tokio::try_join!(there, back).map(drop)
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        flowing(&mut weather).await?;
        let bytes = from.read(&mut piece).await?;
        // It may have come to a halt while nothing came.
        let delay = flowing(&mut weather).await?.delay;
        tokio::time::sleep(delay).await;
        match bytes {
            0 => return to.shutdown().await,
            bytes => to.write_all(&piece[..bytes]).await?,
        }
    }
}

/// The weather, once nothing is stalled.
async fn flowing(weather: &mut watch::Receiver<Weather>) -> io::Result<Weather> {
    let flows = weather.wait_for(|weather| weather.mode != Mode::Stall).await;
    flows.map(|weather| weather.clone()).map_err(|_| io::Error::other("the proxy is dropped"))
}
