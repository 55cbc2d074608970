//! The two files by which a container knows names: /etc/hosts and /etc/resolv.conf.

use std::{
    fmt::Write,
    fs, io,
    net::{IpAddr, Ipv4Addr},
};

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Where systemd-resolved keeps the nameservers behind its own at 127.0.0.53 (systemd-resolved.service(8)).
const BEHIND_THE_STUB: &str = "/run/systemd/resolve/resolv.conf";

/// The host's nameservers are not known.
#[derive(Debug, thiserror::Error)]
#[error("reading the host's nameservers from {path}: {source}")]
pub struct NamesError {
    path: &'static str,
    source: io::Error,
}

/// The content of /etc/hosts: the loopback, the container itself, and the names it was given.
pub fn hosts_file<'a>(
    hostname: &str,
    address: Ipv4Addr,
    entries: impl IntoIterator<Item = (&'a str, Ipv4Addr)>,
) -> String {
    let mut text = format!("127.0.0.1\tlocalhost\n{address}\t{hostname}\n");
    for (name, address) in entries {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{address}\t{name}");
    }
    text
}

/// The content of /etc/resolv.conf. A dead nameserver costs a second, not the usual five.
pub fn resolv_conf(nameservers: &[Ipv4Addr]) -> String {
    let mut text = String::from("options timeout:1 attempts:3\n");
    for nameserver in nameservers {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "nameserver {nameserver}");
    }
    text
}

/// The host's nameservers that a container can reach: IPv4, and not the host's loopback.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn host_nameservers() -> Result<Vec<Ipv4Addr>, NamesError> {
    let first = reachable_nameservers(&read(RESOLV_CONF)?);
    if first.is_empty() {
        Ok(reachable_nameservers(&read(BEHIND_THE_STUB)?))
    } else {
        Ok(first)
    }
}

fn read(path: &'static str) -> Result<String, NamesError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        text => text.map_err(|source| NamesError { path, source }),
    }
}

/// resolv.conf(5): the keyword and its value, separated by white space. The C library looks at three at most.
fn reachable_nameservers(resolv_conf: &str) -> Vec<Ipv4Addr> {
    resolv_conf
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some("nameserver"))
                .then(|| words.next())
                .flatten()
        })
        .filter_map(|address| match address.parse() {
            Ok(IpAddr::V4(address)) if !address.is_loopback() && !address.is_unspecified() => Some(address),
            _ => None,
        })
        .take(3)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 64, 2);

    #[test]
    fn a_container_knows_itself_and_the_names_it_was_given() {
        let entries = [("database.internal", Ipv4Addr::new(169, 254, 64, 3))];
        assert_eq!(
            hosts_file("app", ADDRESS, entries),
            "127.0.0.1\tlocalhost\n169.254.64.2\tapp\n169.254.64.3\tdatabase.internal\n"
        );
    }

    #[test]
    fn nameservers_that_a_container_cannot_reach_are_left_out() {
        let text = "# nameserver 192.0.2.9\nsearch x\nnameserver 127.0.0.53\nnameserver ::1\n nameserver\t192.0.2.1 # x\nnameserver 0.0.0.0\nnameserver\n";
        assert_eq!(reachable_nameservers(text), [Ipv4Addr::new(192, 0, 2, 1)]);
        assert_eq!(reachable_nameservers(""), Vec::<Ipv4Addr>::new());
    }

    #[test]
    fn what_is_written_is_read_as_the_same_nameservers() {
        let nameservers = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
        assert_eq!(reachable_nameservers(&resolv_conf(&nameservers)), nameservers);
    }
}
