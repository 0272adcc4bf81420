//! Where does the output of a process go? To its log file as it is, and to [`Logs`] by lines.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::logs::Logs;

/// The longest line in [`Logs`], in bytes. What a line has beyond that is only in the log file.
const LONGEST: usize = 8 << 10;

/// Copies all output. Returns when every process that has the pipe has closed it.
pub(super) fn copy(mut from: impl Read, mut file: Option<LogFile>, logs: &Logs) {
    let mut buffer = vec![0; 64 << 10];
    let mut lines = Lines::default();
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        let read = &buffer[..count];
        if let Some(log) = &mut file
            && let Err(error) = log.write(read)
        {
            logs.push(&format!(
                "failpoint-tester: the log file {} cannot be written, its rest is missing: {error}",
                log.path.display()
            ));
            file = None;
        }
        logs.push_all(lines.feed(read));
    }
    logs.push_all(lines.finish());
}

/// A log file that is renamed to `FILE.1` when it is full.
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    limit: u64,
}

impl LogFile {
    /// Appends to `path`; creates it if it is not there.
    pub(super) fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size, limit })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size >= self.limit {
            fs::rename(&self.path, rotated(&self.path))?;
            *self = Self::open(&self.path, self.limit)?;
        }
        self.file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }
}

/// The name of the older part of a log file.
pub(crate) fn rotated(log: &Path) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// Splits bytes into lines, and makes them text.
#[derive(Default)]
struct Lines {
    /// The start of the line that has not ended yet; at most [`LONGEST`] bytes.
    begun: Vec<u8>,
    /// How many bytes of it are left out.
    left_out: usize,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ends) = match part.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (part, false),
            };
            let room = LONGEST - self.begun.len();
            let taken = room.min(text.len());
            self.begun.extend_from_slice(&text[..taken]);
            self.left_out += text.len() - taken;
            if ends {
                lines.push(self.take());
            }
        }
        lines
    }

    /// The last line, if it has no end.
    fn finish(&mut self) -> Option<String> {
        (!self.begun.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        let mut text = visible(self.begun.strip_suffix(b"\r").unwrap_or(&self.begun));
        if self.left_out > 0 {
            text.push_str(&format!("… ({} more bytes)", self.left_out));
        }
        self.begun.clear();
        self.left_out = 0;
        text
    }
}

/// Bytes that are not UTF-8 as `\xff`, and control characters other than tabs with escapes.
fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            if char.is_control() && char != '\t' {
                text.extend(char.escape_default());
            } else {
                text.push(char);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Lines, LogFile, copy, rotated};
    use crate::process::logs::Logs;

    fn lines(parts: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut all: Vec<String> = parts.iter().flat_map(|part| lines.feed(part)).collect();
        all.extend(lines.finish());
        all
    }

    #[test]
    fn a_line_may_come_in_parts_and_without_an_end() {
        assert_eq!(lines(&[b"a\nb", b"c\r\n\nd"]), ["a", "bc", "", "d"]);
        assert_eq!(lines(&[b"a\n"]), ["a"]);
        assert!(lines(&[b""]).is_empty());
    }

    #[test]
    fn what_is_no_text_is_escaped() {
        assert_eq!(
            lines(&[b"a\xff\xfeb \x1b[1m\tz\0\n", "ä\n".as_bytes()]),
            ["a\\xff\\xfeb \\u{1b}[1m\tz\\u{0}", "ä"]
        );
    }

    #[test]
    fn a_line_is_bounded() {
        let mut split = Lines::default();
        for _ in 0..100 {
            assert!(split.feed(&[b'x'; LONGEST]).is_empty());
            assert!(split.begun.len() <= LONGEST);
        }
        let line = split.feed(b"\nnext\n");
        assert_eq!(line[0].len(), LONGEST + format!("… ({} more bytes)", 99 * LONGEST).len());
        assert_eq!(line[1], "next");
    }

    #[test]
    fn a_log_file_is_bounded() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("log");
        let logs = Logs::default();
        for _ in 0..10 {
            let file = LogFile::open(&path, 1000).expect("the log");
            copy(&b"0123456789\n".repeat(50)[..], Some(file), &logs);
        }
        for file in [&path, &rotated(&path)] {
            let size = std::fs::metadata(file).expect("both parts").len();
            assert!((500..=1500).contains(&size), "{size}");
        }
        assert_eq!(logs.len(), 500);
    }
}
