//! Messages are found in whatever comes.

use std::{future::pending, iter};

use process_host::connection::{
    CallError, CallOptions, Closed, Codec, Connection, ConnectionOptions, Frame, FromPeer, Noise,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex, split},
    task::yield_now,
};

use super::peer::{Peer, open};

/// Calls, answers with the bytes that `respond` makes for the id, and hands out the outcome.
async fn ask(
    connection: &Connection,
    peer: &mut Peer,
    respond: impl FnOnce(u64) -> Vec<u8>,
) -> Result<String, CallError> {
    let call = connection.call("m", &(), CallOptions::default());
    let answer = async {
        let id = peer.next().await["id"].as_u64().unwrap();
        peer.bytes(&respond(id)).await;
    };
    let (result, ()) = tokio::join!(call, answer);
    result.map(|result| result.get().to_owned())
}

fn line(id: u64, result: &str) -> Vec<u8> {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":\"{result}\"}}\n").into_bytes()
}

#[tokio::test]
async fn an_answer_may_be_cut_anywhere() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    for at in 0..=line(100, "ä").len() {
        let call = connection.call("m", &(), CallOptions::default());
        let answer = async {
            let id = peer.next().await["id"].as_u64().unwrap();
            let bytes = line(id, "ä");
            let (head, tail) = bytes.split_at(at.min(bytes.len()));
            peer.bytes(head).await;
            yield_now().await;
            peer.bytes(tail).await;
        };
        assert_eq!(tokio::join!(call, answer).0.unwrap().get(), "\"ä\"", "cut at {at}");
    }
    assert_eq!(connection.metrics().noise, 0);
}

#[tokio::test]
async fn long_lines_come_through_up_to_the_limit() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let empty = line(1, "").len() - 1;
    for length in [8193, 65_536, 65_537, (1 << 20) - 10, 1 << 20] {
        let answer = ask(&connection, &mut peer, |id| {
            let digits = id.to_string().len() - 1;
            line(id, &"x".repeat(length - empty - digits))
        });
        assert_eq!(answer.await.unwrap().len(), length - empty + 2, "{length}");
    }
    let error = ask(&connection, &mut peer, |id| line(id, &"x".repeat(1 << 20))).await.unwrap_err();
    assert!(matches!(error, CallError::AnswerTooLarge { limit: 1_048_576 }), "{error}");
}

#[tokio::test]
async fn a_line_of_64_mib_fails_its_call_wherever_the_id_is() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let long = "x".repeat(64 << 20);
    let at_the_end = |id| format!("{{\"result\":{{\"a\":\"{long}\"}},\"jsonrpc\":\"2.0\",\"id\":{id}}}\n");
    for respond in [&|id| line(id, &long), &|id| at_the_end(id).into_bytes()] as [&dyn Fn(u64) -> Vec<u8>; 2]
    {
        let error = ask(&connection, &mut peer, respond).await.unwrap_err();
        assert_eq!(error.code(), "answer_too_large");
    }
    assert_eq!(ask(&connection, &mut peer, |id| line(id, "fine")).await.unwrap(), "\"fine\"");
    assert_eq!((connection.metrics().oversized, connection.metrics().pending), (2, 0));
}

#[tokio::test]
async fn noise_is_counted_and_its_end_is_kept() {
    let (connection, _incoming, mut peer) = open(ConnectionOptions::default());
    let noise: [&[u8]; 6] = [
        b"Loading the model...\r\n",
        b"\0\0\0\n",
        b"\xff\xfe{\"jsonrpc\":\"2.0\"}\n",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\"\n",
        b"[1, 2]\n[]\n",
        "the last ✓\n".as_bytes(),
    ];
    for _ in 0..10 {
        let answer = ask(&connection, &mut peer, |id| [noise.concat(), line(id, "fine")].concat()).await;
        assert_eq!(answer.unwrap(), "\"fine\"");
    }
    // The numbers of the batch, and the batch of nothing.
    assert_eq!(connection.metrics().noise, 10 * 8);
    let tail = connection.noise_tail();
    assert!(tail.ends_with("\nthe last ✓") && tail.chars().count() == 200, "{tail}");

    peer.bytes(b"\n \r\n").await;
    ask(&connection, &mut peer, |id| line(id, "fine")).await.unwrap();
    assert_eq!(connection.metrics().noise, 10 * 8, "an empty line is nothing");
}

