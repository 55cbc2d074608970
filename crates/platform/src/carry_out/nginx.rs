//! Reloading a container's nginx.

use super::{CarryOut, StepError};
use guise_model::ContainerId;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// How long nginx may take to start workers with its new configuration. One that it does not understand it refuses,
/// keeping its old workers: then the deployment goes on with a warning.
const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(5);

impl CarryOut<'_> {
    /// Lets nginx read its configuration anew, and waits until only workers that do serve. Old ones that
    /// still answer what they began do not count.
    pub(super) fn reload_nginx(&self, name: &str, container: &ContainerId) -> Result<(), StepError> {
        let before = self.nginx_workers(container)?;
        self.node.signal_service(container, "nginx", "hup")?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let now = self.nginx_workers(container)?;
            if !now.is_empty() && now.is_disjoint(&before) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        self.report
            .line(&format!("W: nginx of {name} keeps its old configuration:"));
        for line in self.log_tail(container, "error.log").iter().rev().take(3).rev() {
            self.report.line(&format!("    {line}"));
        }
        Ok(())
    }

    fn nginx_workers(&self, container: &ContainerId) -> Result<BTreeSet<u32>, StepError> {
        let processes = self.node.processes(container)?.into_iter();
        let workers = processes.filter(|process| process.command.starts_with("nginx: worker process"));
        Ok(workers
            .filter(|worker| !worker.command.contains("shutting down"))
            .map(|worker| worker.host_pid)
            .collect())
    }
}
