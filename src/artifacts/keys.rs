//! Where the objects of artifacts are in the store.

use crate::protocol::artifact::safe_part;
use crate::protocol::{ArtifactId, ArtifactName, RunId};

/// Where whole artifacts are.
pub const RUNS: &str = "runs";
/// Where the bytes of pending direct uploads are.
pub const INCOMING: &str = "incoming";

/// Where an artifact is to stay.
pub(super) fn final_key(run: &RunId, id: ArtifactId, name: &ArtifactName) -> String {
    format!("{RUNS}/{}/{id}/{}", safe_part(run.as_str()), name.in_key())
}

/// Where the bytes of an upload that does not pass the server go until they are checked: whoever has its signed URL can
/// write there for as long as that works, and must not be able to change what was checked.
pub(super) fn incoming_key(id: ArtifactId, name: &ArtifactName) -> String {
    format!("{INCOMING}/{id}/{}", name.in_key())
}
