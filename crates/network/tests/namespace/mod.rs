//! Network namespaces for tests: each held by a sleeping process, worked in by threads that enter it.

use guise_sys::namespace::{Namespaces, enter};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, bind, connect, getpeername, socket_with},
};
use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    os::fd::AsFd,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// How long a dropped connection is waited for.
const PATIENCE: Duration = Duration::from_millis(150);

/// Whether this test can run here: links and tables need root.
pub fn allowed_to_run() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(
        root || std::env::var_os("GUISE_TEST_MUST_RUN").is_none(),
        "this test must run, and needs root"
    );
    if !root {
        eprintln!("skipped: making network links and tables needs root");
    }
    root
}

/// Runs a shell command on the host and answers its output.
pub fn shell(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A network namespace.
pub struct Namespace {
    file: File,
    holder: Option<Child>,
}

impl Namespace {
    /// A new, empty one.
    pub fn new() -> Self {
        // `unshare` execs `cat`, which lives until its input is closed; its first output says that it is there.
        let mut holder = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo ready; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let file = File::open(format!("/proc/{}/ns/net", holder.id())).unwrap();
        Self {
            file,
            holder: Some(holder),
        }
    }

    /// The one this process is in.
    pub fn host() -> Self {
        Self {
            file: File::open("/proc/self/ns/net").unwrap(),
            holder: None,
        }
    }

    /// The process that holds it.
    pub fn pid(&self) -> u32 {
        self.holder.as_ref().unwrap().id()
    }

    /// Runs a shell command inside.
    pub fn shell(&self, script: &str) -> String {
        self.run(|| shell(script))
    }

    /// A listener inside; connections to it are taken by the kernel's backlog.
    pub fn listen(&self, address: impl Into<IpAddr>, port: u16) -> TcpListener {
        let address = SocketAddr::new(address.into(), port);
        self.run(|| TcpListener::bind(address).unwrap())
    }

    /// Whether a TCP connection can be opened from inside.
    pub fn reaches(&self, address: impl Into<IpAddr>, port: u16) -> bool {
        let target = SocketAddr::new(address.into(), port);
        self.run(|| TcpStream::connect_timeout(&target, PATIENCE).is_ok())
    }

    /// The same with a chosen source address.
    pub fn reaches_from(&self, source: Ipv4Addr, address: Ipv4Addr, port: u16) -> bool {
        let target = SocketAddrV4::new(address, port);
        self.run(|| {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
            bind(&socket, &SocketAddrV4::new(source, 0)).unwrap();
            assert_eq!(connect(&socket, &target), Err(Errno::INPROGRESS));
            let patience = Timespec::try_from(PATIENCE).unwrap();
            poll(&mut [PollFd::new(&socket, PollFlags::OUT)], Some(&patience)).unwrap();
            // Only what is connected has a peer.
            getpeername(&socket).is_ok()
        })
    }

    /// How many packets came in by `eth0`.
    pub fn received_packets(&self) -> u64 {
        let table = self.run(|| std::fs::read_to_string("/proc/thread-self/net/dev").unwrap());
        let line = table
            .lines()
            .find(|line| line.trim_start().starts_with("eth0:"))
            .unwrap();
        line.split_whitespace().nth(2).unwrap().parse().unwrap()
    }

    fn run<T: Send>(&self, inside: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                enter(self.file.as_fd(), Namespaces::NETWORK).unwrap();
                inside()
            });
            thread.join().unwrap()
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some(holder) = &mut self.holder {
            let _ = holder.kill();
            let _ = holder.wait();
        }
    }
}

/// A namespace that stands for the rest of the world, behind a link that guise did not make.
pub struct Outside {
    /// The namespace.
    pub namespace: Namespace,
    /// Its address.
    pub address: Ipv4Addr,
    /// The host's address on the link to it.
    pub host_address: Ipv4Addr,
    link: String,
}

impl Outside {
    /// A link called `link` and a subnet of 198.18.0.0/15, which is set aside for tests (RFC 2544).
    pub fn new(link: &str, number: u8) -> Self {
        let namespace = Namespace::new();
        let (host_address, address) = (
            Ipv4Addr::new(198, 18, number, 1),
            Ipv4Addr::new(198, 18, number, 2),
        );
        let pid = namespace.pid();
        let outside = Self {
            namespace,
            address,
            host_address,
            link: link.into(),
        };
        shell(&format!(
            "ip link add {link} type veth peer name eth0 netns /proc/{pid}/ns/net && ip addr add {host_address}/24 dev {link} && ip link set {link} up"
        ));
        outside.namespace.shell(&format!(
            "ip addr add {address}/24 dev eth0 && ip link set eth0 up"
        ));
        outside
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["link", "del", &self.link])
            .stderr(Stdio::null())
            .status();
    }
}
