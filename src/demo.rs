//! stub
/// stub
pub async fn replay(_url: String, _stop: impl Future<Output = ()>) {}
