//! The title of a run's page, for tabs and for previews of links: how the run is, and what it is called.

use std::time::Duration;

use serde::Deserialize;
use tracing::debug;

use super::shell::is_shown;
use crate::protocol::RunId;
use crate::storage::catalog::runs::{ComparedRun, RunCatalog};

/// Longest wait for the catalog: a page is not to wait for its title.
const PATIENCE: Duration = Duration::from_millis(300);
/// Most characters of a project's name.
const MAX_NAME: usize = 80;

/// What a title says of a run's summary.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TitledRun {
    meta: Option<TitledMeta>,
    outcomes: Option<TitledOutcomes>,
    total: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TitledMeta {
    project: Option<String>,
    number: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TitledOutcomes {
    unexpected: u64,
}

/// The title: `FAILING 3/120 · shop #4127 · runcast`; with the run's id alone while nothing more is known, or the catalog is
/// away.
pub(super) async fn title(run: &RunId, catalog: &dyn RunCatalog) -> String {
    let found = match actix_web::rt::time::timeout(PATIENCE, catalog.compared_run(run)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            debug!(%run, %error, "the page has no title of its own");
            None
        }
        Err(_) => None,
    };
    match found.and_then(|found| told(run, &found)) {
        Some(told) => format!("{told} · runcast"),
        None => unknown(run),
    }
}

/// The title for whoever is told nothing of the run.
pub(super) fn unknown(run: &RunId) -> String {
    format!("{run} · runcast")
}

fn told(run: &RunId, found: &ComparedRun) -> Option<String> {
    let word = found.word?.as_str().replace('_', " ").to_uppercase(); // as the page shows it
    let summary: TitledRun = serde_json::from_str(found.summary.as_deref()?).unwrap_or_default();
    let meta = summary.meta.unwrap_or_default();
    let name =
        meta.project.map(|name| name.chars().filter(|letter| is_shown(*letter)).take(MAX_NAME).collect::<String>());
    let name = name.filter(|name| !name.trim().is_empty());
    let name = match (name, meta.number) {
        (Some(name), Some(number)) => format!("{name} #{number}"),
        (Some(name), None) => format!("{name} {run}"),
        (None, _) => run.to_string(),
    };
    Some(match (summary.outcomes.unwrap_or_default().unexpected, summary.total) {
        (0, _) => format!("{word} · {name}"),
        (failed, Some(total)) => format!("{word} {failed}/{total} · {name}"),
        (failed, None) => format!("{word} {failed} · {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{RunWord, Timestamp};

    fn found(word: Option<RunWord>, summary: &str) -> ComparedRun {
        ComparedRun {
            run: RunId::parse("r").unwrap(),
            project: String::new(),
            branch: None,
            commit: None,
            number: None,
            word,
            created_at: Timestamp::default(),
            ended_at: None,
            summary: Some(summary.to_owned()),
        }
    }

    #[test]
    fn a_title_says_how_the_run_is_and_what_it_is_called() {
        let run = RunId::parse("r").unwrap();
        for (word, summary, title) in [
            (
                RunWord::Failing,
                r#"{"meta":{"project":"shop","number":7},"outcomes":{"unexpected":3},"total":120}"#,
                "FAILING 3/120 · shop #7",
            ),
            (RunWord::NeedsYou, r#"{"meta":{"project":"shop"},"outcomes":{"unexpected":0}}"#, "NEEDS YOU · shop r"),
            (RunWord::Lost, r#"{"meta":null}"#, "LOST · r"),
            (RunWord::Passed, r#"{"meta":{"project":"\u202e \u200b","number":7}}"#, "PASSED · r"),
            (RunWord::TimedOut, r#"{"outcomes":{"unexpected":1}}"#, "TIMEDOUT 1 · r"),
        ] {
            assert_eq!(told(&run, &found(Some(word), summary)).as_deref(), Some(title));
        }
        assert_eq!(told(&run, &found(None, "{}")), None);
    }
}
