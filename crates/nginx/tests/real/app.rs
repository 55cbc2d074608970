//! Apps that answer with what reached them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixListener,
    path::Path,
    thread,
};

/// Starts an HTTP app that answers `app METHOD PATH` and, for each header that begins with `x-`, a line of it.
pub fn http() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve_http(stream));
        }
    });
    port
}

fn serve_http(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let request = lines[0].rsplit_once(' ')?.0;
        let seen = |line: &&String| {
            let line = line.to_lowercase();
            line.starts_with("x-")
                || line.starts_with("host")
                || line.starts_with("upgrade")
                || line.starts_with("connection")
        };
        let headers: Vec<String> = lines[1..].iter().filter(seen).cloned().collect();
        let body = format!("app {request}\n{}", headers.join("\n"));
        write!(
            writer,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
    }
}

/// Starts a FastCGI app on a unix socket that answers `php FILE NAME URI`, one request per connection.
pub fn fastcgi(socket: &Path) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || serve_fastcgi(&mut stream));
        }
    });
}

fn serve_fastcgi(stream: &mut (impl Read + Write)) -> Option<()> {
    const PARAMS: u8 = 4;
    const STDIN: u8 = 5;
    let mut parameters = Vec::new();
    loop {
        let mut head = [0u8; 8];
        stream.read_exact(&mut head).ok()?;
        let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
        let mut content = vec![0; length + usize::from(head[6])];
        stream.read_exact(&mut content).ok()?;
        match head[1] {
            PARAMS => parameters.extend_from_slice(&content[..length]),
            STDIN if length == 0 => break,
            _ => {}
        }
    }
    let get = |wanted: &str| {
        pairs(&parameters)
            .into_iter()
            .find(|(name, _)| name == wanted)
            .unwrap_or_default()
            .1
    };
    let file = get("SCRIPT_FILENAME");
    let file = file.rsplit_once("/app/").map_or(file.as_str(), |(_, rest)| rest);
    let answer = format!(
        "Content-Type: text/plain\r\n\r\nphp {file} {} {}",
        get("SCRIPT_NAME"),
        get("REQUEST_URI")
    );
    let mut records = vec![1, 6, 0, 1];
    records.extend(u16::try_from(answer.len()).ok()?.to_be_bytes());
    records.extend([0, 0]);
    records.extend(answer.bytes());
    records.extend([1, 6, 0, 1, 0, 0, 0, 0]);
    records.extend([1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    stream.write_all(&records).ok()
}

fn pairs(mut bytes: &[u8]) -> Vec<(String, String)> {
    fn length(bytes: &mut &[u8]) -> Option<usize> {
        let (first, rest) = bytes.split_first()?;
        if first & 0x80 == 0 {
            *bytes = rest;
            return Some(usize::from(*first));
        }
        let (four, rest) = bytes.split_first_chunk::<4>()?;
        *bytes = rest;
        Some((u32::from_be_bytes(*four) & 0x7fff_ffff) as usize)
    }
    let mut pairs = Vec::new();
    while let (Some(name), Some(value)) = (length(&mut bytes), length(&mut bytes)) {
        let (pair, rest) = bytes.split_at((name + value).min(bytes.len()));
        let (name, value) = pair.split_at(name.min(pair.len()));
        pairs.push((
            String::from_utf8_lossy(name).into_owned(),
            String::from_utf8_lossy(value).into_owned(),
        ));
        bytes = rest;
    }
    pairs
}
