//! What a catalog is to do, in the plainest way: everything is looked at, every time.

use std::collections::BTreeMap;

use runcast::protocol::{ArtifactId, ArtifactName, ArtifactState, Pin, RunId, Sha256, Timestamp};
use runcast::storage::catalog::artifacts::{
    ArtifactRow, DueArtifact, DueFor, DueQuery, Finished, KeptArtifact, StoredForm, Totals,
};

#[derive(Clone)]
struct Entry {
    row: ArtifactRow,
    upload: Option<String>,
    compress_at: Option<Timestamp>,
    claims: u32,
    former: Option<(String, Timestamp)>,
    gone_at: Option<Timestamp>,
    failures: u32,
    retry_at: Option<Timestamp>,
    seen_at: Option<Timestamp>,
}

#[derive(Default)]
pub(crate) struct Model {
    entries: BTreeMap<ArtifactId, Entry>,
    pins: BTreeMap<String, Pin>,
}

impl Entry {
    fn is(&self, state: ArtifactState) -> bool {
        self.row.state == state
    }

    fn delete(&mut self, at: Timestamp) {
        self.row.state = ArtifactState::Deleted;
        self.row.deleted_at.get_or_insert(at);
        self.compress_at = None;
        self.former = self.former.take().map(|(key, until)| (key, until.min(at)));
    }

    fn succeed(&mut self) {
        (self.failures, self.retry_at) = (0, None);
    }
}

impl Model {
    /// The entry of an artifact that is in this state.
    fn from(&mut self, id: ArtifactId, state: ArtifactState) -> Option<&mut Entry> {
        self.entries.get_mut(&id).filter(|entry| entry.is(state))
    }

    fn kept(&self, entry: &Entry) -> KeptArtifact {
        KeptArtifact { artifact: entry.row.clone(), pin: self.pins.get(entry.row.run.as_str()).cloned() }
    }

    pub(crate) fn has(&self, id: ArtifactId) -> bool {
        self.entries.contains_key(&id)
    }

    /// The keys of an artifact's objects.
    pub(crate) fn keys(&self, id: ArtifactId) -> Vec<String> {
        let entry = self.entries.get(&id);
        entry.map_or(vec![], |entry| {
            [Some(&entry.row.key), entry.former.as_ref().map(|(key, _)| key)].into_iter().flatten().cloned().collect()
        })
    }

    pub(crate) fn announce(&mut self, row: &ArtifactRow, most: usize) -> bool {
        let live = |entry: &&Entry| entry.row.run == row.run && !entry.is(ArtifactState::Deleted);
        let free = self.entries.values().filter(live).count() < most;
        if free {
            let entry = Entry {
                row: row.clone(),
                upload: None,
                compress_at: None,
                claims: 0,
                former: None,
                gone_at: None,
                failures: 0,
                retry_at: None,
                seen_at: None,
            };
            self.entries.insert(row.id, entry);
        }
        free
    }

    pub(crate) fn find(&self, run: &RunId, id: ArtifactId) -> Option<KeptArtifact> {
        self.entries.get(&id).filter(|entry| entry.row.run == *run).map(|entry| self.kept(entry))
    }

    pub(crate) fn of_run(&self, run: &RunId, after: Option<ArtifactId>, limit: usize) -> Vec<KeptArtifact> {
        let live = |entry: &&Entry| entry.row.run == *run && !entry.is(ArtifactState::Deleted);
        let behind = self.entries.values().filter(live).filter(|entry| after.is_none_or(|after| entry.row.id > after));
        behind.take(limit).map(|entry| self.kept(entry)).collect()
    }

