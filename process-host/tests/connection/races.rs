//! Callers that leave while their answers come.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use process_host::connection::{CallError, CallOptions, ConnectionOptions};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::peer::{Peer, open};

/// Answers some requests, some late, some twice, each with its params; counts the requests.
async fn unreliable(mut peer: Peer, requests: Arc<AtomicU64>) {
    let mut late = Vec::new();
    while let Some(line) = peer.line().await {
        let message: Value = serde_json::from_str(&line).unwrap();
        let Some(id) = message.get("id") else { continue };
        requests.fetch_add(1, Relaxed);
        let params = message["params"].clone();
        match id.as_u64().unwrap() % 5 {
            0 => peer.answer(id, params).await,
            1 => late.push((id.clone(), params)),
            2 => {
                peer.answer(id, params.clone()).await;
                peer.answer(id, params).await;
            }
            3 => peer.fail(id, 1, "no").await,
            _ => {}
        }
        if late.len() > 20 {
            for (id, params) in late.drain(..) {
                peer.answer(&id, params).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_call_has_its_own_outcome_or_none() {
    let (connection, _incoming, peer) = open(ConnectionOptions::default());
    let requests = Arc::new(AtomicU64::new(0));
    let peer = tokio::spawn(unreliable(peer, requests.clone()));
    let callers: Vec<_> = (0..8_u64)
        .map(|caller| {
            let connection = connection.clone();
            tokio::spawn(async move {
                for number in 0..200_u64 {
                    let params = json!([caller, number]);
                    let within = Duration::from_micros(number * 7 % 3000 + 1);
                    let options = CallOptions::within(Duration::from_micros(number * 11 % 3000 + 1));
                    match timeout(within, connection.call("m", &params, options)).await {
                        Ok(Ok(result)) => assert_eq!(result.get(), params.to_string()),
                        Ok(Err(CallError::Remote { .. } | CallError::Deadline { .. })) | Err(_) => {}
                        Ok(Err(other)) => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let metrics = connection.metrics();
    assert_eq!((metrics.pending, metrics.unknown, metrics.noise), (0, 0, 0));
    drop(connection);
    peer.await.unwrap();
    assert!(requests.load(Relaxed) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_share_a_connection() {
    let (connection, _incoming, peer) = open(ConnectionOptions::default());
    tokio::spawn(peer.echo());
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let connection = connection.clone();
            tokio::spawn(async move {
                for number in 0..100 {
                    let params = json!([caller, number, "x".repeat(number * 10)]);
                    let result = connection.call("m", &params, CallOptions::default()).await.unwrap();
                    assert_eq!(result.get(), params.to_string());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let metrics = connection.metrics();
    assert_eq!((metrics.sent, metrics.received, metrics.late), (64 * 100, 64 * 100, 0));
}
