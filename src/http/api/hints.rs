//! What producers are told of their run's viewers.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::HttpRequest;

use super::super::edge::ViewersEdge;
use crate::actors::messages::room::RoomPort;
use crate::protocol::client_version::{ClientVersion, SERVER_VERSION};
use crate::protocol::hints::Hints;

/// The version that an outdated client is told.
static VERSION: LazyLock<Arc<str>> = LazyLock::new(|| SERVER_VERSION.into());

/// The viewers of a run, on all nodes.
pub(in crate::http) struct Audience {
    /// How many there are; `None` while the other nodes' are not known.
    pub(in crate::http) viewers: Option<u64>,
    /// What the run's producers are told of them.
    pub(in crate::http) hints: Arc<Hints>,
    /// Whether the other nodes' viewers are among them.
    is_whole: bool,
}

impl Audience {
    /// Whether the hints are certainly other than those with this tag.
    pub(in crate::http) fn differs_from(&self, tag: &str) -> bool {
        self.is_whole && *self.hints.tag != *tag
    }
}

impl ViewersEdge {
    /// The run's viewers as they are known now. On a cluster it has the run looked for on the other nodes.
    pub(in crate::http) fn audience(&self, room: &RoomPort) -> Audience {
        let gauge = &room.gauge;
        let here = gauge.viewers() as u64;
        let elsewhere = self.cluster.as_ref().map(|cluster| cluster.peers.run(&room.run, Instant::now()));
        let (viewers, interest, is_whole) = match &elsewhere {
            None => (Some(here), None, true),
            Some(None) => (None, None, false),
            Some(Some(elsewhere)) => (Some(here + elsewhere.viewers), Some(&elsewhere.interest), true),
        };
        let watched = if here > 0 { Some(true) } else { viewers.map(|viewers| viewers > 0) };
        let hints = gauge.hints.hints(&gauge.interest.interest(), interest, watched, self.pace);
        Audience { viewers, hints, is_whole }
    }

    /// Number of the run's viewers on all nodes; `None` while the other nodes' are not known.
    pub(in crate::http) fn viewers_of(&self, room: &RoomPort) -> Option<u64> {
        self.audience(room).viewers
    }

    /// Waits until the audience of a run may have changed. It counts from this call on, polled or not: call it, then
    /// look at the audience, then wait.
    pub(in crate::http) fn audience_changes(&self, room: &RoomPort) -> impl Future<Output = ()> + use<> {
        let here = room.gauge.interest.changed();
        let elsewhere = self.cluster.as_ref().and_then(|cluster| {
            // A run beyond the bound is not looked for, and nothing is known of it.
            cluster.peers.changes_of(&room.run, Instant::now())
        });
        async move {
            match elsewhere {
                None => here.await,
                Some(elsewhere) => tokio::select! {
                    () = here => {}
                    () = elsewhere => {}
                },
            }
        }
    }
}

/// The server's version, if the request is that of a client which should be replaced.
pub(in crate::http) fn outdated(request: &HttpRequest) -> Option<&'static Arc<str>> {
    let client = ClientVersion::parse(request.headers().get("runcast-client")?.to_str().ok()?)?;
    client.is_outdated(SERVER_VERSION).then(|| &*VERSION)
}
