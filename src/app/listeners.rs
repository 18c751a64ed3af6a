//! The sockets that a node listens on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{BindAddress, Config};

/// Connections that wait to be accepted, in the kernel.
const BACKLOG: i32 = 4_096;

/// The listening sockets of a node.
#[derive(Debug)]
pub struct Listeners {
    /// `server.bind`.
    pub main: TcpListener,
    /// `server.ops_bind`; `None`: operators come to the main one.
    pub ops: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(main: TcpListener) -> Self {
        Self { main, ops: None }
    }
}

impl Listeners {
    /// Listens where the configuration says.
    ///
    /// # Errors
    /// An address can't be looked up, or is not to be had.
    pub fn bind(config: &Config) -> Result<Self, anyhow::Error> {
        let ops = config.server.ops_bind.0.as_ref();
        Ok(Self {
            main: bind("server.bind", &config.server.bind)?,
            ops: ops.map(|address| bind("server.ops_bind", address)).transpose()?,
        })
    }

    /// Where operators come, if they have a listener of their own.
    ///
    /// # Errors
    /// The system does not say it.
    pub fn ops_address(&self) -> io::Result<Option<SocketAddr>> {
        self.ops.as_ref().map(TcpListener::local_addr).transpose()
    }
}

fn bind(key: &str, wanted: &BindAddress) -> Result<TcpListener, anyhow::Error> {
    let addresses = wanted.resolve().with_context(|| format!("{key} {wanted} can't be looked up"))?;
    let mut refused = None;
    for address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Some(error),
        }
    }
    let refused = refused.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    Err(refused).with_context(|| format!("{key} {wanted} is not to be had"))
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait until the kernel has forgotten the former process's connections.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
