use std::{convert::Infallible, net::SocketAddr};

use axum::{
    body::{Body, Bytes},
    routing::get,
};
use futures::stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

use super::*;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(60);
const PATIENT: Limits = Limits { open: 100, head: LONG, stalled: LONG };
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A listener whose `/` answers at once, `/slow` never, and `/endless` for ever.
struct Scene {
    address: SocketAddr,
    connections: Connections,
    shutdown: Shutdown,
    /// Closed when no answer of `/endless` and no request of `/slow` is held any more.
    held: mpsc::Receiver<()>,
}

impl Scene {
    async fn new(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::default();
        let connections = Connections::new(TaskTracker::new(), &shutdown);
        let (holder, held) = mpsc::channel(1);
        connections.serve(listener, routes(holder), limits);
        Self { address, connections, shutdown, held }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ask(&self, request: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        stream
    }

    /// Waits until nothing is held any more.
    async fn released(&mut self) {
        assert_eq!(timeout(LONG, self.held.recv()).await.unwrap(), None);
    }
}

/// The routes are gone with the last connection and the listener, and `holder` with them.
fn routes(holder: mpsc::Sender<()>) -> Router {
    let slow = holder.downgrade();
    let endless = slow.clone();
    Router::new()
        .route("/", get(async || "here"))
        .route("/slow", get(async move || hold(slow.upgrade()).await))
        .route("/endless", get(async move || Body::from_stream(pour(endless.upgrade()))))
        .layer(axum::Extension(Arc::new(holder)))
}

async fn hold(holder: Option<mpsc::Sender<()>>) {
    std::future::pending::<()>().await;
    drop(holder);
}

fn pour(holder: Option<mpsc::Sender<()>>) -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
    stream::repeat_with(move || {
        let _ = &holder;
        Ok(Bytes::from_static(&[b'x'; 16 * 1024]))
    })
}

/// Reads until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A connection that is cut may also end in an error.
    let _ = timeout(LONG, stream.read_to_end(&mut text)).await.expect("it is closed");
    String::from_utf8(text).unwrap()
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with("here") {
        let byte = timeout(LONG, stream.read_u8()).await.unwrap().unwrap();
        text.push(byte.into());
    }
    text
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_not_waited_for() {
    let scene = Scene::new(Limits { head: SHORT, ..PATIENT }).await;
    let mut silent = scene.connect().await;
    let mut slow = scene.ask(b"GET / HTTP/1.1\r\nHo").await;
    assert_eq!(rest(&mut silent).await, "");
    assert_eq!(rest(&mut slow).await, "");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let scene = Scene::new(Limits { head: SHORT, ..PATIENT }).await;
    let mut stream = scene.ask(GET).await;
    assert!(rest(&mut stream).await.ends_with("here"));
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let scene = Scene::new(PATIENT).await;
    let head = [b"GET / HTTP/1.1\r\nHost: x\r\nX: ".as_slice(), &[b'x'; 2 * BUFFER]].concat();
    let mut stream = scene.connect().await;
    // The refusal may come before all is written.
    let _ = stream.write_all(&head).await;
    let reply = rest(&mut stream).await;
    assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 431 "), "{reply}");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let scene = Scene::new(Limits { open: 1, ..PATIENT }).await;
    let mut first = scene.ask(GET).await;
    answer(&mut first).await;
    let mut second = scene.ask(GET).await;
    let refusal = rest(&mut second).await;
    assert!(refusal.starts_with("HTTP/1.1 503 "), "{refusal}");
    for part in ["retry-after: 1", "connection: close", "\"code\":\"overloaded\""] {
        assert!(refusal.contains(part), "{refusal}");
    }
    drop(first);
    let served = async {
        while !rest(&mut scene.ask(b"GET / HTTP/1.0\r\n\r\n").await).await.ends_with("here") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, served).await.unwrap();
}

#[tokio::test]
async fn a_reader_that_never_reads_is_cut() {
    let mut scene = Scene::new(Limits { stalled: SHORT, ..PATIENT }).await;
    let mut stream = scene.ask(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    stream.read_exact(&mut [0; 12]).await.unwrap();
    // The listener's own hold ends here; the answer's only when the connection is cut.
    scene.connections.close.cancel();
    scene.released().await;
}

#[tokio::test]
async fn what_is_in_work_keeps_connections_open_and_the_hard_token_cuts_it() {
    let mut scene = Scene::new(PATIENT).await;
    let mut kept = scene.ask(GET).await;
    answer(&mut kept).await;
    let _slow = scene.ask(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let in_work = async {
        while scene.connections.requests.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, in_work).await.unwrap();

    let finish = scene.connections.clone();
    let finish = tokio::spawn(async move { finish.finish().await });
    kept.write_all(GET).await.unwrap();
    answer(&mut kept).await;
    assert!(!finish.is_finished());
    scene.shutdown.ask();
    scene.shutdown.ask();
    timeout(LONG, finish).await.unwrap().unwrap();
    scene.released().await;
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_end() {
    let scene = Scene::new(PATIENT).await;
    let mut kept = scene.ask(GET).await;
    answer(&mut kept).await;
    timeout(LONG, scene.connections.finish()).await.unwrap();
    assert_eq!(rest(&mut kept).await, "");
    assert!(TcpStream::connect(scene.address).await.is_err());
}
