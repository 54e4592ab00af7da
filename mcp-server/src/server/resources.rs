//! Resources: tasks, projects and the dashboard, as JSON under `bindery://` URIs.

use rmcp::{
    ErrorData,
    model::{ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate},
};
use serde_json::{Value, json};
use shared_types::{
    Operation, Reference,
    operation::{GetDashboardStats, GetProject, GetTask, ListProjects},
    project::ListProjects as ListProjectsInput,
};

use super::{protocol_error::protocol_error, untrusted};
use crate::client::{CallOptions, Client};

/// URI of the dashboard.
pub(super) const DASHBOARD: &str = "bindery://dashboard";
const TASK: &str = "bindery://task/";
const PROJECT: &str = "bindery://project/";
const JSON: &str = "application/json";

/// What a URI names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Task(&'a str),
    Project(&'a str),
    Dashboard,
}

/// URI of a task.
pub(super) fn task_uri(id: &str) -> String {
    format!("{TASK}{id}")
}

/// URI of a project.
pub(super) fn project_uri(id: &str) -> String {
    format!("{PROJECT}{id}")
}

/// Reads a URI.
pub(super) fn parse(uri: &str) -> Result<Target<'_>, ErrorData> {
    let id = |prefix| uri.strip_prefix(prefix).filter(|id: &&str| !id.is_empty() && !id.contains('/'));
    match (id(TASK), id(PROJECT), uri) {
        (Some(id), ..) => Ok(Target::Task(id)),
        (_, Some(id), _) => Ok(Target::Project(id)),
        (_, _, DASHBOARD) => Ok(Target::Dashboard),
        _ => Err(ErrorData::resource_not_found(
            format!("there is no resource {uri:?}; try {DASHBOARD}, {TASK}{{id}} or {PROJECT}{{id}}"),
            Some(json!({ "uri": uri })),
        )),
    }
}

/// The templates of what is not listed one by one.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(format!("{TASK}{{id}}"), "task")
            .with_title("Task")
            .with_description("One task with its subtasks and notes")
            .with_mime_type(JSON),
        ResourceTemplate::new(format!("{PROJECT}{{id}}"), "project")
            .with_title("Project")
            .with_description("One project with its counts")
            .with_mime_type(JSON),
    ]
}

/// The dashboard, and the active projects.
pub(super) async fn list(client: &Client) -> Result<ListResourcesResult, ErrorData> {
    let input = ListProjectsInput { limit: Some(100), ..Default::default() };
    let page = client
        .request::<ListProjects>(&input, &CallOptions::default())
        .await
        .map_err(|error| protocol_error(&error))?;
    let dashboard = Resource::new(DASHBOARD, "dashboard")
        .with_title("Dashboard")
        .with_description("Counts, projects, who holds what, what to start next")
        .with_mime_type(JSON);
    let projects = page.projects.into_iter().map(|project| {
        Resource::new(project_uri(&project.id.to_string()), project.name).with_mime_type(JSON)
    });
    Ok(ListResourcesResult::with_all_items(std::iter::once(dashboard).chain(projects).collect()))
}

/// What a URI names, as JSON.
pub(super) async fn read(client: &Client, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let (spec, input) = match parse(uri)? {
        Target::Task(id) => {
            (GetTask::SPEC, json!({ "task_id": Reference::new(id), "include": ["children", "notes"] }))
        }
        Target::Project(id) => (GetProject::SPEC, json!({ "project_id": Reference::new(id) })),
        Target::Dashboard => (GetDashboardStats::SPEC, Value::Object(Default::default())),
    };
    let value =
        client.call(&spec, input, &CallOptions::default()).await.map_err(|error| protocol_error(&error))?;
    let contents = ResourceContents::TextResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(JSON.to_owned()),
        text: value.to_string(),
        meta: Some(untrusted::mark()),
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read() {
        assert_eq!(parse("bindery://task/0A").unwrap(), Target::Task("0A"));
        assert_eq!(parse("bindery://project/0A").unwrap(), Target::Project("0A"));
        assert_eq!(parse("bindery://dashboard").unwrap(), Target::Dashboard);
        for uri in
            ["bindery://task/", "bindery://task/a/b", "file:///etc/passwd", "bindery://dashboard/x", ""]
        {
            assert!(parse(uri).is_err(), "{uri}");
        }
    }
}
