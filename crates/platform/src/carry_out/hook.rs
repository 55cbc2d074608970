//! The deploy and post_deploy hooks (spec 1.3).

use super::CarryOut;
use crate::desired::{Component, Life};
use guise_node::Process;
use std::time::Duration;

impl CarryOut<'_> {
    pub(super) fn deploy_hook(&self, name: &str) {
        let Some(component) = self.component(name) else {
            return;
        };
        if let Life::App {
            deploy: Some(hook), ..
        } = &component.life
        {
            self.hook(component, "deploy", "deploy.log", hook);
        }
    }

    pub(super) fn post_deploy_hook(&self, name: &str) {
        let Some(component) = self.component(name) else {
            return;
        };
        if let Life::App {
            post_deploy: Some(hook),
            ..
        } = &component.life
        {
            self.hook(component, "post_deploy", "post-deploy.log", hook);
        }
    }

    /// Runs a hook in the app's container, its output in the activity's log and in a file of the container. A
    /// hook that fails is said loudly; the deployment goes on (spec 1.3).
    fn hook(&self, component: &Component, kind: &str, file: &str, hook: &str) {
        let container = &component.spec.id;
        let time = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.%6f");
        let first_line = hook.trim().lines().next().unwrap_or_default();
        let mut log = format!("[{time}] Launching command '{first_line}'.\n");
        let report = self.report;
        let mut line = |line: &str| {
            report.line(&format!("    {line}"));
            log.push_str(line);
            log.push('\n');
        };
        let outcome = self.node.exec_stream(
            container,
            &process(component, hook),
            b"",
            None,
            report.cancelled(),
            &mut line,
        );
        let failure = match outcome {
            Ok(0) => None,
            Ok(status) => Some(format!("it ended with status {status}")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(reason) = failure {
            let name = &component.name;
            report.line(&format!(
                "E: the {kind} hook of {name} failed: {reason}. The deployment goes on."
            ));
        }
        let append = format!("cat >> /var/log/{file}");
        let append = Process {
            argv: vec!["/bin/sh".into(), "-c".into(), append],
            ..component.spec.process.clone()
        };
        if let Err(error) = self
            .node
            .exec(container, &append, log.as_bytes(), Duration::from_secs(10))
        {
            tracing::warn!(%container, %error, file, "cannot write the hook's log");
        }
    }
}

/// A command of the project: one script for dash, in the app's directory, with its environment and
/// `.environment` (spec 1.3, 4.6).
pub(crate) fn process(component: &Component, command: &str) -> Process {
    const SOURCE: &str = "if [ -f .environment ]; then set -a; . ./.environment; set +a; fi\n";
    Process {
        argv: vec!["/bin/sh".into(), "-c".into(), format!("{SOURCE}{command}")],
        env: component.env.clone(),
        cwd: "/app".into(),
        user: component.spec.process.user,
    }
}
