//! `guise edge restart`. Running it is another program of the binary (`guise edge --listen …`).

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;
use guise_api::{Status, paths};

/// Put a new edge in the place of the one that serves
#[derive(Debug, Subcommand)]
pub enum Edge {
    /// Start a new edge, which takes over the listening sockets: no connection is refused
    ///
    /// The former edge finishes the requests and WebSockets that it has begun, for an hour at most. The daemon does the same
    /// by itself when it starts as another version, or with other addresses in its settings.
    Restart,
}

impl Edge {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let Self::Restart = self;
        let status: Status = context.client.ask(paths::EDGE_RESTART).await?;
        let pid = status.edge_pid.map_or_else(String::new, |pid| pid.to_string());
        let fields = [("edge", status.edge_address.clone()), ("pid", pid)];
        context.output.record(&status, &fields)?;
        Ok(0)
    }
}
