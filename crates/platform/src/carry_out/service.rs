//! Services: ready and configured.

use super::{CarryOut, StepError};
use crate::desired::Life;
use guise_model::ContainerId;
use guise_node::Process;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// How long a service may take until it answers; a database that recovers from a crash needs its time.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often it is asked.
const POLL: Duration = Duration::from_millis(50);
/// How long its configuration may take.
const PROVISION_TIMEOUT: Duration = Duration::from_secs(120);

impl CarryOut<'_> {
    pub(super) fn await_service(&self, name: &str, container: &ContainerId) -> Result<(), StepError> {
        let Some(component) = self.component(name) else {
            return Ok(());
        };
        let Life::Service { ready, .. } = &component.life else {
            return Ok(());
        };
        let process = Process {
            argv: ready.clone(),
            ..component.spec.process.clone()
        };
        let begun = Instant::now();
        loop {
            let output = self
                .node
                .exec(container, &process, b"", Duration::from_secs(20))?;
            if output.status == 0 {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let answer = said(&output);
                return Err(StepError::ServiceSilent {
                    component: name.into(),
                    patience: PATIENCE,
                    answer,
                });
            }
            if self.report.cancelled().load(Ordering::Relaxed) {
                return Err(StepError::Cancelled);
            }
            std::thread::sleep(POLL);
        }
    }

    pub(super) fn provision(&self, name: &str, container: &ContainerId) -> Result<(), StepError> {
        let Some(component) = self.component(name) else {
            return Ok(());
        };
        let Life::Service {
            provision: Some(provision),
            ..
        } = &component.life
        else {
            return Ok(());
        };
        let process = Process {
            argv: provision.argv.clone(),
            ..component.spec.process.clone()
        };
        let output = self
            .node
            .exec(container, &process, provision.stdin.as_bytes(), PROVISION_TIMEOUT)?;
        if output.status == 0 {
            return Ok(());
        }
        Err(StepError::ProvisionRefused {
            component: name.into(),
            answer: said(&output),
        })
    }
}

/// What a command said last, for a message.
fn said(output: &guise_node::Output) -> String {
    let text = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    let text = String::from_utf8_lossy(text);
    let last = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("nothing");
    format!("{} (status {})", last.trim(), output.status)
}