#[tokio::test]
async fn noise_may_be_fatal() {
    let (connection, _incoming, mut peer) =
        open(ConnectionOptions { noise: Noise::Fatal, ..Default::default() });
    let error = ask(&connection, &mut peer, |_| b"Traceback\n".to_vec()).await.unwrap_err();
    assert_eq!(error.code(), "connection_closed");
    assert_eq!(connection.closed().await, Closed::Noise("Traceback".to_owned()));
}

#[tokio::test]
async fn the_members_of_a_batch_are_taken_one_by_one() {
    let (connection, mut incoming, mut peer) = open(ConnectionOptions::default());
    let answer = ask(&connection, &mut peer, |id| {
        let batch = json!([
            {"jsonrpc": "2.0", "method": "news"},
            {"jsonrpc": "2.0", "id": id, "result": 1},
            {"jsonrpc": "2.0", "id": "q", "method": "question"},
        ]);
        format!("{batch}\n").into_bytes()
    });
    assert_eq!(answer.await.unwrap(), "1");
    let Some(FromPeer::Notification(news)) = incoming.next().await else { panic!() };
    let Some(FromPeer::Request(question, _)) = incoming.next().await else { panic!() };
    assert_eq!((news.method(), question.method(), connection.metrics().received), ("news", "question", 3));
}

/// Each message behind its length, as four bytes.
#[derive(Clone, Default)]
struct LengthFirst {
    bytes: Vec<u8>,
    done: usize,
}

impl Codec for LengthFirst {
    fn decode<'a>(&'a mut self, bytes: &'a [u8], _limit: usize) -> (usize, Option<Frame<'a>>) {
        self.bytes.drain(..std::mem::take(&mut self.done));
        self.bytes.extend_from_slice(bytes);
        let Some((length, rest)) = self.bytes.split_first_chunk() else { return (bytes.len(), None) };
        let length = u32::from_be_bytes(*length) as usize;
        let frame = rest.get(..length).map(|message| {
            self.done = 4 + length;
            Frame::Message(message)
        });
        (bytes.len(), frame)
    }

    fn encode(&self, message: &[u8], wire: &mut Vec<u8>) {
        wire.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        wire.extend_from_slice(message);
    }
}

#[tokio::test]
async fn another_codec_carries_the_same_messages() {
    let (ours, mut theirs) = duplex(1000);
    let (reader, writer) = split(ours);
    let codec = LengthFirst::default();
    let (connection, _incoming) =
        Connection::open_with(codec.clone(), reader, writer, ConnectionOptions::default(), pending());
    let calls = iter::repeat_with(|| connection.call("m", &[1], CallOptions::default())).take(2);
    let answers = async {
        let mut wire = Vec::new();
        for _ in 0..2 {
            let length = theirs.read_u32().await.unwrap();
            let mut message = vec![0; length as usize];
            theirs.read_exact(&mut message).await.unwrap();
            let request: Value = serde_json::from_slice(&message).unwrap();
            let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": request["id"]});
            codec.encode(answer.to_string().as_bytes(), &mut wire);
        }
        for byte in wire {
            theirs.write_u8(byte).await.unwrap();
            yield_now().await;
        }
    };
    let (results, ()) = tokio::join!(futures::future::join_all(calls), answers);
    let results: Vec<_> = results.into_iter().map(|result| result.unwrap().get().to_owned()).collect();
    assert_eq!(results, ["1", "2"]);
}
