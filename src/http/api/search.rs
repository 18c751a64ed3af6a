//! Searches of a run's log for words.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::super::edge::Responses;
use super::super::problem::{Problem, responses_saturated};
use super::events::{filter, invalid_after, run_id};
use crate::log_index::{LogQueries, Needle, SearchPlace, SearchQuery};

/// Most characters of what is searched for.
const MAX_CHARS: usize = 200;
/// Most hits of an answer.
const MAX_HITS: usize = 1_000;
/// Default of `limit`.
const DEFAULT_HITS: usize = 100;

/// Query parameters of a search.
#[derive(Deserialize)]
pub(in crate::http) struct SearchParameters {
    q: Option<String>,
    types: Option<String>,
    test: Option<String>,
    variant: Option<String>,
    after: Option<String>,
    limit: Option<String>,
}

/// `GET /api/runs/{runId}/search`
pub(in crate::http) async fn page(
    queries: web::Data<LogQueries>,
    responses: web::Data<Responses>,
    path: web::Path<String>,
    query: web::Query<SearchParameters>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let found = queries.search(&run, read(&query)?).await?;
    let body = serde_json::to_vec(&found).map_err(|error| {
        Problem::unavailable("state_unavailable", format!("what was found could not be written: {error}"))
    })?;
    let body = responses.budget.count(body.into()).map_err(|_| responses_saturated())?;
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

fn read(query: &SearchParameters) -> Result<SearchQuery, Problem> {
    let words = query.q.as_deref().unwrap_or_default();
    let count = words.chars().count();
    if !(1..=MAX_CHARS).contains(&count) {
        return Err(Problem::bad_request("invalid_q", format!("q must have 1 to {MAX_CHARS} characters, not {count}")));
    }
    let limit = query.limit.as_deref().filter(|text| !text.is_empty()).map_or(Ok(DEFAULT_HITS), |text| {
        let limit = text.parse().ok().filter(|limit| (1..=MAX_HITS).contains(limit));
        let shown: String = text.chars().take(64).collect();
        limit.ok_or_else(|| {
            Problem::bad_request("invalid_limit", format!("limit must be 1 to {MAX_HITS}, not {shown:?}"))
        })
    })?;
    let from = SearchPlace::parse(query.after.as_deref().unwrap_or_default()).map_err(invalid_after)?;
    let filter = filter(query.types.as_deref(), query.test.as_deref(), query.variant.as_deref())?;
    Ok(SearchQuery { needle: Needle::new(words), filter, from, limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_parameter_is_refused_by_its_name() {
        let refused = |query: &str| {
            let query = web::Query::<SearchParameters>::from_query(query).unwrap();
            read(&query).map(|_| ()).map_err(|problem| problem.to_string())
        };
        assert!(refused("q=x&types=log&test=t&variant=v&after=5:17.3&limit=1000").is_ok());
        assert!(refused(&format!("q={}", "%C3%A9".repeat(200))).is_ok(), "characters are counted, not bytes");
        for (query, code, named) in [
            ("q=", "invalid_q", "1 to 200 characters"),
            ("types=log", "invalid_q", "q must"),
            (&format!("q={}", "x".repeat(201)), "invalid_q", "not 201"),
            ("q=x&limit=0", "invalid_limit", "1 to 1000"),
            ("q=x&limit=1001", "invalid_limit", "1001"),
            ("q=x&after=y", "invalid_after", "after"),
            ("q=x&types=,", "invalid_types", "types"),
        ] {
            let refused = refused(query).unwrap_err();
            assert!(refused.contains(code) && refused.contains(named), "{query}: {refused}");
        }
    }
}
