//! A service (spec 2.1).

use super::{
    container::container,
    shape::{anything, map_of, number, object, text, with_required},
};
use serde_json::Value;

pub fn service() -> Value {
    let mut properties = vec![
        ("type", text(), "Type and version: `mariadb:11.8`."),
        (
            "disk",
            number(),
            "Disk in MB (10^6 bytes), for services that keep data.",
        ),
        (
            "configuration",
            map_of(anything()),
            "Settings of this type of service.",
        ),
    ];
    properties.extend(container());
    with_required(object(&properties), &["type"])
}
