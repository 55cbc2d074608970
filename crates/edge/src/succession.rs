//! Succession: a new edge takes the listening sockets of the one that serves, so that no connection is refused.
//!
//! The new edge asks over the control socket, gets each listening socket with a byte that says what arrives there, then a
//! line with the commands that bring it to the other's state. It serves, and only then tells the other to retire: until
//! then the other goes on as if nothing had been asked.

use anyhow::Context;
use guise_api::edge::{Command, Reply, Scheme};
use guise_sys::socket;
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::io::Interest;

/// How long an edge may take to answer one that would succeed it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What arrives at a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Requests.
    Requests(Scheme),
    /// Commands.
    Commands,
}

impl Arrival {
    const ALL: [Self; 3] = [
        Self::Requests(Scheme::Http),
        Self::Requests(Scheme::Https),
        Self::Commands,
    ];

    /// The byte that a socket is sent with. No reply begins with one of them.
    fn byte(self) -> u8 {
        match self {
            Self::Requests(Scheme::Http) => b'h',
            Self::Requests(Scheme::Https) => b's',
            Self::Commands => b'c',
        }
    }
}

/// The sockets that an edge listens on, for its successor.
#[derive(Debug, Default)]
pub struct Listening(Mutex<Vec<Listener>>);

#[derive(Debug)]
struct Listener {
    arrival: Arrival,
    /// `None` for the control socket.
    address: Option<SocketAddr>,
    socket: OwnedFd,
}

impl Listening {
    /// Notes a socket. One that cannot be duplicated is served all the same, but not handed over.
    pub fn add(&self, arrival: Arrival, address: Option<SocketAddr>, socket: &impl AsFd) {
        match socket.as_fd().try_clone_to_owned() {
            Ok(socket) => self.lock().push(Listener {
                arrival,
                address,
                socket,
            }),
            Err(error) => tracing::warn!("a socket cannot be handed over later: {error}"),
        }
    }

    /// Where requests of this scheme arrive.
    pub fn addresses(&self, scheme: Scheme) -> Vec<SocketAddr> {
        let sockets = self.lock();
        let wanted = sockets
            .iter()
            .filter(|listener| listener.arrival == Arrival::Requests(scheme));
        wanted.filter_map(|listener| listener.address).collect()
    }

    /// Closes them: who connects from now on is the successor's.
    pub fn close(&self) {
        self.lock().clear();
    }

    /// Sends all of them.
    ///
    /// # Errors
    /// When the other side is gone.
    pub async fn hand_over(&self, stream: &tokio::net::UnixStream) -> io::Result<()> {
        let copies: Vec<(u8, OwnedFd)> = {
            let sockets = self.lock();
            let copies = sockets
                .iter()
                .map(|listener| Ok((listener.arrival.byte(), listener.socket.try_clone()?)));
            copies.collect::<io::Result<_>>()?
        };
        for (byte, copy) in copies {
            let send = || Ok(socket::send_with_fd(stream.as_fd(), &[byte], copy.as_fd())?);
            stream.async_io(Interest::WRITABLE, send).await?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Listener>> {
        // Each change is one call on the list.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The edge that serves, as its successor sees it.
#[derive(Debug)]
pub struct Predecessor {
    line: BufReader<UnixStream>,
    sockets: Vec<(Arrival, OwnedFd)>,
    /// What brings another edge with the same table to the same state.
    pub commands: Vec<Command>,
}

impl Predecessor {
    /// Asks the edge behind a control socket for all it has; `None` if there is none.
    ///
    /// # Errors
    /// When there is one and it does not hand over.
    pub fn find(control: &Path) -> anyhow::Result<Option<Self>> {
        // Nobody listens there, or nothing is there.
        let Ok(stream) = UnixStream::connect(control) else {
            return Ok(None);
        };
        Self::ask(stream)
            .with_context(|| format!("taking over from the edge behind {}", control.display()))
            .map(Some)
    }

    fn ask(mut stream: UnixStream) -> anyhow::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&line_of(&Command::HandOver)?)?;
        let mut sockets = Vec::new();
        let mut byte = [0];
        // The first byte that comes without a socket is the reply's.
        while let (1, Some(socket)) = socket::receive_with_fd(stream.as_fd(), &mut byte)? {
            let arrival = Arrival::ALL.into_iter().find(|arrival| arrival.byte() == byte[0]);
            sockets.push((arrival.context("it sends a socket of an unknown kind")?, socket));
        }
        let mut line = BufReader::new(stream);
        let mut reply = Vec::new();
        byte.chain(&mut line).read_until(b'\n', &mut reply)?;
        match serde_json::from_slice(&reply).context("its reply is not understood")? {
            Reply::HandedOver { commands } => Ok(Self {
                line,
                sockets,
                commands,
            }),
            reply => anyhow::bail!("it answers {reply:?}"),
        }
    }

    /// The socket on which requests arrive at an address.
    pub fn take_listener(&mut self, scheme: Scheme, address: SocketAddr) -> Option<TcpListener> {
        let wanted = Arrival::Requests(scheme);
        let position = self.sockets.iter().position(|(arrival, socket)| {
            let bound = socket.try_clone().map(TcpListener::from);
            *arrival == wanted && bound.is_ok_and(|bound| bound.local_addr().is_ok_and(|it| it == address))
        })?;
        Some(TcpListener::from(self.sockets.swap_remove(position).1))
    }

    /// The socket on which commands arrive.
    pub fn take_control(&mut self) -> Option<UnixListener> {
        let is_control = |(arrival, _): &(Arrival, OwnedFd)| *arrival == Arrival::Commands;
        let position = self.sockets.iter().position(is_control)?;
        Some(UnixListener::from(self.sockets.swap_remove(position).1))
    }

    /// Tells it to retire: somebody else serves.
    ///
    /// # Errors
    /// When it is gone.
    pub fn retire(mut self) -> io::Result<()> {
        self.line.get_mut().write_all(&line_of(&Command::Retire)?)?;
        self.line.read_line(&mut String::new()).map(drop)
    }
}

fn line_of(command: &Command) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    Ok(line)
}
