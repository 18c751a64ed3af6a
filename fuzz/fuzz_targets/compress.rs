//! Whatever is uploaded: no panic, no more than the limits allow; and what becomes smaller decodes to what was
//! announced.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runcast_fuzz::check_compression;

fuzz_target!(|upload: &[u8]| check_compression(upload));
