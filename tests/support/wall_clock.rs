//! A wall clock that the test sets for the processes that it starts (libfaketime). Their monotonic clock is not
//! changed.

use std::fs;

const LIBRARY: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

/// The environment of processes, and the file that holds their clock's offset.
pub(crate) struct WallClock {
    dir: tempfile::TempDir,
}

impl WallClock {
    /// A clock that shows the real time.
    pub(crate) fn new() -> Self {
        let clock = Self { dir: tempfile::tempdir().unwrap() };
        clock.set("+0");
        clock
    }

    /// Sets the offset from the real time, such as `+8d`.
    pub(crate) fn set(&self, offset: &str) {
        let fresh = self.dir.path().join("fresh");
        fs::write(&fresh, offset).unwrap();
        fs::rename(fresh, self.dir.path().join("offset")).unwrap();
    }

    /// The environment variables for a process under this clock.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let library = LIBRARY.into_iter().find(|path| fs::exists(path).unwrap());
        let library = library.expect("libfaketime (Debian: apt-get install libfaketime)");
        // Loaded before any other allocator: Redis's jemalloc asks for the time while libfaketime is being loaded.
        let preload = format!("{library} libc.so.6");
        let file = self.dir.path().join("offset").display().to_string();
        [
            ("LD_PRELOAD", preload.as_str()),
            ("FAKETIME_TIMESTAMP_FILE", file.as_str()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }
}
