//! Reaches a run's room from a worker thread. Rooms are cached; a room that has ended is looked up again, once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use actix::dev::SendError;
use actix_web::http::StatusCode;
use tokio::sync::oneshot;

use super::problem::{Problem, saturated};
use crate::actors::messages::registry::FindRoom;
use crate::actors::messages::room::{
    Fold, Folded, FrameTaken, Freshness, Page, Publish, PublishError, PublishReply, Published, Read, ReadError,
    ReadFrom, RoomPort, ShowError, ShowScreen,
};
use crate::actors::supervision::{Refused, ServiceRecipient};
use crate::protocol::{RunId, StatePart};

/// Most rooms cached per thread.
const MAX_KNOWN: usize = 4_096;

/// The rooms that a worker thread knows. One per thread.
pub struct Rooms {
    rooms: ServiceRecipient<FindRoom>,
    known: RefCell<HashMap<RunId, Arc<RoomPort>>>,
}

/// The cached room has ended; it must be looked up again.
struct RoomEnded;

impl Rooms {
    /// An empty cache in front of the registry `rooms`.
    pub fn new(rooms: ServiceRecipient<FindRoom>) -> Self {
        Self { rooms, known: RefCell::default() }
    }

    /// The recipient that finds rooms: the registry.
    pub fn rooms(&self) -> &ServiceRecipient<FindRoom> {
        &self.rooms
    }

    /// Returns the run's room.
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

    /// Stores a post. `request` is called a second time only if the first room had ended without storing anything.
    pub async fn publish(
        &self,
        run: &RunId,
        request: impl Fn(PublishReply) -> Publish,
    ) -> Result<(Published, Arc<RoomPort>), Problem> {
        for _ in 0..2 {
            let room = self.find(run).await?;
            match room.post(&request).await {
                Ok(published) => return Ok((published, room)),
                Err(PublishError::Retired) => self.forget(run),
                Err(error) => return Err(error.into()),
            }
        }
        Err(saturated())
    }

    /// Shows a frame of one of the run's screens.
    pub async fn show(&self, run: &RunId, screen: ShowScreen) -> Result<(FrameTaken, Arc<RoomPort>), Problem> {
        for _ in 0..2 {
            let room = self.find(run).await?;
            match room.show(screen.clone()).await {
                Ok(taken) => return Ok((taken, room)),
                Err(ShowError::Retired) => self.forget(run),
                Err(error @ ShowError::Gone) => {
                    return Err(Problem::new(StatusCode::GONE, "run_gone", error.to_string()));
                }
            }
        }
        Err(Problem::unavailable("room_failed", "the run's room failed"))
    }

    /// Reads a page of the run's events.
    pub async fn read(
        &self,
        run: &RunId,
        from: ReadFrom,
        max_bytes: usize,
        freshness: Freshness,
    ) -> Result<(Page, Arc<RoomPort>), Problem> {
        self.twice(run, |room, reply| room.read.try_send(Read { from, max_bytes, freshness, reply })).await
    }

    /// Returns a part of the run's folded state.
    pub async fn fold(&self, run: &RunId, part: &StatePart) -> Result<Folded, Problem> {
        let ask = |room: &RoomPort, reply| room.fold.try_send(Fold { part: part.clone(), reply });
        let (folded, _) = self.twice(run, ask).await?;
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
