//! A client that sees every byte, and children of a test.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

#[allow(unused_imports)]
pub use failpoint_test_support::{PATIENCE, until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

pub struct Client<S = TcpStream> {
    stream: BufReader<S>,
    host: String,
}

impl Client {
    pub fn connect(address: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::over(stream, address.to_string())
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S, host: String) -> Self {
        Self { stream: BufReader::new(stream), host }
    }

    /// As Go's client sends it.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, &[], body)
    }

    pub fn ask_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head += &format!("Host: {}\r\n", self.host);
        }
        head += "User-Agent: Go-http-client/1.1\r\n";
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "PUT" {
            head += &format!("Content-Length: {}\r\n", body.len());
        }
        head += "Accept-Encoding: gzip\r\n\r\n";
        self.send(&(head + body));
        self.answer().expect("an answer, not the end of the connection")
    }

    pub fn send(&mut self, bytes: &str) {
        self.stream.get_mut().write_all(bytes.as_bytes()).unwrap();
    }

    /// The next answer; `None` where the connection ends instead.
    pub fn answer(&mut self) -> Option<Answer> {
        let (status, headers) = self.head()?;
        let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let length = length.map_or(0, |(_, length)| length.parse().unwrap());
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Some(Answer { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn head(&mut self) -> Option<(u16, Vec<(String, String)>)> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => return None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
            read => read.unwrap(),
        };
        let status = line.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "the head ends early");
            let line = line.strip_suffix("\r\n").unwrap();
            let Some((name, value)) = line.split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        Some((status, headers))
    }

    /// The next answer, if it is to a `HEAD`: it has the length of a body, and no body.
    pub fn answer_to_head(&mut self) -> Answer {
        let (status, headers) = self.head().expect("an answer, not the end of the connection");
        Answer { status, headers, body: String::new() }
    }

    /// Whether the other side closes without another byte.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0]), Ok(0))
    }
}

/// One event of a stream.
#[derive(Debug)]
pub struct Told {
    pub kind: String,
    pub id: Option<u64>,
    pub data: serde_json::Value,
}

/// A reader of `/v1/events`.
pub struct Reader {
    stream: BufReader<TcpStream>,
}

impl Reader {
    /// Comes back when it is subscribed. As HTTP/1.0, whose body has no chunks.
    pub fn begin(address: &str, query: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("GET /v1/events?{query} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
        let mut reader = Self { stream: BufReader::new(stream) };
        assert!(reader.line().unwrap().contains(" 200 "));
        let mut head = Vec::new();
        while head.last().is_none_or(|line: &String| !line.is_empty()) {
            head.push(reader.line().unwrap().to_lowercase());
        }
        assert!(head.contains(&"content-type: text/event-stream".to_owned()), "{head:?}");
        for line in [": connected", "", "retry: 1000", ""] {
            assert_eq!(reader.line().unwrap(), line);
        }
        reader
    }

    /// The next event; `None` where the stream ends instead.
    pub fn next(&mut self) -> Option<Told> {
        let (mut kind, mut id, mut data) = (None, None, None);
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("event", word)) => kind = Some(word.to_owned()),
                Some(("id", number)) => id = Some(number.parse().unwrap()),
                Some(("data", json)) => data = Some(serde_json::from_str(json).unwrap()),
                Some(("", _)) => {}
                None if line.is_empty() && kind.is_none() => {}
                None if line.is_empty() => {
                    return Some(Told { kind: kind?, id, data: data.unwrap() });
                }
                _ => panic!("no field of an event: {line:?}"),
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            read => {
                read.unwrap();
                Some(line.trim_end_matches(['\r', '\n']).to_owned())
            }
        }
    }
}

/// This executable once more, to run its test `name` alone with these variables.
pub fn child(name: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    for (variable, _) in std::env::vars() {
        if variable.contains("FAILPOINT") || variable.contains("GOFAIL") {
            command.env_remove(variable);
        }
    }
    command.env("THIS_IS_THE_CHILD", "1").envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Whether this process is one that [`child`] made.
pub fn is_child() -> bool {
    std::env::var_os("THIS_IS_THE_CHILD").is_some()
}

/// The rest of the line of `child`'s standard output that begins with `mark`.
pub fn line_of(child: &mut Child, mark: &str) -> String {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut rests = lines.filter_map(|line| line.unwrap().strip_prefix(mark).map(str::to_owned));
    rests.next().expect("the child says it")
}
