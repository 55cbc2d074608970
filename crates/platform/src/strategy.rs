//! How a deployment gets from what runs to what shall run (spec 1.3).

use serde::{Deserialize, Serialize};

/// What becomes of an app's requests while it is deployed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Requests wait while the app is changed or its container made anew.
    #[default]
    StopStart,
    /// A new container is made beside the old one, and requests go to it once it answers.
    Rolling,
}

impl Strategy {
    /// Its words, for messages.
    pub(crate) const WORDS: &'static str = "stopstart or rolling";

    /// The strategy of a word.
    pub fn find(word: &str) -> Option<Self> {
        [Self::StopStart, Self::Rolling]
            .into_iter()
            .find(|strategy| strategy.as_str() == word)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StopStart => "stopstart",
            Self::Rolling => "rolling",
        }
    }
}
