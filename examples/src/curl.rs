//! A minimal HTTP client for a control plane, which prints each request as a `curl` command.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A control plane answers at once, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The control plane of a server.
#[derive(Clone, Debug)]
pub struct Curl {
    address: String,
}

/// Its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// A request; `Display` prints it as a `curl` command.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    address: &'a str,
    method: &'a str,
    point: &'a str,
    body: Option<&'a str>,
}

impl Curl {
    /// For the control plane at `address`, as `127.0.0.1:22381`.
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned() }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Every point and its terms, one per line.
    pub fn list(&self) -> Request<'_> {
        self.request("GET", "", None)
    }

    /// The terms of a point, or `NAME/count`.
    pub fn get<'a>(&'a self, point: &'a str) -> Request<'a> {
        self.request("GET", point, None)
    }

    /// Arms a point.
    pub fn put<'a>(&'a self, point: &'a str, terms: &'a str) -> Request<'a> {
        self.request("PUT", point, Some(terms))
    }

    /// Disarms a point.
    pub fn delete<'a>(&'a self, point: &'a str) -> Request<'a> {
        self.request("DELETE", point, None)
    }

    fn request<'a>(
        &'a self,
        method: &'a str,
        point: &'a str,
        body: Option<&'a str>,
    ) -> Request<'a> {
        Request { address: &self.address, method, point, body }
    }
}

impl Request<'_> {
    /// Sends it.
    ///
    /// # Errors
    /// If there is no answer, or if it is not HTTP.
    pub fn send(self) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = self.body.unwrap_or_default();
        let Request { address, method, point, .. } = self;
        let request = format!(
            "{method} /{point} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        read_answer(&mut BufReader::new(stream))
    }
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("curl ")?;
        if self.method != "GET" {
            write!(f, "-X{} ", self.method)?;
        }
        if let Some(body) = self.body {
            // In a shell: end the quoted text, add an escaped quote, and begin again.
            write!(f, "-d'{}' ", body.replace('\'', r"'\''"))?;
        }
        match self.address.strip_prefix("unix:") {
            Some(path) => write!(f, "--unix-socket {path} http://localhost/{}", self.point),
            None => write!(f, "http://{}/{}", self.address, self.point),
        }
    }
}

fn read_answer(answer: &mut impl BufRead) -> io::Result<Answer> {
    let mut line = String::new();
    answer.read_line(&mut line)?;
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"))?;
    let mut length = None;
    loop {
        line.clear();
        answer.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    let mut body = String::new();
    match (status, length) {
        // There is no body, and the process may be ending, so do not read on.
        (204, _) => {}
        (_, Some(length)) => {
            answer.take(length).read_to_string(&mut body)?;
        }
        (_, None) => {
            answer.read_to_string(&mut body)?;
        }
    }
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use super::Curl;

    #[test]
    fn the_line_is_fit_for_a_shell() {
        let tcp = Curl::new("127.0.0.1:22381");
        assert_eq!(tcp.list().to_string(), "curl http://127.0.0.1:22381/");
        assert_eq!(
            tcp.put("walWrite", "return(it's)").to_string(),
            r"curl -XPUT -d'return(it'\''s)' http://127.0.0.1:22381/walWrite"
        );
        assert_eq!(
            Curl::new("unix:/run/fail").delete("walWrite").to_string(),
            "curl -XDELETE --unix-socket /run/fail http://localhost/walWrite"
        );
    }
}
