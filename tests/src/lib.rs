//! A guise of one's own to try things with, seen as its users see it: through the command line, git and HTTP.
//!
//! Knows how to start the built program with a state directory and marks of its own, how to push and to fetch a
//! page, and which traces a guise leaves on a machine. The journeys, `cargo xtask bench` and `cargo xtask clean`
//! are built on it. It must never use a crate of guise: what it sees is what everybody sees.

#![forbid(unsafe_code)]

mod guise;
pub mod http;
mod load;
pub mod machine;
mod marks;
mod repository;
mod site;
mod websocket;

pub use guise::{Guise, Marked, Ran, program_beside};
pub use load::{Load, Seen};
pub use marks::Marks;
pub use repository::{Push, Repository};
pub use site::write_plain_site;
pub use websocket::WebSocket;
