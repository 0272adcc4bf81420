//! How do bytes travel between peers?
//!
//! In frames over TCP: the length of the payload and its CRC-32, four bytes each, little endian, and
//! the payload. The first frame of a connection is a [`Handshake`]. The member that was called answers
//! it with an empty frame, or with a text that says why it refuses. All later frames go from the caller
//! to it, and each is one message of raft.

use std::fmt;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest message, in bytes. A snapshot is one message.
pub(super) const MAX_MESSAGE: usize = 1 << 30;

/// The longest handshake, and the longest answer to one, in bytes.
pub(super) const MAX_HANDSHAKE: usize = 1 << 10;

/// A frame is read in pieces of this size, so that a wrong length alone takes no memory.
const PIECE: usize = 1 << 20;

/// Why a frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// The frame says that it is longer than any frame may be here.
    #[error("a frame of {length} bytes; at most {limit} are allowed here")]
    TooLong { length: usize, limit: usize },
    /// The payload is not what was sent.
    #[error("a frame with a wrong checksum")]
    Damaged,
}

/// Writes one frame. Does not flush.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    payload: &[u8],
) -> io::Result<()> {
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_le_bytes()).await?;
    stream.write_all(&crc32fast::hash(payload).to_le_bytes()).await?;
    stream.write_all(payload).await
}

/// Reads one frame; `None` if the connection ends before it.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<Option<Vec<u8>>, FrameError> {
    let mut head = [0; 8];
    if stream.read(&mut head[..1]).await? == 0 {
        return Ok(None);
    }
    stream.read_exact(&mut head[1..]).await?;
    let [a, b, c, d, checksum @ ..] = head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    let mut payload = Vec::new();
    while payload.len() < length {
        let start = payload.len();
        payload.resize(length.min(start + PIECE), 0);
        stream.read_exact(&mut payload[start..]).await?;
    }
    if crc32fast::hash(&payload) != u32::from_le_bytes(checksum) {
        return Err(FrameError::Damaged);
    }
    Ok(Some(payload))
}

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handshake {
    /// The name of the cluster, which keeps members of two clusters apart.
    pub(super) cluster: String,
    /// The member that calls.
    pub(super) from: u64,
    /// The member that it wants to reach.
    pub(super) to: u64,
}

/// The protocol and its version.
const PROTOCOL: &str = "raft-kv/1";

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PROTOCOL} {} {} {}", self.from, self.to, self.cluster)
    }
}

impl Handshake {
    /// Reads what [`Display`](fmt::Display) writes.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(payload).ok()?;
        let mut words = text.splitn(4, ' ');
        if words.next()? != PROTOCOL {
            return None;
        }
        let (from, to) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { cluster: words.next()?.to_owned(), from, to })
    }

    /// Why the member `id` of `cluster` does not take the call; `None` if it does.
    pub(super) fn refusal(&self, cluster: &str, id: u64) -> Option<String> {
        if self.cluster != cluster {
            Some(format!("this member belongs to the cluster `{cluster}`, not `{}`", self.cluster))
        } else if self.to != id {
            Some(format!("this is member {id}, not {}", self.to))
        } else if self.from == id || self.from == 0 {
            Some(format!("{} is not the number of another member", self.from))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Handshake {
        Handshake { cluster: "two words".into(), from: 1, to: 2 }
    }

    #[tokio::test]
    async fn a_frame_comes_back_as_it_was() {
        let mut wire = Vec::new();
        for payload in [&b""[..], b"x", &vec![7; PIECE + 1]] {
            write(&mut wire, payload).await.unwrap();
        }
        let mut wire = &wire[..];
        assert_eq!(read(&mut wire, MAX_MESSAGE).await.unwrap().unwrap(), b"");
        assert_eq!(read(&mut wire, MAX_MESSAGE).await.unwrap().unwrap(), b"x");
        assert_eq!(read(&mut wire, MAX_MESSAGE).await.unwrap().unwrap(), vec![7; PIECE + 1]);
        assert!(read(&mut wire, MAX_MESSAGE).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut whole = Vec::new();
        write(&mut whole, b"payload").await.unwrap();
        for bit in 0..whole.len() * 8 {
            let mut wire = whole.clone();
            wire[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&mut &wire[..], 1 << 10).await.is_err(), "bit {bit}");
        }
        for length in 1..whole.len() {
            assert!(read(&mut &whole[..length], 1 << 10).await.is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_handshake_comes_back_and_says_why_it_is_refused() {
        let sent = hello().to_string();
        let arrived = Handshake::parse(sent.as_bytes()).unwrap();
        assert_eq!(arrived, hello());
        assert_eq!(arrived.refusal("two words", 2), None);
        assert!(arrived.refusal("other", 2).unwrap().contains("`other`"));
        assert_eq!(arrived.refusal("two words", 3).unwrap(), "this is member 3, not 2");
        assert!(Handshake { from: 2, ..hello() }.refusal("two words", 2).is_some());
        for wrong in ["", "raft-kv/1", "raft-kv/2 1 2 x", "raft-kv/1 1 x x", "GET / HTTP/1.1"] {
            assert_eq!(Handshake::parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
