//! Sends one request and awaits the reply.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("it accepts");
        stream.set_nodelay(true).expect("no delay");
        Self { stream: BufReader::new(stream) }
    }

    /// The body of a good answer.
    pub(crate) fn ask(&mut self, request: &str) -> Vec<u8> {
        self.send(request);
        self.answer()
    }

    pub(crate) fn send(&mut self, request: &str) {
        self.stream.get_mut().write_all(request.as_bytes()).expect("it reads");
    }

    pub(crate) fn answer(&mut self) -> Vec<u8> {
        let (status, body) = self.whatever();
        assert!(status / 10 == 20, "{status}: {}", String::from_utf8_lossy(&body));
        body
    }

    /// The status and the body of an answer.
    pub(crate) fn whatever(&mut self) -> (u16, Vec<u8>) {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("an answer");
        let status = line.split(' ').nth(1).expect("a status").parse().expect("a number");
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("a head");
            if line == "\r\n" {
                break;
            }
            if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (status, body)
    }
}
