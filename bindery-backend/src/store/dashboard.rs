//! `get_dashboard_stats`: sums over maintained counts, and a few short index ranges.

use rusqlite::Connection;
use shared_types::{
    Error, ProjectId, Timestamp,
    dashboard::{Dashboard, GetDashboard, PriorityCounts, StatusCounts, WorkerLoad},
    operation::GetDashboardStats,
    project::ProjectStatus,
    task::{Priority, Status, TaskRow},
};

use super::{
    Store,
    fault::Fault,
    projects,
    record::word,
    resolve,
    sql::Sql,
    tasks::record::{self, priority, select_tasks},
};
use crate::handle::{Caller, Handle};

/// How many of each are shown.
const WORKERS: i64 = 10;
const PROJECTS: i64 = 20;
const NEXT: i64 = 5;

impl Handle<GetDashboardStats> for Store {
    async fn handle(&self, input: GetDashboard, _: &Caller) -> Result<Dashboard, Error> {
        let now = self.now();
        self.read_aside("dashboard", move |connection| {
            let project = match &input.project_id {
                Some(reference) => Some(resolve::project(connection, reference, "project_id")?),
                None => None,
            };
            dashboard(connection, project, now)
        })
        .await
    }
}

fn dashboard(
    connection: &Connection,
    project: Option<ProjectId>,
    now: Timestamp,
) -> Result<Dashboard, Fault> {
    let counts = counts(connection, project)?;
    // A dashboard of one project shows it also when it is archived.
    let status = if project.is_some() { None } else { Some(ProjectStatus::Active) };
    Ok(Dashboard {
        total: counts.total,
        by_status: counts.by_status,
        open_by_priority: counts.open_by_priority,
        ready: counts.ready,
        waiting: counts.waiting,
        overdue: overdue(connection, project, now)?,
        documents: documents(connection, project)?,
        workers: workers(connection, project, now)?,
        projects: projects::newest(connection, status, project, i64::MAX, PROJECTS)?,
        next: next(connection, project)?,
    })
}

#[derive(Default)]
struct Counts {
    total: i64,
    by_status: StatusCounts,
    open_by_priority: PriorityCounts,
    ready: i64,
    waiting: i64,
}

impl Counts {
    fn add(&mut self, status: Status, priority: Priority, waits: bool, count: i64) {
        self.total += count;
        *match status {
            Status::Todo => &mut self.by_status.todo,
            Status::Doing => &mut self.by_status.doing,
            Status::Done => &mut self.by_status.done,
            Status::Blocked => &mut self.by_status.blocked,
            Status::Cancelled => &mut self.by_status.cancelled,
        } += count;
        if status.is_closed() {
            return;
        }
        *match priority {
            Priority::Low => &mut self.open_by_priority.low,
            Priority::Normal => &mut self.open_by_priority.normal,
            Priority::High => &mut self.open_by_priority.high,
            Priority::Urgent => &mut self.open_by_priority.urgent,
        } += count;
        if waits {
            self.waiting += count;
        } else if status == Status::Todo {
            self.ready += count;
        }
    }
}

fn counts(connection: &Connection, project: Option<ProjectId>) -> Result<Counts, Fault> {
    let rows: Vec<(String, i64, bool, i64)> = connection.all(
        "SELECT status, priority, waiting, sum(count) FROM task_counts
         WHERE ?1 IS NULL OR project_id = ?1 GROUP BY status, priority, waiting",
        (project.map(ProjectId::row_id),),
    )?;
    let mut counts = Counts::default();
    for (status, rank, waits, count) in rows {
        counts.add(word(&status)?, priority(rank), waits, count);
    }
    Ok(counts)
}

fn overdue(connection: &Connection, project: Option<ProjectId>, now: Timestamp) -> Result<i64, Fault> {
    Ok(connection.one(
        "SELECT count(*) FROM tasks
         WHERE deleted_at IS NULL AND due_at IS NOT NULL AND status NOT IN ('done', 'cancelled')
             AND due_at < ?2 AND (?1 IS NULL OR project_id = ?1)",
        (project.map(ProjectId::row_id), now.as_millis()),
    )?)
}

fn documents(connection: &Connection, project: Option<ProjectId>) -> Result<i64, Fault> {
    Ok(connection.one(
        "SELECT count(*) FROM documents WHERE ?1 IS NULL OR project_id = ?1",
        (project.map(ProjectId::row_id),),
    )?)
}

fn workers(
    connection: &Connection,
    project: Option<ProjectId>,
    now: Timestamp,
) -> Result<Vec<WorkerLoad>, Fault> {
    let rows: Vec<(String, i64)> = connection.all(
        "SELECT e.worker, count(*) FROM executions e
         WHERE e.status = 'active' AND e.lease_expires_at > ?2
             AND (?1 IS NULL OR (SELECT project_id FROM tasks WHERE id = e.task_id) = ?1)
         GROUP BY e.worker ORDER BY 2 DESC, 1 LIMIT ?3",
        (project.map(ProjectId::row_id), now.as_millis(), WORKERS),
    )?;
    Ok(rows.into_iter().map(|(worker, claims)| WorkerLoad { worker, claims }).collect())
}

/// The head of the ready queue. Two statements, since one that serves both cases could use the index
/// of neither.
fn next(connection: &Connection, project: Option<ProjectId>) -> Result<Vec<TaskRow>, Fault> {
    let tasks = match project {
        Some(project) => record::select(
            connection,
            select_tasks!(
                "WHERE t.status = 'todo' AND t.deleted_at IS NULL AND t.open_dependencies = 0
                     AND t.project_id = ?2
                 ORDER BY t.priority DESC, t.id LIMIT ?1"
            ),
            (NEXT, project.row_id()),
        )?,
        None => record::select(
            connection,
            select_tasks!(
                "WHERE t.status = 'todo' AND t.deleted_at IS NULL AND t.open_dependencies = 0
                 ORDER BY t.priority DESC, t.id LIMIT ?1"
            ),
            (NEXT,),
        )?,
    };
    Ok(tasks.iter().map(|task| TaskRow::select(task, &[])).collect())
}
