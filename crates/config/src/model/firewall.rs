//! Whom a container may talk to outside (spec 1.16).

use guise_model::Outbound;
use serde::{Deserialize, Serialize};

/// Rules for connections that a container opens. One that matches no rule is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// The rules; any may match.
    pub outbound: Vec<Outbound>,
}
