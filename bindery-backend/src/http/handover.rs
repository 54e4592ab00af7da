//! `/api/handover`: a backend makes room for the next version of itself.
//!
//! It is served on the Unix socket only, where the kernel vouches that the caller is the owner.

use axum::{Json, extract::State};
use serde_json::{Value, json};
use shared_types::{Error, ErrorCode};

use super::problem::Problem;
use crate::app::App;

/// Begins to stop: what is in progress is finished, nothing is taken on. The caller learns of the
/// end by the lock of the workspace. One that an operator runs is the operator's to replace.
pub(super) async fn accept(State(app): State<App>) -> Result<Json<Value>, Problem> {
    if !app.options().managed {
        let error = Error::new(ErrorCode::Forbidden, "this backend was not started by an assistant");
        return Err(error.suggest("Whoever runs it can restart it with another version.").into());
    }
    tracing::info!("handing over to another version");
    app.options().stop.cancel();
    Ok(Json(json!({ "status": "leaving" })))
}
