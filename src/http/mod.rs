//! The edge: every route on one screen. What the handlers work with is in [`edge`].

use actix_web::Route;
use actix_web::error::QueryPayloadError;
use actix_web::guard::{Any, Get, Head};
use actix_web::web::{self, QueryConfig, ServiceConfig, delete, post, put, resource, scope};

pub mod access;
mod api;
mod audit;
pub mod body;
pub mod body_checks;
mod client_ip;
mod clients;
pub mod crowd;
pub mod edge;
pub mod expect;
pub mod framing;
pub mod heads;
mod held_body;
mod host;
pub mod limits;
mod mcp;
mod media_type;
pub mod method_not_allowed;
pub mod origin;
pub mod pages;
pub mod parameters;
mod principal;
pub mod problem;
pub mod rooms;
mod route;
pub mod run_feed;
mod sign_in;
mod storage_source;
pub mod trace_viewer;
pub mod transfer;
pub mod unread;
pub mod watch;

use api::{
    access as access_api, artifacts, cleanup, commands, deletion, events, export, frame, live_traces, ops, run_history,
    run_list, run_tests, runs, search, steps, timeline, token, viewers,
};
use problem::Problem;

/// `GET`, and `HEAD` wherever it is: the same head, whose body [`framing::framing`] leaves out.
fn get() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

/// Every route, older names included.
pub fn routes(config: &mut ServiceConfig) {
    main_routes(config);
    ops_routes(config);
    session_routes(config);
}

/// The routes of the main listener where operators have one of their own: it only says that the node is alive and ready.
pub fn routes_of_main(config: &mut ServiceConfig) {
    main_routes(config);
    session_routes(config);
    config
        .service(resource("/health").route(get().to(ops::health)))
        .service(resource("/ready").route(get().to(ops::ready_word)));
}

/// The routes of the listener for operators, and what their page consists of.
pub fn routes_of_operators(config: &mut ServiceConfig) {
    ops_routes(config);
    session_routes(config);
    config
        .service(resource("/assets/{file}").route(get().to(pages::asset)))
        .service(resource("/favicon.ico").route(get().to(pages::icon)))
        .service(resource("/favicon.svg").route(get().to(pages::drawing)))
        .default_service(web::to(pages::missing));
}

fn ops_routes(config: &mut ServiceConfig) {
    config
        .app_data(query_config())
        .service(resource("/ops").route(get().to(pages::ops)))
        .service(resource("/health").route(get().to(ops::health)))
        .service(resource("/ready").route(get().to(ops::ready)))
        .service(resource("/metrics").route(get().to(ops::metrics)))
        .service(resource("/api/ws/stats").route(get().to(viewers::stats)))
        .service(resource("/api/cleanup/stats").route(get().to(cleanup::stats)))
        .service(resource("/api/cleanup/run").route(post().to(cleanup::run)))
        .service(resource("/api/actors").route(get().to(ops::actors)));
}

/// Who asks, and how somebody signs in.
fn session_routes(config: &mut ServiceConfig) {
    config.service(resource("/api/me").route(get().to(access_api::me))).service(
        resource("/api/session").route(post().to(access_api::sign_in)).route(delete().to(access_api::sign_out)),
    );
}

/// A query that can't be read is answered with a problem.
fn query_config() -> QueryConfig {
    let bad_query = |error: QueryPayloadError, _: &_| Problem::bad_request("invalid_query", error.to_string()).into();
    QueryConfig::default().error_handler(bad_query)
}

