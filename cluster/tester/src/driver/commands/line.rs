//! How is one line sent over TCP, and one reply read? A reply is a line, or one of RESP.
//!
//! RESP (<https://redis.io/docs/latest/develop/reference/protocol-spec/>) is told from a line by
//! `$LENGTH` and `*COUNT`; its simple strings, errors and integers are lines.

use std::io::ErrorKind;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::judge::{Answered, NoAnswer};

/// The longest reply, in bytes.
const LONGEST: usize = 16 << 20;

/// The most elements of an array.
const MOST: usize = 100_000;

/// A connection that is kept open between requests.
#[derive(Debug, Default)]
pub(super) struct Connection {
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    address: String,
    stream: TcpStream,
}

impl Connection {
    /// Sends a line, and reads the reply. `limit` covers both, and connecting.
    pub(super) async fn ask(
        &self,
        address: &str,
        line: &str,
        limit: Duration,
    ) -> Result<Answered, NoAnswer> {
        let mut sent = false;
        match timeout(limit, self.exchange(address, line, &mut sent)).await {
            Ok(answered) => answered,
            Err(_) if sent => Err(NoAnswer::late(limit)),
            Err(_) => Err(NoAnswer::NotSent(format!("not connected within {limit:?}"))),
        }
    }

    async fn exchange(
        &self,
        address: &str,
        line: &str,
        sent: &mut bool,
    ) -> Result<Answered, NoAnswer> {
        let mut place = self.open.lock().await;
        // It goes back only after a whole reply, also if this future is dropped.
        let kept = place.take().filter(|open| open.address == address && open.is_quiet());
        let mut open = match kept {
            Some(open) => open,
            None => Open::connect(address).await.map_err(NoAnswer::NotSent)?,
        };
        *sent = true;
        let lost = |error: std::io::Error| NoAnswer::Lost(error.to_string());
        open.stream.write_all(format!("{line}\n").as_bytes()).await.map_err(lost)?;
        let mut reader = Reader { stream: &mut open.stream, buffer: Vec::new(), at: 0 };
        let answered = reader.reply().await.map_err(NoAnswer::Lost)?;
        // What follows a reply belongs to no request.
        if reader.at == reader.buffer.len() {
            *place = Some(open);
        }
        Ok(answered)
    }
}

impl Open {
    async fn connect(address: &str) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self { address: address.to_owned(), stream })
    }

    /// Whether the server neither closed the connection nor sent something unasked.
    fn is_quiet(&self) -> bool {
        let read = self.stream.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// Reads replies.
struct Reader<'a, S> {
    stream: &'a mut S,
    buffer: Vec<u8>,
    /// Up to here, the buffer was used.
    at: usize,
}

