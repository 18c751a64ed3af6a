//! Whatever a producer posts: no panic, and the same verdict as serde_json's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runcast_fuzz::check_ingest;
use runcast_fuzz::protocol::event::BodyKind;

fuzz_target!(|body: &[u8]| {
    check_ingest(BodyKind::Json, body);
    check_ingest(BodyKind::NdJson, body);
});
