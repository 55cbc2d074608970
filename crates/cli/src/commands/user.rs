//! `guise user`: the people who may reach projects from outside.

use super::confirm;
use crate::client::with_query;
use crate::context::Context;
use crate::error::Error;
use crate::output::Column;
use clap::{Args, Subcommand};
use guise_api::{CreateUser, Roles, UpdateUser, User as Found, paths};

/// Add, list, show, change and delete users
///
/// A role is admin or viewer for a whole project, or TYPE:ROLE for its environments of one type: production, staging
/// or development, and admin, contributor or viewer. Viewers fetch code, contributors push and open shells, admins do
/// everything.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user
    Add {
        /// The name; a mail address is one
        name: String,
        #[command(flatten)]
        roles: Wanted,
        /// Every project is theirs to administer
        #[arg(long)]
        admin: bool,
    },
    /// List users, with their roles in the project you stand in
    List,
    /// Show a user
    Get {
        /// The name
        name: String,
    },
    /// Change what a user is
    Update {
        /// The name
        name: String,
        #[command(flatten)]
        roles: Wanted,
        /// Take all roles in the project away
        #[arg(long, conflicts_with = "roles")]
        no_role: bool,
        /// Whether every project is theirs to administer
        #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
        admin: Option<bool>,
    },
    /// Delete a user with keys and roles; what they made stays
    Delete {
        /// The name
        name: String,
    },
}

/// Roles as typed.
#[derive(Debug, Args)]
pub struct Wanted {
    /// What they are in the project, in place of what they were: viewer, development:contributor; may be repeated
    #[arg(short, long = "role", value_name = "ROLE")]
    roles: Vec<String>,
}

impl Wanted {
    /// The roles in the project meant; none when nothing was said about them.
    fn resolve(self, context: &Context, none_at_all: bool) -> Result<Option<Roles>, Error> {
        if self.roles.is_empty() && !none_at_all {
            return Ok(None);
        }
        Ok(Some(Roles {
            project: context.project()?,
            roles: self.roles,
        }))
    }
}

impl User {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let one = |name: &str| paths::fill(paths::USER, &[name]);
        match self {
            Self::Add { name, roles, admin } => {
                let wanted = CreateUser {
                    name,
                    is_admin: admin,
                    roles: roles.resolve(context, false)?,
                };
                let made: Found = context.client.post(paths::USERS, &wanted).await?;
                show(context, &made)?;
                context.output.remark(format!(
                    "A key lets them in: guise ssh-key add --user {} FILE.pub",
                    made.name
                ));
            }
            Self::List => {
                let users: Vec<Found> = context.client.get(&in_project(context, paths::USERS)?).await?;
                let none = "There is no user yet: `guise init` makes the first.";
                context.output.list(&users, &columns(), none)?;
            }
            Self::Get { name } => {
                let path = in_project(context, &one(&name))?;
                show(context, &context.client.get(&path).await?)?;
            }
            Self::Update {
                name,
                roles,
                no_role,
                admin,
            } => {
                let wanted = UpdateUser {
                    is_admin: admin,
                    roles: roles.resolve(context, no_role)?,
                };
                show(context, &context.client.patch(&one(&name), &wanted).await?)?;
            }
            Self::Delete { name } => {
                confirm(
                    context,
                    &format!("Deleting {name} locks them out at once."),
                    &name,
                )?;
                context.client.delete::<Found>(&one(&name)).await?;
            }
        }
        Ok(0)
    }
}

/// A path that asks about roles in the project meant, if there is one.
fn in_project(context: &Context, path: &str) -> Result<String, Error> {
    let project = context.project_or_all()?;
    Ok(with_query(path, &[("project", project.as_deref())]))
}

fn columns() -> Vec<Column<Found>> {
    vec![
        Column::new("NAME", |user: &Found| user.name.to_string()),
        Column::new("ROLES", role),
        Column::new("CREATED", |user: &Found| user.created_at.clone()),
    ]
}

fn role(user: &Found) -> String {
    match (user.is_admin, user.roles.as_slice()) {
        (true, _) => "admin of all projects".into(),
        (false, []) => "none".into(),
        (false, roles) => roles.join(", "),
    }
}

fn show(context: &Context, user: &Found) -> Result<(), Error> {
    let fields = [
        ("name", user.name.to_string()),
        ("roles", role(user)),
        ("created", user.created_at.clone()),
    ];
    Ok(context.output.record(user, &fields)?)
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn roles_are_of_the_project_that_is_named() {
        let ada =
            r#"{"name":"ada","is_admin":false,"roles":["development:contributor"],"created_at":"2026"}"#;
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(ada)]);
        let (printed, code) = daemon.run("user add ada -p shop -r development:contributor");
        assert!(printed.contains("development:contributor"), "{printed}");
        assert_eq!(code.unwrap(), 0);
        let request = daemon.requests().remove(0);
        assert!(
            request.ends_with(r#""roles":{"project":"shop","roles":["development:contributor"]}}"#),
            "{request}"
        );
    }
}
