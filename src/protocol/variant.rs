//! The variants of a run: jobs that run the same tests side by side, on Linux and on Windows for instance. A producer
//! announces its variant when it joins; this is the rule by which it is counted, the same in all folds of a log.
//!
//! | a producer joins | it counts as |
//! |---|---|
//! | without a variant | none |
//! | with a shard | what the shards of this variant count as that joined before |
//! | again, with the same variant | what it counted as |
//! | otherwise | the first of `linux`, `linux#2`, `linux#3` ... that nobody who lives counts as |

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

/// Most bytes of a variant as producers announce it: 128 characters.
pub const MAX_VARIANT_BYTES: usize = 512;

/// The variant of a producer. Serialized, it has all that the rule needs, for viewers that fold by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// As it was announced.
    announced: Arc<str>,
    /// As it is counted.
    name: Arc<str>,
    /// The producer runs a shard of it.
    has_shard: bool,
}

impl Variant {
    /// The variant of a producer that joins. `before`: what it had when it joined before; `others`: those of the run's
    /// other producers, and whether each lives. `None` if it announced none.
    pub fn of_joining<'a>(
        announced: Option<&str>,
        has_shard: bool,
        before: Option<&Self>,
        others: impl Iterator<Item = (&'a Self, bool)> + Clone,
    ) -> Option<Self> {
        let announced = announced.filter(|name| (1..=MAX_VARIANT_BYTES).contains(&name.len()))?;
        let is_same = |other: &&Self| *other.announced == *announced && other.has_shard == has_shard;
        // Shards of one variant share its name.
        let (ours, foreign): (Vec<_>, Vec<_>) = others.partition(|(other, _)| has_shard && is_same(other));
        let taken: HashSet<&str> = foreign.iter().filter(|(_, lives)| *lives).map(|(other, _)| &*other.name).collect();
        let known = ours.iter().map(|(other, _)| *other).chain(before.filter(is_same));
        let kept = known.map(|other| other.name.clone()).find(|name| !taken.contains(&**name));
        let name = kept.unwrap_or_else(|| first_free(announced, &taken));
        let announced = if *name == *announced { name.clone() } else { announced.into() };
        Some(Self { announced, name, has_shard })
    }

    /// The variant that the producer counts as.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The variant as it was announced.
    pub fn announced(&self) -> &Arc<str> {
        &self.announced
    }

    /// Whether the producer runs a shard of it.
    pub fn has_shard(&self) -> bool {
        self.has_shard
    }

    /// The variant of an event of the producer's. `own`: as the event names it. A producer may not know yet that it
    /// counts under another name than the one that it announced.
    pub fn of_event<'a>(&'a self, own: Option<&'a str>) -> &'a str {
        own.filter(|own| **own != *self.announced).unwrap_or(&self.name)
    }

    /// The variant that the producer counts as, if it is not the one that it announced.
    pub fn renamed(&self) -> Option<&Arc<str>> {
        (self.name != self.announced).then_some(&self.name)
    }

    /// About how many bytes its texts take.
    pub fn held_bytes(&self) -> usize {
        self.announced.len() + self.name.len()
    }
}

fn first_free(announced: &str, taken: &HashSet<&str>) -> Arc<str> {
    if !taken.contains(announced) {
        return announced.into();
    }
    let mut number = 2;
    loop {
        let name = format!("{announced}#{number}");
        if !taken.contains(&*name) {
            return name.into();
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Producers that join and go.
    #[derive(Default)]
    struct Run(BTreeMap<&'static str, (Option<Variant>, bool)>);

    impl Run {
        fn join(&mut self, id: &'static str, announced: &str, has_shard: bool) -> Option<String> {
            let others = self.0.iter().filter(|(other, _)| **other != id);
            let others = others.filter_map(|(_, (variant, lives))| Some((variant.as_ref()?, *lives)));
            let before = self.0.get(id).and_then(|(variant, _)| variant.as_ref());
            let variant = Variant::of_joining(Some(announced), has_shard, before, others);
            let name = variant.as_ref().map(|variant| variant.name().to_string());
            self.0.insert(id, (variant, true));
            name
        }

        fn go(&mut self, id: &str) {
            self.0.get_mut(id).unwrap().1 = false;
        }
    }

    #[test]
    fn the_second_of_a_variant_that_lives_gets_a_number() {
        let mut run = Run::default();
        assert_eq!(run.join("a", "linux", false).unwrap(), "linux");
        assert_eq!(run.join("b", "linux", false).unwrap(), "linux#2");
        assert_eq!(run.join("c", "windows", false).unwrap(), "windows");
        assert_eq!(run.join("d", "linux#2", false).unwrap(), "linux#2#2", "the name is taken");
        assert_eq!(run.join("b", "linux", false).unwrap(), "linux#2", "it joins anew");
        run.go("a");
        assert_eq!(run.join("b", "linux", false).unwrap(), "linux#2", "its events name it so");
        assert_eq!(run.join("e", "linux", false).unwrap(), "linux", "after the one before");
        assert_eq!(run.join("a", "linux", false).unwrap(), "linux#3");
        let renamed = |id: &str| run.0[id].0.as_ref().unwrap().renamed().cloned();
        assert_eq!((renamed("b").as_deref(), renamed("e")), (Some("linux#2"), None));
    }

    #[test]
    fn shards_of_a_variant_share_its_name() {
        let mut run = Run::default();
        assert_eq!(run.join("whole", "linux", false).unwrap(), "linux");
        assert_eq!(run.join("one", "linux", true).unwrap(), "linux#2");
        run.go("one");
        run.go("whole");
        assert_eq!(run.join("two", "linux", true).unwrap(), "linux#2", "the same as shard 1, which has ended");
        assert_eq!(run.join("late", "linux", false).unwrap(), "linux");
        let mut run = Run::default();
        for id in ["a", "b", "c"] {
            assert_eq!(run.join(id, "linux", true).unwrap(), "linux");
        }
    }

    #[test]
    fn without_a_variant_there_is_no_name() {
        let mut run = Run::default();
        for id in ["a", "b"] {
            assert_eq!(run.join(id, "", false), None);
        }
        assert_eq!(run.join("c", &"x".repeat(MAX_VARIANT_BYTES + 1), false), None);
    }
}
