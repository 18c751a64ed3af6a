//! Which stores the version before can open once this one has taken them over.

use runcast::storage::format::{DOORBELL, PRESENCE, REDIS_JOURNAL, SCREENS, SQLITE_JOURNAL};

use super::previous::Previous;

const MIGRATIONS: &str = "src/storage/catalog/migrations";

/// The version of a format in the sources of the version before.
pub(crate) fn before(name: &str) -> u32 {
    let text = Previous::get().text("src/storage/format.rs");
    let value =
        text.lines().find_map(|line| line.strip_prefix(&format!("pub const {name}: u32 = "))?.strip_suffix(';'));
    value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in format.rs"))
}

/// Migrations that this version has and the one before has not.
fn new_migrations(database: &str) -> usize {
    let folder = format!("{MIGRATIONS}/{database}");
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&folder);
    std::fs::read_dir(here).unwrap().count() - Previous::get().names(&folder).len()
}

/// Whether a data directory of this version has formats that the version before knows.
pub(crate) fn same_on_one_node() -> bool {
    before("SQLITE_JOURNAL") == SQLITE_JOURNAL && new_migrations("sqlite") == 0
}

/// Whether the stores of a cluster have.
pub(crate) fn same_in_a_cluster() -> bool {
    before("REDIS_JOURNAL") == REDIS_JOURNAL && new_migrations("postgres") == 0
}

/// Two adjacent versions run side by side: a node never gives up its Redis because a newer one has come, nor passes over
/// what it says.
#[test]
fn what_nodes_share_in_redis_has_the_formats_of_the_version_before() {
    for (name, present) in
        [("REDIS_JOURNAL", REDIS_JOURNAL), ("DOORBELL", DOORBELL), ("SCREENS", SCREENS), ("PRESENCE", PRESENCE)]
    {
        assert_eq!(before(name), present, "{name}");
    }
}
