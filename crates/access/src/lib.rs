//! Who may see a site: addresses and passwords (spec 5.2, HTTP access).
//!
//! Knows how a rule is written, which of them decides, and what of a password is kept. Pure: the platform keeps these
//! settings, the edge asks them at every request. Must never know environments, requests or where settings are stored.

#![forbid(unsafe_code)]

mod http_access;
mod network;
mod password;

pub use http_access::{AddressRule, HttpAccess, InvalidRule, Permission, Verdict};
pub use network::{InvalidNetwork, Network};
pub use password::PasswordHash;
