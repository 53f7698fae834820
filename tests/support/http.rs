//! A small HTTP client that changes nothing: what was sent and what came are seen as they are.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// By lower-case name; of several of one name, joined by commas.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// One connection, used again and again.
pub struct Client {
    stream: BufReader<TcpStream>,
    address: String,
    host: String,
}

impl Client {
    /// To `127.0.0.1:port`.
    pub fn new(port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        Self { stream: connect(&address), host: address.clone(), address }
    }

    /// Names another host than the address.
    pub fn host(mut self, host: &str) -> Self {
        self.host = host.to_owned();
        self
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    /// Sends a request as it is: the path is not touched.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("host: {}\r\n", self.host);
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() || method == "POST" {
            head += &format!("content-length: {}\r\n", body.len());
        }
        let bytes = [head.as_bytes(), b"\r\n", body].concat();
        if self.stream.get_mut().write_all(&bytes).is_err() {
            self.stream = connect(&self.address);
            self.stream.get_mut().write_all(&bytes).unwrap();
        }
        let answer = read(&mut self.stream, method);
        if answer.header("connection").eq_ignore_ascii_case("close") {
            self.stream = connect(&self.address);
        }
        answer
    }
}

fn connect(address: &str) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).unwrap_or_else(|e| panic!("{address}: {e}"));
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    BufReader::new(stream)
}

fn read(stream: &mut BufReader<TcpStream>, method: &str) -> Answer {
    let status = line(stream);
    let status: u16 = status.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{status:?}"));
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let line = line(stream);
        let Some((name, value)) = line.split_once(':') else { break };
        let old = headers.entry(name.trim().to_lowercase()).or_default();
        *old = if old.is_empty() { value.trim().into() } else { format!("{old}, {}", value.trim()) };
    }
    let mut body = Vec::new();
    let bodiless = method == "HEAD" || status == 204 || status == 304;
    if headers.get("transfer-encoding").is_some_and(|t| t == "chunked") && !bodiless {
        loop {
            let size = usize::from_str_radix(line(stream).trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).unwrap();
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    } else if let (Some(length), false) = (headers.get("content-length"), bodiless) {
        body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
    }
    Answer { status, headers, body }
}

/// One line without its end; for streams of events too.
pub fn line(stream: &mut impl BufRead) -> String {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).unwrap();
    String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()
}
