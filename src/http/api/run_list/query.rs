//! What a list of runs is asked for.

use serde::Deserialize;

use super::super::super::problem::Problem;
use crate::protocol::status::RunStatus;
use crate::protocol::{RunGroup, RunId, RunWord, Timestamp, parse_span};
use crate::storage::catalog::RunFilter;

/// Default rows of a page.
const DEFAULT_LIMIT: usize = 50;
/// Most rows of a page.
const MAX_LIMIT: usize = 500;
/// Most bytes of a text by which runs are found.
const MAX_TEXT_BYTES: usize = 512;

/// Query parameters of the list.
#[derive(Default, Deserialize)]
pub(in crate::http) struct RunsQuery {
    status: Option<String>,
    group: Option<String>,
    q: Option<String>,
    project: Option<String>,
    branch: Option<String>,
    author: Option<String>,
    label: Option<String>,
    since: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    groups: Option<String>,
    projects: Option<String>,
}

/// The same, understood.
#[derive(Debug)]
pub(super) struct AskedRuns {
    pub(super) filter: RunFilter,
    /// Whether groups are counted.
    pub(super) groups: bool,
    /// Whether projects are named.
    pub(super) projects: bool,
}

impl RunsQuery {
    /// Reads it; a parameter that is empty is not given.
    pub(super) fn read(&self, now: Timestamp) -> Result<AskedRuns, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::bad_request("invalid_limit", format!("limit must be 1 to {MAX_LIMIT}, not {limit}")));
        }
        let after = given(&self.cursor).map(parse_cursor).transpose()?;
        let (statuses, words) = given(&self.status).map_or(Ok(Default::default()), parse_statuses)?;
        let is_first = after.is_none();
        Ok(AskedRuns {
            filter: RunFilter {
                statuses,
                words,
                group: given(&self.group).map(parse_group).transpose()?,
                text: text(("q", "invalid_q"), &self.q)?,
                project: text(("project", "invalid_project"), &self.project)?,
                branch: text(("branch", "invalid_branch"), &self.branch)?,
                author: text(("author", "invalid_author"), &self.author)?,
                label: text(("label", "invalid_label"), &self.label)?,
                names: None,
                since: given(&self.since).map(|text| parse_since(text, now)).transpose()?,
                limit,
                after,
            },
            groups: flag(("groups", "invalid_groups"), &self.groups, is_first)?,
            projects: flag(("projects", "invalid_projects"), &self.projects, is_first)?,
        })
    }
}

fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

fn parse_cursor(text: &str) -> Result<(Timestamp, RunId), Problem> {
    let parsed = text
        .split_once(':')
        .and_then(|(millis, run)| Some((Timestamp::from_millis(millis.parse().ok()?), RunId::parse(run).ok()?)));
    parsed.ok_or_else(|| Problem::bad_request("invalid_cursor", "cursor is not one that a list gave"))
}

fn parse_statuses(text: &str) -> Result<(Vec<RunStatus>, Vec<RunWord>), Problem> {
    let (mut statuses, mut words) = (Vec::new(), Vec::new());
    for name in text.split(',') {
        let (status, word) = (RunStatus::parse(name), RunWord::parse(name));
        if status.is_none() && word.is_none() {
            let rule = format!("status {name:?} is neither one of run_status nor a word of the list");
            return Err(Problem::bad_request("invalid_status", rule));
        }
        statuses.extend(status.filter(|status| !statuses.contains(status)));
        words.extend(word.filter(|word| !words.contains(word)));
    }
    Ok((statuses, words))
}

fn parse_group(text: &str) -> Result<RunGroup, Problem> {
    let known = || RunGroup::ALL.map(RunGroup::as_str).join(", ");
    let rule = || format!("group {text:?} is not one of {}", known());
    RunGroup::parse(text).ok_or_else(|| Problem::bad_request("invalid_group", rule()))
}

