//! The floor of every HTTP row: axum with nothing behind it.

use std::path::Path;

use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tokio::net::{TcpListener, UnixListener};

/// Says hello on a socket in `folder` and on a port, which is printed, until it is killed.
pub(crate) async fn serve(folder: &Path) -> anyhow::Result<()> {
    let tcp = TcpListener::bind("127.0.0.1:0").await?;
    let unix = UnixListener::bind(folder.join("hello.sock"))?;
    println!("{}", tcp.local_addr()?);
    let app = Router::new().route("/", get(hello));
    tokio::try_join!(axum::serve(tcp, app.clone()), axum::serve(unix, app))?;
    Ok(())
}

async fn hello() -> Json<Value> {
    Json(json!({ "hello": "world" }))
}