fn main_routes(config: &mut ServiceConfig) {
    config
        .app_data(query_config())
        // Routes are tried in this order: first those that producers post to.
        .service(scope("/api/runs").configure(run_routes))
        .service(resource("/").route(get().to(pages::index)))
        .service(resource("/runs/{runId}").route(get().to(pages::run)))
        .service(resource("/assets/{file}").route(get().to(pages::asset)))
        .service(resource("/favicon.ico").route(get().to(pages::icon)))
        .service(resource("/favicon.svg").route(get().to(pages::drawing)))
        .service(resource("/s/{secret}").route(get().to(access_api::open_share)))
        .service(resource("/clients").route(get().to(clients::list)))
        .service(resource("/clients/{file}").route(get().to(clients::file)))
        .service(resource("/trace/{file:.*}").route(get().to(trace_viewer::file)))
        .service(resource("/live-traces/{runId}/{traceId}/v/{file:.*}").route(get().to(live_traces::viewer)))
        .service(resource("/live-traces/{runId}/{traceId}/ws").route(get().to(watch::live_trace)))
        .service(resource("/live-traces/{runId}/{traceId}/{number}/traces.dir").route(get().to(live_traces::directory)))
        .service(resource("/live-traces/{runId}/{traceId}/{number}/{entry:.*}").route(get().to(live_traces::entry)))
        .service(resource("/ws/runs/{runId}").route(get().to(watch::web_socket)))
        .service(resource("/ws/test-control").route(get().to(watch::test_control)))
        .service(resource("/mcp").route(post().to(mcp::post)))
        .service(resource("/api/token").route(post().to(token::exchange)))
        .service(resource("/auth/login").route(get().to(sign_in::begin)))
        .service(resource("/auth/callback").route(get().to(sign_in::finish)))
        .service(resource("/auth/device").route(get().to(pages::device)))
        .service(
            resource("/api/login").route(get().to(access_api::show_device)).route(post().to(access_api::ask_device)),
        )
        .service(resource("/api/login/answer").route(post().to(access_api::answer_device)))
        .service(resource("/api/keys").route(get().to(access_api::list_keys)).route(post().to(access_api::create_key)))
        .service(resource("/api/keys/{keyId}").route(delete().to(access_api::revoke_key)))
        .service(
            resource("/api/revocations")
                .route(get().to(access_api::list_revocations))
                .route(post().to(access_api::revoke_subject)),
        )
        .service(resource("/api/openapi.json").route(get().to(ops::openapi)))
        .service(resource("/api/events.schema.json").route(get().to(ops::events_schema)))
        .service(resource("/api/tests/{runId}/pause").route(post().to(commands::pause)))
        .service(resource("/api/tests/{runId}/resume").route(post().to(commands::resume)))
        .service(resource("/api/tests/{runId}/override-step").route(post().to(commands::override_step)))
        .service(resource("/api/tests/{runId}/update-instructions").route(post().to(commands::update_instructions)))
        .service(resource("/api/tests/{runId}/steps/{stepNumber}").route(get().to(steps::page)))
        .service(resource("/api/tests/{runId}/stream").route(get().to(steps::streams)))
        .service(scope("/api/tests").configure(run_routes))
        .default_service(web::to(pages::missing));
}

fn run_routes(config: &mut ServiceConfig) {
    config
        .service(resource("/{runId}/events").route(get().to(events::page)).route(post().to(events::post)))
        .service(resource("").route(get().to(run_list::list)))
        .service(resource("/stream").route(get().to(run_feed::stream)))
        .service(resource("/{runId}").route(get().to(runs::show)).route(delete().to(deletion::delete)))
        .service(resource("/{runId}/export").route(get().to(export::export)))
        .service(resource("/{runId}/history").route(get().to(run_history::history)))
        .service(resource("/{runId}/compare").route(get().to(run_history::compare)))
        .service(resource("/{runId}/tests").route(get().to(run_tests::page)))
        .service(resource("/{runId}/search").route(get().to(search::page)))
        .service(resource("/{runId}/timeline").route(get().to(timeline::show)))
        .service(resource("/{runId}/events/stream").route(get().to(watch::server_sent_events)))
        .service(resource("/{runId}/viewers").route(get().to(viewers::viewers)))
        .service(resource("/{runId}/frame").route(post().to(frame::post)))
        .service(resource("/{runId}/pin").route(put().to(artifacts::pin)).route(delete().to(artifacts::unpin)))
        .service(resource("/{runId}/commands").route(get().to(commands::poll)).route(post().to(commands::post)))
        .service(resource("/{runId}/commands/{commandId}/claim").route(post().to(commands::claim)))
        .service(resource("/{runId}/finish").route(post().to(commands::finish)))
        .service(resource("/{runId}/alive").route(post().to(commands::alive)))
        .service(
            resource("/{runId}/shares").route(get().to(access_api::list_shares)).route(post().to(access_api::share)),
        )
        .service(resource("/{runId}/shares/{shareId}").route(delete().to(access_api::revoke_share)))
        .service(resource("/{runId}/live-traces").route(get().to(live_traces::list)))
        .service(
            resource("/{runId}/live-traces/{traceId}")
                .route(get().to(live_traces::show))
                .route(post().to(live_traces::post)),
        )
        .configure(artifact_routes);
}

/// The second part of a PUT's path is the name that the artifact is to have, that of all others the id that it has.
fn artifact_routes(config: &mut ServiceConfig) {
    config
        .service(resource("/{runId}/artifacts").route(get().to(artifacts::list)).route(post().to(artifacts::create)))
        .service(
            resource("/{runId}/artifacts/{artifactId}")
                .route(get().to(artifacts::show))
                .route(put().to(artifacts::upload))
                .route(delete().to(artifacts::delete)),
        )
        .service(resource("/{runId}/artifacts/{artifactId}/complete").route(post().to(artifacts::complete)))
        .service(resource("/{runId}/artifacts/{artifactId}/download").route(get().to(artifacts::download)))
        .service(
            resource("/{runId}/artifacts/{artifactId}/content")
                .route(get().to(artifacts::content))
                .route(put().to(artifacts::put_content)),
        );
}
