//! guised: the HTTP API over the platform, and the life of the processes beside it.
//!
//! Knows how a request becomes a call and an answer, where the sockets are, and how the edge is started and told.
//! Never decides what an environment should be (`platform`) and never touches a container (`node`).

#![forbid(unsafe_code)]

mod acme;
mod api;
mod certificates;
mod config;
mod edge;
mod gateway;
mod remote;
mod serve;
mod view;
mod webhook;

pub use serve::{doctor, main, types};
