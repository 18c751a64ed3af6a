//! What is for operators stays inside; `runcast cleanup` says so to whoever asks the balancer for it.

use std::process::Output;

use tokio::process::Command;

use crate::balancer::{Balancer, Kind};
use crate::nodes;
use crate::support::soon;

async fn cleanup(url: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runcast"));
    command.args(["cleanup", "--url", url]).env_clear().kill_on_drop(true);
    soon("the cleanup", command.output()).await.unwrap()
}

async fn cleanup_is_closed(kind: Kind) {
    let node = nodes::alone(&[]);
    let balancer = Balancer::before(kind, &[node.address()]).await;
    let (outside, inside) = (balancer.url(""), node.url(""));
    let refused = cleanup(&outside).await;
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    let expected = format!(
        "runcast: {outside}: a balancer answers there, which closes this route, because it is for operators: run it on a \
         node's own address, --url http://NODE:3001\n"
    );
    assert_eq!(told, expected, "{kind:?}");

    let done = cleanup(&format!("{outside},{inside}")).await;
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.success(), "{told}");
    assert!(
        told.starts_with(&format!("runcast: asking the next server: {outside}: a balancer answers there")),
        "{told}"
    );
}

#[tokio::test]
async fn a_cleanup_through_a_balancer_says_that_the_route_is_closed_and_where_to_run_it() {
    tokio::join!(cleanup_is_closed(Kind::Nginx), cleanup_is_closed(Kind::HaProxy));
}
