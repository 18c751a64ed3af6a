//! A limit on memory that many holders share, in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

mod buffer;

pub use buffer::{Buffer, Exceeded};

/// A shared limit. Clones share it.
#[derive(Clone, Debug)]
pub struct Budget(Arc<BudgetState>);

#[derive(Debug)]
struct BudgetState {
    used: AtomicUsize,
    limit: usize,
}

/// Bytes together with their share of a budget.
struct Counted {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A share of a [`Budget`]; returned when dropped.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(BudgetState { used: AtomicUsize::new(0), limit }))
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The limit.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Whether more bytes are in use than the limit allows.
    pub fn exceeded(&self) -> bool {
        self.used() > self.0.limit
    }

    /// Whether `bytes` more would fit.
    pub fn has(&self, bytes: usize) -> bool {
        self.used().saturating_add(bytes) <= self.0.limit
    }

    /// Whether less than a quarter is left; viewers that have fallen behind should then give way.
    pub fn is_tight(&self) -> bool {
        self.used() > self.0.limit / 4 * 3
    }

    /// Counts `bytes` until their last reader has dropped them.
    ///
    /// # Errors
    /// [`Exceeded`] if the budget has too little left.
    pub fn count(&self, bytes: Bytes) -> Result<Bytes, Exceeded> {
        let mut held = self.hold();
        match held.grow(bytes.len()) {
            true => Ok(Bytes::from_owner(Counted { bytes, _held: held })),
            false => Err(Exceeded { limit: self.limit() }),
        }
    }

    /// An empty share, which can grow.
    pub fn hold(&self) -> Held {
        Held { budget: self.clone(), bytes: 0 }
    }

    /// Counts bytes without a guard; [`Budget::sub`] must follow.
    pub fn add(&self, bytes: usize) {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Subtracts what [`Budget::add`] counted.
    pub fn sub(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Held {
    /// Takes `bytes` more. Returns `false`, and takes nothing, if the budget has too little left.
    #[must_use]
    pub fn grow(&mut self, bytes: usize) -> bool {
        let inner = &self.budget.0;
        let taken = inner.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| *sum <= inner.limit)
        });
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }

    /// Returns `bytes` of the share.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.sub(bytes);
    }

    /// Makes the share at least `bytes`, beyond the limit if need be: for memory that exists already and can't be
    /// refused.
    pub fn cover(&mut self, bytes: usize) {
        let more = bytes.saturating_sub(self.bytes);
        self.budget.add(more);
        self.bytes += more;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_until_their_last_reader_is_gone() {
        let budget = Budget::new(10);
        let bytes = budget.count(Bytes::from_static(b"123456")).unwrap();
        assert_eq!(budget.count(Bytes::from_static(b"12345")), Err(Exceeded { limit: 10 }));
        let part = bytes.slice(5..);
        drop(bytes);
        assert_eq!((budget.used(), &part[..]), (6, &b"6"[..]));
        drop(part);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_share_is_refused_beyond_the_bound_and_given_back() {
        let budget = Budget::new(10);
        let mut one = budget.hold();
        assert!(one.grow(6));
        let mut two = budget.hold();
        assert!(!two.grow(5));
        assert!(two.grow(4));
        assert_eq!(budget.used(), 10);
        drop(one);
        assert_eq!(budget.used(), 4);
        assert!(two.grow(6));
        drop(two);
        assert_eq!(budget.used(), 0);
    }
}
