//! Who listens inside a container: read from the socket tables of PID 1's network namespace (proc_pid_net(5)),
//! so that waiting for an application costs neither a connection, which it would see, nor a process inside.

use crate::{Listen, procfs};
use std::io;

/// The inode of the socket that listens in the network namespace of `pid`; `None` when nobody listens.
pub(crate) fn find(pid: u32, socket: &Listen) -> io::Result<Option<u64>> {
    let table = |file: &str| {
        procfs::read(pid, file).map(|text| String::from_utf8_lossy(&text.unwrap_or_default()).into_owned())
    };
    Ok(match socket {
        Listen::Tcp(port) => match tcp(&table("net/tcp")?, *port) {
            Some(inode) => Some(inode),
            None => tcp(&table("net/tcp6")?, *port),
        },
        Listen::Unix(path) => unix(&table("net/unix")?, path),
    })
}

/// Looks into `/proc/net/tcp` or `tcp6`: `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`.
fn tcp(table: &str, port: u16) -> Option<u64> {
    // include/net/tcp_states.h
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (_, local_port) = columns.get(1)?.rsplit_once(':')?;
        let listens = *columns.get(3)? == LISTEN && u16::from_str_radix(local_port, 16) == Ok(port);
        listens.then(|| columns.get(9)?.parse().ok()).flatten()
    })
}

/// Looks into `/proc/net/unix`: `Num RefCount Protocol Flags Type St Inode Path`.
fn unix(table: &str, path: &str) -> Option<u64> {
    // include/uapi/linux/net.h: __SO_ACCEPTCON, the socket has been listened on.
    const ACCEPTS: u32 = 1 << 16;
    table.lines().skip(1).find_map(|line| {
        // The path is the rest of the line: it may hold blanks.
        let mut rest = line;
        let mut column = || {
            let (word, after) = rest.trim_start().split_once(' ')?;
            rest = after;
            Some(word)
        };
        let flags = u32::from_str_radix(
            column()
                .and_then(|_| column())
                .and_then(|_| column())
                .and_then(|_| column())?,
            16,
        )
        .ok()?;
        let inode = column()
            .and_then(|_| column())
            .and_then(|_| column())?
            .parse()
            .ok()?;
        (flags & ACCEPTS != 0 && rest == path).then_some(inode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, os::unix::net::UnixListener};

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000 10000        0 81234 1 0 100 0 0 10 0
   1: 0100007F:22B9 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 10000        0 81235 1 0 20 4 30 10 -1
";
    const TCP6: &str = "  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 \
00000000 10000        0 99 1 0 100 0 0 10 0
";
    const UNIX: &str = "Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 24680 /run/app.sock
0000000000000000: 00000003 00000000 00000000 0001 03 24681 /run/connected.sock
0000000000000000: 00000002 00000000 00010000 0001 01 24682 /tmp/with a blank
0000000000000000: 00000002 00000000 00000000 0002 01 24683
";

    #[test]
    fn only_a_listening_socket_of_that_port_counts() {
        assert_eq!(tcp(TCP, 8888), Some(81_234));
        assert_eq!(tcp(TCP, 8889), None, "connected, not listening");
        assert_eq!(tcp(TCP, 80), None);
        assert_eq!(tcp(TCP6, 80), Some(99));
    }

    #[test]
    fn only_a_listening_socket_of_that_path_counts() {
        assert_eq!(unix(UNIX, "/run/app.sock"), Some(24_680));
        assert_eq!(unix(UNIX, "/run/connected.sock"), None);
        assert_eq!(unix(UNIX, "/tmp/with a blank"), Some(24_682));
        assert_eq!(unix(UNIX, ""), None);
    }

    #[test]
    fn real_listeners_are_found_until_they_close() {
        let pid = std::process::id();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = Listen::Tcp(listener.local_addr().unwrap().port());
        assert!(find(pid, &socket).unwrap().is_some());
        drop(listener);
        assert_eq!(find(pid, &socket).unwrap(), None);

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let _listener = UnixListener::bind(&path).unwrap();
        let socket = Listen::Unix(path.display().to_string());
        assert!(find(pid, &socket).unwrap().is_some());
    }
}
