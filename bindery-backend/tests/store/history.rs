//! Undo, restore, notes and versions.

use serde_json::json;
use shared_types::{ErrorCode, history::Action, operation::*, task::Status};

use crate::fixture::Fixture;

#[tokio::test]
async fn each_undo_goes_one_step_further_back() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "one", "tags": ["a"] })).await.id;
    let update = |change: serde_json::Value| bench.call::<UpdateTask>(change);
    let undo = async || {
        bench
            .call::<UpdateTask>(json!({ "task_id": task, "undo": true }))
            .await
            .map(|written| written.task.unwrap())
    };
    update(json!({ "task_id": task, "title": "two", "description": "d", "due_at": "2026-04-01" }))
        .await
        .unwrap();
    update(json!({ "task_id": task, "title": "three", "description": null, "tags": [] })).await.unwrap();

    let once = undo().await.unwrap();
    assert_eq!(
        (once.title.as_str(), once.description.as_deref(), once.tags),
        ("two", Some("d"), vec!["a".to_owned()])
    );
    let twice = undo().await.unwrap();
    assert_eq!((twice.title.as_str(), twice.description, twice.due_at), ("one", None, None));
    update(json!({ "task_id": task, "title": "four" })).await.unwrap();
    assert_eq!(undo().await.unwrap().title, "one", "a new change is the next to be undone");
    let gone = undo().await.unwrap();
    assert!(gone.deleted_at.is_some(), "undoing the creation deletes");
    assert_eq!(gone.version, 8);
    assert_eq!(undo().await.unwrap_err().code, ErrorCode::NothingToUndo);
    update(json!({ "task_id": task, "restore": true })).await.unwrap();
    assert_eq!(bench.get(task).await.title, "one");
}

#[tokio::test]
async fn undoing_a_completion_or_a_claim_undoes_what_came_with_it() {
    let bench = Fixture::new().await;
    let ids =
        bench.create_all(json!([{ "title": "a", "ref": "a" }, { "title": "b", "depends_on": ["a"] }])).await;
    let undo = json!({ "task_id": ids[0], "undo": true });
    bench.call::<CompleteTask>(json!({ "task_id": ids[0], "completion_notes": "n" })).await.unwrap();
    let task = bench.call::<UpdateTask>(undo.clone()).await.unwrap().task.unwrap();
    assert_eq!((task.status, task.completed_at, task.completion_notes), (Status::Todo, None, None));
    assert_eq!(bench.get(&ids[1]).await.waiting_for.len(), 1);

    let claim = bench.call::<ExecuteTask>(json!({ "task_id": ids[0], "worker": "ada" })).await.unwrap();
    let task = bench.call::<UpdateTask>(undo).await.unwrap().task.unwrap();
    assert_eq!((task.status, task.assignee), (Status::Todo, None));
    let heartbeat = json!({ "execution_id": claim.execution.unwrap().id });
    assert_eq!(bench.call::<ExecuteTask>(heartbeat).await.unwrap_err().code, ErrorCode::LeaseLost);
}

#[tokio::test]
async fn a_note_is_a_change_and_can_be_undone() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await.id;
    let noted = bench
        .call_as::<UpdateTask>(Some("ada"), json!({ "task_id": task, "note": "look here" }))
        .await
        .unwrap()
        .task
        .unwrap();
    assert_eq!(noted.version, 2);
    let whole = bench.get_whole(task).await;
    assert_eq!(whole.notes.unwrap()[0].author.as_deref(), Some("ada"));
    assert_eq!(whole.history.unwrap()[0].action, Action::Noted);
    bench.call::<UpdateTask>(json!({ "task_id": task, "undo": true })).await.unwrap();
    let whole = bench.get_whole(task).await;
    assert_eq!(whole.notes.unwrap().len(), 0);
    assert_eq!(whole.history.unwrap()[0].before["note"], "look here", "its text stays in the history");
    let hits = bench.call::<SearchEntities>(json!({ "query": "look" })).await.unwrap().hits;
    assert_eq!(hits.len(), 0);
}

#[tokio::test]
async fn restoring_one_brings_back_what_went_with_it_and_nothing_else() {
    let bench = Fixture::new().await;
    let ids = bench
        .create_all(json!([{ "title": "root", "subtasks": [
            { "title": "early" }, { "title": "late", "subtasks": [{ "title": "leaf" }] }
        ]}]))
        .await;
    let [root, early, late, leaf] = ids.as_slice() else { panic!("{ids:?}") };
    let delete = |id: &str| bench.call::<DeleteTask>(json!({ "task_id": id }));
    delete(early).await.unwrap();
    bench.advance(1);
    assert_eq!(delete(root).await.unwrap().tasks.len(), 3);
    let seq = bench.store.last_seq().await.unwrap();
    delete(root).await.unwrap();
    assert_eq!(bench.store.last_seq().await.unwrap(), seq, "deleting twice is deleting once");

    let changed = bench.call::<UpdateTask>(json!({ "task_id": late, "title": "x" })).await.unwrap_err();
    assert_eq!(changed.code, ErrorCode::NotFound);
    assert!(changed.suggestions[0].contains("restore=true"));
    let deleted = bench.call::<ListTasks>(json!({ "deleted": true, "sort": "oldest" })).await.unwrap();
    assert_eq!(deleted.tasks.iter().map(|task| task.id()).collect::<Vec<_>>(), [root, early, late, leaf]);

    let restore = json!({ "task_id": late, "restore": true, "title": "back" });
    let restored = bench.call::<UpdateTask>(restore).await.unwrap();
    assert_eq!(restored.task.unwrap().title, "back");
    assert!(bench.get(root).await.deleted_at.is_none() && bench.get(leaf).await.deleted_at.is_none());
    assert!(bench.get(early).await.deleted_at.is_some());
}

#[tokio::test]
async fn a_stale_version_is_refused_with_the_current_row() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await.id;
    bench.call::<UpdateTask>(json!({ "task_id": task, "title": "theirs" })).await.unwrap();
    let calls = [
        bench.call::<UpdateTask>(json!({ "task_id": task, "title": "mine", "expected_version": 1 })).await,
        bench.call::<DeleteTask>(json!({ "task_id": task, "expected_version": 1 })).await,
        bench.call::<CompleteTask>(json!({ "task_id": task, "expected_version": 1 })).await,
        bench
            .call::<AssignRoleToTask>(json!({ "task_id": task, "role": "tester", "expected_version": 1 }))
            .await,
    ];
    for call in calls {
        let error = call.unwrap_err();
        assert_eq!(
            (error.code, error.field.as_deref()),
            (ErrorCode::VersionConflict, Some("expected_version"))
        );
        assert_eq!(error.context["current_version"], 2);
        assert_eq!(error.context["current"]["title"], "theirs");
    }
    bench
        .call::<UpdateTask>(json!({ "task_id": task, "title": "mine", "expected_version": 2 }))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_change_of_nothing_changes_nothing() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "t" })).await;
    let empty = bench.call::<UpdateTask>(json!({ "task_id": task.id })).await.unwrap_err();
    assert_eq!(empty.code, ErrorCode::InvalidValue);
    let same = bench.call::<UpdateTask>(json!({ "task_id": task.id, "title": "t" })).await.unwrap();
    assert_eq!(same.task.unwrap(), task);
    let mixed = json!({ "task_id": task.id, "undo": true, "title": "x" });
    assert_eq!(bench.call::<UpdateTask>(mixed).await.unwrap_err().field.as_deref(), Some("undo"));
}
