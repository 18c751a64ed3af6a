//! What a session takes of the node's memory for viewers: unsent bytes, and messages that have not come whole.

use super::transport::Wire;
use super::write_half::{WriteHalf, WriteHalfState};

impl<W: Wire> WriteHalf<W> {
    /// Notes what is held of a message that has not come whole; `false` when the node holds too much.
    pub fn hold_half_received(&self, bytes: usize) -> bool {
        let mut inner = self.inner.borrow_mut();
        if inner.half_received as usize == bytes {
            return true;
        }
        inner.half_received = bytes as u32;
        self.count(&mut inner);
        bytes == 0 || !self.limits.outboxes.exceeded()
    }

    /// Brings the node's count of unsent and half received bytes up to date.
    pub(super) fn count(&self, inner: &mut WriteHalfState<W>) {
        let held = inner.outbox.counted() + inner.half_received as usize;
        if held > inner.counted {
            self.limits.outboxes.add(held - inner.counted);
        } else if held < inner.counted {
            self.limits.outboxes.sub(inner.counted - held);
        }
        inner.counted = held;
    }
}

impl<W> Drop for WriteHalf<W> {
    fn drop(&mut self) {
        self.limits.outboxes.sub(self.inner.borrow().counted);
    }
}
