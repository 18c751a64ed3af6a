//! stub
use std::process::ExitCode;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("info").with_writer(std::io::stderr).init();
    let loaded = runcast::config::Config::load(&runcast::config::Sources::of_process(None, vec![])).unwrap();
    runcast::app::serve(loaded.config, false).unwrap()
}
