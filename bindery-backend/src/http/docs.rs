//! The browsable reference, from files inside the binary: it needs no network.

use std::sync::{Arc, LazyLock};

use axum::{
    extract::Path,
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use shared_types::{Error, ErrorCode};
use utoipa_swagger_ui::Config;

use super::problem::Problem;

/// Scripts come from here alone. The reference writes styles into its own elements, and draws
/// its pictures from `data:` addresses.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::from("/api/openapi.json").use_base_layout().deep_linking(true);
    // Without this the page asks a validator on the network about the document.
    Arc::new(config.default_models_expand_depth(-1).validator_url("none"))
});

/// Shows people who open the address in a browser the way to the reference.
pub(super) async fn home() -> Redirect {
    Redirect::temporary("/docs/")
}

/// The page of the reference.
pub(super) async fn index() -> Result<Response, Problem> {
    serve("index.html")
}

/// A file of the reference.
pub(super) async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    serve(&file)
}

fn serve(file: &str) -> Result<Response, Problem> {
    let found = utoipa_swagger_ui::serve(file, CONFIG.clone())
        .map_err(|error| Error::new(ErrorCode::Internal, format!("the reference cannot be shown: {error}")))?
        .ok_or_else(|| Error::new(ErrorCode::UnknownOperation, "the reference has no such file"))?;
    let headers = [
        (header::CONTENT_TYPE, found.content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::CACHE_CONTROL, "max-age=3600".to_owned()),
    ];
    Ok((headers, found.bytes.into_owned()).into_response())
}
