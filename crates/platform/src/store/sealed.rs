//! Values of what runs, sealed as a whole: they hold passwords and what people set in variables.

use super::StoreError;
use crate::{desired::Desired, seal::Seal};
use base64::{Engine, engine::general_purpose::STANDARD};

const ABOUT: &str = "desired state";

/// The value as the database holds it.
pub(super) fn close(seal: &Seal, desired: &Desired) -> Result<String, StoreError> {
    let json = serde_json::to_vec(desired).map_err(|error| unreadable(&error))?;
    Ok(STANDARD.encode(seal.seal(ABOUT, &json)))
}

/// The value of what the database holds, or held as plain JSON before values were sealed.
pub(super) fn open(seal: &Seal, stored: &str) -> Result<Desired, StoreError> {
    if stored.starts_with('{') {
        return serde_json::from_str(stored).map_err(|error| unreadable(&error));
    }
    let sealed = STANDARD.decode(stored).map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&seal.unseal(ABOUT, &sealed)?).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::error::Error) -> StoreError {
    StoreError::Unreadable {
        what: "deployment",
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_from_before_there_was_a_key_is_still_read() {
        let directory = tempfile::tempdir().unwrap();
        let seal = Seal::open(&directory.path().join("key")).unwrap();
        let desired = crate::plan::tests::desired();
        let plain = serde_json::to_string(&desired).unwrap();
        assert_eq!(open(&seal, &plain).unwrap(), desired);
        let sealed = close(&seal, &desired).unwrap();
        assert!(!sealed.contains("mariadb"));
        assert_eq!(open(&seal, &sealed).unwrap(), desired);
    }
}
