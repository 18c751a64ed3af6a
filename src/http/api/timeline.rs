//! A run over time.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::super::edge::Responses;
use super::super::problem::{Problem, responses_saturated};
use super::events::run_id;
use crate::log_index::LogQueries;

/// Bins of a timeline.
const BINS: std::ops::RangeInclusive<usize> = 10..=1_000;
/// Default of `bins`.
const DEFAULT_BINS: usize = 200;

/// Query parameters of a timeline.
#[derive(Deserialize)]
pub(in crate::http) struct TimelineQuery {
    bins: Option<String>,
}

/// `GET /api/runs/{runId}/timeline`
pub(in crate::http) async fn show(
    queries: web::Data<LogQueries>,
    responses: web::Data<Responses>,
    path: web::Path<String>,
    query: web::Query<TimelineQuery>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let timeline = queries.timeline(&run, bins(query.bins.as_deref())?).await?;
    let body = serde_json::to_vec(&timeline).map_err(|error| {
        Problem::unavailable("state_unavailable", format!("the timeline could not be written: {error}"))
    })?;
    let body = responses.budget.count(body.into()).map_err(|_| responses_saturated())?;
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

fn bins(text: Option<&str>) -> Result<usize, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(DEFAULT_BINS) };
    let bins = text.parse().ok().filter(|bins| BINS.contains(bins));
    let rule = || {
        let shown: String = text.chars().take(64).collect();
        format!("bins must be {} to {}, not {shown:?}", BINS.start(), BINS.end())
    };
    bins.ok_or_else(|| Problem::bad_request("invalid_bins", rule()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_have_bounds_and_a_default() {
        assert_eq!((bins(None).unwrap(), bins(Some("")).unwrap(), bins(Some("10")).unwrap()), (200, 200, 10));
        for wrong in ["9", "1001", "x", "-10"] {
            let refused = bins(Some(wrong)).unwrap_err().to_string();
            assert!(refused.contains("invalid_bins") && refused.contains("10 to 1000"), "{refused}");
        }
    }
}
