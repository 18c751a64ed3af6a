//! The end of what the viewer of a connection may do.

use std::fmt;

use futures_util::future::{FutureExt as _, LocalBoxFuture};

/// When the rights of whoever opened a connection end. The edge, which has verified them, knows it.
pub struct RightsEnd {
    warning: Option<LocalBoxFuture<'static, u64>>,
    reached: LocalBoxFuture<'static, ()>,
}

impl RightsEnd {
    /// They end when `reached` resolves. `warning` resolves some time before that, to the seconds that are left; `None`:
    /// they can only end without one.
    pub fn new(
        warning: Option<impl Future<Output = u64> + 'static>,
        reached: impl Future<Output = ()> + 'static,
    ) -> Self {
        Self { warning: warning.map(|warning| warning.boxed_local()), reached: reached.boxed_local() }
    }

    /// Takes what resolves some time before they end, to the seconds that are left.
    pub fn take_warning(&mut self) -> Option<LocalBoxFuture<'static, u64>> {
        self.warning.take()
    }

    /// Resolves when they have ended.
    pub fn reached(self) -> impl Future<Output = ()> {
        self.reached
    }
}

impl fmt::Debug for RightsEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RightsEnd(..)")
    }
}
