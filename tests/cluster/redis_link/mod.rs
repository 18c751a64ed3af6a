//! The connection to Redis: against a real redis-server, and through a proxy with faults.

mod attesting;
mod calls;
mod faults;
mod greeting;
mod listening;
mod probe;
mod telling;
