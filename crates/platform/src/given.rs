//! What a deployed app was given, read back from its own environment: the one place where it stands as the app sees it.

use crate::desired::Component;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

impl Component {
    /// `PLATFORM_RELATIONSHIPS`; empty for a service.
    pub fn relationships(&self) -> Map<String, Value> {
        self.decoded("PLATFORM_RELATIONSHIPS")
    }

    /// The mounts of `PLATFORM_APPLICATION`; empty for a service.
    pub fn mounts(&self) -> Map<String, Value> {
        match self.decoded("PLATFORM_APPLICATION").remove("mounts") {
            Some(Value::Object(mounts)) => mounts,
            _ => Map::new(),
        }
    }

    fn decoded(&self, variable: &str) -> Map<String, Value> {
        let text = self.env.get(variable).and_then(|text| STANDARD.decode(text).ok());
        text.and_then(|json| serde_json::from_slice(&json).ok())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relationships_and_mounts_are_those_the_app_sees() {
        let mut desired = crate::plan::tests::desired();
        let mut app = desired.components.remove(1);
        let encoded = |json: &str| STANDARD.encode(json);
        app.env.insert(
            "PLATFORM_RELATIONSHIPS".into(),
            encoded(r#"{"db":[{"port":3306}]}"#),
        );
        app.env.insert(
            "PLATFORM_APPLICATION".into(),
            encoded(r#"{"mounts":{"/files":{"source":"local"}}}"#),
        );
        assert_eq!(app.relationships()["db"][0]["port"], 3306);
        assert_eq!(app.mounts()["/files"]["source"], "local");
        assert!(desired.components.remove(0).relationships().is_empty());
    }
}
