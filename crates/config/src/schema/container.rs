//! What every container has: an app's, a worker's, a service's.

use super::{
    reference,
    shape::{Property, anything, map_of, object, one_of},
};
use crate::read::{
    instance::{PROFILES, SIZES},
    operation::ROLES,
};

pub fn container() -> Vec<Property> {
    vec![
        (
            "size",
            one_of(SIZES.iter().map(|(name, _)| *name)),
            "Processor and memory of the container.",
        ),
        (
            "container_profile",
            one_of(PROFILES.iter().map(|(name, _)| *name)),
            "How much memory goes with a processor.",
        ),
        (
            "relationships",
            map_of(reference("relationship")),
            "What this may connect to.",
        ),
        (
            "access",
            object(&[("ssh", one_of(ROLES.map(|(role, _)| role)), "Least role that may.")]),
            "Who may open a shell: `ssh: contributor`.",
        ),
        (
            "firewall",
            reference("firewall"),
            "Where this may connect to outside.",
        ),
        ("resources", anything(), "Memory of Upsun's containers."),
    ]
}
