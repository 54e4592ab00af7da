//! One project from its first task to its last, through every operation.

use serde_json::{Value, json};
use shared_types::{
    history::Action,
    operation::*,
    search::EntityKind,
    task::{Status, TaskField},
};

use crate::fixture::Fixture;

#[tokio::test]
async fn a_project_from_beginning_to_end() {
    let bench = Fixture::new().await;
    let mut feed = bench.store.subscribe();

    let project = bench
        .call::<CreateProject>(json!({ "name": "Website", "description": "The new pages" }))
        .await
        .unwrap()
        .project;
    let ids = bench
        .create_all(json!([
            { "ref": "design", "title": "Design the pages", "project_id": "website", "role": "architect",
              "priority": "high" },
            { "ref": "build", "title": "Build the pages", "project_id": "WEBSITE", "depends_on": ["design"],
              "subtasks": [{ "title": "Footer" }, { "title": "Header", "tags": ["css"] }] },
        ]))
        .await;
    let [design, build, footer, header] = ids.as_slice() else { panic!("{ids:?}") };
    let children = bench.get_whole(build).await.children.unwrap();
    assert_eq!(children.iter().map(|child| child.id()).collect::<Vec<_>>(), [footer, header]);
    assert_eq!(bench.get(header).await.project_id, Some(project.id), "nested tasks are in the project");
    assert_eq!(bench.get(build).await.waiting_for, bench.get(build).await.depends_on);

    let claim = bench
        .call_as::<ExecuteTask>(Some("ada"), json!({ "next": true, "role": "architect" }))
        .await
        .unwrap();
    assert_eq!(claim.task.as_ref().unwrap().id.to_string(), *design);
    assert!(claim.role.unwrap().brief.unwrap().contains("create_task"));
    let execution = claim.execution.unwrap().id.to_string();

    let dashboard = bench.call::<GetDashboardStats>(json!({ "project_id": "Website" })).await.unwrap();
    assert_eq!(
        (dashboard.total, dashboard.by_status.doing, dashboard.ready, dashboard.waiting),
        (4, 1, 2, 1)
    );
    assert_eq!(dashboard.workers[0].worker, "ada");
    assert_eq!(dashboard.projects[0].open_tasks, 4);

    let done = bench
        .call_as::<CompleteTask>(
            Some("ada"),
            json!({ "task_id": design, "execution_id": execution, "completion_notes": "Two columns." }),
        )
        .await
        .unwrap();
    assert_eq!(done.task.unwrap().status, Status::Done);
    assert_eq!(
        done.unblocked.iter().map(ToString::to_string).collect::<Vec<_>>(),
        std::slice::from_ref(build)
    );

    bench
        .call::<UpdateTask>(
            json!({ "task_id": build, "note": "Mind the zebra crossing.", "assignee": "bob" }),
        )
        .await
        .unwrap();
    let assigned =
        bench.call::<AssignRoleToTask>(json!({ "task_id": build, "role": "developer" })).await.unwrap();
    assert_eq!(assigned.task.unwrap().role.as_deref(), Some("developer"));
    bench
        .call::<IndexDocument>(json!({ "uri": "guide.md", "content": "# Guide\n\nA zebra has stripes." }))
        .await
        .unwrap();

    let found = bench.call::<SearchEntities>(json!({ "query": "zebra" })).await.unwrap().hits;
    let mut kinds: Vec<EntityKind> = found.iter().map(|hit| hit.kind).collect();
    kinds.sort_unstable_by_key(|kind| kind.as_str());
    assert_eq!(kinds, [EntityKind::Document, EntityKind::Note]);
    let note = found.iter().find(|hit| hit.kind == EntityKind::Note).unwrap();
    assert_eq!(note.id, *build, "a note leads to its task");
    assert!(note.snippet.contains("**zebra**"));

    let deleted = bench.call::<DeleteTask>(json!({ "task_id": build })).await.unwrap();
    assert_eq!(deleted.tasks.len(), 3, "the subtasks go along");
    let left =
        bench.call::<ListTasks>(json!({ "project_id": project.id, "fields": ["title"] })).await.unwrap();
    assert_eq!(left.tasks.len(), 1);
    assert_eq!(
        left.tasks[0].0.keys().collect::<Vec<_>>(),
        [TaskField::Id.as_str(), TaskField::Title.as_str()]
    );
    let restored = bench.call::<UpdateTask>(json!({ "task_id": build, "restore": true })).await.unwrap();
    assert_eq!(restored.tasks.len(), 3);

    let whole = bench.get_whole(build).await;
    let actions: Vec<Action> = whole.history.unwrap().into_iter().map(|change| change.action).collect();
    assert_eq!(
        actions,
        [Action::Restored, Action::Deleted, Action::Updated, Action::Updated, Action::Created]
    );
    assert_eq!(whole.notes.unwrap()[0].text, "Mind the zebra crossing.");

    let mut seqs = Vec::new();
    while let Ok(event) = feed.try_recv() {
        seqs.push(event.seq);
    }
    let stored: Vec<i64> =
        bench.store.changes_after(0, 1000).await.unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(seqs, stored, "subscribers hear every change, in order");
    assert_eq!(bench.store.last_seq().await.unwrap(), *stored.last().unwrap());
}

