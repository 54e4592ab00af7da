//! Server-sent events, read from bytes as they arrive.

/// The most bytes that one unfinished line or event may have.
const LIMIT: usize = 1024 * 1024;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::client) struct Event {
    /// Its name; `message` when the server gave none.
    pub(in crate::client) name: String,
    /// Its data, lines joined.
    pub(in crate::client) data: String,
}

/// The stream is no event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct TooLong;

/// Collects bytes into events.
#[derive(Debug, Default)]
pub(in crate::client) struct Events {
    line: Vec<u8>,
    unfinished: Event,
}

impl Events {
    /// Takes the next bytes; returns the events they complete.
    pub(in crate::client) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut complete = Vec::new();
        for &byte in bytes {
            if byte != b'\n' {
                self.line.push(byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            complete.extend(self.take_line(line.strip_suffix('\r').unwrap_or(&line)));
        }
        if self.line.len() + self.unfinished.data.len() > LIMIT {
            return Err(TooLong);
        }
        Ok(complete)
    }

    fn take_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.unfinished);
            return (!event.data.is_empty()).then(|| Event {
                name: if event.name.is_empty() { "message".to_owned() } else { event.name },
                data: event.data,
            });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.unfinished.name),
            "data" => {
                if !self.unfinished.data.is_empty() {
                    self.unfinished.data.push('\n');
                }
                self.unfinished.data.push_str(value);
            }
            // Comments have an empty name; ids and retry times are not used.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\r\n\nevent: change\nid: 7\ndata: {\"a\":\ndata: 1}\n\nid: 8\n\ndata:x\n\n";

    #[test]
    fn events_come_out_the_same_however_the_bytes_are_cut() {
        let expected = [
            Event { name: "change".into(), data: "{\"a\":\n1}".into() },
            Event { name: "message".into(), data: "x".into() },
        ];
        for size in 1..=STREAM.len() {
            let mut events = Events::default();
            let read: Vec<_> =
                STREAM.as_bytes().chunks(size).flat_map(|bytes| events.push(bytes).unwrap()).collect();
            assert_eq!(read, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_endless_line_is_given_up() {
        let mut events = Events::default();
        assert_eq!(events.push(&vec![b'x'; LIMIT + 1]), Err(TooLong));
    }
}
