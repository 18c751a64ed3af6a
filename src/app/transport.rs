//! What the two servers of a node have in common below their routes: their sockets, and the times of a connection.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use actix_http::{Extensions, HttpServiceBuilder, KeepAlive, Protocol, Request, Response};
use actix_rt::net::TcpStream;
use actix_service::{Service, ServiceFactory};
use actix_web::body::BoxBody;

use super::parts::NodeParts;
use crate::budget::Budget;
use crate::http::heads::HeadTimed;
use crate::http::transfer::{HttpSocket, Outgoing, Rate, Transfers};

/// How long the rest of a refused request's body is read and thrown away: a producer that is still sending would
/// otherwise meet a broken connection, and never read why.
const LINGER: Duration = Duration::from_secs(2);

/// A socket whose requests' heads have a time.
pub(super) type TimedSocket = HeadTimed<HttpSocket>;

/// The sockets of a server, as the node's settings have them.
#[derive(Clone)]
pub(super) struct Transport {
    keep_alive: Duration,
    head_limit: Duration,
    rate: Rate,
    stream_timeout: Duration,
    responses: Budget,
    transfers: Transfers,
}

impl Transport {
    pub(super) fn new(parts: &NodeParts) -> Self {
        let (server, session) = (&parts.config.server, &parts.config.session);
        Self {
            keep_alive: Duration::from_secs(server.keep_alive_secs),
            head_limit: Duration::from_secs(server.header_timeout_secs),
            rate: Rate {
                bytes_per_sec: server.min_bytes_per_sec,
                pause: Duration::from_secs(server.response_pause_secs),
            },
            stream_timeout: Duration::from_secs(2 * session.stall_secs),
            responses: parts.responses.clone(),
            transfers: parts.transfers.clone(),
        }
    }

    /// Takes a connection that begins.
    pub(super) fn accept(&self, tcp: TcpStream) -> (TimedSocket, Protocol, Option<SocketAddr>) {
        let peer = tcp.peer_addr().ok();
        let outgoing = Rc::new(Outgoing::new(self.responses.clone(), self.transfers.clone(), self.rate));
        let socket = HttpSocket::new(tcp, outgoing, self.stream_timeout);
        (HeadTimed::new(socket, self.head_limit), Protocol::Http1, peer)
    }

    /// Speaks HTTP on such connections.
    pub(super) fn http<S>(&self) -> HttpServiceBuilder<TimedSocket, S>
    where
        S: ServiceFactory<Request, Config = (), InitError: Debug>,
        S::Error: Into<Response<BoxBody>> + 'static,
        <S::Service as Service<Request>>::Future: 'static,
    {
        HttpServiceBuilder::default()
            .keep_alive(KeepAlive::Timeout(self.keep_alive))
            .client_request_timeout(self.head_limit)
            .client_disconnect_timeout(LINGER)
    }
}

/// Gives the requests of a connection what they need of it.
pub(super) fn share(socket: &TimedSocket, extensions: &mut Extensions) {
    extensions.insert(socket.get_ref().outgoing().clone());
    extensions.insert(socket.clock().clone());
}
