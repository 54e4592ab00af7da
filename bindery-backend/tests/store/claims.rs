//! Claims: one winner, leases, and what becomes of them.

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::json;
use shared_types::{ErrorCode, execution::ExecutionStatus, operation::*, task::Status};

use crate::fixture::Fixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixty_four_workers_exactly_one_wins() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "prize" })).await.id;
    let claims = (0..64)
        .map(|worker| bench.call::<ExecuteTask>(json!({ "task_id": task, "worker": format!("w{worker}") })));
    let (won, lost): (Vec<_>, Vec<_>) = join_all(claims).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 63));
    let winner = won.into_iter().next().unwrap().unwrap().execution.unwrap().worker;
    for error in lost.into_iter().filter_map(Result::err) {
        assert_eq!((error.code, &error.context["holder"]), (ErrorCode::AlreadyClaimed, &json!(winner)));
        assert!(error.suggestions.iter().any(|step| step.contains("next=true")));
    }
    assert_eq!(bench.get(task).await.assignee, Some(winner));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queue_is_drained_in_order_and_nothing_is_given_out_twice() {
    let bench = Fixture::new().await;
    let tasks: Vec<_> = (0..300)
        .map(|n| json!({ "title": format!("t{n}"), "priority": (["low", "urgent", "normal"][n % 3]) }))
        .collect();
    let ids = bench.create_all(json!(tasks)).await;
    let workers = (0..16).map(async |worker| {
        let mut taken = Vec::new();
        loop {
            let input = json!({ "next": true, "worker": format!("w{worker}") });
            let claim = bench.call::<ExecuteTask>(input).await.unwrap();
            let Some(task) = claim.task else {
                assert!(claim.message.contains("300 are being done"), "{}", claim.message);
                break taken;
            };
            taken.push(task);
        }
    });
    let taken: Vec<_> = join_all(workers).await;
    for mine in &taken {
        assert!(mine.is_sorted_by(|a, b| (b.priority, a.id) < (a.priority, b.id)), "urgent and old first");
    }
    let distinct: HashSet<String> = taken.iter().flatten().map(|task| task.id.to_string()).collect();
    assert_eq!(taken.iter().flatten().count(), 300);
    assert_eq!(distinct, ids.into_iter().collect());
}

#[tokio::test]
async fn a_lease_that_ran_out_can_be_taken_and_its_holder_learns_that() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await.id;
    let claim =
        |worker| bench.call::<ExecuteTask>(json!({ "task_id": task, "worker": worker, "lease_seconds": 60 }));
    let first = claim("ada").await.unwrap().execution.unwrap();

    bench.advance(50);
    let renewed = bench.call::<ExecuteTask>(json!({ "execution_id": first.id })).await.unwrap();
    assert_eq!(
        renewed.execution.unwrap().lease_expires_at.as_millis() - first.lease_expires_at.as_millis(),
        50_000
    );
    assert_eq!(claim("ada").await.unwrap().execution.unwrap().id, first.id, "claiming again is renewing");
    bench.advance(61);
    bench.call::<ExecuteTask>(json!({ "execution_id": first.id })).await.unwrap();
    bench.advance(61);
    let second =
        bench.call::<ExecuteTask>(json!({ "next": true, "worker": "bob" })).await.unwrap().execution.unwrap();
    assert_eq!(second.task_id, task);

    for input in [json!({ "execution_id": first.id }), json!({ "execution_id": first.id, "release": true })] {
        assert_eq!(bench.call::<ExecuteTask>(input).await.unwrap_err().code, ErrorCode::LeaseLost);
    }
    let late = json!({ "task_id": task, "execution_id": first.id });
    assert_eq!(bench.call::<CompleteTask>(late).await.unwrap_err().code, ErrorCode::LeaseLost);
    let statuses: Vec<_> =
        bench.get_whole(task).await.executions.unwrap().into_iter().map(|run| run.status).collect();
    assert_eq!(statuses, [ExecutionStatus::Active, ExecutionStatus::Expired]);
}

#[tokio::test]
async fn two_workers_without_a_name_are_not_one() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await.id;
    bench.call::<ExecuteTask>(json!({ "task_id": task })).await.unwrap();
    let again = bench.call::<ExecuteTask>(json!({ "task_id": task })).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::AlreadyClaimed);
}

#[tokio::test]
async fn a_released_task_is_free_and_unassigned() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await.id;
    let claim = bench.call_as::<ExecuteTask>(Some("ada"), json!({ "task_id": task })).await.unwrap();
    let id = claim.execution.unwrap().id;
    let released = bench.call::<ExecuteTask>(json!({ "execution_id": id, "release": true })).await.unwrap();
    let task = released.task.unwrap();
    assert_eq!((task.status, task.assignee), (Status::Todo, None));
    let again = bench.call_as::<ExecuteTask>(Some("bob"), json!({ "next": true })).await.unwrap();
    assert_eq!(again.execution.unwrap().worker, "bob");
}

#[tokio::test]
async fn only_the_holder_completes_without_naming_the_claim() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await.id;
    let claim = json!({ "task_id": task, "lease_seconds": 60 });
    bench.call_as::<ExecuteTask>(Some("ada"), claim.clone()).await.unwrap();
    let input = json!({ "task_id": task, "completion_notes": "done" });
    let refused = bench.call_as::<CompleteTask>(Some("bob"), input.clone()).await.unwrap_err();
    assert_eq!((refused.code, &refused.context["holder"]), (ErrorCode::AlreadyClaimed, &json!("ada")));
    bench.call_as::<CompleteTask>(Some("ada"), input.clone()).await.unwrap();
    let version = bench.get(task).await.version;
    bench.call_as::<CompleteTask>(Some("bob"), input).await.unwrap();
    assert_eq!(bench.get(task).await.version, version, "what is done stays as it is");
    let run = bench.get_whole(task).await.executions.unwrap().remove(0);
    assert_eq!(run.status, ExecutionStatus::Completed);
}

#[tokio::test]
async fn a_task_that_cannot_be_worked_on_says_why() {
    let bench = Fixture::new().await;
    let ids = bench
        .create_all(json!([
            { "title": "first", "ref": "f" }, { "title": "waits", "depends_on": ["f"] },
            { "title": "stuck", "status": "blocked" }, { "title": "over", "status": "done" },
        ]))
        .await;
    for (place, word) in [(1, "first"), (2, "blocked"), (3, "done")] {
        let error = bench.call::<ExecuteTask>(json!({ "task_id": ids[place] })).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotReady);
        assert!(error.message.contains(word), "{error}");
    }
    let waiting = bench.call::<ExecuteTask>(json!({ "task_id": ids[1] })).await.unwrap_err();
    assert_eq!(waiting.context["waiting_for"], json!([ids[0]]));
}

#[tokio::test]
async fn moving_a_task_on_ends_its_claim() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await.id;
    for status in ["todo", "cancelled", "deleted"] {
        bench.call::<UpdateTask>(json!({ "task_id": task, "status": "todo" })).await.unwrap();
        let claim = bench.call::<ExecuteTask>(json!({ "task_id": task })).await.unwrap();
        if status == "deleted" {
            bench.call::<DeleteTask>(json!({ "task_id": task })).await.unwrap();
        } else {
            bench.call::<UpdateTask>(json!({ "task_id": task, "status": status })).await.unwrap();
        }
        let heartbeat = json!({ "execution_id": claim.execution.unwrap().id });
        assert_eq!(
            bench.call::<ExecuteTask>(heartbeat).await.unwrap_err().code,
            ErrorCode::LeaseLost,
            "{status}"
        );
    }
}
