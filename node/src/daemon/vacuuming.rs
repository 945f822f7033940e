//! The store written anew without what was erased (ST-112): no node is needed, and none is left running.

use super::{harden, opening};
use crate::api::problem::{Code, Problem};
use crate::api::types::{Vacuumed, VacuumedSchema};
use crate::config::Settings;
use crate::store::{self, Opened};

/// Copies what lives into a new store, under a new key, and gives the room of the rest back.
///
/// What the opening found wrong is told here, for the next start finds a store that was mended.
///
/// # Errors
/// If there is no profile, a node has it open, the passphrase is wrong or there is no room for a second copy; the old
/// store is then still in place.
pub fn vacuum(settings: &Settings, passphrase: Option<String>) -> Result<Vacuumed, Problem> {
    let what = "the store was not written anew";
    harden();
    let (opened, diagnosis) = opening::open(settings, passphrase)?;
    let Opened { store, mut home, disk_full, .. } = opened;
    if disk_full {
        return Err(Problem::new(Code::DiskFull, what));
    }
    let refused = |error| opening::store_problem(error, what);
    let before = store.engine().disk_bytes().map_err(refused)?;
    let store = store::vacuum(&mut home, store).map_err(|error| opening::problem(error, what))?;
    let after = store.engine().disk_bytes().map_err(refused)?;
    let records = store.records();
    store::close(home, store).map_err(|error| opening::problem(error, "the store was not closed"))?;
    let told = diagnosis.told().into_iter().map(|told| format!("{}: {}", told.what, told.why)).collect();
    Ok(Vacuumed { schema: VacuumedSchema::V1, before, after, records, told })
}
