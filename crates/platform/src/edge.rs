//! What the platform asks of the edge.

use crate::routes::ResolvedRoute;
use std::{collections::BTreeMap, net::SocketAddrV4, time::Duration};

/// The edge as the platform sees it. The daemon implements it over the edge's control socket; it also says
/// everything again to an edge that was restarted.
pub trait Edge: Send + Sync {
    /// Replaces an environment's routes. `address` finds where an app or service serves HTTP.
    fn set_routes(
        &self,
        environment: &str,
        routes: &[ResolvedRoute],
        address: &dyn Fn(&str) -> Option<SocketAddrV4>,
    ) -> Result<(), EdgeError>;

    /// Replaces an environment's routes and waits for the requests that go by the old ones; answers how many did not
    /// end in time. New requests go by the new routes meanwhile.
    fn switch_routes(
        &self,
        environment: &str,
        routes: &[ResolvedRoute],
        address: &dyn Fn(&str) -> Option<SocketAddrV4>,
    ) -> Result<u32, EdgeError>;

    /// New requests wait; answers how many of those under way did not end in time.
    fn hold(&self, environment: &str) -> Result<u32, EdgeError>;

    /// Lets the waiting requests go.
    fn release(&self, environment: &str) -> Result<(), EdgeError>;

    /// From now on visitors of the environment wait until it is released, and are told of; answers how many of the
    /// requests under way did not end in time. `failed`: it has just failed to wake.
    fn sleep(&self, environment: &str, failed: bool) -> Result<u32, EdgeError>;

    /// Waits for visitors of environments that sleep; answers which ones.
    fn visitors(&self) -> Result<Vec<String>, EdgeError>;

    /// How long nobody has asked for each environment.
    fn idle(&self) -> Result<BTreeMap<String, Duration>, EdgeError>;

    /// Forgets every environment that is not named.
    fn retain(&self, environments: Vec<String>) -> Result<(), EdgeError>;

    /// Forgets an environment.
    fn forget(&self, environment: &str) -> Result<(), EdgeError>;
}

/// The edge did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("the edge did not {operation} for {environment}: {reason}")]
pub struct EdgeError {
    /// What it was asked to do.
    pub operation: &'static str,
    /// For which environment.
    pub environment: String,
    /// Why not.
    pub reason: String,
}