#[tokio::test]
async fn roles_are_listed_without_their_briefs() {
    let bench = Fixture::new().await;
    let all = bench.call::<ListRoles>(json!({})).await.unwrap().roles;
    assert!(all.len() >= 7 && all.iter().all(|role| role.brief.is_none()));
    let one = bench.call::<ListRoles>(json!({ "name": "tester" })).await.unwrap().roles;
    assert!(one[0].brief.is_some());
    let error = bench.call::<ListRoles>(json!({ "name": "testr" })).await.unwrap_err();
    assert_eq!((error.field.as_deref(), &error.context["nearest"]), (Some("name"), &json!("tester")));
}

#[tokio::test]
async fn projects_are_found_by_name_in_any_case_and_names_are_unique() {
    let bench = Fixture::new().await;
    let project = bench.call::<CreateProject>(json!({ "name": "Überblick" })).await.unwrap().project;
    let taken = bench.call::<CreateProject>(json!({ "name": " überblick" })).await.unwrap_err();
    assert_eq!(taken.code.as_str(), "already_exists");
    let renamed = bench
        .call::<CreateProject>(json!({ "project_id": "ÜBERBLICK", "name": "Plan", "expected_version": 1 }))
        .await
        .unwrap()
        .project;
    assert_eq!((renamed.id, renamed.version), (project.id, 2));
    let error = bench.call::<GetProject>(json!({ "project_id": "Plam" })).await.unwrap_err();
    assert_eq!(error.context["nearest"], "Plan");
    assert!(error.suggestions.iter().any(|step| step.contains("create_project")));
    let stale = json!({ "project_id": "Plan", "status": "archived", "expected_version": 1 });
    assert_eq!(bench.call::<CreateProject>(stale).await.unwrap_err().context["current_version"], 2);
    let archived = json!({ "project_id": "Plan", "status": "archived", "expected_version": 2 });
    bench.call::<CreateProject>(archived).await.unwrap();
    let active = bench.call::<ListProjects>(json!({ "status": "active" })).await.unwrap();
    assert_eq!(active.projects.len(), 0);
    assert_eq!(bench.call::<ListProjects>(json!({})).await.unwrap().projects.len(), 1);
}

#[tokio::test]
async fn labels_survive_to_the_last_digit() {
    let bench = Fixture::new().await;
    let labels = json!({ "least": i64::MIN, "most": u64::MAX, "real": 0.1, "text": "\u{0}\u{1F600}",
                         "deep": [{ "a": [null, true] }] });
    let task = bench.create(json!({ "title": "t", "labels": labels })).await;
    assert_eq!(Value::Object(bench.get(task.id).await.labels), labels);
    let merged = bench
        .call::<UpdateTask>(json!({ "task_id": task.id, "labels": { "real": null, "new": u64::MAX - 1 } }))
        .await
        .unwrap();
    let merged = Value::Object(merged.task.unwrap().labels);
    assert_eq!((&merged["new"], merged.get("real")), (&json!(u64::MAX - 1), None));
    let undone = bench.call::<UpdateTask>(json!({ "task_id": task.id, "undo": true })).await.unwrap();
    assert_eq!(Value::Object(undone.task.unwrap().labels), labels);
}
