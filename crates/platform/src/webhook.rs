//! Webhooks: a project's activities told to somebody's server when they have ended, in order.
//!
//! What was told is remembered, so nothing is left out while guised is away. Whoever does not listen is asked again later,
//! and an activity that nobody wanted for a day is given up, so that the next one gets its turn.

use crate::{
    Platform, PlatformError, random,
    store::{Delivery, ProjectRecord, WebhookRecord, now},
};
use jiff::{SignedDuration, Timestamp};

/// Seconds until the next attempt, after the first failure, the second, and so on.
const PAUSES: [i64; 8] = [5, 30, 120, 600, 3600, 10_800, 21_600, 43_200];
const MOST_PER_PROJECT: usize = 20;
const KEY_LETTERS: usize = 40;

/// A webhook that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// No such webhook.
    #[error("there is no webhook {given:?}")]
    Unknown {
        /// What was asked for.
        given: String,
    },
    /// Not an address that can be told anything.
    #[error("{given:?} is no URL for a webhook: write http://… or https://…, without a user and a #")]
    Url {
        /// As given.
        given: String,
    },
    /// Too many.
    #[error("the project has {MOST_PER_PROJECT} webhooks already: delete one first")]
    Full,
}

impl Platform {
    /// Makes a webhook; answers it with the key that its messages are signed with, a random one if none is given.
    ///
    /// # Errors
    /// [`WebhookError::Url`], [`WebhookError::Full`].
    pub fn create_webhook(
        &self,
        project: &ProjectRecord,
        url: &str,
        events: Vec<String>,
        key: Option<String>,
    ) -> Result<(WebhookRecord, String), PlatformError> {
        if !is_tellable(url) {
            return Err(WebhookError::Url { given: url.into() }.into());
        }
        if self.store().webhooks(&project.id)?.len() >= MOST_PER_PROJECT {
            return Err(WebhookError::Full.into());
        }
        let key = key.unwrap_or_else(|| random::letters(KEY_LETTERS));
        let webhook = WebhookRecord {
            id: random::letters(13),
            project: project.id.clone(),
            url: url.into(),
            events,
            created_at: now(),
            failures: 0,
            problem: None,
        };
        self.store().create_webhook(&webhook, key.as_bytes())?;
        self.audit("integration.add", Some((&project.id, None)), &webhook.id)?;
        Ok((webhook, key))
    }

    /// A project's webhooks.
    pub fn webhooks(&self, project: &ProjectRecord) -> Result<Vec<WebhookRecord>, PlatformError> {
        Ok(self.store().webhooks(&project.id)?)
    }

    /// Deletes a webhook.
    ///
    /// # Errors
    /// [`WebhookError::Unknown`].
    pub fn delete_webhook(&self, project: &ProjectRecord, id: &str) -> Result<(), PlatformError> {
        if !self.store().delete_webhook(&project.id, id)? {
            return Err(WebhookError::Unknown { given: id.into() }.into());
        }
        self.audit("integration.delete", Some((&project.id, None)), id)
    }

    /// What is to be told now, by each webhook one thing at most.
    pub fn due_deliveries(&self) -> Result<Vec<Delivery>, PlatformError> {
        Ok(self.store().due_deliveries()?)
    }

    /// Records how telling went; a problem is why it did not.
    pub fn note_delivery(&self, delivery: &Delivery, problem: Option<&str>) -> Result<(), PlatformError> {
        let (id, failures) = (&delivery.webhook.id, delivery.webhook.failures);
        match (problem, PAUSES.get(failures as usize)) {
            (Some(problem), Some(pause)) => {
                let next = Timestamp::now() + SignedDuration::from_secs(*pause);
                Ok(self.store().note_not_told(id, &format!("{next:.3}"), problem)?)
            }
            (problem, _) => Ok(self.store().note_told(id, &delivery.activity, problem)?),
        }
    }
}

fn is_tellable(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    host.is_some_and(|host| !host.is_empty() && !host.contains('@'))
        && url.len() < 2000
        && url.chars().all(|c| c.is_ascii_graphic() && c != '#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ActivityState, Store, activity_for_tests};

    #[test]
    fn only_plain_urls_are_told_anything() {
        for url in [
            "http://ci.example.org/hook?a=b",
            "https://[::1]:8443",
            "https://chat.example.org/x",
        ] {
            assert!(is_tellable(url), "{url}");
        }
        for url in [
            "",
            "ftp://a",
            "https://",
            "https:///x",
            "https://me:pw@a/",
            "http://a/#b",
            "http://a b/",
            "http://a/\r\nX: y",
        ] {
            assert!(!is_tellable(url), "{url}");
        }
    }

    #[test]
    fn activities_are_told_in_order_and_none_twice() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("guise.db")).unwrap();
        let project = store.create_project("Shop", "main").unwrap().id;
        let webhook = WebhookRecord {
            id: "hook".into(),
            project: project.clone(),
            url: "http://a/".into(),
            events: vec!["environment.push".into()],
            created_at: "2020-01-01T00:00:00.000Z".into(),
            failures: 0,
            problem: None,
        };
        store.create_webhook(&webhook, b"key").unwrap();
        assert!(store.due_deliveries().unwrap().is_empty());
        let mut ended = Vec::new();
        for kind in ["environment.push", "image.build", "environment.push"] {
            let mut activity = activity_for_tests(ActivityState::InProgress);
            activity.kind = kind.into();
            activity.project = Some(project.clone());
            store.create_activity(&activity).unwrap();
            assert!(
                store
                    .due_deliveries()
                    .unwrap()
                    .iter()
                    .all(|due| due.activity.id != activity.id)
            );
            store
                .end_activity(&activity.id, ActivityState::Complete, true)
                .unwrap();
            ended.push(activity.id);
            // Times are stored to the millisecond.
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let mut told = Vec::new();
        while let Some(delivery) = store.due_deliveries().unwrap().pop() {
            assert_eq!(delivery.key, b"key");
            store.note_told("hook", &delivery.activity, None).unwrap();
            told.push(delivery.activity.id);
        }
        assert_eq!(told, [ended[0].clone(), ended[2].clone()]);
    }

    #[test]
    fn one_who_does_not_listen_is_asked_later() {
        assert!(PAUSES.is_sorted());
        assert!(PAUSES.iter().sum::<i64>() < 24 * 3600);
    }
}
