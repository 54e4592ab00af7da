//! A kept connection that speaks as little HTTP as answers it.

use anyhow::{Context, ensure};
use memchr::memmem;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

use super::Address;

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// One connection, one request at a time.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: &Address) -> anyhow::Result<Self> {
        let stream: Box<dyn Stream> = match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        };
        Ok(Self { stream, buffer: Vec::with_capacity(16 << 10) })
    }

    /// Sends a request, reads its answer to the end, and returns the body.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server hung up");
            if let Some((start, length)) = answer_body(&self.buffer)? {
                if self.buffer.len() >= start + length {
                    return Ok(&self.buffer[start..start + length]);
                }
                self.buffer.reserve(start + length - self.buffer.len());
            }
        }
    }
}

/// Where the body of the answer that begins with `bytes` starts, and its length; `None` while its
/// head is not whole.
fn answer_body(bytes: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end])?;
    ensure!(head.starts_with("HTTP/1.1 2"), "{}", String::from_utf8_lossy(bytes));
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim())
    });
    Ok(Some((end + 4, length.context("the answer says no length")?.parse()?)))
}
