//! The events that the server itself writes into runs' logs: one table of what each is, and of what it may do.

use crate::run_state::RunStatus;

macro_rules! server_events {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:literal, reserved: $reserved:literal, privileged: $privileged:literal,
       seals: $seals:literal, status: $status:expr;)+) => {
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

            /// When it is written, in one sentence.
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

server_events! {
    /// A producer skipped numbers with `Runcast-Producer-Gap: accept`: these events of it never came.
    EventsLost: "events_lost", reserved: true, privileged: false, seals: false, status: None;
    /// The run got no event for `journal.lost_hours`: nothing more is expected of it.
    RunLost: "run_status", reserved: false, privileged: true, seals: false, status: Some(RunStatus::Lost);
    /// The run ended `journal.seal_hours` ago, and takes no more events.
    Sealed: "sealed", reserved: true, privileged: true, seals: true, status: None;
    /// An artifact of the run is ready. Producers decide how many there are, so it has no privilege.
    Artifact: "artifact", reserved: true, privileged: false, seals: false, status: None;
}
