//! The two questions of a supervisor: is the process alive, and can it work.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::app::App;

/// Answers as long as the process runs, whatever the store does.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "alive" }))
}

/// Answers when the store can be read.
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store().ping().await.map_err(|error| app.disclose("ready", error))?;
    Ok(Json(json!({ "status": "ready" })))
}
