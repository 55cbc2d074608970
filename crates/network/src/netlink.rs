//! Requests to the kernel's routing socket (rtnetlink(7)): built as bytes, sent in one batch, each acknowledged.
//!
//! A library would bring an async runtime and a model of every message there is; a container's link needs six.

use rustix::{
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType},
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Length of struct nlmsghdr.
const HEADER: usize = 16;
/// nlmsghdr flags (linux/netlink.h).
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_DUMP: u16 = 0x300;
/// Kinds of answers.
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Marks an attribute that holds attributes.
const NLA_F_NESTED: u16 = 0x8000;
/// No link's description is longer: the kernel sizes dumps by what the reader offers, 32 KiB at most.
const ANSWER: usize = 32 * 1024;

/// Make it, and fail with `EEXIST` if it is there.
pub const CREATE: u16 = 0x600;
/// Make it, or replace what is there.
pub const REPLACE: u16 = 0x500;
/// Change or remove what is there.
pub const CHANGE: u16 = 0;

/// One request: its kind, its fixed part, and attributes.
#[derive(Debug)]
pub struct Request {
    /// What it asks for, as a person would say it: `add its address`.
    pub operation: &'static str,
    bytes: Vec<u8>,
}

impl Request {
    /// A request of `kind` (`RTM_*`) with its fixed part, padded to 4 bytes by the caller.
    pub fn new(operation: &'static str, kind: u16, mode: u16, fixed: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&0u32.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&(NLM_F_REQUEST | NLM_F_ACK | mode).to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(fixed);
        Self { operation, bytes }
    }

    /// With one attribute.
    #[must_use]
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.attribute(kind, value);
        self
    }

    /// With a text, which ends with a zero byte.
    #[must_use]
    pub fn with_text(mut self, kind: u16, text: &str) -> Self {
        self.attribute(kind, &[text.as_bytes(), b"\0"].concat());
        self
    }

    /// With an attribute whose value begins with `fixed` and goes on with the attributes that `fill` adds.
    #[must_use]
    pub fn with_nested(mut self, kind: u16, fixed: &[u8], fill: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        self.attribute(kind | NLA_F_NESTED, fixed);
        let mut filled = fill(self);
        let length = filled.bytes.len() - start;
        filled.bytes[start..start + 2].copy_from_slice(&short(length).to_ne_bytes());
        filled
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.bytes
            .extend_from_slice(&short(4 + value.len()).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(&self, sequence: u32) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let length = bytes.len() as u32;
        bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        bytes
    }
}

/// Attribute and message lengths are 16 bits wide, and nothing here comes near them.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub operation: &'static str,
    /// The kernel's answer.
    pub errno: Errno,
}

/// A routing socket of the network namespace it was opened in.
#[derive(Debug)]
pub struct RoutingSocket(OwnedFd);

