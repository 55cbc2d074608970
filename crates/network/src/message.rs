//! The rtnetlink(7) messages that a container's link takes, each a function from its objects to a request.

use crate::netlink::{CHANGE, CREATE, REPLACE, Request, attributes};
use std::{
    net::Ipv4Addr,
    os::fd::{AsRawFd, BorrowedFd},
};

// linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/neighbour.h, linux/ip.h, linux/veth.h.
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
/// Kind of a request that lists links; its fixed part is [`LIST_LINKS`].
pub const RTM_GETLINK: u16 = 18;
const RTM_SETLINK: u16 = 19;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_NEWNEIGH: u16 = 28;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_AF_SPEC: u16 = 26;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFLA_INET_CONF: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
const NDA_DST: u16 = 1;
const NDA_LLADDR: u16 = 2;
const AF_INET: u8 = 2;
const IFF_UP: u32 = 1;
const NUD_PERMANENT: u16 = 0x80;
const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;
const RTNH_F_ONLINK: u32 = 4;

/// How far an address or a route reaches (rtnetlink(7)).
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub enum Scope {
    /// Everywhere.
    Universe = 0,
    /// One link.
    Link = 253,
}

/// A per-link setting of IPv4, by its number in linux/ip.h.
#[derive(Debug, Clone, Copy)]
#[repr(u16)]
pub enum Setting {
    /// Pass packets on.
    Forwarding = 1,
    /// Believe ICMP redirects.
    AcceptRedirects = 4,
    /// Send them.
    SendRedirects = 6,
    /// Check that the source is routed to where the packet came from (RFC 3704); 1 is strict.
    ReversePathFilter = 8,
}

/// A veth pair: one end here, its peer born in the namespace.
pub fn veth(
    name: &str,
    address: Ipv4Addr,
    namespace: BorrowedFd<'_>,
    peer_name: &str,
    peer_address: Ipv4Addr,
    mtu: u32,
) -> Request {
    let mtu = mtu.to_ne_bytes();
    Request::new("make the veth pair", RTM_NEWLINK, CREATE, &interface(0, 0))
        .with_text(IFLA_IFNAME, name)
        .with(IFLA_ADDRESS, &hardware_address(address))
        .with(IFLA_MTU, &mtu)
        .with_nested(IFLA_LINKINFO, &[], |link| {
            link.with_text(IFLA_INFO_KIND, "veth")
                .with_nested(IFLA_INFO_DATA, &[], |veth| {
                    veth.with_nested(VETH_INFO_PEER, &interface(0, 0), |peer| {
                        peer.with_text(IFLA_IFNAME, peer_name)
                            .with(IFLA_ADDRESS, &hardware_address(peer_address))
                            .with(IFLA_MTU, &mtu)
                            .with(IFLA_NET_NS_FD, &namespace.as_raw_fd().to_ne_bytes())
                    })
                })
        })
}

/// Removes a link by its name.
pub fn removal(name: &str) -> Request {
    Request::new("remove it", RTM_DELLINK, CHANGE, &interface(0, 0)).with_text(IFLA_IFNAME, name)
}

/// Sets a link up.
pub fn up(operation: &'static str, index: u32) -> Request {
    Request::new(operation, RTM_SETLINK, CHANGE, &interface(index, IFF_UP))
}

/// Sets IPv4 settings of a link, in the namespace of the socket.
pub fn settings(index: u32, values: &[(Setting, u32)]) -> Request {
    let request = Request::new("set its IPv4 settings", RTM_SETLINK, CHANGE, &interface(index, 0));
    request.with_nested(IFLA_AF_SPEC, &[], |families| {
        families.with_nested(u16::from(AF_INET), &[], |family| {
            family.with_nested(IFLA_INET_CONF, &[], |conf| {
                values.iter().fold(conf, |conf, (setting, value)| {
                    conf.with(*setting as u16, &value.to_ne_bytes())
                })
            })
        })
    })
}

/// Gives a link an address of its own, without a subnet (struct ifaddrmsg).
pub fn address(operation: &'static str, index: u32, address: Ipv4Addr, scope: Scope) -> Request {
    let mut fixed = [AF_INET, 32, 0, scope as u8, 0, 0, 0, 0];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    Request::new(operation, RTM_NEWADDR, REPLACE, &fixed)
        .with(IFA_LOCAL, &address.octets())
        .with(IFA_ADDRESS, &address.octets())
}

/// Says for ever where a neighbour is (struct ndmsg).
pub fn neighbour(operation: &'static str, index: u32, address: Ipv4Addr) -> Request {
    let mut fixed = [AF_INET, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..10].copy_from_slice(&NUD_PERMANENT.to_ne_bytes());
    Request::new(operation, RTM_NEWNEIGH, REPLACE, &fixed)
        .with(NDA_DST, &address.octets())
        .with(NDA_LLADDR, &hardware_address(address))
}

/// Routes one address to a link; the host speaks to it as `source`. Refused if the address is routed to another link: it
/// would take another container's visitors.
pub fn host_route(index: u32, destination: Ipv4Addr, source: Ipv4Addr) -> Request {
    let fixed = route(32, Scope::Link, 0);
    Request::new("add the route to the container", RTM_NEWROUTE, CREATE, &fixed)
        .with(RTA_DST, &destination.octets())
        .with(RTA_OIF, &index.to_ne_bytes())
        .with(RTA_PREFSRC, &source.octets())
}

/// Routes everything to a gateway that is in no subnet of the link.
pub fn default_route(index: u32, gateway: Ipv4Addr) -> Request {
    let fixed = route(0, Scope::Universe, RTNH_F_ONLINK);
    Request::new("add the default route inside", RTM_NEWROUTE, REPLACE, &fixed)
        .with(RTA_GATEWAY, &gateway.octets())
        .with(RTA_OIF, &index.to_ne_bytes())
}

/// Fixed part of a request for all links.
pub const LIST_LINKS: [u8; INTERFACE_LENGTH] = [0; INTERFACE_LENGTH];

/// The name in the kernel's description of a link.
pub fn link_name(description: &[u8]) -> Option<String> {
    let (_, value) =
        attributes(description.get(INTERFACE_LENGTH..)?).find(|(attribute, _)| *attribute == IFLA_IFNAME)?;
    String::from_utf8(value.strip_suffix(b"\0")?.to_vec()).ok()
}

/// A hardware address that follows from an IP address: locally administered, the same on each attachment.
fn hardware_address(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x67, a, b, c, d]
}

const INTERFACE_LENGTH: usize = 16;

/// struct ifinfomsg. `flags` are both the new flags and the mask of those to change.
fn interface(index: u32, flags: u32) -> [u8; INTERFACE_LENGTH] {
    let mut bytes = [0; INTERFACE_LENGTH];
    bytes[4..8].copy_from_slice(&index.to_ne_bytes());
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes[12..16].copy_from_slice(&flags.to_ne_bytes());
    bytes
}

/// struct rtmsg.
fn route(destination_bits: u8, scope: Scope, flags: u32) -> [u8; 12] {
    let mut bytes = [
        AF_INET,
        destination_bits,
        0,
        0,
        RT_TABLE_MAIN,
        RTPROT_STATIC,
        scope as u8,
        RTN_UNICAST,
        0,
        0,
        0,
        0,
    ];
    bytes[8..12].copy_from_slice(&flags.to_ne_bytes());
    bytes
}
