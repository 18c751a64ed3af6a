//! The tests of a run, page by page.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::super::edge::Responses;
use super::super::problem::Problem;
use super::super::rooms::Rooms;
use super::super::transfer::ResponseParts;
use super::events::run_id;
use super::runs::{is_resumable, state_of};
use crate::protocol::state_part::MAX_PAGE_TESTS;
use crate::protocol::status::TestStatus;
use crate::protocol::variant::MAX_VARIANT_BYTES;
use crate::protocol::{StatePart, TestsQuery};

/// Default tests of a page.
const DEFAULT_LIMIT: usize = 100;

/// Query parameters of a page.
#[derive(Deserialize)]
pub(in crate::http) struct TestsParameters {
    after: Option<String>,
    limit: Option<String>,
    status: Option<String>,
    variant: Option<String>,
    resume: Option<String>,
}

/// `GET /api/runs/{runId}/tests`
pub(in crate::http) async fn page(
    rooms: web::Data<Rooms>,
    responses: web::Data<Responses>,
    path: web::Path<String>,
    query: web::Query<TestsParameters>,
) -> Result<HttpResponse, Problem> {
    let run = run_id(&path)?;
    let part = StatePart::Tests(read(&query)?);
    let (text, _) = state_of(&rooms, &responses, &run, &part).await?;
    let body: ResponseParts = text.share().into_iter().collect();
    Ok(HttpResponse::Ok().content_type("application/json").body(body))
}

fn read(query: &TestsParameters) -> Result<TestsQuery, Problem> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let after = given(&query.after).map_or(Ok(0), |text| {
        let rule = || format!("after must be a whole number, the `next` of the page before, not {text:?}");
        text.parse().map_err(|_| Problem::bad_request("invalid_after", rule()))
    })?;
    let limit = given(&query.limit).map_or(Ok(DEFAULT_LIMIT), |text| {
        let limit = text.parse().ok().filter(|limit| (1..=MAX_PAGE_TESTS).contains(limit));
        let rule = || format!("limit must be 1 to {MAX_PAGE_TESTS}, not {text:?}");
        limit.ok_or_else(|| Problem::bad_request("invalid_limit", rule()))
    })?;
    let status = |text: &str| {
        let known = || TestStatus::NAMES.join(", ");
        let rule = || format!("status {text:?} is not one of test_status, or several with commas: {}", known());
        TestStatus::parse(text).ok_or_else(|| Problem::bad_request("invalid_status", rule()))
    };
    let statuses = given(&query.status).map_or(Ok(Vec::new()), |text| text.split(',').map(status).collect())?;
    let variant = given(&query.variant);
    if variant.as_ref().is_some_and(|name| name.len() > MAX_VARIANT_BYTES) {
        let rule = format!("variant must have at most {MAX_VARIANT_BYTES} bytes");
        return Err(Problem::bad_request("invalid_variant", rule));
    }
    let resumable = is_resumable(query.resume.as_deref())?;
    Ok(TestsQuery { after, limit, statuses, variant: variant.map(Into::into), resumable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Result<TestsQuery, String> {
        let query = web::Query::<TestsParameters>::from_query(query).unwrap();
        read(&query).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_page_is_asked_for_by_place_status_and_variant() {
        let default = TestsQuery { limit: DEFAULT_LIMIT, ..TestsQuery::default() };
        assert_eq!(parsed("after=&limit=&status=&variant="), Ok(default));
        assert!(parsed("resume=1").unwrap().resumable);
        let query = parsed("after=500&limit=1000&status=failed,timedOut&variant=linux%232").unwrap();
        assert_eq!((query.after, query.limit), (500, 1_000));
        assert_eq!(query.statuses, [TestStatus::Failed, TestStatus::TimedOut]);
        assert_eq!(query.variant.as_deref(), Some("linux#2"));
    }

    #[test]
    fn a_wrong_parameter_is_refused_by_its_name_and_limit() {
        for (query, code, named) in [
            ("after=-1", "invalid_after", "after must be a whole number"),
            ("after=1:2", "invalid_after", "\"1:2\""),
            ("limit=0", "invalid_limit", "limit must be 1 to 1000"),
            ("limit=1001", "invalid_limit", "\"1001\""),
            ("status=failed,odd", "invalid_status", "\"odd\""),
            ("resume=yes", "invalid_resume", "resume must be 1 or 0"),
            (&format!("variant={}", "x".repeat(513)), "invalid_variant", "at most 512 bytes"),
        ] {
            let refused = parsed(query).unwrap_err();
            assert!(refused.contains(code) && refused.contains(named), "{query}: {refused}");
        }
    }
}
