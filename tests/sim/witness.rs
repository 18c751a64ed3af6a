//! Names what a room's core did with an input, as seen from outside, so that runs can be held to have met it.

use runcast::actors::messages::room::{ReadFrom, RemoteUpdate};
use runcast::actors::room::core::{HeadFor, PageFor, RoomCore, RoomEffect, RoomEffects, RoomInput, RoomTimer};
use runcast::protocol::lineage::Resume;
use runcast::protocol::{After, Epoch, Seq};
use runcast::storage::journal::Refusal;

use crate::schedule::Kind;
use crate::trace::seen;

/// What an input is, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    Start,
    Beyond,
    Consulted,
    Page,
    Hole,
    HoleFailed,
    Screen,
    Forgotten,
    Retired,
    Moved,
    ControlPage,
    Timer(RoomTimer),
    Other,
}

/// A room before it handles an input.
pub(crate) struct Witness {
    came: Came,
    alone: bool,
    known: bool,
    age: (Option<Epoch>, Seq),
    hole: Option<Seq>,
}

impl Witness {
    pub(crate) fn before(core: &RoomCore, input: &RoomInput, kind: Kind) -> Self {
        let log = core.log();
        if let RoomInput::RemoteUpdate(update) = input {
            note_update(core, update);
        }
        let came = match input {
            RoomInput::Started => Came::Start,
            RoomInput::Read(read) if is_beyond(core, read.from) => Came::Beyond,
            RoomInput::Head(HeadFor::Readers, Ok(_)) => Came::Consulted,
            RoomInput::Page(PageFor::Readers, Ok(page)) if !page.is_empty() => Came::Page,
            RoomInput::Page(PageFor::Hole, Ok(_)) => Came::Hole,
            RoomInput::Page(PageFor::Hole, Err(_)) => Came::HoleFailed,
            RoomInput::RemoteUpdate(RemoteUpdate::Screen(_)) => Came::Screen,
            RoomInput::RemoteUpdate(RemoteUpdate::Forgotten) => Came::Forgotten,
            RoomInput::RetireAnswered(true) => Came::Retired,
            RoomInput::Appended(Ok(stored)) if stored.outcomes.first() == Some(&Err(Refusal::ControlMoved)) => {
                Came::Moved
            }
            RoomInput::Page(PageFor::Control, Ok(_)) => Came::ControlPage,
            RoomInput::TimerDue(timer) => Came::Timer(*timer),
            _ => Came::Other,
        };
        Self { came, alone: kind == Kind::OneNode, known: log.head().is_some(), age: log.age(), hole: log.hole() }
    }

    pub(crate) fn after(&self, core: &RoomCore, effects: &RoomEffects) {
        let log = core.log();
        let has = |wanted: &dyn Fn(&RoomEffect) -> bool| effects.iter().any(wanted);
        if has(&|effect| matches!(effect, RoomEffect::AskHead(HeadFor::Readers))) {
            seen(match self.came {
                Came::Consulted => "read in doubt again",
                Came::Beyond => "claim beyond the tip",
                _ if self.alone => "claim beyond the tip",
                _ => "read in doubt",
            });
        }
        if has(&|effect| matches!(effect, RoomEffect::AskHead(HeadFor::Repair))) {
            match self.came {
                Came::Timer(_) => {}
                Came::Page => seen("page of another incarnation"),
                Came::ControlPage => seen("control of another incarnation"),
                Came::Hole => seen("hole of another incarnation"),
                _ => seen("looked again"),
            }
        }
        let begins = matches!(self.came, Came::Start | Came::Timer(RoomTimer::LoadHead));
        if !begins && has(&|effect| matches!(effect, RoomEffect::AskHead(HeadFor::Start))) {
            seen("head learned anew");
        }
        let delivers = has(&|effect| matches!(effect, RoomEffect::Deliver(..)));
        let tells = has(&|effect| matches!(effect, RoomEffect::TellTip(..)));
        if self.known && log.age() > self.age && tells && !delivers {
            seen("log grew elsewhere");
        }
        let repairs = has(&|effect| matches!(effect, RoomEffect::CountRepair(_)));
        match self.came {
            Came::Hole if repairs => seen("hole filled"),
            Came::Hole | Came::HoleFailed if self.hole.is_some() && log.hole().is_none() => seen("hole leapt over"),
            Came::Timer(RoomTimer::FillHole) if self.hole.is_none() => seen("hole closed by itself"),
            Came::Timer(RoomTimer::RepeatAppend) if !effects.is_empty() => seen("append repeated"),
            Came::Timer(RoomTimer::Nudge) if tells => seen("nudged"),
            Came::Screen if !effects.is_empty() => seen("screen of another node handed out"),
            Came::Forgotten if !effects.is_empty() => seen("bridge told anew"),
            Came::Retired => seen("room retired"),
            Came::Moved => seen("control moved before a decision was stored"),
            Came::ControlPage => seen("control read"),
            _ => {}
        }
    }
}

/// Whether a reader claims what the room does not know.
fn is_beyond(core: &RoomCore, from: ReadFrom) -> bool {
    let after = match from {
        ReadFrom::After(after) => after,
        ReadFrom::Place(place) => After::Cursor(place.cursor()),
    };
    let resume = core.log().head().map(|head| head.lineage.resolve(after, head.tip));
    matches!(resume, Some(Resume::Reset { .. }))
}

fn note_update(core: &RoomCore, update: &RemoteUpdate) {
    let log = core.log();
    match update {
        RemoteUpdate::Notice { head, segments } => {
            let hole = segments.first().is_some_and(|first| first.first() > log.tip() + 1);
            seen(match (head.age() > log.age(), hole) {
                (false, _) => "doorbell skipped",
                (true, true) => "doorbell for a hole",
                (true, false) => "doorbell taken",
            });
        }
        RemoteUpdate::Tip(head) if head.tip == 0 && log.tip() > 0 && head.age() > log.age() => seen("run lost whole"),
        _ => {}
    }
}
