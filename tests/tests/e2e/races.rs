//! Many assistants at once: nobody wins twice.

use std::{collections::BTreeSet, sync::Barrier, thread};

use serde_json::json;
use tests::Workspace;

#[test]
fn of_sixty_four_processes_exactly_one_claims_a_task() {
    const PROCESSES: usize = 64;
    let workspace = Workspace::new();
    let id = workspace.session().call("create_task", &json!({"title": "The one"}))["task"]["id"].clone();
    let barrier = Barrier::new(PROCESSES);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let racers: Vec<_> = (0..PROCESSES)
            .map(|_| {
                scope.spawn(|| {
                    let mut session = workspace.session();
                    barrier.wait();
                    let result = session.tool("execute_task", &json!({"task_id": id}));
                    (result["isError"] == true, result["structuredContent"].clone())
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let (losers, winners): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(failed, _)| *failed);
    assert_eq!(winners.len(), 1);
    let holder = &winners[0].1["execution"]["worker"];
    for (_, error) in losers {
        assert_eq!(error["error_code"], "already_claimed", "{error}");
        assert_eq!(&error["context"]["holder"], holder, "{error}");
    }
}

#[test]
fn sixteen_processes_empty_a_queue_of_a_thousand_without_taking_a_task_twice() {
    let workspace = Workspace::new();
    let tasks: Vec<_> = (0..1000).map(|n| json!({"title": format!("Task {n}")})).collect();
    workspace.session().call("create_task", &json!({"tasks": tasks}));
    let taken: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    let mut session = workspace.session();
                    let mut taken = Vec::new();
                    loop {
                        let claim = session.call("execute_task", &json!({"next": true}));
                        match claim["task"]["id"].as_str() {
                            Some(id) => taken.push(id.to_owned()),
                            None => return taken,
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(taken.len(), 1000);
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), 1000);
}
