//! Whom a container may talk to outside (spec 1.16).

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// Rules for connections that a container opens. One that matches no rule is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// The rules; any may match.
    pub outbound: Vec<Outbound>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbound {
    /// Address ranges; none when `domains` says whom.
    pub ips: Vec<AddressRange>,
    /// Host names, complete and in lower case.
    pub domains: Vec<String>,
    /// TCP ports; any when empty.
    pub ports: Vec<u16>,
}

/// All IPv4 addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddressRange {
    /// The first of them.
    pub network: Ipv4Addr,
    /// How many bits are the same, 0 to 32.
    pub bits: u8,
}
