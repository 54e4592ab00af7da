//! What comes in finds the one who waits for it.

use std::{str, sync::Arc};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    CallError, Closed, Codec, Noise,
    codec::Frame,
    envelope::{self, CHUNK, Envelope, Kind, Outcome, PROGRESS},
    incoming::{Message, Offer},
    shared::{self, Shared},
};

/// So many characters are kept of what was no message.
const NOISE_KEPT: usize = 200;

/// The JSON-RPC code for a method that nobody answers.
const METHOD_NOT_FOUND: i64 = -32601;

/// The code for a request that finds too many others waiting.
const BUSY: i64 = -32000;

/// Takes every message in `bytes`.
pub(super) fn receive(shared: &Arc<Shared>, codec: &mut dyn Codec, mut bytes: &[u8]) {
    let limit = shared.options.line_bytes;
    loop {
        let (used, frame) = codec.decode(bytes, limit);
        bytes = &bytes[used..];
        match frame {
            Some(Frame::Message(line)) => receive_line(shared, line),
            Some(Frame::TooLong { head, tail }) => receive_too_long(shared, head, tail),
            None if bytes.is_empty() => return,
            // A codec that takes nothing and gives nothing is broken; going round would be worse.
            None if used == 0 => return,
            None => {}
        }
    }
}

fn receive_line(shared: &Arc<Shared>, line: &[u8]) {
    let Ok(text) = str::from_utf8(line) else { return receive_noise(shared, line) };
    if let Some((id, result)) = envelope::plain_result(text) {
        receive_answer(shared, text, id, Outcome::Result(result));
    } else if let Some((message, kind)) = Envelope::read(text) {
        receive_message(shared, text, &message, &kind);
    } else if text.trim_ascii_start().starts_with('[')
        && let Ok(batch) = serde_json::from_str::<Vec<&RawValue>>(text)
        && !batch.is_empty()
    {
        for message in batch {
            match Envelope::read(message.get()) {
                Some((envelope, kind)) => receive_message(shared, message.get(), &envelope, &kind),
                None => receive_noise(shared, message.get().as_bytes()),
            }
        }
    } else if !text.trim_ascii().is_empty() {
        receive_noise(shared, line);
    }
}

fn receive_message(shared: &Arc<Shared>, text: &str, message: &Envelope<'_>, kind: &Kind<'_>) {
    match kind {
        Kind::Answer { id, outcome } => receive_answer(shared, text, id.get(), *outcome),
        Kind::Request { id } => {
            shared.lock().metrics.received += 1;
            let offer = shared.offer(Message::new(text, message), Some((*id).to_owned()));
            let (code, words) = match offer {
                Offer::Taken => return,
                Offer::NobodyTakes => (METHOD_NOT_FOUND, "nobody answers requests here"),
                Offer::Full => (BUSY, "too many requests are waiting"),
            };
            shared.lock().metrics.refused_requests += 1;
            shared.post(&envelope::failure(id, code, words, None));
        }
        Kind::Notification => {
            shared.lock().metrics.received += 1;
            let taken = match message.method.as_deref() {
                Some(CHUNK) => receive_chunk(shared, message.params),
                Some(PROGRESS) => receive_progress(shared, message.params),
                _ => shared.offer(Message::new(text, message), None) == Offer::Taken,
            };
            if !taken {
                shared.lock().metrics.dropped_notifications += 1;
            }
        }
    }
}

fn receive_answer(shared: &Shared, text: &str, id: &str, outcome: Outcome<'_>) {
    let known = id.parse().ok();
    let Some(call) = shared.answered(known) else { return count_stray(shared, known) };
    let answer = match &call.kind {
        shared::Kind::Relay(original) => RawValue::from_string(envelope::replaced(text, id, original))
            .map_err(|error| CallError::Invalid(error.to_string())),
        shared::Kind::Call | shared::Kind::Stream(_) => outcome.into_result(),
    };
    // Whoever asked may just have left.
    let _ = call.answer.send(answer);
}

fn count_stray(shared: &Shared, id: Option<u64>) {
    let mut state = shared.lock();
    match id {
        Some(id) if shared.was_given_out(id) => state.metrics.late += 1,
        _ => state.metrics.unknown += 1,
    }
}

/// An item of a stream; says whether somebody took it.
fn receive_chunk(shared: &Shared, params: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    struct Chunk<'a> {
        id: u64,
        #[serde(borrow)]
        data: &'a RawValue,
    }
    let Some(Ok(chunk)) = params.map(|params| serde_json::from_str::<Chunk<'_>>(params.get())) else {
        return false;
    };
    let flow = match shared.lock().pending.get(&chunk.id).map(|call| &call.kind) {
        Some(shared::Kind::Stream(flow)) => Some(flow.clone()),
        _ => None,
    };
    let Some(flow) = flow else {
        count_stray(shared, Some(chunk.id));
        return true;
    };
    if !flow.push(chunk.data)
        && let Some((call, _)) = shared.give_up(chunk.id)
    {
        let error = CallError::Invalid("the peer sent more of a stream than it had leave to".to_owned());
        let _ = call.answer.send(Err(error));
    }
    true
}

/// How far a call has come; says whether somebody took it.
fn receive_progress(shared: &Shared, params: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    struct Progress<'a> {
        id: u64,
        #[serde(borrow)]
        value: &'a RawValue,
    }
    let Some(Ok(progress)) = params.map(|params| serde_json::from_str::<Progress<'_>>(params.get())) else {
        return false;
    };
    let receiver = shared.lock().pending.get(&progress.id).map(|call| call.progress.clone());
    let Some(receiver) = receiver else {
        count_stray(shared, Some(progress.id));
        return true;
    };
    receiver.is_some_and(|receiver| receiver.try_send(progress.value.to_owned()).is_ok())
}

fn receive_too_long(shared: &Shared, head: &[u8], tail: &[u8]) {
    let mut state = shared.lock();
    state.metrics.oversized += 1;
    let call = envelope::id_at_an_end(head, tail).and_then(|id| state.pending.remove(&id));
    drop(state);
    if let Some(call) = call {
        let limit = shared.options.line_bytes;
        let _ = call.answer.send(Err(CallError::AnswerTooLarge { limit }));
    }
}

fn receive_noise(shared: &Shared, line: &[u8]) {
    // A character has at most four bytes.
    let end = &line[line.len().saturating_sub(4 * NOISE_KEPT)..];
    let text = String::from_utf8_lossy(end);
    let mut state = shared.lock();
    state.metrics.noise += 1;
    if !state.noise.is_empty() {
        state.noise.push('\n');
    }
    state.noise.push_str(text.trim_ascii_end());
    if let Some((cut, _)) = state.noise.char_indices().rev().nth(NOISE_KEPT - 1) {
        state.noise.drain(..cut);
    }
    let noise = (shared.options.noise == Noise::Fatal).then(|| state.noise.clone());
    drop(state);
    match noise {
        Some(noise) => shared.close(Closed::Noise(noise)),
        None => tracing::debug!(line = %text, "the peer wrote what is no message"),
    }
}

impl Shared {
    /// Queues a message that cannot wait for room; thrown away when the peer reads nothing at all.
    pub(super) fn post(&self, message: &[u8]) {
        let mut state = self.lock();
        if !state.outbox.is_open() || !state.outbox.has_room() {
            state.metrics.dropped_answers += 1;
            return;
        }
        state.outbox.push(|wire| self.codec.encode(message, wire));
        state.metrics.sent += 1;
        drop(state);
        self.wake_task();
    }
}
