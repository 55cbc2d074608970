//! `guise ssh`: a shell or a command in an app, over SSH.

use crate::context::Context;
use crate::error::Error;
use crate::ssh_address;
use clap::Args;
use std::os::unix::process::ExitStatusExt;

/// Open a shell in an app over SSH, or run a command in it
///
/// Goes the way that others go: by the SSH gateway, with your key. guise exec goes by the daemon's socket and needs none.
#[derive(Debug, Args)]
pub struct Ssh {
    /// The app [default: the first]
    #[arg(short = 'A', long)]
    app: Option<String>,
    /// A worker of the app
    #[arg(long, value_name = "NAME")]
    worker: Option<String>,
    /// Print the address and do nothing
    #[arg(long)]
    pipe: bool,
    /// Option for ssh, as in ssh_config(5): -o ForwardAgent=yes; may be repeated
    #[arg(short, long = "option", value_name = "OPTION")]
    options: Vec<String>,
    /// Command line for a shell in the app
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    command: Vec<String>,
}

impl Ssh {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let place = context.environment().await?;
        let (app, worker) = (self.app.as_deref(), self.worker.as_deref());
        let (found, address) = ssh_address::find(context, &place, app, worker).await?;
        if self.pipe {
            context.output.line(found.ssh_url.unwrap_or_default())?;
            return Ok(0);
        }
        let options: Vec<String> = self
            .options
            .into_iter()
            .flat_map(|option| ["-o".into(), option])
            .collect();
        let status = address
            .command(&options)
            .args(&self.command)
            .status()
            .map_err(|source| Error::LocalProgram {
                program: "ssh",
                package: "openssh-client",
                source,
            })?;
        let code = status.code().or(status.signal().map(|signal| 128 + signal));
        Ok(code.and_then(|code| code.try_into().ok()).unwrap_or(1))
    }
}
