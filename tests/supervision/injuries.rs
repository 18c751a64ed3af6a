//! Whatever is started under a name has a test that injures it, or a reason why it has none.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::tree::sources;

/// How a name is injured.
enum Injury {
    /// By this test in this file.
    Test(&'static str, &'static str),
    /// By none, because of this.
    Without(&'static str),
}
use Injury::{Test, Without};

#[rustfmt::skip]
const INJURIES: &[(&str, Injury)] = &[
    // The node's actors.
    ("supervisor", Test("tests/node/failures/injured.rs", "the_end_of_the_supervisor_drains_the_node")),
    ("bridge", Test("tests/cluster/bridge_anew.rs", "rooms_are_heard_of_by_a_bridge_that_was_built_anew_at_once")),
    ("presence", Test("tests/cluster/presence/restarts.rs", "a_presence_that_panicked_is_built_anew_and_tells_everything")),
    ("registry", Test("tests/supervision/registry.rs", "a_registry_that_panics_ends_its_rooms_and_the_next_one_opens_others")),
    ("room", Test("tests/node/failures/poison.rs", "a_room_that_panics_closes_its_viewers_with_1013_and_the_next_join_works")),
    ("catalog_writer", Test("tests/node/failures/injured.rs", "a_catalog_writer_that_panics_is_restarted_and_lists_what_it_had_in_hand")),
    ("heartbeat", Test("tests/supervision/thread.rs", "a_heartbeat_that_panics_is_built_anew_and_knows_the_threads")),
    ("lifecycle", Test("tests/node/failures/injured.rs", "a_permanent_actor_that_ends_too_often_drains_the_node")),
    ("deadlines", Test("tests/node/failures/injured.rs", "a_deadlines_actor_that_panics_is_restarted_and_sees_to_what_is_due")),
    ("compression", Test("tests/node/failures/injured.rs", "a_compression_that_panics_is_restarted_and_the_artifact_is_stored_as_it_came")),
    ("cleanup", Test("tests/node/failures/injured.rs", "a_cleanup_that_panics_is_restarted_and_runs_again")),
    // Those of a worker thread.
    ("thread_supervisor", Test("tests/supervision/thread.rs", "the_end_of_a_threads_supervisor_is_told_to_the_root")),
    ("thread_agent", Test("tests/supervision/thread.rs", "a_thread_agent_that_panics_is_built_anew_and_its_viewers_keep_their_pings")),
    ("broadcaster", Test("tests/supervision/thread.rs", "a_broadcaster_that_panics_sends_its_viewers_back_and_the_next_viewer_opens_another")),
    ("session", Test("tests/supervision/thread.rs", "a_session_that_panics_ends_its_own_connection_and_no_other")),
    ("trace_session", Test("src/actors/trace_session/tests.rs", "a_trace_session_that_panics_ends_its_own_connection_and_no_other")),
    // Tasks that a node cannot be without.
    ("http_server", Test("tests/node/failures/tasks.rs", "an_http_server_that_panics_drains_the_node")),
    ("ops_server", Without("is a server like `http_server`, whose end is heard in the same place")),
    ("worker_thread", Test("tests/node/failures/injured.rs", "a_worker_thread_that_ends_is_told_and_another_takes_its_place")),
    ("signals", Test("tests/node/failures/tasks.rs", "a_node_that_cannot_hear_signals_any_more_drains")),
    ("clock_watch", Test("tests/node/failures/tasks.rs", "a_watch_over_the_clock_that_panics_is_run_anew")),
    ("package_keeper", Test("tests/node/clients.rs", "a_keeper_of_packages_that_panics_is_run_anew")),
    ("revocations", Without("asks the catalog alone; it is run anew by `restarted`, as `clock_watch` is, and nobody new is let in meanwhile")),
    ("metrics_upkeep", Without("only calls the exporter, which can't be injured; it is run anew by `restarted`, as `clock_watch` is")),
    ("journal_writer", Test("tests/supervision/tasks.rs", "the_journals_writer_goes_on_after_a_panic_and_what_was_stored_is_there")),
    ("redis_connection", Test("tests/supervision/tasks.rs", "a_connection_to_redis_is_made_anew_after_a_panic")),
    // Work for one caller, who is told.
    ("connection", Test("tests/node/failures/injured.rs", "a_request_that_panics_ends_its_connection_and_is_counted")),
    ("artifact_store", Test("src/artifacts/tests/upload.rs", "work_that_panics_leaves_a_pending_row_and_gives_its_permit_back")),
    ("catalog_query", Without("counts and logs nothing; its panic is an error to its caller, as if PostgreSQL had refused the query")),
    ("bridge_probe", Test("tests/cluster/bridge_anew.rs", "a_probe_that_panics_is_counted_and_the_bridge_goes_on")),
    ("object_part", Without("is within the store's client; its panic is an error to its caller, as if the store were away")),
    ("object_abort", Without("is within the store's client; nobody waits for it, and the cleanup removes what it has left")),
    ("compression_work", Without("runs on a thread that no test reaches into; after a panic the artifact is stored as it came, as when the disk is full")),
    ("spool_file", Without("runs on a thread that no test reaches into; its panic is an error to the upload, as when the disk is full")),
    ("disk_space", Without("runs on a thread that no test reaches into; its panic is an error to its caller, as when the disk can't be asked")),
    ("object_file", Without("runs on a thread that no test reaches into; its panic is an error to its caller, as if the store were away")),
    ("fold_writer", Without("runs on a thread that no test reaches into; its panic is an error to whoever asked for the state")),
    ("config_reload", Without("runs on a thread that no test reaches into; after a panic the settings stay as they are, as when they are wrong")),
    ("clock_note", Without("runs on a thread that no test reaches into; its panic is logged, as a failed write is")),
    ("redis_ca", Without("runs on a thread that no test reaches into; its panic is an error of the connection, as an unreadable file is")),
    ("state_writer", Without("runs on a thread that no test reaches into; its panic is an error to whoever asked for the state")),
    ("log_index", Without("runs on a thread that no test reaches into; its panic is an error to whoever asked, and the index begins anew")),
    ("log_search", Without("runs on a thread that no test reaches into; its panic is an error to whoever searched")),
    ("run_summary", Without("runs on a thread that no test reaches into; its panic is logged, and the run is summed up when it changes next")),
    ("run_feed", Without("looks into the catalog alone; it is run anew by `restarted`, as `clock_watch` is")),
    ("run_feed_listener", Without("its panic ends one answer, and the page asks again, as after a lost connection")),
    ("export", Without("its panic ends one answer, whose file has no directory, as when the store is away")),
    ("export_report", Without("runs on a thread that no test reaches into; its panic is an error to whoever exports")),
    ("export_packing", Without("runs on a thread that no test reaches into; its panic ends one answer, as that of `export` does")),
    ("key_set", Without("loads what may be away at any time; after a panic the keys that are known stay, as when they can't be read")),
    ("provider_discovery", Without("loads what may be away at any time; after a panic what is known stays, and the next sign-in asks again")),
    ("demo", Without("nobody waits for it, and nothing follows from its end")),
];

/// What starts something under a name, which is the first argument.
const STARTS: &[&str] = &[
    "spawn(",
    "spawn_local(",
    "spawn_blocking(",
    "spawn_folding(",
    "restarted(",
    "caught(",
    "Restarts::new(",
    "Service::new(",
];
/// How a name begins that stands elsewhere: in a `NAME`, or in a `Service`.
const ELSEWHERE: &[&str] = &["NAME", "writer::NAME", "supervisor.name("];
/// What defines those.
const NAMES: &[&str] = &["const NAME: &'static str = ", "const NAME: &str = "];

/// The first argument behind each of these; calls of methods and definitions are left out.
fn arguments<'a>(code: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    let found = code.match_indices(start).filter(|(at, _)| {
        let before = &code[..*at];
        !before.ends_with(|last: char| last.is_alphanumeric() || last == '_' || last == '.') && !before.ends_with("fn ")
    });
    found.map(|(at, start)| {
        let rest = code[at + start.len()..].trim_start();
        rest.split([',', ')', ';']).next().unwrap_or_default().trim_end()
    })
}

