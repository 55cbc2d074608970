//! The addresses of a host name and how long they hold, asked of a nameserver (RFC 1035).
//!
//! The C library's resolver, which the standard library asks, does not say how long.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, SystemTime},
};

/// How long a nameserver may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of an answer (EDNS, RFC 6891, is not asked for: then it is 512, but not all servers mind).
const LONGEST: usize = 4096;
/// Type and class of what is asked for: an IPv4 address on the Internet.
const ADDRESS: [u8; 4] = [0, 1, 0, 1];

/// What a nameserver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The addresses; none when there is no such name.
    pub addresses: Vec<Ipv4Addr>,
    /// How long they hold; zero without any.
    pub ttl: Duration,
}

/// A name that could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The nameserver does not answer.
    #[error("asking {server} for {name}: {source}")]
    Ask {
        /// Whom.
        server: SocketAddr,
        /// For what.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// The nameserver could not find out, or its answer is none.
    #[error("{server} does not know whether {name} exists")]
    NoAnswer {
        /// Who.
        server: SocketAddr,
        /// What was asked for.
        name: String,
    },
}

/// Asks a nameserver for the IPv4 addresses of a complete host name.
///
/// # Errors
/// When it does not answer within two seconds, or not to the question. That a name does not exist is an answer.
pub fn lookup(server: SocketAddr, name: &str) -> Result<Answer, LookupError> {
    let failed = |source| LookupError::Ask {
        server,
        name: name.into(),
        source,
    };
    // The kernel picks a port at random, and drops what does not come from the nameserver.
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(local).map_err(failed)?;
    socket.connect(server).map_err(failed)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let question = question(number(), name);
    socket.send(&question).map_err(failed)?;
    let mut buffer = [0; LONGEST];
    let length = socket.recv(&mut buffer).map_err(failed)?;
    let answer = buffer.get(..length).and_then(|message| read(message, &question));
    answer.ok_or_else(|| LookupError::NoAnswer {
        server,
        name: name.into(),
    })
}

/// A number that tells an answer to this question from others.
fn number() -> u16 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // Their low bits change with each call; that the answer repeats the question and comes to a random port protects.
    (now.unwrap_or_default().subsec_nanos() & 0xffff) as u16
}

/// The message that asks for a name: one question, recursion wanted.
fn question(number: u16, name: &str) -> Vec<u8> {
    let mut message = number.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        let label = label.as_bytes().get(..63).unwrap_or(label.as_bytes());
        message.push(label.len() as u8);
        message.extend(label);
    }
    message.push(0);
    message.extend(ADDRESS);
    message
}

/// Reads an answer; `None` when it is not one to this question, or the server failed.
fn read(message: &[u8], question: &[u8]) -> Option<Answer> {
    const NO_SUCH_NAME: u8 = 3;
    let is_answer = message.get(..2)? == question.get(..2)? && message.get(2)? & 0x80 != 0;
    let outcome = message.get(3)? & 0x0f;
    if !is_answer || (outcome != 0 && outcome != NO_SUCH_NAME) {
        return None;
    }
    // The question comes back in front of the answers.
    let asked = message.get(12..question.len())?;
    if !asked.eq_ignore_ascii_case(question.get(12..)?) {
        return None;
    }
    let count = u16::from_be_bytes([*message.get(6)?, *message.get(7)?]);
    let mut place = question.len();
    let mut answer = Answer {
        addresses: Vec::new(),
        ttl: Duration::MAX,
    };
    for _ in 0..count {
        place = after_name(message, place)?;
        let head = message.get(place..place + 10)?;
        let ttl = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        let length = usize::from(u16::from_be_bytes([head[8], head[9]]));
        let body = message.get(place + 10..place + 10 + length)?;
        place += 10 + length;
        // Aliases come before the addresses they lead to; those hold no longer than the alias.
        answer.ttl = answer.ttl.min(Duration::from_secs(ttl.into()));
        if head[..4] == ADDRESS
            && let Ok(address) = <[u8; 4]>::try_from(body)
        {
            answer.addresses.push(address.into());
        }
    }
    if answer.addresses.is_empty() {
        answer.ttl = Duration::ZERO;
    }
    Some(answer)
}

/// Where a name ends that begins at `place`: with an empty label, or a pointer to where the rest stands.
fn after_name(message: &[u8], mut place: usize) -> Option<usize> {
    loop {
        match usize::from(*message.get(place)?) {
            0 => return Some(place + 1),
            pointer if pointer >= 0xc0 => return Some(place + 2),
            length => place += 1 + length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An answer to `question`: an alias that holds 300 s, and two addresses that hold 60 s.
    fn answer(question: &[u8]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] |= 0x80;
        message[7] = 3;
        message.extend(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x03\x01b\x00");
        for last in [1, 2] {
            message.extend(b"\x01b\x00\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02");
            message.push(last);
        }
        message
    }

    #[test]
    fn a_nameserver_is_asked_and_believed_for_as_long_as_it_says() {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let serves = std::thread::spawn(move || {
            let mut buffer = [0; 512];
            let (length, from) = server.recv_from(&mut buffer).unwrap();
            server.send_to(&answer(&buffer[..length]), from).unwrap();
        });
        let found = lookup(address, "a.example").unwrap();
        serves.join().unwrap();
        assert_eq!(found.ttl, Duration::from_secs(60));
        assert_eq!(
            found.addresses,
            [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)]
        );
    }

    #[test]
    fn an_answer_to_something_else_is_none() {
        let asked = question(7, "a.example");
        assert_eq!(
            read(&answer(&question(8, "a.example")), &asked),
            None,
            "another number"
        );
        assert_eq!(
            read(&answer(&question(7, "b.example")), &asked),
            None,
            "another name"
        );
        assert_eq!(read(&asked, &asked), None, "a question");
        let mut refused = answer(&asked);
        refused[3] |= 5;
        assert_eq!(read(&refused, &asked), None, "a refusal");
        let mut missing = asked.clone();
        (missing[2], missing[3]) = (0x81, 0x83);
        assert!(
            read(&missing, &asked).unwrap().addresses.is_empty(),
            "no such name"
        );
    }

    proptest! {
        #[test]
        fn no_message_is_too_strange(tail: Vec<u8>, cut: usize) {
            let asked = question(7, "a.example");
            let mut message = answer(&asked);
            message.truncate(cut % message.len());
            message.extend(tail);
            let _ = read(&message, &asked);
        }
    }
}
