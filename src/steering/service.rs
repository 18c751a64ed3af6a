//! The service, and how it asks a run's room.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::error::SteeringError;
use super::rates::Rates;
use crate::actors::messages::registry::FindRoom;
use crate::actors::messages::room::{RoomPort, SteerError, Steered};
use crate::actors::supervision::{Refused, ServiceRecipient};
use crate::backoff::Backoff;
use crate::control::{Answer, ControlError, ControlRequest, ControlView, ReportsRequest};
use crate::protocol::status::RunStatus;
use crate::protocol::{Cursor, RunId, Sign};
use crate::storage::secrets::Secrets;
use crate::storage::signs::Signs;

/// How often a request is asked again because its room has retired, or because signs of life were to be looked up.
const MAX_ROUNDS: usize = 6;
/// How often it is asked again because others decided faster.
const MAX_CONTENTIONS: usize = 4;
/// Pauses before it is: long enough for those who are many to come one after the other.
const CONTENTION_PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));
/// States that are read at a time on this node, for what commands expect.
const STATES_AT_A_TIME: usize = 4;

/// Bounds of what the service takes.
#[derive(Clone, Copy, Debug)]
pub struct SteeringLimits {
    /// Commands of one sender to one run in a second, on average: `control.commands_per_sec`.
    pub commands_per_sec: u32,
    /// How many of them may come at once: `control.command_burst`.
    pub command_burst: u32,
    /// How long a producer may work on an act: `control.run_secs`.
    pub run_secs: u64,
}

/// The service through which runs are steered. Clones are the same service.
#[derive(Clone)]
pub struct Steering {
    rooms: ServiceRecipient<FindRoom>,
    pub(super) shared: Arc<Shared>,
}

/// What all clones share.
pub(super) struct Shared {
    pub(super) rates: Rates,
    pub(super) signs: Signs,

    pub(super) secrets: Secrets,
    /// How long a producer may work on an act, in seconds.
    pub(super) run_secs: u64,
    /// Permits to read a run's state.
    pub(super) states: Semaphore,
}

/// A request was not answered.
pub(super) enum AskRefusal {
    /// The control refuses it.
    Control(ControlError),
    /// It was not decided.
    Other(SteeringError),
}

impl From<SteeringError> for AskRefusal {
    fn from(error: SteeringError) -> Self {
        Self::Other(error)
    }
}

impl From<AskRefusal> for SteeringError {
    fn from(refusal: AskRefusal) -> Self {
        match refusal {
            AskRefusal::Control(error) => error.into(),
            AskRefusal::Other(error) => error,
        }
    }
}

impl Steering {
    /// A service that finds rooms by `rooms`.
    pub fn new(rooms: ServiceRecipient<FindRoom>, signs: Signs, secrets: Secrets, limits: SteeringLimits) -> Self {
        let rates = Rates::new(limits.commands_per_sec, limits.command_burst);
        let states = Semaphore::new(STATES_AT_A_TIME);
        Self { rooms, shared: Arc::new(Shared { rates, signs, secrets, run_secs: limits.run_secs, states }) }
    }

    /// The signs of life.
    pub fn signs(&self) -> &Signs {
        &self.shared.signs
    }

    /// The run's room.
    pub(super) async fn room(&self, run: &RunId) -> Result<Arc<RoomPort>, SteeringError> {
        match self.rooms.ask(FindRoom { run: run.clone() }).await {
            Ok(found) => Ok(found?),
            Err(Refused::Full | Refused::Away) => Err(SteeringError::saturated()),
        }
    }

    /// Has the run's room decide a request. A room that has retired is found anew; signs of life are looked up when
    /// they are needed; while others decide faster it is asked again, after a pause.
    pub(super) async fn ask(
        &self,
        run: &RunId,
        request: ControlRequest,
        at_least: Option<Cursor>,
    ) -> Result<(Answer, Option<Cursor>), SteeringError> {
        Ok(self.try_ask(run, request, at_least).await?)
    }

