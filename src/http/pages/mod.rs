//! The HTML pages: the list of runs, one run live, and their icon. Plain files, embedded in the binary; the page of a
//! run gets the lists of final close codes and of control events from the tables, and both get the script that says how a
//! run is posted.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::events::run_id;
use super::problem::Problem;
use crate::protocol::vocabulary::final_close_codes;
use crate::protocol::{ProducerEvent, ServerEvent};

/// Content security policy of the pages: only our own scripts run; nothing in an event can.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:; \
                      img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The position in the run's page into which the server's final close codes are inserted.
const FINAL_CODES: &str = "/* final close codes */";

/// The position in the run's page into which the types of control events are inserted.
const CONTROL_EVENTS: &str = "/* control events */";

/// The position in both pages into which [`FIRST_STEPS_SCRIPT`] is inserted.
const FIRST_STEPS: &str = "/* first steps */";

/// Says how a run is posted, where there is none.
const FIRST_STEPS_SCRIPT: &str = include_str!("first_steps.js");

/// The events of producers after which a run's control may be another one.
const OF_PRODUCERS: [ProducerEvent; 4] =
    [ProducerEvent::RunStatus, ProducerEvent::Worker, ProducerEvent::CommandStatus, ProducerEvent::AiStuck];

/// The run's page with the close codes and the control events.
static RUN_PAGE: LazyLock<String> = LazyLock::new(|| {
    let codes: Vec<_> = final_close_codes().iter().map(u16::to_string).collect();
    let types: Vec<_> = control_events().into_iter().map(|name| format!("\"{name}\"")).collect();
    let page = include_str!("run.html").replace(FINAL_CODES, &codes.join(", "));
    page.replace(CONTROL_EVENTS, &types.join(", ")).replace(FIRST_STEPS, FIRST_STEPS_SCRIPT)
});

/// The list's page.
static LIST_PAGE: LazyLock<String> =
    LazyLock::new(|| include_str!("index.html").replace(FIRST_STEPS, FIRST_STEPS_SCRIPT));

/// The types of the events after which a run's control may be another one.
fn control_events() -> BTreeSet<&'static str> {
    let of_server = ServerEvent::ALL.iter().filter(|event| event.is_control()).map(|event| event.as_str());
    of_server.chain(OF_PRODUCERS.map(ProducerEvent::as_str)).collect()
}

fn page(html: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(html)
}

/// `GET /`
pub(super) async fn index() -> HttpResponse {
    page(&LIST_PAGE)
}

/// `GET /runs/{runId}`
pub(super) async fn run(path: web::Path<String>) -> Result<HttpResponse, Problem> {
    run_id(&path)?;
    Ok(page(&RUN_PAGE))
}

fn picture(content_type: &'static str, bytes: &'static [u8]) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, "max-age=86400"))
        .body(bytes)
}

/// `GET /favicon.ico`
pub(super) async fn icon() -> HttpResponse {
    picture("image/x-icon", include_bytes!("favicon.ico"))
}

/// `GET /favicon.svg`
pub(super) async fn drawing() -> HttpResponse {
    picture("image/svg+xml", include_bytes!("favicon.svg"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_a_run_has_the_final_close_codes_of_the_table() {
        assert_eq!(include_str!("run.html").matches(FINAL_CODES).count(), 1);
        let list = RUN_PAGE.split_once("const FINAL = [").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
        let codes: Vec<u16> = list.split(", ").map(|code| code.parse().unwrap()).collect();
        assert_eq!(codes, final_close_codes());
    }

    #[test]
    fn both_pages_say_how_a_run_is_posted() {
        for (source, page) in [(include_str!("run.html"), &*RUN_PAGE), (include_str!("index.html"), &*LIST_PAGE)] {
            assert_eq!(source.matches(FIRST_STEPS).count(), 1);
            assert_eq!(page.matches("async function firstSteps(").count(), 1);
        }
    }

    #[test]
    fn the_page_of_a_run_looks_at_its_control_after_each_control_event() {
        assert_eq!(include_str!("run.html").matches(CONTROL_EVENTS).count(), 1);
        let list = RUN_PAGE.split_once("const CONTROL = [").and_then(|(_, rest)| rest.split_once(']')).unwrap().0;
        let types: BTreeSet<_> = list.split(", ").map(|name| name.trim_matches('"')).collect();
        assert_eq!(types, control_events());
        assert!(types.contains("pause_requested") && types.contains("ai_stuck") && !types.contains("sealed"));
    }
}
