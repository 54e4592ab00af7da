//! Lines of bounded length, read so that a read may be cancelled at any time.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line that is not blank; see [`LineReader::line`].
    Whole,
    /// A line over the limit; it is being skipped.
    TooLong,
    /// The end of input.
    End,
}

/// Reads lines without ever holding more than the limit.
pub(crate) struct LineReader<R> {
    input: R,
    limit: usize,
    line: Vec<u8>,
    skipping: bool,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self { input, limit, line: Vec::new(), skipping: false }
    }

    /// The line that was read last, without its end.
    pub(crate) fn line(&self) -> &[u8] {
        self.line.trim_ascii()
    }

    /// Forgets the line, and gives back memory that only a huge line needed.
    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.line.shrink_to(64 * 1024);
    }

    /// Reads on. Nothing is lost when the future is dropped: what was read stays in `self`.
    pub(crate) async fn next(&mut self) -> Line {
        loop {
            let (used, ended) = {
                let Ok(bytes) = self.input.fill_buf().await else { return Line::End };
                if bytes.is_empty() {
                    return Line::End;
                }
                let end = bytes.iter().position(|&byte| byte == b'\n');
                let used = end.map_or(bytes.len(), |end| end + 1);
                if !self.skipping {
                    self.line.extend_from_slice(&bytes[..used.min(self.limit + 1 - self.line.len())]);
                }
                (used, end.is_some())
            };
            self.input.consume(used);
            let too_long = !self.skipping && self.line.len() > self.limit;
            if too_long {
                self.clear();
            }
            self.skipping = (self.skipping || too_long) && !ended;
            if too_long {
                return Line::TooLong;
            }
            if ended {
                if !self.line().is_empty() {
                    return Line::Whole;
                }
                self.line.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(input: &[u8], limit: usize) -> Vec<String> {
        let mut reader = LineReader::new(tokio::io::BufReader::with_capacity(3, input), limit);
        let mut found = Vec::new();
        loop {
            match reader.next().await {
                Line::Whole => {
                    found.push(String::from_utf8(reader.line().to_vec()).unwrap());
                    reader.clear();
                }
                Line::TooLong => found.push("too long".to_owned()),
                Line::End => return found,
            }
        }
    }

    #[tokio::test]
    async fn lines_are_bounded_and_the_next_one_is_read() {
        let found = read_all(b"abc\r\n\n  \n0123456789\nde\n0123456789abcdef\n0123456\nunfinis", 8).await;
        assert_eq!(found, ["abc", "too long", "de", "too long", "0123456"]);
    }
}
