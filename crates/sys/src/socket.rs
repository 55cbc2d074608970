//! Unix sockets: a pair between parent and child, and descriptors sent along (SCM_RIGHTS, unix(7)).

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// Two connected sockets that keep the borders of messages; closing one ends the other.
///
/// # Errors
/// `EMFILE`, `ENOBUFS`.
pub fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )
}

/// Sends one message.
///
/// # Errors
/// `EPIPE`: the other side is closed; `EMSGSIZE`.
pub fn send(socket: BorrowedFd<'_>, message: &[u8]) -> Result<(), Errno> {
    loop {
        match rustix::net::send(socket, message, SendFlags::NOSIGNAL) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Receives one message into `buffer`; 0 bytes mean that the other side is closed.
///
/// # Errors
/// `ECONNRESET`.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match rustix::net::recv(socket, &mut *buffer, RecvFlags::empty()) {
            Ok((length, _)) => return Ok(length),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Sends `message` with one descriptor.
///
/// # Errors
/// As [`send`].
pub fn send_with_fd(socket: BorrowedFd<'_>, message: &[u8], fd: BorrowedFd<'_>) -> Result<(), Errno> {
    send_with_fds(socket, message, &[fd])
}

/// Most descriptors that go along with one message here: a process's three.
pub const MOST_FDS: usize = 3;

/// Sends `message` with up to [`MOST_FDS`] descriptors.
///
/// # Errors
/// As [`send`]; `ENOBUFS`: more of them.
pub fn send_with_fds(socket: BorrowedFd<'_>, message: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(Errno::NOBUFS);
    }
    rustix::net::sendmsg(
        socket,
        &[IoSlice::new(message)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Receives a message into `buffer` with the first descriptor that came along.
///
/// # Errors
/// `ECONNRESET`.
pub fn receive_with_fd(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(usize, Option<OwnedFd>), Errno> {
    let (length, fds) = receive_with_fds(socket, buffer)?;
    Ok((length, fds.into_iter().next()))
}

/// Receives a message into `buffer` with the descriptors that came along, [`MOST_FDS`] at most.
///
/// # Errors
/// `ECONNRESET`; `EAGAIN`: none has come, and the socket does not wait.
pub fn receive_with_fds(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<(usize, Vec<OwnedFd>), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let answer = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(buffer)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut received = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            received.extend(fds);
        }
    }
    Ok((answer.bytes, received))
}

/// Makes a socket at `path` that keeps the borders of messages, and listens on it.
///
/// # Errors
/// `EADDRINUSE`: there is a file; `ENAMETOOLONG`: more than 107 bytes.
pub fn listen(path: &Path) -> Result<OwnedFd, Errno> {
    let socket = messages()?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, QUEUE)?;
    Ok(socket)
}

/// Takes the next connection of a listening socket.
///
/// # Errors
/// `EMFILE` and the like.
pub fn accept(listener: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    rustix::net::accept_with(listener, SocketFlags::CLOEXEC)
}

/// Connects to a [`listen`]ing socket.
///
/// # Errors
/// `ECONNREFUSED`, `ENOENT`: nobody listens; `EACCES`.
pub fn connect(path: &Path) -> Result<OwnedFd, Errno> {
    let socket = messages()?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// Connects to a stream socket at `path`, as runtimes are told of them.
///
/// # Errors
/// `ECONNREFUSED`, `ENOENT`: nobody listens; `EACCES`; `ENAMETOOLONG`: more than 107 bytes.
pub fn connect_stream(path: &Path) -> Result<OwnedFd, Errno> {
    let socket = unix(SocketType::STREAM)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

/// The user id of the process on the other side, as it was when it connected.
///
/// # Errors
/// None that are known.
pub fn peer_user(socket: BorrowedFd<'_>) -> Result<u32, Errno> {
    Ok(rustix::net::sockopt::socket_peercred(socket)?.uid.as_raw())
}

/// Connections that wait to be taken.
const QUEUE: i32 = 256;

/// A socket that keeps the borders of messages, connected to nothing yet.
///
/// # Errors
/// `EMFILE`, `ENOBUFS`.
pub fn messages() -> Result<OwnedFd, Errno> {
    unix(SocketType::SEQPACKET)
}

fn unix(kind: SocketType) -> Result<OwnedFd, Errno> {
    rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_descriptor_sent_along_refers_to_the_same_file() {
        let (here, there) = pair().unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        send_with_fd(here.as_fd(), b"null", file.as_fd()).unwrap();
        let mut buffer = [0; 16];
        let (length, fd) = receive_with_fd(there.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"null");
        let sent = rustix::fs::fstat(&file).unwrap();
        let received = rustix::fs::fstat(fd.unwrap()).unwrap();
        assert_eq!((sent.st_dev, sent.st_ino), (received.st_dev, received.st_ino));
    }

    #[test]
    fn messages_and_all_their_descriptors_arrive_at_who_listens() {
        let directory = std::env::temp_dir().join(format!("guise-socket-{}", std::process::id()));
        let _ = std::fs::remove_file(&directory);
        let listener = listen(&directory).unwrap();
        let here = connect(&directory).unwrap();
        let there = accept(listener.as_fd()).unwrap();
        std::fs::remove_file(&directory).unwrap();
        assert_eq!(
            peer_user(there.as_fd()).unwrap(),
            rustix::process::getuid().as_raw()
        );
        let null = std::fs::File::open("/dev/null").unwrap();
        send_with_fds(there.as_fd(), b"three", &[null.as_fd(); MOST_FDS]).unwrap();
        send(there.as_fd(), b"none").unwrap();
        let mut buffer = [0; 16];
        let (length, fds) = receive_with_fds(here.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..length], fds.len()), (&b"three"[..], MOST_FDS));
        let (length, fds) = receive_with_fds(here.as_fd(), &mut buffer).unwrap();
        assert_eq!((&buffer[..length], fds.len()), (&b"none"[..], 0));
    }
}
