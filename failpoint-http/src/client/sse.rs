//! Parses a stream of server-sent events.
//!
//! An event is lines of `field: value`, ended by an empty line. The parser ignores unused fields, and
//! comments, which begin with `:`.

/// Takes bytes as they arrive, and yields complete events.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    message: Message,
    /// The last byte was a `\r` that ended a line, so a `\n` may follow.
    after_return: bool,
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) event: String,
    pub(super) data: String,
}

impl Parser {
    /// Parses more bytes; passes each event to `found`.
    pub(super) fn read(&mut self, bytes: &[u8], mut found: impl FnMut(Message)) {
        for &byte in bytes {
            let second_half = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            match byte {
                b'\n' if second_half => {}
                b'\r' | b'\n' => {
                    if let Some(message) = self.end_line() {
                        found(message);
                    }
                }
                _ => self.line.push(byte),
            }
        }
    }

    /// How many bytes of an incomplete event are kept.
    pub(super) fn kept(&self) -> usize {
        self.line.len() + self.message.data.len()
    }

    fn end_line(&mut self) -> Option<Message> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let message = std::mem::take(&mut self.message);
            return (!message.data.is_empty()).then_some(message);
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.message.event = value.to_owned(),
            "data" => {
                if !self.message.data.is_empty() {
                    self.message.data.push('\n');
                }
                self.message.data.push_str(value);
            }
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Message, Parser};

    fn read(parser: &mut Parser, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        parser.read(bytes, |message| messages.push(message));
        messages
    }

    fn message(event: &str, data: &str) -> Message {
        Message { event: event.into(), data: data.into() }
    }

    #[test]
    fn events_whole_and_in_pieces() {
        let stream = ": connected\n\nretry: 1000\n\nid: 1\nevent: fired\ndata: {\"é\":1}\n\n\
                      data:a\r\ndata: b\r\n\r\nevent: none\n\n:\nevent: lost\rdata: 2\r\r";
        let expected = [message("fired", "{\"é\":1}"), message("", "a\nb"), message("lost", "2")];
        assert_eq!(read(&mut Parser::default(), stream.as_bytes()), expected);

        let mut parser = Parser::default();
        let one_by_one: Vec<Message> =
            stream.as_bytes().iter().flat_map(|byte| read(&mut parser, &[*byte])).collect();
        assert_eq!(one_by_one, expected);
        assert_eq!(parser.kept(), 0);
    }

    #[test]
    fn what_is_not_whole_is_kept_and_not_given() {
        let mut parser = Parser::default();
        assert_eq!(read(&mut parser, b"event: fired\ndata: 1\n"), []);
        assert_eq!(read(&mut parser, b"\n"), [message("fired", "1")]);
    }
}
