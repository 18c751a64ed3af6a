//! Format versions: what a newer build wrote is refused by name and left alone, what an older one wrote is taken over.

mod catalogs;
mod redis_journal;
mod sqlite_journal;
