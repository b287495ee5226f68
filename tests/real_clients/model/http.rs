//! As much of HTTP/1.1 as clients need to ask a model: one request for each connection.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// The most lines of a request's head, and the most bytes of its body.
const MAX_HEAD: usize = 200;
const MAX_BODY: u64 = 32 << 20;

/// What a client asks for.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

/// Reads the request that comes over `stream`.
pub(super) fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let first = line(&mut reader)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = Some(0);
    for _ in 0..MAX_HEAD {
        let field = line(&mut reader)?;
        if field.is_empty() {
            let body = match length {
                Some(length) => bytes(&mut reader, length)?,
                None => chunks(&mut reader)?,
            };
            return Ok(Request { path, body });
        }
        let (name, value) = field.split_once(':').unwrap_or_default();
        match name.to_lowercase().as_str() {
            "content-length" => length = Some(value.trim().parse().map_err(io::Error::other)?),
            "transfer-encoding" => length = None,
            _ => {}
        }
    }
    Err(io::Error::other("too many lines before the body"))
}

/// Answers on `stream`, which is of no more use then.
pub(super) fn answer(mut stream: &TcpStream, status: &str, kind: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    stream.flush()
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

fn bytes(reader: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(io::Error::other("too long a body"));
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}

fn chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let length = u64::from_str_radix(&line(reader)?, 16).map_err(io::Error::other)?;
        body.extend(bytes(reader, length)?);
        line(reader)?;
        if length == 0 {
            return Ok(body);
        }
    }
}