impl RoutingSocket {
    /// Opens one in the calling thread's network namespace.
    pub fn open() -> Result<Self, Errno> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            // Protocol 0 is NETLINK_ROUTE.
            None,
        )?;
        Ok(Self(socket))
    }

    /// The index of the link called `name`; `ENODEV` if there is none.
    pub fn index(&self, name: &str) -> Result<u32, Errno> {
        rustix::net::netdevice::name_to_index(&self.0, name)
    }

    /// Sends the requests in order and waits for every answer. The kernel goes on after a refusal; the first is returned.
    pub fn ask(&self, requests: &[Request]) -> Result<(), Refusal> {
        let batch: Vec<u8> = requests
            .iter()
            .zip(1..)
            .flat_map(|(request, sequence)| request.finish(sequence))
            .collect();
        let lost = |errno| Refusal {
            operation: requests.first().map_or("nothing", |first| first.operation),
            errno,
        };
        send(self.0.as_fd(), &batch).map_err(lost)?;
        let mut first = None;
        let mut answered = 0;
        while answered < requests.len() {
            for (kind, sequence, body) in messages(&self.receive().map_err(lost)?) {
                if kind != NLMSG_ERROR {
                    continue;
                }
                answered += 1;
                let code = error_code(body);
                if code != 0 && first.is_none() {
                    let request = requests.get(sequence.saturating_sub(1) as usize);
                    first = Some(Refusal {
                        operation: request.map_or("nothing", |request| request.operation),
                        errno: Errno::from_raw_os_error(code),
                    });
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Asks for all things of a kind: for each answer, its bytes after the message header.
    pub fn dump(&self, kind: u16, fixed: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let mut request = Request::new("list", kind, NLM_F_DUMP, fixed).finish(1);
        // A dump ends with NLMSG_DONE; an acknowledgement besides would be one answer too many.
        request[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
        send(self.0.as_fd(), &request)?;
        let mut all = Vec::new();
        loop {
            for (kind, _, body) in messages(&self.receive()?) {
                match kind {
                    NLMSG_DONE => return Ok(all),
                    NLMSG_ERROR => return Err(Errno::from_raw_os_error(error_code(body))),
                    _ => all.push(body.to_vec()),
                }
            }
        }
    }

    fn receive(&self) -> Result<Vec<u8>, Errno> {
        let mut answer = vec![0; ANSWER];
        loop {
            match rustix::net::recv(&self.0, &mut answer[..], RecvFlags::empty()) {
                Ok((length, _)) => {
                    answer.truncate(length);
                    return Ok(answer);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    // One send is one datagram: the kernel takes all of it or none.
    rustix::io::retry_on_intr(|| rustix::net::send(socket, bytes, SendFlags::empty())).map(|_| ())
}

/// struct nlmsgerr begins with a negative errno, or 0 for an acknowledgement.
fn error_code(body: &[u8]) -> i32 {
    body.first_chunk()
        .map_or(0, |code| i32::from_ne_bytes(*code).saturating_neg())
}

/// Kind, sequence number and body of each message in a datagram.
fn messages(datagram: &[u8]) -> impl Iterator<Item = (u16, u32, &[u8])> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let header = rest.first_chunk::<HEADER>()?;
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let body = rest.get(HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let sequence = u32::from_ne_bytes([header[8], header[9], header[10], header[11]]);
        Some((kind, sequence, body))
    })
}

/// Kind and value of each attribute in `bytes`.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = rest.first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([header[2], header[3]]) & !NLA_F_NESTED, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_nested_attribute_holds_its_fixed_part_and_its_attributes() {
        let request = Request::new("test", 16, CREATE, &[])
            .with_nested(1, &[], |inner| inner.with_text(2, "veth").with(3, &[7, 0, 0, 0]));
        let bytes = request.finish(9);
        let (kind, sequence, body) = messages(&bytes).next().unwrap();
        assert_eq!((kind, sequence), (16, 9));
        let outer: Vec<_> = attributes(body).collect();
        assert_eq!(outer.len(), 1);
        let inner: Vec<_> = attributes(outer[0].1).collect();
        assert_eq!(inner, [(2, &b"veth\0"[..]), (3, &[7, 0, 0, 0][..])]);
    }

    #[test]
    fn a_refusal_names_the_request_that_was_refused() {
        let socket = RoutingSocket::open().unwrap();
        // RTM_DELLINK for an index that no link has; the same answer with and without power over the network.
        let mut fixed = [0; 16];
        fixed[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let refusal = socket
            .ask(&[Request::new("remove nothing", 17, CHANGE, &fixed)])
            .unwrap_err();
        assert_eq!(refusal.operation, "remove nothing");
        assert!(
            [Errno::NODEV, Errno::PERM].contains(&refusal.errno),
            "{refusal:?}"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_readers_loop_or_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(messages(&bytes).count() <= bytes.len() / HEADER);
            prop_assert!(attributes(&bytes).count() <= bytes.len() / 4);
        }
    }
}
