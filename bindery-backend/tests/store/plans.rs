//! Creating many tasks at once, and the links between them.

use serde_json::json;
use shared_types::{ErrorCode, operation::*};

use crate::fixture::Fixture;

#[tokio::test]
async fn refs_may_point_forward_and_rows_come_back_in_order() {
    let bench = Fixture::new().await;
    let written = bench
        .call::<CreateTask>(json!({ "tasks": [
            { "ref": "b", "title": "B", "parent_id": "a", "depends_on": ["c", "c"] },
            { "ref": "c", "title": "C", "status": "done" },
            { "ref": "a", "title": "A" },
        ]}))
        .await
        .unwrap();
    let refs: Vec<_> = written.tasks.iter().map(|task| task.temporary_ref.as_deref().unwrap()).collect();
    assert_eq!(refs, ["b", "c", "a"]);
    let [b, c, a] = [&written.tasks[0], &written.tasks[1], &written.tasks[2]].map(|task| task.id);
    let stored = bench.get(b).await;
    assert_eq!((stored.parent_id, stored.depends_on, stored.waiting_for), (Some(a), vec![c], vec![]));
    assert!(bench.get(c).await.completed_at.is_some());
}

#[tokio::test]
async fn nothing_is_created_when_one_task_of_a_plan_is_wrong() {
    let bench = Fixture::new().await;
    let cases = [
        (json!([{ "title": "ok" }, { "title": " " }]), ErrorCode::InvalidValue, "tasks[1].title"),
        (json!([{ "title": "ok" }, {}]), ErrorCode::MissingField, "tasks[1].title"),
        (
            json!([{ "title": "ok" }, { "title": "x", "subtasks": [{}] }]),
            ErrorCode::MissingField,
            "tasks[1].subtasks[0].title",
        ),
        (
            json!([{ "title": "ok", "ref": "setup" }, { "title": "x", "depends_on": ["setup", "setpu"] }]),
            ErrorCode::NotFound,
            "tasks[1].depends_on[1]",
        ),
        (
            json!([{ "title": "ok" }, { "title": "x", "project_id": "none" }]),
            ErrorCode::NotFound,
            "tasks[1].project_id",
        ),
        (json!([{ "title": "ok" }, { "title": "x", "role": "cook" }]), ErrorCode::NotFound, "tasks[1].role"),
        (
            json!([{ "title": "A", "ref": "a", "parent_id": "b" }, { "title": "B", "ref": "b", "parent_id": "a" }]),
            ErrorCode::Cycle,
            "tasks[0].parent_id",
        ),
    ];
    for (tasks, code, field) in cases {
        let error = bench.call::<CreateTask>(json!({ "tasks": tasks })).await.unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), (code, Some(field)), "{error}");
    }
    assert_eq!(bench.call::<ListTasks>(json!({})).await.unwrap().tasks.len(), 0);
    assert_eq!(bench.store.last_seq().await.unwrap(), 0, "and nothing was put down");
}

#[tokio::test]
async fn one_task_and_several_do_not_mix() {
    let bench = Fixture::new().await;
    let both = json!({ "title": "A", "tasks": [{ "title": "B" }] });
    let error = bench.call::<CreateTask>(both).await.unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::InvalidValue, Some("tasks")));
    let neither = bench.call::<CreateTask>(json!({})).await.unwrap_err();
    assert_eq!((neither.code, neither.field.as_deref()), (ErrorCode::MissingField, Some("title")));
}

#[tokio::test]
async fn a_mistyped_id_is_met_with_the_right_one() {
    let bench = Fixture::new().await;
    let task = bench.create(json!({ "title": "Paint" })).await;
    let mut wrong = task.id.to_string();
    wrong.replace_range(3..4, if &wrong[3..4] == "A" { "B" } else { "A" });
    let error = bench.call::<GetTask>(json!({ "task_id": wrong })).await.unwrap_err();
    assert_eq!(error.context["nearest"], task.id.to_string());
    assert!(error.suggestions[0].contains("Paint"));
}

#[tokio::test]
async fn circles_are_refused_with_their_path() {
    let bench = Fixture::new().await;
    let ids = bench
        .create_all(json!([
            { "title": "A", "ref": "a" },
            { "title": "B", "ref": "b", "depends_on": ["a"] },
            { "title": "C", "depends_on": ["b"], "parent_id": "a" },
        ]))
        .await;
    let [a, b, c] = ids.as_slice() else { panic!("{ids:?}") };

    let circle = bench.call::<UpdateTask>(json!({ "task_id": a, "depends_on": [c] })).await.unwrap_err();
    assert_eq!(circle.code, ErrorCode::Cycle);
    assert_eq!(circle.context["path"], json!([a, c, b, a]));
    assert!(circle.message.contains("\"A\" → \"C\" → \"B\" → \"A\""), "{circle}");

    let itself = bench.call::<UpdateTask>(json!({ "task_id": a, "depends_on": [a] })).await.unwrap_err();
    assert_eq!(itself.context["path"], json!([a, a]));

    let parent = json!({ "tasks": [{ "task_id": b, "title": "B2" }, { "task_id": a, "parent_id": c }] });
    let parent = bench.call::<UpdateTask>(parent).await.unwrap_err();
    assert_eq!((parent.code, parent.field.as_deref()), (ErrorCode::Cycle, Some("tasks[1].parent_id")));
    assert_eq!(bench.get(b).await.title, "B", "the batch is undone as a whole");
    let own = bench.call::<UpdateTask>(json!({ "task_id": a, "parent_id": a })).await.unwrap_err();
    assert_eq!(own.code, ErrorCode::Cycle);
}

#[tokio::test]
async fn open_dependencies_follow_whatever_happens_to_the_tasks_they_lead_to() {
    let bench = Fixture::new().await;
    let first = bench.create(json!({ "title": "first" })).await.id;
    let second = bench.create(json!({ "title": "second", "depends_on": [first] })).await.id;
    let update = |change: serde_json::Value| bench.call::<UpdateTask>(change);
    let waits = async || !bench.get(second).await.waiting_for.is_empty();

    assert!(waits().await);
    update(json!({ "task_id": first, "status": "cancelled" })).await.unwrap();
    assert!(!waits().await);
    update(json!({ "task_id": first, "status": "todo" })).await.unwrap();
    assert!(waits().await);
    let deleted = bench.call::<DeleteTask>(json!({ "task_id": first })).await.unwrap();
    assert_eq!(deleted.unblocked, [second], "a deleted task holds up nobody");
    assert!(!waits().await);
    update(json!({ "task_id": first, "restore": true })).await.unwrap();
    assert!(waits().await);
    let dashboard = bench.call::<GetDashboardStats>(json!({})).await.unwrap();
    assert_eq!((dashboard.ready, dashboard.waiting), (1, 1));
    update(json!({ "task_id": second, "depends_on": [] })).await.unwrap();
    let ready = bench.call::<ListTasks>(json!({ "ready": true })).await.unwrap();
    assert_eq!(ready.tasks.len(), 2);
}
