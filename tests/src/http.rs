//! A page as a visitor gets it: HTTP/1.1 without a dependency, a connection for each request or one for many.

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

/// Sends `body`, which is of this type.
///
/// # Errors
/// When no whole answer comes.
pub fn post(url: &str, content_type: &str, body: &[u8]) -> Result<Response> {
    request("POST", url, Some((content_type, body)))
}

fn request(method: &str, url: &str, body: Option<(&str, &[u8])>) -> Result<Response> {
    let (authority, path) = parts(url)?;
    let mut connection = Connection::open(authority)?;
    connection
        .send(method, path, &[("Connection", "close")], body)
        .and_then(|()| connection.answer())
        .with_context(|| format!("{method} {url}"))
}

/// Authority and path of a URL.
///
/// # Errors
/// When it is not one of plain HTTP.
pub fn parts(url: &str) -> Result<(&str, &str)> {
    let rest = url
        .strip_prefix("http://")
        .with_context(|| format!("{url} is not an http URL"))?;
    Ok(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

/// A connection that is kept open between requests.
#[derive(Debug)]
pub struct Connection {
    authority: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects. Names below `localhost` need no resolver: they all are this machine (RFC 6761), as in a browser.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(authority: &str) -> Result<Self> {
        let port: u16 = authority
            .split_once(':')
            .map_or(Ok(80), |(_, port)| port.parse())?;
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("cannot reach {authority}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            authority: authority.into(),
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request; `body` is its type and content.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
    ) -> Result<()> {
        let path = if path.is_empty() { "/" } else { path };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.authority);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some((content_type, body)) = body {
            request.push_str(&format!(
                "Content-Type: {content_type}\r\nContent-Length: {}\r\n",
                body.len()
            ));
        }
        let mut bytes = format!("{request}\r\n").into_bytes();
        bytes.extend_from_slice(body.map_or(&[], |(_, body)| body));
        Ok(self.stream.get_mut().write_all(&bytes)?)
    }

    /// Reads an answer. One of unknown length ends with the connection.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub fn answer(&mut self) -> Result<Response> {
        response(&mut self.stream)
    }

    /// What is left once the connection has become something else than HTTP.
    pub fn into_stream(self) -> BufReader<TcpStream> {
        self.stream
    }
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
    let length = response
        .header("content-length")
        .map(str::parse::<u64>)
        .transpose()?;
    match (response.header("transfer-encoding"), length) {
        (Some("chunked"), _) => response.body = chunks(stream)?,
        (_, Some(length)) => drop(stream.take(length).read_to_end(&mut response.body)?),
        _ if response.status == 101 => {}
        _ => drop(stream.read_to_end(&mut response.body)?),
    }
    if let Some(length) = length {
        ensure!(
            length == response.body.len() as u64,
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