    /// The same; a refusal of the control is told as what it is.
    pub(super) async fn try_ask(
        &self,
        run: &RunId,
        request: ControlRequest,
        at_least: Option<Cursor>,
    ) -> Result<(Answer, Option<Cursor>), AskRefusal> {
        let (request, mut needed) = (Arc::new(request), Vec::new());
        let (mut pauses, mut contentions) = (Backoff::new(CONTENTION_PAUSES.0, CONTENTION_PAUSES.1), 0);
        let mut rounds = 0;
        while rounds < MAX_ROUNDS {
            rounds += 1;
            let room = self.room(run).await?;
            let signs = match needed.is_empty() {
                true => Vec::new(),
                false => self.shared.signs.seen(run, &needed).await,
            };
            match room.steer(request.clone(), signs, at_least).await {
                Ok(Steered::Answered(answer, cursor)) => return Ok((answer, cursor)),
                Ok(Steered::NeedSigns(signs)) => {
                    let more: Vec<Sign> = signs.into_iter().filter(|sign| !needed.contains(sign)).collect();
                    needed.extend(more);
                }
                Err(SteerError::Retired) => {}
                Err(SteerError::Contended) if contentions < MAX_CONTENTIONS => {
                    (contentions, rounds) = (contentions + 1, 0);
                    tokio::time::sleep(pauses.pause()).await;
                }
                Err(SteerError::Refused(error)) => return Err(AskRefusal::Control(error)),
                Err(error) => return Err(AskRefusal::Other(error.into())),
            }
        }
        Err(AskRefusal::Other(SteeringError::saturated()))
    }

    /// The control of a run, for its state.
    ///
    /// # Errors
    /// [`SteeringError`].
    pub async fn look(&self, run: &RunId, resumable: bool) -> Result<Arc<ControlView>, SteeringError> {
        let request = if resumable { ControlRequest::Resume } else { ControlRequest::Look };
        match self.ask(run, request, None).await? {
            (Answer::View(view), _) => Ok(view),
            _ => Err(SteeringError::unexpected()),
        }
    }

    /// Finishes a run, with this status or with what its producers' are; answers the status that it has then.
    ///
    /// # Errors
    /// [`SteeringError`].
    pub async fn finish(&self, run: &RunId, status: Option<RunStatus>) -> Result<RunStatus, SteeringError> {
        match self.ask(run, ControlRequest::Finish(status), None).await? {
            (Answer::Finished(status), _) => Ok(status),
            _ => Err(SteeringError::unexpected()),
        }
    }

    /// A producer says that it is alive. Of a run that was never steered nothing is remembered.
    pub async fn alive(&self, run: &RunId, producer: &Arc<str>) {
        if !self.shared.signs.knows(run) {
            let nothing = ReportsRequest { producer: Some(producer.clone()), seqs: (1, 0) };
            // Whose run can't be looked at now must not count as silent.
            if let Ok((_, None)) = self.ask(run, ControlRequest::Reports(nothing), None).await {
                return;
            }
        }
        self.heard(run, producer);
    }

    /// A producer of a run that is steered was heard.
    pub fn heard(&self, run: &RunId, producer: &Arc<str>) {
        self.shared.signs.touch(run, Sign::Producer(producer.clone()));
    }
}

/// Whether an answer shows that the run is there. Signs of life of others would only take the place of real ones.
pub(super) fn shows_the_run(given: &Result<(Answer, Option<Cursor>), AskRefusal>) -> bool {
    use ControlError::{Invalid, RunGone, RunNotFound, TooLarge};
    match given {
        Ok(_) => true,
        Err(AskRefusal::Control(error)) => !matches!(error, RunNotFound | RunGone | Invalid { .. } | TooLarge { .. }),
        Err(AskRefusal::Other(_)) => false,
    }
}
