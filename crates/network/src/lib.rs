//! A container's place in the network: its link, its address, and whom it may talk to.
//!
//! Every container has a link of its own to the host, so no container sees another's frames, and one nftables table
//! that drops everything which is not listed: container to container by source, destination and port, to the outside
//! by source.
//!
//! It knows links, addresses and packet filters. It must never know what a container runs, what a relationship or a
//! project is, or who decided that two addresses may talk.

#![forbid(unsafe_code)]

mod elements;
mod forwarding;
mod link;
mod lookup;
mod message;
mod names;
mod netlink;
mod network;
mod nft;
mod opening;
mod route;
mod ruleset;

pub use forwarding::ForwardingError;
pub use link::LinkError;
pub use lookup::{Answer, LookupError, lookup};
pub use names::{NamesError, host_nameservers, hosts_file, resolv_conf};
pub use network::{Network, NetworkError};
pub use nft::NftError;
pub use opening::Opening;
