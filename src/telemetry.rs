//! stub
#[allow(missing_docs)]
pub mod metrics {
    #[derive(Clone)]
    pub struct Handle;
    impl Handle {
        pub fn render(&self) -> String {
            String::new()
        }
    }
    pub fn install() -> Handle {
        Handle
    }
}