/// Reads a text; `name` is that of its parameter, `code` that of the refusal.
fn text((name, code): (&str, &'static str), text: &Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = given(text) else { return Ok(None) };
    if text.len() > MAX_TEXT_BYTES {
        let rule = format!("{name} must have at most {MAX_TEXT_BYTES} bytes");
        return Err(Problem::bad_request(code, rule));
    }
    Ok(Some(text.to_owned()))
}

/// A time, or how long ago it was: `7d`, `24h`, `30m`.
fn parse_since(text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let ago = || Some(now.plus_millis(-parse_span(text)?));
    let rule = || {
        format!("since must be a time like 2026-11-23T17:15:47Z, or how long ago, like 7d, 24h or 30m, not {text:?}")
    };
    Timestamp::parse(text).or_else(ago).ok_or_else(|| Problem::bad_request("invalid_since", rule()))
}

fn flag((name, code): (&str, &'static str), text: &Option<String>, default: bool) -> Result<bool, Problem> {
    match given(text) {
        None => Ok(default),
        Some("1") => Ok(true),
        Some("0") => Ok(false),
        Some(other) => Err(Problem::bad_request(code, format!("{name} must be 0 or 1, not {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::web;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_454_147_966);

    fn asked(query: &str) -> Result<AskedRuns, String> {
        let query = web::Query::<RunsQuery>::from_query(query).unwrap();
        query.read(NOW).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_list_is_asked_for_by_what_its_rows_have() {
        let plain = asked("status=&q=&limit=50&cursor=&odd=1").unwrap();
        assert!(plain.groups && plain.projects);
        assert_eq!((plain.filter.limit, plain.filter.statuses.len(), plain.filter.text), (50, 0, None));
        let AskedRuns { filter, groups, projects } = asked(
            "status=failed,needs_you,queued&group=flaky&q=Fix%20Refunds&project=a%2Fb&branch=main&label=pr&groups=0",
        )
        .unwrap();
        assert_eq!(filter.statuses, [RunStatus::Failed, RunStatus::Queued]);
        assert_eq!(filter.words, [RunWord::Failed, RunWord::NeedsYou]);
        assert_eq!((filter.group, filter.text.as_deref()), (Some(RunGroup::Flaky), Some("Fix Refunds")));
        assert_eq!((filter.project.as_deref(), filter.branch.as_deref()), (Some("a/b"), Some("main")));
        assert_eq!((filter.label.as_deref(), groups, projects), (Some("pr"), false, true));
        let next = asked("cursor=17:r").unwrap();
        assert!(!next.groups && !next.projects, "the first page had them");
    }

    #[test]
    fn since_is_a_time_or_how_long_ago() {
        let since = |text: &str| asked(&format!("since={text}")).unwrap().filter.since;
        assert_eq!(since("2026-11-23T17:15:47.966Z"), Some(NOW));
        assert_eq!(since("7d"), Some(NOW.plus_millis(-7 * 86_400_000)));
        assert_eq!(since("24h"), since("1d"));
        assert_eq!(since("30m"), Some(NOW.plus_millis(-1_800_000)));
    }

    #[test]
    fn a_wrong_parameter_is_refused_by_its_name() {
        for (query, code) in [
            ("limit=0", "invalid_limit"),
            ("limit=501", "invalid_limit"),
            ("status=failed,done", "invalid_status"),
            ("group=all", "invalid_group"),
            ("since=yesterday", "invalid_since"),
            ("since=d", "invalid_since"),
            ("since=-1d", "invalid_since"),
            ("cursor=x", "invalid_cursor"),
            ("groups=yes", "invalid_groups"),
            ("projects=2", "invalid_projects"),
            (&format!("q={}", "x".repeat(513)), "invalid_q"),
            (&format!("branch={}", "x".repeat(513)), "invalid_branch"),
        ] {
            let refused = asked(query).unwrap_err();
            assert!(refused.contains(code), "{query}: {refused}");
        }
    }
}
