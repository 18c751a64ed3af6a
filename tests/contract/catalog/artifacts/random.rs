//! Whatever is done in whatever order: a catalog answers as the model does.

use runcast::protocol::{ArtifactId, ArtifactKind, RunId, Sha256, Timestamp};
use runcast::storage::catalog::artifacts::{ArtifactRow, DueFor, DueQuery, Finished};

use crate::catalog::artifacts::fixture::{Backend, at, contract, finished, id, pending, pin, run, stored};
use crate::catalog::artifacts::model::Model;
use crate::support::Dice;

contract! { a_catalog_answers_as_the_model_does_whatever_is_done }

/// Few of each, so that they meet.
struct Chance(Dice);

impl Chance {
    fn id(&mut self) -> ArtifactId {
        id(self.0.below(15))
    }

    fn ids(&mut self) -> Vec<ArtifactId> {
        (0..self.0.below(4)).map(|_| self.id()).collect()
    }

    fn run(&mut self) -> RunId {
        run(["a", "B", "c"][self.0.below(3) as usize])
    }

    fn key(&mut self) -> String {
        ["k", "K", "'"][self.0.below(3) as usize].into()
    }

    fn sha256(&mut self) -> Sha256 {
        Sha256([self.0.below(4) as u8; 32])
    }

    fn time(&mut self) -> Timestamp {
        at(self.0.below(40) as i64)
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.0.below(2) == 0).then(|| value(self))
    }

    fn limit(&mut self) -> usize {
        [0, 1, 2, 5, usize::MAX][self.0.below(5) as usize]
    }

    fn announced(&mut self) -> ArtifactRow {
        let number = self.0.below(15);
        let kind = ArtifactKind::ALL[self.0.below(6) as usize];
        let (sha256, idempotency_key) = (self.maybe(Self::sha256), self.maybe(Self::key));
        ArtifactRow { run: self.run(), kind, created_at: self.time(), sha256, idempotency_key, ..pending(number) }
    }

    fn query(&mut self) -> DueQuery {
        let reasons = [DueFor::Expired, DueFor::Abandoned, DueFor::Removed, DueFor::Replaced];
        DueQuery {
            reason: reasons[self.0.below(4) as usize],
            now: self.time(),
            cutoffs: ArtifactKind::ALL.map(|kind| (kind, self.time())),
            abandoned_before: self.time(),
            after: self.maybe(|chance| (chance.time(), chance.id())),
            limit: self.limit(),
        }
    }
}

async fn a_catalog_answers_as_the_model_does_whatever_is_done(backend: Backend) {
    let catalog = backend.open().await;
    let mut model = Model::default();
    let mut chance = Chance(Dice::new(7));
    // Asks both, and fails with the number of the step.
    macro_rules! same {
        ($step:expr, $method:ident($($argument:expr),*)) => {
            assert_eq!(catalog.$method($($argument),*).await.unwrap(), model.$method($($argument),*), "{}", $step)
        };
    }
    for step in 0..1_500 {
        match chance.0.below(24) {
            0..=3 => {
                let row = chance.announced();
                if !model.has(row.id) {
                    same!(step, announce(&row, 4));
                }
            }
            4..=6 => {
                let number = chance.0.below(15);
                let compress_at = chance.maybe(Chance::time);
                let finished = Finished { key: format!("runs/{step}"), compress_at, ..finished(number) };
                let finished = Finished { sha256: chance.sha256(), ..finished };
                let run = model.run_of(id(number)).unwrap_or_else(|| chance.run());
                same!(step, set_ready(&run, id(number), &finished));
                let (key, name) = (chance.key(), pending(number).name);
                same!(step, keyed(&run, &key));
                same!(step, same(&run, &name, finished.sha256));
            }
            7 => {
                let id = chance.id();
                same!(step, fail(id, "no"));
            }
            8 => {
                let (run, id, time) = (chance.run(), chance.id(), chance.time());
                same!(step, remove(&run, id, time));
            }
            9 => {
                let (ids, time) = (chance.ids(), chance.time());
                same!(step, gone(&ids, time));
            }
            10 | 11 => {
                let (now, again, limit) = (chance.time(), chance.time(), chance.limit());
                let tries = chance.0.below(4) as u32;
                let mut claimed = catalog.claim(now, again, tries, limit).await.unwrap();
                let mut want = model.claim(now, again, tries, limit);
                claimed.sort_by_key(|row| row.id);
                want.sort_by_key(|row| row.id);
                assert_eq!(claimed, want, "{step}");
            }
            12 | 13 => {
                let (id, until) = (chance.id(), chance.time());
                let from = model.keys(id).first().cloned().unwrap_or_default();
                same!(step, replace(id, &from, &format!("small/{step}"), &stored(step % 50), until));
            }
            14 => {
                let id = chance.id();
                same!(step, spare(id));
            }
            15 => {
                let (id, until) = (chance.id(), chance.time());
                same!(step, put_off(id, until));
            }
            16 => {
                let ids = chance.ids();
                same!(step, forget_replaced(&ids));
            }
            17 => {
                let (before, limit) = (chance.time(), chance.limit());
                same!(step, purge(before, limit));
            }
            18 => {
                let keys: Vec<String> = chance.ids().into_iter().flat_map(|id| model.keys(id)).collect();
                let audit = chance.time();
                same!(step, see(&keys, audit));
            }
            19 => {
                let (audit, after, limit) = (chance.time(), chance.maybe(Chance::id), chance.limit());
                same!(step, unseen(audit, after, limit));
            }
            20 => {
                let (run, pin) = (chance.run(), pin(chance.maybe(Chance::time)));
                same!(step, pin(&run, &pin));
            }
            21 => {
                let run = chance.run();
                same!(step, unpin(&run));
            }
            22 => {
                let id = chance.id();
                same!(step, note_upload(id, "upload"));
            }
            _ => {
                let (run, after, limit) = (chance.run(), chance.maybe(Chance::id), chance.limit());
                same!(step, of_run(&run, after, limit));
            }
        }
        let (run, id, query) = (chance.run(), chance.id(), chance.query());
        match step % 3 {
            0 => same!(step, find(&run, id)),
            1 => same!(step, due(&query)),
            _ => same!(step, totals(&query)),
        }
    }
}
