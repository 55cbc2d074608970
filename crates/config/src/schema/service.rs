//! A service (spec 2.1).

use super::{
    reference,
    shape::{anything, map_of, number, object, one_of, text, with_required},
};
use crate::read::instance::{PROFILES, SIZES};
use serde_json::Value;

pub fn service() -> Value {
    let fields = object(&[
        ("type", text(), "Type and version: `mariadb:11.8`."),
        (
            "disk",
            number(),
            "Disk in MB (10^6 bytes), for services that keep data.",
        ),
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
            "configuration",
            map_of(anything()),
            "Settings of this type of service.",
        ),
        (
            "relationships",
            map_of(reference("relationship")),
            "What this may connect to.",
        ),
        ("access", map_of(text()), "Who may open a shell."),
        (
            "firewall",
            reference("firewall"),
            "Where this may connect to outside.",
        ),
        ("resources", anything(), "Memory of Upsun's containers."),
    ]);
    with_required(fields, &["type"])
}
