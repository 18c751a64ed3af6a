//! What becomes of a post when its room is busy, fails, or is gone.

use std::sync::Arc;

use bytes::Bytes;
use runcast::actors::messages::room::{Publish, PublishError, PublishReply, RoomPort};
use runcast::budget::Budget;
use runcast::protocol::ServerEvent;
use tokio::sync::oneshot;

use crate::hub::{room, run};

fn post(reply: PublishReply) -> Publish {
    let held = Arc::new(Budget::new(1024).hold());
    Publish::from_server(ServerEvent::Sealed, Bytes::from_static(b"{}"), held, reply)
}

/// Posts until the mailbox takes no more.
fn fill(room: &RoomPort) {
    while room.publish.try_send(post(oneshot::channel().0)).is_ok() {}
}

#[actix_web::test]
async fn a_post_is_answered_whatever_becomes_of_its_room() {
    // The room drops what it is sent unanswered.
    let (port, _, done) = room(run(), 1);
    assert!(matches!(port.post(post).await, Err(PublishError::OutcomeUnknown(_))));
    fill(&port);
    assert!(matches!(port.post(post).await, Err(PublishError::Saturated)));
    done.stop_handle().stop();
    done.await;
    assert!(matches!(port.post(post).await, Err(PublishError::Retired)));
}
