//! Several nodes with one catalog, all at once.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use runcast::storage::catalog::WholeCatalog;
use runcast::storage::catalog::artifacts::{ArtifactRow, DueFor, Finished};

use crate::catalog::artifacts::fixture::{
    Backend, at, contract, due, finished, id, pending, put, put_all, query, run, stored,
};

contract! {
    however_many_announce_a_run_never_has_more_than_it_may
    no_two_nodes_compress_the_same_artifact
    of_those_who_want_a_lease_one_has_it
    of_several_transitions_from_one_state_one_happens
    lists_in_any_order_do_not_hold_one_another_up
}

async fn three(backend: &Backend) -> [Arc<dyn WholeCatalog>; 3] {
    [backend.open().await, backend.open().await, backend.open().await]
}

/// What each of so many tasks, dealt out to the nodes, gives.
async fn each<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    nodes: &[Arc<dyn WholeCatalog>; 3],
    tasks: u64,
    task: impl Fn(Arc<dyn WholeCatalog>, u64) -> F,
) -> Vec<T> {
    let tasks = (0..tasks).map(|number| tokio::spawn(task(nodes[number as usize % 3].clone(), number)));
    join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect()
}

async fn however_many_announce_a_run_never_has_more_than_it_may(backend: Backend) {
    let nodes = three(&backend).await;
    let added = each(&nodes, 60, async |catalog, number| {
        let of = if number < 45 { "r" } else { "other" };
        catalog.announce(&ArtifactRow { run: run(of), ..pending(number) }, 20).await.unwrap()
    });
    let added = added.await;
    let count = |added: &[bool]| added.iter().filter(|added| **added).count();
    assert_eq!((count(&added[..45]), count(&added[45..])), (20, 15));
    assert_eq!(nodes[0].of_run(&run("r"), None, 99).await.unwrap().len(), 20);
    // Each permit that becomes free is somebody's, once.
    let removed = nodes[0].of_run(&run("r"), None, 5).await.unwrap();
    for kept in &removed {
        assert!(nodes[0].remove(&run("r"), kept.artifact.id, at(1)).await.unwrap());
    }
    let again =
        each(&nodes, 30, async |catalog, number| catalog.announce(&pending(100 + number), 20).await.unwrap()).await;
    assert_eq!(count(&again), 5);
}

async fn no_two_nodes_compress_the_same_artifact(backend: Backend) {
    let nodes = three(&backend).await;
    for number in 0..100 {
        put(&*nodes[0], &pending(number), &Finished { compress_at: Some(at(0)), ..finished(number) }).await;
    }
    let claims = each(&nodes, 12, async |catalog, _| {
        let mut all = Vec::new();
        for _ in 0..10 {
            all.extend(catalog.claim(at(1), at(1_000), 3, 3).await.unwrap().into_iter().map(|row| row.id));
        }
        all
    });
    let claims = claims.await.concat();
    assert_eq!((claims.len(), claims.iter().collect::<HashSet<_>>().len()), (100, 100));
}

async fn of_those_who_want_a_lease_one_has_it(backend: Backend) {
    let nodes = three(&backend).await;
    for turn in 0..10 {
        let now = 100 * turn;
        let won = each(&nodes, 12, move |catalog, number| async move {
            catalog.lease("l", &format!("node-{number}"), at(now), at(now + 100)).await.unwrap()
        });
        assert_eq!(won.await.into_iter().filter(|won| *won).count(), 1, "turn {turn}");
    }
}

async fn of_several_transitions_from_one_state_one_happens(backend: Backend) {
    let nodes = three(&backend).await;
    for number in 0..20 {
        nodes[0].announce(&pending(number), 99).await.unwrap();
        let ended = each(&nodes, 6, move |catalog, task| async move {
            match task % 2 {
                0 => catalog.set_ready(&run("r"), id(number), &finished(number)).await.unwrap(),
                _ => catalog.fail(id(number), "no").await.unwrap(),
            }
        });
        assert_eq!(ended.await.into_iter().filter(|ended| *ended).count(), 1);
    }
    put_all(&*nodes[0], [50]).await;
    let replaced = each(&nodes, 6, async |catalog, task| {
        catalog.replace(id(50), "runs/50", &format!("small/{task}"), &stored(1), at(9)).await.unwrap()
    });
    assert_eq!(replaced.await.into_iter().filter(|replaced| *replaced).count(), 1);
    let removed = each(&nodes, 6, async |catalog, _| catalog.remove(&run("r"), id(50), at(9)).await.unwrap());
    assert_eq!(removed.await.into_iter().filter(|removed| *removed).count(), 1);
}

/// Long lists, forwards and backwards, of the same artifacts.
async fn lists_in_any_order_do_not_hold_one_another_up(backend: Backend) {
    let nodes = three(&backend).await;
    put_all(&*nodes[0], 0..200).await;
    let mut work = Vec::new();
    for (turn, catalog) in nodes.iter().cloned().enumerate().flat_map(|node| [node.clone(), node]) {
        work.push(tokio::spawn(async move {
            let mut numbers: Vec<u64> = (0..200).collect();
            if turn % 2 == 1 {
                numbers.reverse();
            }
            let ids: Vec<_> = numbers.iter().map(|number| id(*number)).collect();
            let keys: Vec<_> = numbers.iter().map(|number| format!("runs/{number}")).collect();
            for time in 0..5 {
                assert_eq!(catalog.see(&keys, at(time)).await.unwrap(), [true; 200]);
                catalog.forget_replaced(&ids).await.unwrap();
                catalog.gone(&ids, at(time)).await.unwrap();
            }
        }));
    }
    for work in work {
        work.await.unwrap();
    }
    assert_eq!(due(&*nodes[0], &query(DueFor::Removed, 9, 0)).await, []);
    let purged = each(&nodes, 3, async |catalog, _| catalog.purge(at(1_000), 100).await.unwrap()).await;
    let rest = nodes[0].purge(at(1_000), usize::MAX).await.unwrap();
    assert_eq!(purged.iter().sum::<usize>() + rest, 200);
}
