//! A WebSocket as a visitor has it (RFC 6455): short text messages, no dependency.

use crate::http::Connection;
use anyhow::{Result, ensure};
use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
};

/// The key of the handshake. It only proves that the other side speaks the protocol, so it need not be secret.
const KEY: &str = "Z3Vpc2Ugam91cm5leXMgIQ==";
/// What that key is answered by: base64 of the SHA-1 of the key and the RFC's constant.
const ACCEPT: &str = "CIvdqnH8hZHgX/ZHm8Wnzd/DZTc=";
/// FIN and "text".
const TEXT: u8 = 0x81;
/// Longest message of a frame with a length of one byte.
const LONGEST: usize = 125;

/// An open one.
#[derive(Debug)]
pub struct WebSocket {
    stream: BufReader<TcpStream>,
}

impl WebSocket {
    /// Shakes hands.
    ///
    /// # Errors
    /// When the other side does not agree.
    pub fn open(authority: &str, path: &str) -> Result<Self> {
        let mut connection = Connection::open(authority)?;
        let headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", KEY),
        ];
        connection.send("GET", path, &headers, None)?;
        let answer = connection.answer()?;
        ensure!(
            answer.status == 101,
            "status {}: {}",
            answer.status,
            answer.text()
        );
        ensure!(
            answer.header("sec-websocket-accept") == Some(ACCEPT),
            "the key is answered by {:?}",
            answer.header("sec-websocket-accept")
        );
        Ok(Self {
            stream: connection.into_stream(),
        })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the connection is broken, or the message longer than 125 bytes.
    pub fn send(&mut self, message: &[u8]) -> Result<()> {
        ensure!(message.len() <= LONGEST, "a message of {} bytes", message.len());
        // A client must mask what it sends; with a mask of zeros it stays as it is.
        let mut frame = vec![TEXT, 0x80 | message.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(message);
        Ok(self.stream.get_mut().write_all(&frame)?)
    }

    /// Waits for a message.
    ///
    /// # Errors
    /// When the connection ends first, or anything but a short text comes.
    pub fn receive(&mut self) -> Result<Vec<u8>> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let length = usize::from(head[1]);
        ensure!(
            head[0] == TEXT && length <= LONGEST,
            "a frame begins with {head:?}"
        );
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message)?;
        Ok(message)
    }
}
