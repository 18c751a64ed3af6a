//! The events that the server itself writes into runs' logs: one table of what each is, and of what it may do.

use std::sync::LazyLock;

use super::field::Field;
use super::field::FieldKind::{Form, Integer, Number, Text, Word};
use super::message::{ScreenFrame, ServerMessage};
use super::{ArtifactKind, ProducerEvent};
use crate::protocol::status::RunStatus;

macro_rules! server_events {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:literal, reserved: $reserved:literal, privileged: $privileged:literal,
       seals: $seals:literal, status: $status:expr, [$($field:expr,)*];)+) => {
        /// An event that the server writes into a run's log.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ServerEvent {
            $($(#[doc = $doc])+ $name,)+
        }

        impl ServerEvent {
            /// Every event that the server writes.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its `type`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $type,)+ }
            }

            /// Whether only the server may write events of this type.
            pub const fn is_reserved(self) -> bool {
                match self { $(Self::$name => $reserved,)+ }
            }

            /// Whether it may use the space of a run that is kept for the run's end (`journal::append_rules::space`).
            pub const fn is_privileged(self) -> bool {
                match self { $(Self::$name => $privileged,)+ }
            }

            /// Whether it closes the run to further posts.
            pub const fn seals(self) -> bool {
                match self { $(Self::$name => $seals,)+ }
            }

            /// The run's status after it, if it changes that.
            pub const fn status(self) -> Option<RunStatus> {
                match self { $(Self::$name => $status,)+ }
            }

            /// Its members besides `type` and `timestamp`.
            pub const fn fields(self) -> &'static [Field] {
                match self { $(Self::$name => const { &[$($field,)*] },)+ }
            }

            /// When it is written, in one sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

server_events! {
    /// A producer skipped numbers with `Runcast-Producer-Gap: accept`: these events of it never came.
    EventsLost: "events_lost", reserved: true, privileged: false, seals: false, status: None, [
        Field::new("producer", Text, "The producer's id."),
        Field::new("from", Integer, "The producer's number of the first event that is missing."),
        Field::new("to", Integer, "Its number of the last."),
    ];
    /// The run got no event for `journal.lost_hours`: nothing more is expected of it.
    RunLost: "run_status", reserved: false, privileged: true, seals: false, status: Some(RunStatus::Lost), [
        Field::new("status", Word { values: const { &[RunStatus::Lost.as_str()] } }, "The run's status."),
        Field::new("detail", Text, "The reason in words."),
    ];
    /// The run ended `journal.seal_hours` ago, and takes no more events.
    Sealed: "sealed", reserved: true, privileged: true, seals: true, status: None, [];
    // Producers decide how many artifacts there are, so the event has no privilege.
    /// An artifact of the run is ready.
    Artifact: "artifact", reserved: true, privileged: false, seals: false, status: None, [
        Field::new("artifactId", Text, "The artifact's id."),
        Field::new("name", Text, "Its name, as it was uploaded."),
        Field::new("kind", Word { values: &ArtifactKind::NAMES }, "What it is."),
        Field::new("contentType", Text, "Of the original."),
        Field::new("size", Integer, "Bytes of the original."),
        Field::new("storedSize", Integer, "Bytes that are stored.").nullable(),
        Field::new("savedPercent", Number, "How much less that is, in percent of the original.").nullable(),
        Field::new("downloadUrl", Form { format: "uri-reference" }, "Where it is downloaded."),
        Field::new("traceUrl", Form { format: "uri-reference" }, "Where a trace opens in the trace viewer.").optional(),
        Field::new("test", Text, "The test that it belongs to.").optional(),
    ];
}

/// Events of steering, which is not in this version: no producer may have used these types when it comes.
const STEERING_TYPES: [&str; 9] = [
    "action_queued",
    "cancel_requested",
    "control_released",
    "control_taken",
    "instructions_updated",
    "pause_requested",
    "replay_step_requested",
    "resume_requested",
    "step_override_queued",
];

/// Collected once, and sorted by length and then by bytes: each event that is posted is looked up in it.
static RESERVED_TYPES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let events = ServerEvent::ALL.iter().filter(|event| event.is_reserved()).map(|event| event.as_str());
    let messages = ServerMessage::TYPES.iter().chain([&ScreenFrame::TYPE]).map(|message| message.name);
    let messages = messages.filter(|name| ProducerEvent::parse(name).is_none());
    let mut types: Vec<_> = events.chain(messages).chain(STEERING_TYPES).collect();
    types.sort_unstable_by_key(|name| (name.len(), *name));
    types
});

/// The types that no producer may post: those of the server's events and of its messages on live connections, so that
/// no client takes one for the other. `error` is the exception: producers have events of that type.
pub fn reserved_types() -> &'static [&'static str] {
    &RESERVED_TYPES
}

/// The type as it stands in the tables, if only the server may write events of it.
pub fn reserved(event_type: &str) -> Option<&'static str> {
    let sought = (event_type.len(), event_type);
    let found = RESERVED_TYPES.binary_search_by_key(&sought, |name| (name.len(), *name));
    found.ok().map(|index| RESERVED_TYPES[index])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn whatever_only_the_server_writes_or_says_is_reserved_and_nothing_of_the_producers() {
        let types = reserved_types();
        let unique: BTreeSet<_> = types.iter().copied().collect();
        assert_eq!(unique.len(), types.len(), "{types:?}");
        for name in ["events_lost", "sealed", "artifact"] {
            assert_eq!(reserved(name), Some(name));
        }
        for name in ["connected", "gap", "reset", "epoch", "draining", "pong", "frame"] {
            assert_eq!(reserved(name), Some(name));
        }
        for event in ProducerEvent::ALL {
            assert_eq!(reserved(event.as_str()), None);
            assert_eq!(ProducerEvent::parse(event.as_str()), Some(*event));
        }
        for name in ["Sealed", "sealed ", "seale", "ping", ""] {
            assert_eq!(reserved(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_the_server_writes_under_a_producers_type_is_what_a_producer_may_post() {
        for event in ServerEvent::ALL {
            assert_eq!(event.is_reserved(), ProducerEvent::parse(event.as_str()).is_none(), "{event:?}");
            assert!(event.is_privileged() || !(event.seals() || event.status().is_some()), "{event:?} ends the run");
            assert!(event.doc().ends_with('.'), "{event:?}");
        }
    }
}
