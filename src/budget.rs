//! A bound on something that many hold at once, in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A shared bound. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    used: AtomicUsize,
    limit: usize,
}

/// A share of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner { used: AtomicUsize::new(0), limit }))
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The bound.
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Whether more is in use than the bound allows.
    pub fn exceeded(&self) -> bool {
        self.used() > self.0.limit
    }

    /// An empty share, to be grown.
    pub fn hold(&self) -> Held {
        Held { budget: self.clone(), bytes: 0 }
    }

    /// Counts without a guard; [`Budget::sub`] must follow.
    pub fn add(&self, bytes: usize) {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes back what [`Budget::add`] counted.
    pub fn sub(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Held {
    /// Takes `bytes` more; `false`, and nothing taken, when the budget has not got them.
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
