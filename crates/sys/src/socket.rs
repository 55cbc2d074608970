//! Unix sockets: a pair between parent and child, and descriptors sent along (SCM_RIGHTS, unix(7)).

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

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
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    if !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
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
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let answer = rustix::net::recvmsg(
        socket,
        &mut [IoSliceMut::new(buffer)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let fd = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok((answer.bytes, fd))
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
}
