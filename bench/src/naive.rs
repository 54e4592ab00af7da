//! A task store as it is usually written: a pool, and a transaction for every request.

use std::{path::Path, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::net::TcpListener;

const SCHEMA: &str = "
    CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT, description TEXT, priority TEXT, tags TEXT);
    CREATE TABLE history (seq INTEGER PRIMARY KEY, task_id INTEGER, after TEXT);
    CREATE VIRTUAL TABLE found USING fts5 (title, description)";

/// Takes tasks on a port, which is printed, until it is killed. Keeps them in `folder`.
pub(crate) async fn serve(folder: &Path) -> anyhow::Result<()> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("tasks.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30));
    let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await?;
    sqlx::raw_sql(SCHEMA).execute(&pool).await?;
    let app =
        Router::new().route("/", get(async || "ready")).route("/api/tasks", post(create)).with_state(pool);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn create(
    State(pool): State<SqlitePool>,
    Json(task): Json<Value>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let stored = store(&pool, &task).await;
    stored.map(Json).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

async fn store(pool: &SqlitePool, task: &Value) -> sqlx::Result<Value> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let id = sqlx::query("INSERT INTO tasks (title, description, priority, tags) VALUES (?, ?, ?, ?)")
        .bind(task["title"].as_str())
        .bind(task["description"].as_str())
        .bind(task["priority"].as_str())
        .bind(task["tags"].to_string())
        .execute(&mut *transaction)
        .await?
        .last_insert_rowid();
    sqlx::query("INSERT INTO history (task_id, after) VALUES (?, ?)")
        .bind(id)
        .bind(task.to_string())
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO found (rowid, title, description) VALUES (?, ?, ?)")
        .bind(id)
        .bind(task["title"].as_str())
        .bind(task["description"].as_str())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(json!({ "id": id, "task": task }))
}
