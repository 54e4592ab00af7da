//! A child writes between its answers what is no message.

use std::{error::Error, time::Duration};

use process_host::{CallOptions, spec::Stdio};

use super::{
    Check, Report,
    play::{Play, peer},
};

const CALLS: u64 = 100;

pub(super) async fn play(play: &Play) -> Result<Report, Box<dyn Error>> {
    let stage = play.start([peer("chaos-noise", "noise", Stdio::JsonRpc)?]).await?;
    let connection = stage.connection("chaos-noise").await?;
    let mut answered = 0;
    for _ in 0..CALLS {
        let options = CallOptions::within(Duration::from_secs(10));
        if connection.call("ping", &serde_json::Map::new(), options).await.is_ok() {
            answered += 1;
        }
    }
    // The line after the last answer may still be on its way, those before are not.
    let noise = connection.metrics().noise;
    let mut checks = vec![
        Check::new(
            format!("each of {CALLS} calls is answered"),
            answered == CALLS,
            format!("{answered} were"),
        ),
        Check::new("what is no message is counted", noise >= 3 * CALLS - 1, format!("{noise} lines")),
        Check::new(
            "the connection stays open",
            connection.is_open(),
            if connection.is_open() { "it is" } else { "it is closed" },
        ),
    ];
    checks.extend(stage.untouched());
    stage.close().await;
    let done = "a child beside them wrote stray prints, NULs, invalid UTF-8, half a message and lines of \
                8193 bytes around each answer";
    Ok(Report { done: done.to_owned(), checks, recovery: None })
}
