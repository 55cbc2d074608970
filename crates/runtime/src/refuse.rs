//! Keys of config.json that guise cannot follow: refused by name, since a container without what it asks for is none at all.
//!
//! What is not for Linux (`windows`, `vm`, …) is no concern of ours, and unknown keys are ignored, as the specification wants
//! ("Extensibility").

use crate::config::ConfigError;
use oci_spec::runtime::{Linux, LinuxMemory, Process, Spec};

/// Refuses a configuration whose Linux part asks for what guise cannot do.
///
/// # Errors
/// [`ConfigError::Unsupported`].
pub fn refuse(spec: &Spec) -> Result<(), ConfigError> {
    let asked = spec.linux().as_ref().map(of_linux).unwrap_or_default();
    asked
        .into_iter()
        .find_map(|(asked, key)| asked.then_some(key))
        .map_or(Ok(()), unsupported)
}

/// Refuses a process, of a container or to be run in one, that asks for what guise cannot do.
///
/// # Errors
/// [`ConfigError::Unsupported`].
pub fn refuse_process(process: &Process) -> Result<(), ConfigError> {
    let given = |label: &Option<String>| label.as_deref().is_some_and(|label| !label.is_empty());
    if given(process.apparmor_profile()) {
        return unsupported("process.apparmorProfile");
    }
    if given(process.selinux_label()) {
        return unsupported("process.selinuxLabel");
    }
    Ok(())
}

fn unsupported(key: &'static str) -> Result<(), ConfigError> {
    Err(ConfigError::Unsupported { key })
}

fn of_linux(linux: &Linux) -> Vec<(bool, &'static str)> {
    let resources = linux.resources().as_ref();
    let memory = resources.and_then(|resources| resources.memory().as_ref());
    let says = |of: fn(&LinuxMemory) -> Option<bool>| memory.and_then(of);
    let network = linux
        .net_devices()
        .as_ref()
        .is_some_and(|devices| !devices.is_empty());
    let label = linux
        .mount_label()
        .as_deref()
        .is_some_and(|label| !label.is_empty());
    let flags = linux
        .personality()
        .as_ref()
        .and_then(|personality| personality.flags().as_ref());
    vec![
        (network, "linux.netDevices"),
        (label, "linux.mountLabel"),
        (linux.intel_rdt().is_some(), "linux.intelRdt"),
        (
            flags.is_some_and(|flags| !flags.is_empty()),
            "linux.personality.flags",
        ),
        // Linux counts hierarchically since 5.11, and cannot be told otherwise.
        (
            says(LinuxMemory::use_hierarchy) == Some(false),
            "linux.resources.memory.useHierarchy: false",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(key: &str, value: serde_json::Value) -> Option<String> {
        let mut template = serde_json::to_value(crate::template::spec()).unwrap();
        let place = key.split('.').fold(&mut template, |place, name| &mut place[name]);
        *place = value;
        let spec: Spec = serde_json::from_value(template).unwrap();
        crate::config::Config::check("/bundle".into(), spec)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        for (key, value) in [
            ("process.apparmorProfile", serde_json::json!("docker-default")),
            (
                "process.selinuxLabel",
                serde_json::json!("system_u:system_r:container_t:s0"),
            ),
            (
                "linux.mountLabel",
                serde_json::json!("system_u:object_r:container_file_t:s0"),
            ),
            ("linux.intelRdt", serde_json::json!({ "closID": "a" })),
            ("linux.netDevices", serde_json::json!({ "eth1": {} })),
            ("linux.resources.memory.useHierarchy", serde_json::json!(false)),
        ] {
            let told = refusal(key, value).unwrap();
            assert!(
                told.contains(key) && told.contains("not supported"),
                "{key}: {told}"
            );
        }
    }

    #[test]
    fn an_empty_label_asks_for_nothing() {
        assert_eq!(refusal("process.apparmorProfile", serde_json::json!("")), None);
        assert_eq!(refusal("linux.netDevices", serde_json::json!({})), None);
    }
}
