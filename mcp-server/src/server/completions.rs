//! Completions for ids, roles, projects and tags.

use rmcp::{
    ErrorData,
    model::{CompleteRequestParams, CompleteResult, CompletionInfo},
};
use shared_types::{
    Error,
    operation::{ListProjects, ListRoles, ListTasks},
    project::ListProjects as ListProjectsInput,
    role::ListRoles as ListRolesInput,
    task::{ListTasks as ListTasksInput, Sort, TaskField},
};

use super::protocol_error::protocol_error;
use crate::client::{CallOptions, Client};

/// What an argument stands for.
enum Kind {
    TaskId,
    ProjectId,
    ProjectName,
    Role,
    Tag,
}

/// The values that begin as the argument does.
pub(super) async fn complete(
    client: &Client,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let Some(kind) = kind(request) else { return Ok(CompleteResult::default()) };
    let candidates = candidates(client, &kind).await.map_err(|error| protocol_error(&error))?;
    let typed = request.argument.value.to_lowercase();
    let mut values: Vec<String> =
        candidates.into_iter().filter(|value| value.to_lowercase().starts_with(&typed)).collect();
    let total = u32::try_from(values.len()).unwrap_or(u32::MAX);
    let has_more = values.len() > CompletionInfo::MAX_VALUES;
    values.truncate(CompletionInfo::MAX_VALUES);
    let info = CompletionInfo::with_pagination(values, Some(total), has_more)
        .map_err(|message| ErrorData::internal_error(message, None))?;
    Ok(CompleteResult::new(info))
}

fn kind(request: &CompleteRequestParams) -> Option<Kind> {
    let uri = request.r#ref.as_resource_uri().unwrap_or_default();
    match request.argument.name.as_str() {
        "id" if uri.starts_with("bindery://task/") => Some(Kind::TaskId),
        "id" if uri.starts_with("bindery://project/") => Some(Kind::ProjectId),
        "project" => Some(Kind::ProjectName),
        "role" => Some(Kind::Role),
        "tag" => Some(Kind::Tag),
        _ => None,
    }
}

async fn candidates(client: &Client, kind: &Kind) -> Result<Vec<String>, Error> {
    let options = CallOptions::default();
    match kind {
        Kind::Role => {
            let list = client.request::<ListRoles>(&ListRolesInput::default(), &options).await?;
            Ok(list.roles.into_iter().map(|role| role.name).collect())
        }
        Kind::ProjectId | Kind::ProjectName => {
            let input = ListProjectsInput { limit: Some(1000), ..Default::default() };
            let page = client.request::<ListProjects>(&input, &options).await?;
            let by_id = matches!(kind, Kind::ProjectId);
            Ok(page.projects.into_iter().map(|p| if by_id { p.id.to_string() } else { p.name }).collect())
        }
        Kind::TaskId => {
            let rows = recent_tasks(client, TaskField::Id).await?;
            Ok(rows.iter().map(|row| row.id().to_owned()).collect())
        }
        Kind::Tag => {
            let rows = recent_tasks(client, TaskField::Tags).await?;
            let tags = rows.iter().filter_map(|row| row.0.get("tags")?.as_array()).flatten();
            let tags: std::collections::BTreeSet<_> =
                tags.filter_map(|tag| tag.as_str()).map(str::to_owned).collect();
            Ok(tags.into_iter().collect())
        }
    }
}

async fn recent_tasks(client: &Client, field: TaskField) -> Result<Vec<shared_types::task::TaskRow>, Error> {
    let input = ListTasksInput {
        sort: Some(Sort::Updated),
        fields: vec![field],
        limit: Some(1000),
        ..Default::default()
    };
    Ok(client.request::<ListTasks>(&input, &CallOptions::default()).await?.tasks)
}
