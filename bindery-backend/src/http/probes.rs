//! The two questions of a supervisor: is the process alive, and can it work.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::app::App;

/// The route that is answered whoever asks, and until the end.
pub(super) const LIVE: &str = "/health/live";

/// Answers as long as the process runs, whatever the store does. The number of leases tells a
/// client that leaves whether it is the last; the position in the history of which database, a
/// client that keeps answers whether it has heard of every change.
pub(super) async fn live(State(app): State<App>) -> Json<Value> {
    let store = app.store();
    Json(json!({
        "status": "alive",
        "leases": app.leases().count(),
        "seq": store.position(),
        "database_id": store.database_id(),
    }))
}

/// Answers when the store can be read.
pub(super) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    app.store().ping().await.map_err(|error| app.disclose("ready", error))?;
    Ok(Json(json!({ "status": "ready" })))
}