impl<S: AsyncReadExt + Unpin> Reader<'_, S> {
    async fn reply(&mut self) -> Result<Answered, String> {
        let line = self.line().await?;
        match number_after(b'*', &line) {
            Some(count) => self.array(count).await,
            None => self.single(line).await,
        }
    }

    async fn single(&mut self, mut line: Vec<u8>) -> Result<Answered, String> {
        match number_after(b'$', &line) {
            Some(..0) => Ok(Answered::Missing("(nil)".to_owned())),
            Some(length) => {
                let text = text(self.bytes(usize::try_from(length).unwrap_or(usize::MAX)).await?);
                Ok(Answered::Text { text, success: true })
            }
            None => {
                let error = |line: &[u8]| match line {
                    [b'-', second, ..] => second.is_ascii_uppercase(),
                    line => line.starts_with(b"ERR"),
                };
                let success = !error(&line);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                Ok(Answered::Text { text: text(line), success })
            }
        }
    }

    /// The elements of an array; nested ones are refused.
    async fn array(&mut self, count: i64) -> Result<Answered, String> {
        let Ok(count) = usize::try_from(count) else {
            return Ok(Answered::Missing("(nil)".to_owned()));
        };
        if count > MOST {
            return Err(format!("an array of more than {MOST} elements"));
        }
        let mut values = Vec::new();
        for _ in 0..count {
            let line = self.line().await?;
            if number_after(b'*', &line).is_some() {
                return Err("an array in an array".to_owned());
            }
            values.push(match self.single(line).await? {
                Answered::Text { text, .. } => text,
                _ => String::new(),
            });
        }
        Ok(Answered::Array(values))
    }

    /// A line without `\n`.
    async fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut searched = self.at;
        loop {
            if let Some(end) = self.buffer[searched..].iter().position(|&byte| byte == b'\n') {
                let line = self.buffer[self.at..searched + end].to_vec();
                self.at = searched + end + 1;
                return Ok(line);
            }
            searched = self.buffer.len();
            self.more().await?;
        }
    }

    /// That many bytes, and the end of the line after them.
    async fn bytes(&mut self, length: usize) -> Result<Vec<u8>, String> {
        let whole = length.saturating_add(2);
        if whole > LONGEST {
            return Err(too_long());
        }
        while self.buffer.len() - self.at < whole {
            self.more().await?;
        }
        let (from, end) = (self.at, self.at + length);
        if &self.buffer[end..end + 2] != b"\r\n" {
            return Err("a bulk string without its end".to_owned());
        }
        self.at = end + 2;
        Ok(self.buffer[from..end].to_vec())
    }

    async fn more(&mut self) -> Result<(), String> {
        if self.buffer.len() > LONGEST {
            return Err(too_long());
        }
        self.buffer.reserve(4096);
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err("the connection was closed before the whole reply".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// `$5\r` → 5, for `$`.
fn number_after(sign: u8, line: &[u8]) -> Option<i64> {
    let digits = line.strip_suffix(b"\r")?.strip_prefix(&[sign])?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into())
}

fn too_long() -> String {
    format!("a reply of more than {LONGEST} bytes")
}

#[cfg(test)]
mod tests {
    use super::{Answered, Reader};
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<Answered, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut stream = bytes;
        runtime.block_on(Reader { stream: &mut stream, buffer: Vec::new(), at: 0 }.reply())
    }

    fn said(text: &str, success: bool) -> Result<Answered, String> {
        Ok(Answered::Text { text: text.to_owned(), success })
    }

    #[test]
    fn replies_are_lines_or_resp() {
        for (bytes, expected) in [
            ("OK\n", said("OK", true)),
            ("VALUE a b\n", said("VALUE a b", true)),
            ("ERR not saved\n", said("ERR not saved", false)),
            ("+OK\r\n", said("+OK", true)),
            ("-ERR no\r\n", said("-ERR no", false)),
            ("-5\r\n", said("-5", true)),
            (":1\r\n", said(":1", true)),
            ("$3\r\nabc\r\n", said("abc", true)),
            ("$4\r\na\r\nb\r\n", said("a\r\nb", true)),
            ("$0\r\n\r\n", said("", true)),
            ("$3\n", said("$3", true)),
            ("$-1\r\n", Ok(Answered::Missing("(nil)".into()))),
            ("*0\r\n", Ok(Answered::Array(Vec::new()))),
            ("*2\r\n$1\r\na\r\n:1\r\n", Ok(Answered::Array(vec!["a".into(), ":1".into()]))),
        ] {
            assert_eq!(read(bytes.as_bytes()), expected, "{bytes:?}");
        }
    }

    #[test]
    fn replies_that_are_not_whole_or_too_long_are_errors() {
        for bytes in ["", "OK", "$3\r\nab", "$3\r\nabcde\r\n", "*2\r\n:1\r\n", "*1\r\n*1\r\n:1\r\n"]
        {
            assert!(read(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        for bytes in ["$99999999999\r\n", "$9223372036854775807\r\n", "*9223372036854775807\r\n"] {
            assert!(read(bytes.as_bytes()).unwrap_err().contains("more than"), "{bytes:?}");
        }
        let endless = vec![b'a'; super::LONGEST + (1 << 20)];
        assert!(read(&endless).unwrap_err().contains("more than"));
    }

    proptest! {
        #[test]
        fn no_reply_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_reply_like_resp_panics(text in "([$*:+-][0-9-]{0,20}\r?\n|[a-z]{0,5}\r?\n){0,6}") {
            let _ = read(text.as_bytes());
        }
    }
}
