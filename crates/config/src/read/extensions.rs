//! `runtime.extensions`: what of PHP an app wants loaded (spec 1.14).

use super::Reader;
use crate::{
    model::Runtime,
    suggest::nearest,
    yaml::{Node, Value},
};

impl Reader<'_> {
    /// Warns of extensions that the image does not have: most are proprietary, and the app runs without them.
    pub fn check_extensions(&mut self, runtime: &Runtime, settings: &Node) {
        let Some(known) = self.types.extensions(&runtime.name, &runtime.resolved) else {
            return;
        };
        for key in ["extensions", "disabled_extensions"] {
            let Some(Value::Sequence(items)) = settings.get(key).map(|list| &list.value) else {
                continue;
            };
            for item in items {
                let name = item.get("name").unwrap_or(item);
                let Some(text) = name.as_text() else { continue };
                if known.iter().any(|extension| extension == text) {
                    continue;
                }
                let (language, version) = (&runtime.name, &runtime.resolved);
                let message =
                    format!("the image {language}:{version} has no extension `{text}`; it is left out");
                let finding = self.report.warning("unknown-extension", &name.span, message);
                if let Some(word) = nearest(text, known.iter().map(String::as_str)) {
                    finding.help(format!("did you mean `{word}`?"));
                }
            }
        }
    }
}
