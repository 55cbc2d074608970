//! The nginx configuration of an app's container, from its `web.locations`.
//!
//! Knows the order in which a request's location, rule, file and passthru are found (spec 1.5, "Evaluation") and
//! how to say that to nginx so that nothing from a configuration file can mean anything else to it.
//! Is pure: text out of a model. Must never start nginx or touch a file.

#![forbid(unsafe_code)]

mod block;
mod front;
mod leaf;
mod locations;
mod quote;
mod server;
mod site;

pub use server::configuration;
pub use site::{Debugger, Site, Upstream};
