//! What producers are told of their run's viewers.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use actix_web::HttpRequest;
use tracing::debug;

use super::super::edge::ViewersEdge;
use crate::actors::messages::room::RoomPort;
use crate::protocol::ProducerId;
use crate::protocol::client_version::{ClientVersion, SERVER_VERSION};
use crate::protocol::hints::Hints;
use crate::steering::{Steering, poll_of};

/// The version that an outdated client is told.
static VERSION: LazyLock<Arc<str>> = LazyLock::new(|| SERVER_VERSION.into());

/// The viewers of a run, on all nodes.
pub(in crate::http) struct Audience {
    /// How many there are; `None` while the other nodes' are not known.
    pub(in crate::http) viewers: Option<u64>,
    /// What the run's producers are told of them.
    hints: Arc<Hints>,
    /// Whether the other nodes' viewers are among them.
    pub(in crate::http) is_whole: bool,
}

/// A producer, as far as it has hints of its own.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Addressee {
    /// The variant that it counts as, if it is not the one that it announced.
    pub(in crate::http) variant: Option<Arc<str>>,
    /// The server's version, if its client should be replaced.
    outdated: Option<&'static Arc<str>>,
}

impl Audience {
    /// What one of the run's producers is told.
    pub(in crate::http) fn hints(&self, producer: &Addressee) -> Arc<Hints> {
        self.hints.for_producer(producer.variant.as_ref(), producer.outdated)
    }
}

impl Addressee {
    /// Who sends this request.
    pub(in crate::http) fn of(request: &HttpRequest) -> Self {
        let value = request.headers().get("runcast-client").and_then(|value| value.to_str().ok());
        let client = value.and_then(ClientVersion::parse);
        let is_outdated = client.is_some_and(|client| client.is_outdated(SERVER_VERSION));
        Self { variant: None, outdated: is_outdated.then(|| &*VERSION) }
    }

    /// The same, counted as this variant; it is noted for answers that do not look at the run's control.
    pub(in crate::http) fn counted_as(
        self,
        variant: Option<Arc<str>>,
        producer: Option<&ProducerId>,
        room: &RoomPort,
    ) -> Self {
        if let Some(producer) = producer {
            room.gauge.hints.note_variant(producer.as_str(), variant.as_ref(), Instant::now());
        }
        Self { variant, ..self }
    }

    /// The same with its variant, which is looked up if it was not noted on this node lately.
    pub(in crate::http) async fn looked_up(
        self,
        producer: Option<&ProducerId>,
        room: &RoomPort,
        steering: &Steering,
    ) -> Self {
        let Some(producer) = producer else { return self };
        if let Some(variant) = room.gauge.hints.variant(producer.as_str(), Instant::now()) {
            return Self { variant, ..self };
        }
        match steering.poll(&room.run, poll_of(Some(producer.as_str()), None, 0), None).await {
            Ok((commands, _)) => self.counted_as(commands.variant, Some(producer), room),
            Err(error) => {
                debug!(run = %room.run, %error, "a producer's variant is told later");
                self
            }
        }
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
