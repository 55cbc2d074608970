//! Webhooks: who is told of a project's activities, and up to which.

use super::{ActivityRecord, Store, StoreError, activities, now, unreadable};
use guise_model::ProjectId;
use rusqlite::{OptionalExtension, Row, params};

/// A webhook as stored, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Its id.
    pub id: String,
    /// Of whose activities it tells.
    pub project: ProjectId,
    /// Where it tells.
    pub url: String,
    /// Types of activities that it tells of; all when empty.
    pub events: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// How often in a row telling of the next activity has failed.
    pub failures: u32,
    /// Why it failed last.
    pub problem: Option<String>,
}

/// What is to be told next.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// By which webhook.
    pub webhook: WebhookRecord,
    /// The key that it is signed with.
    pub key: Vec<u8>,
    /// Of what.
    pub activity: ActivityRecord,
}

fn webhook(row: &Row<'_>) -> rusqlite::Result<WebhookRecord> {
    let events: String = row.get("events")?;
    Ok(WebhookRecord {
        id: row.get("id")?,
        project: ProjectId::new(row.get::<_, String>("project")?)
            .map_err(|error| unreadable(Box::new(error)))?,
        url: row.get("url")?,
        events: events
            .split(',')
            .filter(|event| !event.is_empty())
            .map(str::to_owned)
            .collect(),
        created_at: row.get("created_at")?,
        failures: row.get("failures")?,
        problem: row.get("problem")?,
    })
}

/// What a key is sealed for: no other webhook's.
fn about(id: &str) -> String {
    format!("webhook {id}")
}

impl Store {
    /// Records a webhook. It tells of what ends from now on.
    pub fn create_webhook(&self, webhook: &WebhookRecord, key: &[u8]) -> Result<(), StoreError> {
        self.connection().execute(
            "INSERT INTO webhooks (id, project, url, key, events, created_at, told_at, told_id, failures)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, '', 0)",
            params![
                webhook.id,
                webhook.project.as_str(),
                webhook.url,
                self.seal.seal(&about(&webhook.id), key),
                webhook.events.join(","),
                webhook.created_at
            ],
        )?;
        Ok(())
    }

    /// The webhooks of a project, oldest first.
    pub fn webhooks(&self, project: &ProjectId) -> Result<Vec<WebhookRecord>, StoreError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare_cached("SELECT * FROM webhooks WHERE project = ? ORDER BY created_at, id")?;
        let webhooks = statement
            .query_map([project.as_str()], webhook)?
            .collect::<Result<_, _>>()?;
        Ok(webhooks)
    }

    /// Forgets a webhook; `false` when the project has none of that id.
    pub fn delete_webhook(&self, project: &ProjectId, id: &str) -> Result<bool, StoreError> {
        let deleted = self.connection().execute(
            "DELETE FROM webhooks WHERE project = ? AND id = ?",
            [project.as_str(), id],
        )?;
        Ok(deleted == 1)
    }

    /// For each webhook that is not waiting, the activity that it is to tell of next.
    pub fn due_deliveries(&self) -> Result<Vec<Delivery>, StoreError> {
        let connection = self.connection();
        let mut due =
            connection.prepare_cached("SELECT * FROM webhooks WHERE next_at IS NULL OR next_at <= ?")?;
        let due: Vec<(WebhookRecord, Vec<u8>, String, String)> = due
            .query_map([now()], |row| {
                Ok((
                    webhook(row)?,
                    row.get("key")?,
                    row.get("told_at")?,
                    row.get("told_id")?,
                ))
            })?
            .collect::<Result<_, _>>()?;
        let mut next = connection.prepare_cached(
            "SELECT * FROM activities
             WHERE project = ?1 AND (completed_at, id) > (?2, ?3)
                   AND (?4 = '' OR instr(',' || ?4 || ',', ',' || type || ',') > 0)
             ORDER BY completed_at, id LIMIT 1",
        )?;
        let mut deliveries = Vec::new();
        for (webhook, sealed, told_at, told_id) in due {
            let events = webhook.events.join(",");
            let wanted = params![webhook.project.as_str(), told_at, told_id, events];
            if let Some(activity) = next.query_row(wanted, activities::record).optional()? {
                let key = self.seal.unseal(&about(&webhook.id), &sealed)?;
                deliveries.push(Delivery {
                    webhook,
                    key,
                    activity,
                });
            }
        }
        Ok(deliveries)
    }

    /// Records that a webhook is done with an activity: it was told, or given up with a problem.
    pub fn note_told(
        &self,
        id: &str,
        activity: &ActivityRecord,
        problem: Option<&str>,
    ) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE webhooks SET told_at = ?, told_id = ?, failures = 0, next_at = NULL, problem = ? WHERE id = ?",
            params![activity.completed_at, activity.id.as_str(), problem, id],
        )?;
        Ok(())
    }

    /// Records that telling failed, and when it is tried again.
    pub fn note_not_told(&self, id: &str, next_at: &str, problem: &str) -> Result<(), StoreError> {
        self.connection().execute(
            "UPDATE webhooks SET failures = failures + 1, next_at = ?, problem = ? WHERE id = ?",
            params![next_at, problem, id],
        )?;
        Ok(())
    }
}