    pub(crate) fn note_upload(&mut self, id: ArtifactId, upload: &str) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.upload = Some(upload.to_owned());
        }
    }

    /// The run of an artifact.
    pub(crate) fn run_of(&self, id: ArtifactId) -> Option<RunId> {
        self.entries.get(&id).map(|entry| entry.row.run.clone())
    }

    fn of_key(&self, run: &RunId, key: &str) -> impl Iterator<Item = &Entry> {
        let has = move |entry: &&Entry| entry.row.run == *run && entry.row.idempotency_key.as_deref() == Some(key);
        self.entries.values().filter(has)
    }

    pub(crate) fn keyed(&self, run: &RunId, key: &str) -> Vec<KeptArtifact> {
        let live = |entry: &&Entry| entry.is(ArtifactState::Pending) || entry.is(ArtifactState::Ready);
        self.of_key(run, key).filter(live).map(|entry| self.kept(entry)).collect()
    }

    pub(crate) fn same(&self, run: &RunId, name: &ArtifactName, sha256: Sha256) -> Option<KeptArtifact> {
        let is_same = |entry: &&Entry| {
            let row = &entry.row;
            entry.is(ArtifactState::Ready) && row.run == *run && row.name == *name && row.sha256 == Some(sha256)
        };
        self.entries.values().find(is_same).map(|entry| self.kept(entry))
    }

    pub(crate) fn set_ready(&mut self, run: &RunId, id: ArtifactId, finished: &Finished) -> bool {
        let pending = self.from(id, ArtifactState::Pending).filter(|entry| entry.row.run == *run);
        let Some(row) = pending.map(|entry| entry.row.clone()) else { return false };
        let key = row.idempotency_key.as_deref();
        let by_key = key.is_some_and(|key| self.of_key(run, key).any(|entry| entry.is(ArtifactState::Ready)));
        if by_key || row.sha256.is_some() && self.same(run, &row.name, finished.sha256).is_some() {
            return false;
        }
        let Some(entry) = self.from(id, ArtifactState::Pending) else { return false };
        entry.row.state = ArtifactState::Ready;
        entry.row.key = finished.key.clone();
        entry.row.size = Some(finished.size);
        entry.row.sha256 = Some(finished.sha256);
        entry.row.stored = Some(finished.stored);
        entry.compress_at = finished.compress_at;
        entry.upload = None;
        entry.succeed();
        true
    }

    pub(crate) fn fail(&mut self, id: ArtifactId, reason: &str) -> bool {
        let Some(entry) = self.from(id, ArtifactState::Pending) else { return false };
        entry.row.state = ArtifactState::Failed;
        entry.row.failure = Some(reason.to_owned());
        true
    }

    pub(crate) fn remove(&mut self, run: &RunId, id: ArtifactId, at: Timestamp) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        let fits = entry.row.run == *run && !entry.is(ArtifactState::Deleted);
        if fits {
            entry.delete(at);
        }
        fits
    }

    pub(crate) fn gone(&mut self, ids: &[ArtifactId], at: Timestamp) {
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.delete(at);
                entry.succeed();
                entry.gone_at.get_or_insert(at);
                entry.upload = None;
            }
        }
    }

    pub(crate) fn claim(&mut self, now: Timestamp, again: Timestamp, tries: u32, limit: usize) -> Vec<ArtifactRow> {
        let mut free: Vec<&mut Entry> =
            self.entries.values_mut().filter(|entry| entry.compress_at.is_some_and(|at| at <= now)).collect();
        free.sort_by_key(|entry| (entry.compress_at, entry.row.id));
        let mut claimed = Vec::new();
        for entry in free.into_iter().take(limit) {
            entry.claims += 1;
            entry.compress_at = (entry.claims < tries).then_some(again);
            if entry.claims <= tries {
                claimed.push(entry.row.clone());
            }
        }
        claimed
    }

    pub(crate) fn replace(
        &mut self,
        id: ArtifactId,
        from: &str,
        key: &str,
        stored: &StoredForm,
        until: Timestamp,
    ) -> bool {
        let Some(entry) = self.from(id, ArtifactState::Ready) else { return false };
        let fits = entry.row.key == from && entry.former.is_none();
        if fits {
            entry.former = Some((std::mem::replace(&mut entry.row.key, key.to_owned()), until));
            entry.row.stored = Some(*stored);
            entry.compress_at = None;
        }
        fits
    }

    pub(crate) fn spare(&mut self, id: ArtifactId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.compress_at = None;
        }
    }

    fn is_due(&self, entry: &Entry, query: &DueQuery, reason: DueFor) -> bool {
        let created = entry.row.created_at;
        let expired = || {
            let cutoff = query.cutoffs.iter().find(|(kind, _)| *kind == entry.row.kind);
            let pin = self.pins.get(entry.row.run.as_str());
            cutoff.is_some_and(|(_, cutoff)| created <= *cutoff) && !pin.is_some_and(|pin| pin.holds(query.now))
        };
        let fits = match reason {
            DueFor::Expired => entry.is(ArtifactState::Ready) && expired(),
            DueFor::Abandoned => {
                entry.is(ArtifactState::Failed) || entry.is(ArtifactState::Pending) && created <= query.abandoned_before
            }
            DueFor::Removed => entry.is(ArtifactState::Deleted) && entry.gone_at.is_none(),
            DueFor::Replaced => entry.former.as_ref().is_some_and(|(_, until)| *until <= query.now),
        };
        fits && entry.retry_at.is_none_or(|retry| retry <= query.now)
    }

    pub(crate) fn due(&self, query: &DueQuery) -> Vec<DueArtifact> {
        let due = self.entries.values().filter(|entry| self.is_due(entry, query, query.reason));
        let mut due: Vec<&Entry> =
            due.filter(|entry| query.after.is_none_or(|after| entry.row.age() > after)).collect();
        due.sort_by_key(|entry| entry.row.age());
        due.truncate(query.limit);
        let told = |entry: &Entry| {
            let (artifact, failures) = (entry.row.clone(), entry.failures);
            match (&entry.former, query.reason) {
                (Some((key, _)), DueFor::Replaced) => {
                    DueArtifact { artifact, key: key.clone(), upload: None, failures }
                }
                _ => DueArtifact { key: artifact.key.clone(), artifact, upload: entry.upload.clone(), failures },
            }
        };
        due.into_iter().map(told).collect()
    }

    pub(crate) fn put_off(&mut self, id: ArtifactId, until: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.failures += 1;
            entry.retry_at = Some(until);
        }
    }

    pub(crate) fn forget_replaced(&mut self, ids: &[ArtifactId]) {
        for id in ids {
            if let Some(entry) = self.entries.get_mut(id) {
                entry.former = None;
                entry.succeed();
            }
        }
    }

    pub(crate) fn purge(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = |entry: &&Entry| entry.gone_at.is_some_and(|gone| gone < before) && entry.former.is_none();
        let mut old: Vec<_> = self.entries.values().filter(old).map(|entry| (entry.gone_at, entry.row.id)).collect();
        old.sort();
        old.truncate(limit);
        old.iter().filter(|(_, id)| self.entries.remove(id).is_some()).count()
    }

    pub(crate) fn totals(&self, query: &DueQuery) -> Totals {
        let ready = || self.entries.values().filter(|entry| entry.is(ArtifactState::Ready)).map(|entry| &entry.row);
        let reasons = [DueFor::Expired, DueFor::Abandoned, DueFor::Removed, DueFor::Replaced];
        let due =
            |reason: DueFor| self.entries.values().filter(|entry| self.is_due(entry, query, reason)).count() as u64;
        Totals {
            artifacts: ready().count() as u64,
            bytes: ready().filter_map(|row| row.size).sum(),
            stored_bytes: ready().filter_map(|row| row.stored).map(|stored| stored.size).sum(),
            due: reasons.into_iter().map(due).sum(),
        }
    }

    pub(crate) fn see(&mut self, keys: &[String], audit: Timestamp) -> Vec<bool> {
        let mut see = |key: &String| {
            let mut known = false;
            for entry in self.entries.values_mut() {
                if entry.row.key == *key || entry.former.as_ref().is_some_and(|(former, _)| former == key) {
                    entry.seen_at = entry.seen_at.max(Some(audit));
                    known = true;
                }
            }
            known
        };
        keys.iter().map(&mut see).collect()
    }

    pub(crate) fn unseen(&self, audit: Timestamp, after: Option<ArtifactId>, limit: usize) -> Vec<ArtifactRow> {
        let unseen = |entry: &&Entry| {
            entry.is(ArtifactState::Ready)
                && entry.row.created_at < audit
                && entry.seen_at.is_none_or(|seen| seen < audit)
                && after.is_none_or(|after| entry.row.id > after)
        };
        self.entries.values().filter(unseen).take(limit).map(|entry| entry.row.clone()).collect()
    }

    pub(crate) fn pin(&mut self, run: &RunId, pin: &Pin) {
        self.pins.insert(run.as_str().to_owned(), pin.clone());
    }

    pub(crate) fn unpin(&mut self, run: &RunId) -> bool {
        self.pins.remove(run.as_str()).is_some()
    }
}
