//! Divides the bytes of a run, `journal.max_run_bytes`: a part is kept for the run's end, so that a run can always be
//! ended (I11).
//!
//! | post | may fill the run up to |
//! |---|---|
//! | any | `max - RESERVED_BYTES` |
//! | a last word that ends the run: it has not ended, or only as `lost` | as much as it takes |
//! | a last word that changes how the run ended | `max - RESERVED_BYTES / 2` |
//! | the server's own `lost` or `sealed` | as much as it takes |
//! | the server's control events | as much as it takes; their bytes are not counted here, whoever decides them bounds them |
//!
//! A last word is a final `run_status` posted alone, of at most `FINAL_BYTES`. Nothing counts how often the second and
//! the fourth row are used, because that is bounded anyway: beyond the first bound only final statuses are stored, so a
//! run that has ended there stays ended. It is ended at most once more, after a `lost`. Its producers can post `lost`
//! again only within the third row's bound. The server posts `lost` only to a run that has not ended, and `sealed`
//! once. So a run never exceeds `max`, whatever is posted, and can always be ended, marked and sealed. When the third
//! row's part is used up as well, a last word is refused, and the run has ended.
//!
//! A run that was filled up to `max` under other rules exceeds it by its last words only.

use super::super::{FINAL_BYTES, Head, RESERVED_BYTES, Refusal};
use crate::protocol::Lines;
use crate::protocol::status::RunStatus;

/// What a post needs of the run's space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// The post is the server's own.
    pub(super) privileged: bool,
    /// The post is a last word.
    pub(super) last_word: bool,
    /// The last `run_status` in the post.
    pub(super) status: Option<RunStatus>,
    /// Bytes that the run grows by.
    pub(super) bytes: u64,
}

/// Whether the part of a post that is to be stored is a final status and nothing else.
pub(super) fn is_last_word(status: Option<RunStatus>, lines: &Lines) -> bool {
    lines.len() == 1 && lines.bytes().len() as u64 <= FINAL_BYTES && status.is_some_and(RunStatus::is_final)
}

/// Checks that the run has room for the post.
pub(super) fn check(head: &Head, max: u64, asked: &Asked) -> Result<(), Refusal> {
    let bounded = head.bytes - head.control_bytes;
    let after = bounded + asked.bytes;
    let is_ended = head.status.is_some_and(RunStatus::is_final);
    let is_given_up = head.status == Some(RunStatus::Lost) && asked.status != Some(RunStatus::Lost);
    let fits = after <= max.saturating_sub(RESERVED_BYTES)
        || asked.privileged
        || asked.last_word && (!is_ended || is_given_up)
        || asked.last_word && asked.status != head.status && after <= max.saturating_sub(RESERVED_BYTES / 2);
    if fits { Ok(()) } else { Err(Refusal::RunFull { bytes: bounded, max }) }
}
