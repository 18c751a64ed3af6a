//! The end of what the viewer of a connection may do.

use std::fmt;

use futures_util::future::{FutureExt as _, LocalBoxFuture};

/// When the rights of whoever opened a connection end. The edge, which has verified them, knows it.
pub struct RightsEnd(LocalBoxFuture<'static, ()>);

impl RightsEnd {
    /// They end when this resolves.
    pub fn new(end: impl Future<Output = ()> + 'static) -> Self {
        Self(end.boxed_local())
    }

    /// Resolves when they have ended.
    pub fn reached(self) -> impl Future<Output = ()> {
        self.0
    }
}

impl fmt::Debug for RightsEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RightsEnd(..)")
    }
}
