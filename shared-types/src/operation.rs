//! The list of operations: the one place where each is declared.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

use crate::{dashboard, document, execution, health, project, role, search, task};

/// Whether an operation changes the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Read,
    /// It adds, and never takes away.
    Add,
    /// It changes or takes away what was there.
    Change,
}

/// The HTTP method of an operation's REST route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the methods of HTTP")]
pub enum Method {
    Get,
    Post,
    Patch,
    Delete,
}

/// One REST route. `{name}` in the path stands for the input field of that name; the other fields
/// travel in the query string of a `GET`, and else in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
}

/// What is known about an operation besides its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Name of the JSON-RPC method and of the MCP tool.
    pub name: &'static str,
    /// A name for people.
    pub title: &'static str,
    /// What it does, written for a model that pays for every word.
    pub description: &'static str,
    /// Whether it changes the store.
    pub effect: Effect,
    /// Whether doing it twice is doing it once.
    pub idempotent: bool,
    /// Whether it is offered to assistants as an MCP tool.
    pub tool: bool,
    /// A field under which the whole input may come, as an object or as a JSON text.
    pub wrapper: &'static str,
    /// Its REST routes, the main one first.
    pub routes: &'static [Route],
}

impl Spec {
    /// Whether it only reads.
    pub const fn is_read(&self) -> bool {
        matches!(self.effect, Effect::Read)
    }
}

/// An operation: its types and its [`Spec`].
pub trait Operation: Send + Sync + 'static {
    /// What it takes.
    type Input: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// What it returns.
    type Output: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// Everything else.
    const SPEC: Spec;
}