#[test]
fn whatever_is_started_under_a_name_is_injured_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut names, mut unknown) = (BTreeSet::new(), Vec::new());
    for path in sources(&root.join("src")) {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        // These define what starts others; a command ends with its process.
        let starter = file == "src/tasks.rs" || file.starts_with("src/actors/supervision/");
        if starter || file.starts_with("src/cli/") || file.contains("/tests/") || file.contains("/testing") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code: String =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for argument in STARTS.iter().flat_map(|start| arguments(&code, start)) {
            match argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(name) => _ = names.insert(name.to_owned()),
                None if ELSEWHERE.contains(&argument) => {}
                None => unknown.push(format!("{file}: {argument}")),
            }
        }
        let defined =
            NAMES.iter().flat_map(|start| code.split(start).skip(1)).map(|rest| rest.split('"').nth(1).unwrap());
        names.extend(defined.map(str::to_owned));
    }
    assert!(unknown.is_empty(), "names that this test can't read: {unknown:#?}");
    let told: BTreeSet<String> = INJURIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(told.len(), INJURIES.len(), "a name stands twice in the table");
    assert_eq!(names, told, "the names in src, and those of the table");
}

#[test]
fn every_injury_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, injury) in INJURIES {
        match injury {
            Test(file, test) => {
                let text =
                    fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
                assert!(text.contains(&format!("fn {test}(")), "{name}: {file} has no {test}");
            }
            Without(reason) => assert!(!reason.is_empty(), "{name} has neither a test nor a reason"),
        }
    }
}
