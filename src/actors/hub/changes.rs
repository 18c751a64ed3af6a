//! The viewers that have come and gone on a thread since presence last asked. Pure.

use crate::actors::messages::thread_agent::ViewerChanges;
use crate::protocol::Connection;

/// Most comings and goings remembered, about 1 MiB; when there are more, the next answer names everybody.
const MAX_CHANGES: usize = 16_384;

/// Remembers nothing until it is first asked, which on a single node never happens.
#[derive(Debug, Default)]
pub(super) struct Changes(Option<ViewerChanges>);

impl Changes {
    pub(super) fn began(&mut self, connection: &Connection) {
        self.note(|changes| changes.began.push(connection.clone()));
    }

    pub(super) fn ended(&mut self, connection: &Connection) {
        self.note(|changes| changes.ended.push(connection.clone()));
    }

    fn note(&mut self, note: impl FnOnce(&mut ViewerChanges)) {
        if let Some(changes) = &mut self.0 {
            note(changes);
        }
        self.0.take_if(|changes| changes.began.len() + changes.ended.len() > MAX_CHANGES);
    }

    /// What has changed since the last call; `None` when that is not known. From now on it is.
    pub(super) fn take(&mut self) -> Option<ViewerChanges> {
        self.0.replace(ViewerChanges::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RunId;

    #[test]
    fn nothing_is_remembered_before_the_first_question_and_everything_between_two() {
        let connection = Connection::begin(RunId::parse("r").unwrap(), None);
        let mut changes = Changes::default();
        changes.began(&connection);
        assert_eq!(changes.take(), None, "everybody has to be named");
        changes.ended(&connection);
        let collected = changes.take().unwrap();
        assert_eq!((collected.whole, collected.began, collected.ended), (false, vec![], vec![connection]));
        assert_eq!(changes.take(), Some(ViewerChanges::default()));
    }

    #[test]
    fn changes_that_nobody_asks_for_are_forgotten_at_the_bound() {
        let connection = Connection::begin(RunId::parse("r").unwrap(), None);
        let mut changes = Changes::default();
        changes.take();
        for _ in 0..=MAX_CHANGES {
            changes.began(&connection);
        }
        assert_eq!(changes.take(), None);
        assert_eq!(changes.take(), Some(ViewerChanges::default()));
    }
}
