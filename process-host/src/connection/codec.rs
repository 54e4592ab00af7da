//! Where one message ends and the next begins.

use std::mem;

use memchr::{memchr, memchr2_iter};

/// So many bytes of either end of a message that is too long are kept, to find its id.
const KEPT: usize = 1 << 10;

/// How messages are laid out in a stream of bytes. One value reads, a clone of it writes.
pub trait Codec: Send + Sync {
    /// Takes what it can use from the beginning of `bytes`, and says how many that were, and the
    /// message that they complete. Called again with the rest until it asks for more (`None` and all
    /// bytes used). Messages of more than `limit` bytes are passed over without being kept.
    fn decode<'a>(&'a mut self, bytes: &'a [u8], limit: usize) -> (usize, Option<Frame<'a>>);

    /// Appends `message`, a JSON text, to `wire`.
    fn encode(&self, message: &[u8], wire: &mut Vec<u8>);
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// A message was too long; this is how it began and how it ended, at most 1 KiB each.
    TooLong {
        /// Its first bytes.
        head: &'a [u8],
        /// Its last bytes.
        tail: &'a [u8],
    },
}

/// A message is a line.
#[derive(Debug, Clone, Default)]
pub struct JsonLines {
    /// The beginning of a line whose end has not come in yet.
    line: Vec<u8>,
    /// The last bytes of a line that is too long; `line` is then its first.
    tail: Option<Vec<u8>>,
    /// The line was handed out, and goes with the next call.
    done: bool,
}

impl Codec for JsonLines {
    fn decode<'a>(&'a mut self, bytes: &'a [u8], limit: usize) -> (usize, Option<Frame<'a>>) {
        if mem::take(&mut self.done) {
            // Given back and not kept: an idle connection costs no buffer.
            *self = Self::default();
        }
        let Some(end) = memchr(b'\n', bytes) else {
            self.keep(bytes, limit);
            return (bytes.len(), None);
        };
        if self.line.is_empty() && end <= limit {
            return (end + 1, Some(Frame::Message(&bytes[..end])));
        }
        self.keep(&bytes[..end], limit);
        self.done = true;
        let frame = match &self.tail {
            None => Frame::Message(&self.line),
            Some(tail) => Frame::TooLong { head: &self.line, tail: &tail[tail.len().saturating_sub(KEPT)..] },
        };
        (end + 1, Some(frame))
    }

    fn encode(&self, message: &[u8], wire: &mut Vec<u8>) {
        let start = wire.len();
        wire.reserve(message.len() + 1);
        wire.extend_from_slice(message);
        // In a JSON text they can only be space between its parts.
        for at in memchr2_iter(b'\n', b'\r', message) {
            wire[start + at] = b' ';
        }
        wire.push(b'\n');
    }
}

impl JsonLines {
    fn keep(&mut self, bytes: &[u8], limit: usize) {
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT)..]);
            if tail.len() > 4 * KEPT {
                tail.drain(..tail.len() - KEPT);
            }
        } else if self.line.len() + bytes.len() <= limit {
            self.line.extend_from_slice(bytes);
        } else {
            // One chunk more than the limit, for a moment.
            self.line.extend_from_slice(bytes);
            self.tail = Some(self.line[self.line.len().saturating_sub(KEPT)..].to_vec());
            self.line.truncate(KEPT);
            self.line.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 5000;

    /// What comes out when `bytes` come in cut into pieces.
    fn decoded<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Result<String, (String, String)>> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut codec = JsonLines::default();
        let mut frames = Vec::new();
        for mut piece in pieces {
            loop {
                let (used, frame) = codec.decode(piece, LIMIT);
                piece = &piece[used..];
                match frame {
                    Some(Frame::Message(line)) => frames.push(Ok(text(line))),
                    Some(Frame::TooLong { head, tail }) => frames.push(Err((text(head), text(tail)))),
                    None => break,
                }
            }
            assert!(codec.line.capacity() <= 2 * LIMIT + piece.len());
        }
        frames
    }

    #[test]
    fn lines_are_the_same_wherever_they_are_cut() {
        let long = "x".repeat(300);
        let lines = ["{}", "", &long, "{\"a\":1}\r", "end"];
        let bytes = lines.join("\n") + "\n";
        let expected: Vec<_> = lines.iter().map(|line| Ok((*line).to_owned())).collect();
        for at in 0..=bytes.len() {
            let (head, tail) = bytes.as_bytes().split_at(at);
            assert_eq!(decoded([head, tail]), expected, "cut at {at}");
        }
        assert_eq!(decoded(bytes.as_bytes().chunks(1)), expected);
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
        let bytes = format!("{}\n{}\n", "a".repeat(LIMIT), "b".repeat(LIMIT + 1));
        for size in [1, 7, 4096, 1 << 20] {
            let frames = decoded(bytes.as_bytes().chunks(size));
            assert_eq!(frames, [Ok("a".repeat(LIMIT)), Err(("b".repeat(KEPT), "b".repeat(KEPT)))][..]);
        }
    }

    #[test]
    fn of_a_line_that_is_too_long_both_ends_are_kept_and_the_next_line_is_whole() {
        let bytes = format!("first{}last\nnext\n", "-".repeat(40 * LIMIT));
        for size in [1, 3, 1000, 1 << 20] {
            let frames = decoded(bytes.as_bytes().chunks(size));
            let Err((head, tail)) = &frames[0] else { panic!("{frames:?}") };
            assert!(head.starts_with("first-") && head.len() <= LIMIT + size, "{}", head.len());
            assert!(tail.ends_with("-last") && tail.len() == KEPT, "{}", tail.len());
            assert_eq!(frames[1..], [Ok("next".to_owned())]);
        }
    }

    #[test]
    fn a_message_is_written_as_one_line() {
        let mut wire = b"before\n".to_vec();
        JsonLines::default().encode(b"{\n \"a\":\r\n1}", &mut wire);
        assert_eq!(wire, b"before\n{  \"a\":  1}\n");
    }
}
