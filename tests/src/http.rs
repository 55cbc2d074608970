//! A page as a visitor gets it. One request per connection, HTTP/1.1, no dependency.

use anyhow::{Context, Result, bail, ensure};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    thread::sleep,
    time::{Duration, Instant},
};

/// Requests are held while an app is swapped; no journey waits longer than this for one.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// Its status code.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Fetches a page.
///
/// # Errors
/// When no whole answer comes.
pub fn get(url: &str) -> Result<Response> {
    request("GET", url, None)
}

/// Fetches a page again and again until it is there, as a browser's user would.
///
/// # Errors
/// When it is not there within `patience`; the message has what came last.
pub fn get_when(url: &str, patience: Duration, is_there: impl Fn(&Response) -> bool) -> Result<Response> {
    let begun = Instant::now();
    loop {
        let last = get(url);
        match &last {
            Ok(response) if is_there(response) => return last,
            _ if begun.elapsed() < patience => sleep(PAUSE),
            Ok(response) => bail!(
                "{url} answers {} after {patience:?}:\n{}",
                response.status,
                response.text()
            ),
            Err(error) => bail!("{url} does not answer within {patience:?}: {error:#}"),
        }
    }
}

/// A part of a form: its name, a file name if it is a file, and its content.
pub type Part<'a> = (&'a str, Option<&'a str>, &'a [u8]);

/// Sends a form with files (RFC 7578).
///
/// # Errors
/// When no whole answer comes.
pub fn post_form(url: &str, parts: &[Part<'_>]) -> Result<Response> {
    const BOUNDARY: &str = "a-line-that-no-part-contains";
    let mut body = Vec::new();
    for (name, file, content) in parts {
        let file = file
            .map(|file| format!("; filename=\"{file}\""))
            .unwrap_or_default();
        write!(
            body,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
        )?;
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    write!(body, "--{BOUNDARY}--\r\n")?;
    request(
        "POST",
        url,
        Some((&format!("multipart/form-data; boundary={BOUNDARY}"), &body)),
    )
}

/// Names below `localhost` need no resolver: they all are this machine (RFC 6761), as in a browser.
fn request(method: &str, url: &str, body: Option<(&str, &[u8])>) -> Result<Response> {
    let rest = url
        .strip_prefix("http://")
        .with_context(|| format!("{url} is not an http URL"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let port: u16 = authority
        .split_once(':')
        .map_or(Ok(80), |(_, port)| port.parse())?;
    let mut stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("cannot reach {url}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = format!("{method} /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n");
    if let Some((content_type, body)) = body {
        head.push_str(&format!(
            "Content-Type: {content_type}\r\nContent-Length: {}\r\n",
            body.len()
        ));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(body.map_or(&[], |(_, body)| body))?;
    response(&mut BufReader::new(stream)).with_context(|| format!("{method} {url}"))
}

fn response(stream: &mut impl BufRead) -> Result<Response> {
    let status = line(stream)?;
    let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.context("the answer does not begin with a status line")?;
    let mut headers = Vec::new();
    loop {
        let line = line(stream)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_string()));
    }
    let mut response = Response {
        status,
        headers,
        body: Vec::new(),
    };
    match response.header("transfer-encoding") {
        Some("chunked") => response.body = chunks(stream)?,
        _ => drop(stream.read_to_end(&mut response.body)?),
    }
    if let Some(length) = response.header("content-length") {
        ensure!(
            length == response.body.len().to_string(),
            "the body is cut off: {length} bytes were promised"
        );
    }
    Ok(response)
}

fn chunks(stream: &mut impl BufRead) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = u64::from_str_radix(line(stream)?.split(';').next().unwrap_or_default(), 16)?;
        let before = body.len();
        stream.take(size).read_to_end(&mut body)?;
        ensure!((body.len() - before) as u64 == size, "a chunk is cut off");
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    ensure!(stream.read_line(&mut line)? > 0, "the connection was closed");
    Ok(line.trim_end_matches(['\r', '\n']).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_answer_is_put_together() {
        let answer =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let response = response(&mut answer.as_bytes()).unwrap();
        assert_eq!((response.status, response.text().as_str()), (200, "abcde"));
    }

    #[test]
    fn an_answer_that_is_cut_off_is_an_error() {
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        ] {
            assert!(response(&mut answer.as_bytes()).is_err(), "{answer:?}");
        }
    }
}
