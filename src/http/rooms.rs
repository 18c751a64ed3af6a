//! Reaching a run's room from a worker thread: remembers rooms that it found, and finds them anew once when they went.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use actix::dev::SendError;
use tokio::sync::oneshot;

use super::problem::{Problem, saturated};
use crate::actors::messages::registry::FindRoom;
use crate::actors::messages::room::{
    Fold, Folded, Freshness, Page, Publish, PublishError, Published, Read, ReadError, ReadFrom, RoomPort,
};
use crate::actors::supervision::{Refused, ServiceRecipient};
use crate::protocol::RunId;

/// Rooms remembered per thread.
const MAX_KNOWN: usize = 4_096;

/// See the module's page. One per worker thread.
pub struct Rooms {
    rooms: ServiceRecipient<FindRoom>,
    known: RefCell<HashMap<RunId, Arc<RoomPort>>>,
}

/// A room that has ended since it was found: find it anew.
struct RoomEnded;

impl Rooms {
    /// A rooms that asks `rooms`.
    pub fn new(rooms: ServiceRecipient<FindRoom>) -> Self {
        Self { rooms, known: RefCell::default() }
    }

    /// The line to the registry.
    pub fn rooms(&self) -> &ServiceRecipient<FindRoom> {
        &self.rooms
    }

    /// The run's room.
    pub async fn find(&self, run: &RunId) -> Result<Arc<RoomPort>, Problem> {
        if let Some(room) = self.known.borrow().get(run).filter(|room| room.read.connected()) {
            return Ok(room.clone());
        }
        let room = match self.rooms.ask(FindRoom { run: run.clone() }).await {
            Ok(found) => found?,
            Err(Refused::Full | Refused::Away) => return Err(saturated()),
        };
        let mut known = self.known.borrow_mut();
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(run.clone(), room.clone());
        Ok(room)
    }

    fn forget(&self, run: &RunId) {
        self.known.borrow_mut().remove(run);
    }

    /// Stores a post; `request` is asked for a second time only if the first room had retired without storing anything.
    pub async fn publish(
        &self,
        run: &RunId,
        request: impl Fn(oneshot::Sender<Result<Published, PublishError>>) -> Publish,
    ) -> Result<(Published, Arc<RoomPort>), Problem> {
        for _ in 0..2 {
            let room = self.find(run).await?;
            let (reply, stored) = oneshot::channel();
            match room.publish.try_send(request(reply)) {
                Ok(()) => {}
                Err(SendError::Full(_)) => return Err(saturated()),
                Err(SendError::Closed(_)) => {
                    self.forget(run);
                    continue;
                }
            }
            match stored.await {
                Ok(Ok(published)) => return Ok((published, room)),
                Ok(Err(PublishError::Retired)) => self.forget(run),
                Ok(Err(error)) => return Err(error.into()),
                Err(_) => {
                    self.forget(run);
                    return Err(PublishError::OutcomeUnknown("the run's room failed".to_owned()).into());
                }
            }
        }
        Err(saturated())
    }

    /// Reads a page.
    pub async fn read(
        &self,
        run: &RunId,
        from: ReadFrom,
        max_bytes: usize,
        freshness: Freshness,
    ) -> Result<(Page, Arc<RoomPort>), Problem> {
        self.twice(run, |room, reply| room.read.try_send(Read { from, max_bytes, freshness, reply })).await
    }

    /// Folds the run's state.
    pub async fn fold(&self, run: &RunId) -> Result<Folded, Problem> {
        let (folded, _) = self.twice(run, |room, reply| room.fold.try_send(Fold { reply })).await?;
        Ok(folded)
    }

    async fn twice<T, M>(
        &self,
        run: &RunId,
        ask: impl Fn(&RoomPort, oneshot::Sender<Result<T, ReadError>>) -> Result<(), SendError<M>>,
    ) -> Result<(T, Arc<RoomPort>), Problem> {
        for _ in 0..2 {
            let room = self.find(run).await?;
            match Self::once(&room, &ask).await {
                Ok(answer) => return Ok((answer?, room)),
                Err(RoomEnded) => self.forget(run),
            }
        }
        Err(Problem::unavailable("room_failed", "the run's room failed"))
    }

    async fn once<T, M>(
        room: &RoomPort,
        ask: &impl Fn(&RoomPort, oneshot::Sender<Result<T, ReadError>>) -> Result<(), SendError<M>>,
    ) -> Result<Result<T, Problem>, RoomEnded> {
        let (reply, answer) = oneshot::channel();
        match ask(room, reply) {
            Ok(()) => {}
            Err(SendError::Full(_)) => return Ok(Err(saturated())),
            Err(SendError::Closed(_)) => return Err(RoomEnded),
        }
        match answer.await {
            Ok(Err(ReadError::Retired)) | Err(_) => Err(RoomEnded),
            Ok(answer) => Ok(answer.map_err(Problem::from)),
        }
    }
}
