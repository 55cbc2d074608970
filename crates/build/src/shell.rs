//! Words of shell scripts.

/// A word that a shell reads back as `text`.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
