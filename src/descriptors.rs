//! stub
/// stub
pub fn usable() -> usize {
    18000
}
