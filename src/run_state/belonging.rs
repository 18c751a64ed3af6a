//! To which variant an event belongs, and how the test stands that it is about: for whoever looks for events.

use super::RunState;
use crate::protocol::status::{TestOutcome, TestStatus};
use crate::protocol::variant::MAX_VARIANT_BYTES;

impl RunState {
    /// The variant that an event belongs to which was applied last. `producer`: whom the server has stamped it with;
    /// `own`: the variant that it names; `test`: the id of its test. See "A test" in docs/protocol.md.
    pub fn variant_of<'a>(
        &'a self,
        producer: Option<&str>,
        own: Option<&'a str>,
        test: Option<&str>,
    ) -> Option<&'a str> {
        let own = own.filter(|name| (1..=MAX_VARIANT_BYTES).contains(&name.len()));
        let told_last = || self.tests.variant_of(self.tests.with_id(test?).last()?);
        self.producers.variant_of(producer, own).or_else(told_last)
    }

    /// How the test with this id in this variant stands: its status, and what its attempts make of it if it has ended.
    /// `None` if it is not kept.
    pub fn standing_of(&self, variant: Option<&str>, test: &str) -> Option<(TestStatus, Option<TestOutcome>)> {
        let found = self.tests.with_id(test).find(|found| self.tests.variant_of(found) == variant);
        found.map(|found| (found.status(), found.outcome()))
    }
}
