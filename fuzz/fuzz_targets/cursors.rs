//! Whatever a reader says of where it stands: no panic; what is read is written back as it was meant, and what can't be
//! read ends no stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use runcast_fuzz::protocol::cursor::After;

fuzz_target!(|input: (&[u8], &str)| {
    let (id, after) = input;
    if let Ok(After::Cursor(cursor)) = After::parse(after) {
        assert_eq!(After::parse(&cursor.to_string()), Ok(After::Cursor(cursor)));
    }
    let (place, unreadable) = After::resume(Some(id), None).expect("no after, so none that is wrong");
    if let Some(unreadable) = unreadable {
        assert_eq!(place, After::Start);
        assert!(unreadable.0.chars().count() <= 64);
    }
    match After::resume(Some(id), Some(after)) {
        Ok((place, Some(_))) => assert_eq!(Ok(place), After::parse(after)),
        Ok((_, None)) => {}
        Err(_) => assert!(After::parse(after).is_err()),
    }
});