macro_rules! operations {
    ($(
        $(#[doc = $title:literal])+
        $marker:ident: $input:ty => $output:ty {
            name: $name:literal, effect: $effect:ident, idempotent: $idempotent:literal,
            tool: $tool:literal, wrapper: $wrapper:literal,
            routes: [$($method:ident $path:literal),+ $(,)?],
            description: $description:literal,
        }
    )+) => {
        $(
            $(#[doc = $title])+
            #[derive(Debug, Clone, Copy)]
            pub struct $marker;

            impl Operation for $marker {
                type Input = $input;
                type Output = $output;
                const SPEC: Spec = Spec {
                    name: $name,
                    title: concat!($($title),+).trim_ascii(),
                    description: $description,
                    effect: Effect::$effect,
                    idempotent: $idempotent,
                    tool: $tool,
                    wrapper: $wrapper,
                    routes: &[$(Route { method: Method::$method, path: $path }),+],
                };
            }
        )+

        /// Every operation, tools first.
        pub const OPERATIONS: &[Spec] = &[$($marker::SPEC),+];

        /// Calls the macro `$callback` with the markers of all operations, so that a face can
        /// write its table from the list.
        #[macro_export]
        macro_rules! for_each_operation {
            ($callback:ident) => {
                $callback! { $($marker),+ }
            };
        }
    };
}

operations! {
    /// Create task
    CreateTask: task::CreateTask => task::TasksWritten {
        name: "create_task", effect: Add, idempotent: false,
        tool: true, wrapper: "task_input",
        routes: [Post "/api/tasks"],
        description: "Create a task, or a whole plan at once with tasks/subtasks (all or nothing). Set depends_on so that work starts in order.",
    }

    /// Get task
    GetTask: task::GetTask => task::TaskRead {
        name: "get_task", effect: Read, idempotent: true,
        tool: true, wrapper: "input",
        routes: [Get "/api/tasks/{task_id}"],
        description: "Read one task.",
    }

    /// Update task
    UpdateTask: task::UpdateTask => task::TasksWritten {
        name: "update_task", effect: Change, idempotent: false,
        tool: true, wrapper: "task_update",
        routes: [Patch "/api/tasks/{task_id}", Patch "/api/tasks"],
        description: "Change fields (null empties one), append a note, restore a deleted task or undo the last change.",
    }

    /// List tasks
    ListTasks: task::ListTasks => task::TaskPage {
        name: "list_tasks", effect: Read, idempotent: true,
        tool: true, wrapper: "filters",
        routes: [Get "/api/tasks"],
        description: "List tasks that match every filter. Long results are cut: pass next_cursor as cursor.",
    }

    /// Delete task
    DeleteTask: task::DeleteTask => task::TasksWritten {
        name: "delete_task", effect: Change, idempotent: true,
        tool: true, wrapper: "input",
        routes: [Delete "/api/tasks/{task_id}", Delete "/api/tasks"],
        description: "Delete tasks with their subtasks; update_task restore=true brings them back.",
    }

    /// Complete task
    CompleteTask: task::CompleteTask => task::TasksWritten {
        name: "complete_task", effect: Change, idempotent: true,
        tool: true, wrapper: "task_completion",
        routes: [Post "/api/tasks/{task_id}/complete", Post "/api/tasks/complete"],
        description: "Mark tasks done and end their claim. Returns the tasks this unblocked.",
    }

    /// Execute task
    ExecuteTask: execution::ExecuteTask => execution::Claim {
        name: "execute_task", effect: Change, idempotent: false,
        tool: true, wrapper: "execution_input",
        routes: [Post "/api/tasks/{task_id}/execute", Post "/api/tasks/execute"],
        description: "Claim a task before working on it; only one worker can hold it. Returns the task, its role's brief and an execution_id: pass that here before the lease ends to keep the claim, and to complete_task.",
    }

    /// Assign role to task
    AssignRoleToTask: task::AssignRole => task::TasksWritten {
        name: "assign_role_to_task", effect: Change, idempotent: true,
        tool: true, wrapper: "role_assignment",
        routes: [Post "/api/tasks/{task_id}/role"],
        description: "Set which role should do a task.",
    }

    /// List roles
    ListRoles: role::ListRoles => role::RoleList {
        name: "list_roles", effect: Read, idempotent: true,
        tool: true, wrapper: "input",
        routes: [Get "/api/roles"],
        description: "List the roles with their capabilities and restrictions.",
    }

    /// Create project
    CreateProject: project::CreateProject => project::ProjectWritten {
        name: "create_project", effect: Change, idempotent: false,
        tool: true, wrapper: "project_input",
        routes: [Post "/api/projects", Patch "/api/projects/{project_id}"],
        description: "Create a project (names are unique), or change one.",
    }

    /// Search entities
    SearchEntities: search::SearchEntities => search::SearchPage {
        name: "search_entities", effect: Read, idempotent: true,
        tool: true, wrapper: "search_input",
        routes: [Get "/api/search"],
        description: "Full-text search over tasks, projects, notes and documents.",
    }

    /// Get dashboard stats
    GetDashboardStats: dashboard::GetDashboard => dashboard::Dashboard {
        name: "get_dashboard_stats", effect: Read, idempotent: true,
        tool: true, wrapper: "input",
        routes: [Get "/api/dashboard"],
        description: "Counts by status and priority, projects, who holds what, what to start next.",
    }

    /// Index document
    IndexDocument: document::IndexDocument => document::DocumentWritten {
        name: "index_document", effect: Change, idempotent: true,
        tool: true, wrapper: "document_input",
        routes: [Post "/api/documents"],
        description: "Make a text findable by search_entities. Same content again changes nothing.",
    }

    /// Health check
    HealthCheck: health::HealthCheck => health::Health {
        name: "health_check", effect: Read, idempotent: true,
        tool: true, wrapper: "input",
        routes: [Get "/health"],
        description: "State of the store: status, workspace, database, what to do if something is wrong.",
    }

    /// Get project
    GetProject: project::GetProject => project::ProjectRead {
        name: "get_project", effect: Read, idempotent: true,
        tool: false, wrapper: "input",
        routes: [Get "/api/projects/{project_id}"],
        description: "Reads one project, by id or name.",
    }

    /// List projects
    ListProjects: project::ListProjects => project::ProjectPage {
        name: "list_projects", effect: Read, idempotent: true,
        tool: false, wrapper: "input",
        routes: [Get "/api/projects"],
        description: "Lists projects, newest first.",
    }

    /// Get document
    GetDocument: document::GetDocument => document::DocumentRead {
        name: "get_document", effect: Read, idempotent: true,
        tool: false, wrapper: "input",
        routes: [Get "/api/documents/{document_id}"],
        description: "Reads one document with its content.",
    }

    /// List documents
    ListDocuments: document::ListDocuments => document::DocumentPage {
        name: "list_documents", effect: Read, idempotent: true,
        tool: false, wrapper: "input",
        routes: [Get "/api/documents"],
        description: "Lists documents, newest first.",
    }

    /// Pool metrics
    GetPoolMetrics: health::Nothing => health::PoolMetrics {
        name: "get_pool_metrics", effect: Read, idempotent: true,
        tool: false, wrapper: "input",
        routes: [Get "/api/pool/metrics"],
        description: "The figures of the connection pool.",
    }

    /// Pool health
    GetPoolHealth: health::Nothing => health::PoolHealth {
        name: "get_pool_health", effect: Read, idempotent: true,
        tool: false, wrapper: "input",
        routes: [Get "/api/pool/health"],
        description: "What the pool's figures mean and what to do about them.",
    }
}

/// The operation of this name.
pub fn find(name: &str) -> Option<&'static Spec> {
    OPERATIONS.iter().find(|spec| spec.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fourteen_tools_and_every_name_is_unique() {
        assert_eq!(OPERATIONS.iter().filter(|spec| spec.tool).count(), 14);
        let mut names: Vec<_> = OPERATIONS.iter().map(|spec| spec.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPERATIONS.len());
    }

    #[test]
    fn every_field_in_a_path_is_a_field_of_the_input() {
        macro_rules! check {
            ($($marker:ident),+) => {$(
                let schema = crate::schema::of_input::<<$marker as Operation>::Input>();
                for route in $marker::SPEC.routes {
                    for name in route.path.split(['{', '}']).skip(1).step_by(2) {
                        assert!(schema["properties"].get(name).is_some(), "{} {name}", $marker::SPEC.name);
                    }
                }
            )+};
        }
        for_each_operation!(check);
    }
}
