//! The child at the other end of the pipe: answers each request with an empty result, and does
//! nothing else, so that what is measured is the way to it.

use std::io::{self, BufRead, Write};

/// Answers until the input ends.
pub(crate) fn answer() -> io::Result<()> {
    let mut input = io::BufReader::with_capacity(64 << 10, io::stdin().lock());
    // Flushed when nothing more waits to be read, as any careful server does.
    let mut output = io::BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        output.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":")?;
        output.write_all(id(&line))?;
        output.write_all(b",\"result\":{}}\n")?;
        line.clear();
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    Ok(())
}

/// The digits after `"id":`.
fn id(line: &[u8]) -> &[u8] {
    const KEY: &[u8] = b"\"id\":";
    let Some(at) = line.windows(KEY.len()).position(|window| window == KEY) else { return b"null" };
    let rest = &line[at + KEY.len()..];
    &rest[..rest.iter().take_while(|byte| byte.is_ascii_digit()).count()]
}
