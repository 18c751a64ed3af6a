//! The active runs, loaded for the writer.
//!
//! Only the writer has them, and it alone changes what they mirror; after a failed transaction all are forgotten.

use std::collections::HashSet;

use sqlx::sqlite::SqliteConnection;

use super::rows::{self, heads};
use crate::protocol::RunId;
use crate::storage::journal::Head;
use crate::storage::journal::residents;
use crate::storage::journal::rules::{Epochs, Marks, Run};

/// Found by its number; `None` until its first event.
pub(super) type Resident = residents::Resident<Option<i64>>;
pub(super) type Residents = residents::Residents<Option<i64>>;

/// Makes sure that all of `wanted` are in `residents`, with one statement for those that are not.
pub(super) async fn load(
    residents: &mut Residents,
    connection: &mut SqliteConnection,
    wanted: impl Iterator<Item = &RunId>,
    epochs: Epochs,
) -> Result<(), sqlx::Error> {
    let missing: HashSet<&RunId> = wanted.filter(|run| !residents.contains(run)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let sql = heads!(
        ", (SELECT json_group_array(json_array(producer, high) ORDER BY last_seq) FROM producers \
         WHERE run = r.number)",
        "WHERE r.run IN (SELECT value FROM json_each(?))"
    );
    let names = serde_json::to_string(&missing).map_err(|error| sqlx::Error::Encode(error.into()))?;
    for row in sqlx::query(sql).bind(names).fetch_all(connection).await? {
        let (id, number, run) = rows::run(&row, epochs)?;
        residents.insert(id, Some(number), run);
    }
    for id in missing {
        if !residents.contains(id) {
            residents.insert(id.clone(), None, Run::load(Head::unborn(), Marks::default(), epochs));
        }
    }
    Ok(())
}
