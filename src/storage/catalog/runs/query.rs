//! The conditions of a filter in SQL.

use super::super::RunFilter;
use super::super::tables::SqlDialect;
use super::statement::Parameters;
use super::{AUTHOR, storable};
use crate::protocol::{RunGroup, RunWord};

/// Most words that are searched for.
const MAX_TERMS: usize = 10;

/// The conditions of a filter but its statuses, group and page; `true` if it has none.
pub(super) fn conditions(filter: &RunFilter, dialect: &SqlDialect, parameters: &mut Parameters) -> String {
    let mut all = vec!["true".to_owned()];
    for (column, value) in [("project", &filter.project), ("branch", &filter.branch)] {
        if let Some(value) = value {
            all.push(format!("{column} = {}", parameters.add(storable(value))));
        }
    }
    if let Some(label) = &filter.label {
        let label = parameters.add(format!("\n{}\n", storable(label)));
        all.push(format!("{}(labels, {label}) > 0", dialect.find));
    }
    if let Some(author) = &filter.author {
        // As it stands among the words: in one line, in lower case.
        let author = storable(author).replace('\n', " ").to_lowercase();
        let author = parameters.add(format!("\n{AUTHOR}{author}\n"));
        all.push(format!("{}(words, {author}) > 0", dialect.find));
    }
    if let Some(names) = &filter.names {
        let one_of = names.iter().map(|name| {
            format!("run_id {} {}", dialect.matches_pattern, parameters.add((dialect.pattern)(name.as_str())))
        });
        all.push(format!("({})", one_of.collect::<Vec<_>>().join(" OR ")));
    }
    if let Some(since) = filter.since {
        let since = parameters.add(since);
        all.push(format!("last_at >= {since} AND created_at >= {since}"));
    }
    let text = filter.text.as_deref().unwrap_or_default().to_lowercase();
    for term in text.split_whitespace().take(MAX_TERMS) {
        let term = parameters.add(storable(term));
        all.push(format!("{}(coalesce(words, lower(run_id)), {term}) > 0", dialect.find));
    }
    all.join(" AND ")
}

/// The same with the group and the page.
pub(super) fn page_conditions(filter: &RunFilter, dialect: &SqlDialect, parameters: &mut Parameters) -> String {
    let mut all = conditions(filter, dialect, parameters);
    if let Some(group) = filter.group {
        all.push_str(&format!(" AND run_group = {}", parameters.add(group.as_str())));
    }
    if let Some((last_at, run)) = &filter.after {
        let (last_at, run) = (parameters.add(*last_at), parameters.add(run));
        all.push_str(&format!(" AND (last_at, run_id) < ({last_at}, {run})"));
    }
    all
}

/// Whether a filter asks for what no index has.
pub(super) fn looks_through_all(filter: &RunFilter) -> bool {
    filter.names.is_some()
        || filter.text.is_some()
        || filter.label.is_some()
        || filter.branch.is_some()
        || filter.author.is_some()
}

/// The conditions of which one is to hold: a status, or a word. Each has an index in the list's order. Empty: any.
pub(super) fn alternatives(filter: &RunFilter, parameters: &mut Parameters) -> Vec<String> {
    let mut statuses: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let mut live = Vec::new();
    for word in &filter.words {
        // Runs that go on are few. Of those that have ended the word is the status.
        match word.group(0) {
            group @ (RunGroup::NeedsYou | RunGroup::Running) => live.push((group, *word)),
            _ => statuses.push(word.as_str()),
        }
    }
    statuses.sort_unstable();
    statuses.dedup();
    let statuses = statuses.into_iter().map(|status| (None, status));
    let words = live.into_iter().map(|(group, word): (RunGroup, RunWord)| (Some(group), word.as_str()));
    let all = statuses.chain(words).map(|(group, name)| match group {
        None => format!("status = {}", parameters.add(name)),
        Some(group) => format!("(run_group = {} AND word = {})", parameters.add(group.as_str()), parameters.add(name)),
    });
    all.collect()
}
