//! Who asks, and whether they may: before any request is looked at more closely.
//!
//! Whoever may open the unix socket is the machine's root. From elsewhere a token says who comes. What a request needs is
//! told by its path alone; a path that nobody thought of here needs an admin of all projects.

use super::{App, Failure, blocking};
use axum::{
    extract::{MatchedPath, RawPathParams, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};
use guise_api::paths;
use guise_model::{ProjectId, UserName};
use guise_platform::{EnvironmentType, Platform, ROOT, Role};
use std::time::Duration;

tokio::task_local! {
    static CALLER: String;
}

/// Whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The machine's root.
    Root,
    /// A user by a token.
    User {
        /// The user.
        name: UserName,
        /// Whether the token may change nothing.
        read_only: bool,
        /// The only project that the token is good for, if there is one.
        project: Option<ProjectId>,
    },
}

impl Caller {
    /// The user; nobody for the machine's root.
    pub(crate) fn user(&self) -> Option<&UserName> {
        match self {
            Self::Root => None,
            Self::User { name, .. } => Some(name),
        }
    }

    /// Whether the token is for less than its user.
    pub(crate) fn is_limited(&self) -> bool {
        match self {
            Self::Root => false,
            Self::User {
                read_only, project, ..
            } => *read_only || project.is_some(),
        }
    }

    /// What the caller may at most be to environments of a type of a project; `None` when they may not know of them.
    fn role_on(
        &self,
        platform: &Platform,
        project: &ProjectId,
        kind: EnvironmentType,
    ) -> Result<Option<Role>, Failure> {
        Ok(match self {
            Self::Root => Some(Role::Admin),
            Self::User {
                project: Some(only), ..
            } if only != project => None,
            Self::User { name, .. } => platform.rights(Some(name), project)?.role_on(kind),
        })
    }

    /// Whether the caller may know of a project.
    pub(crate) fn sees(&self, platform: &Platform, project: &ProjectId) -> Result<bool, Failure> {
        Ok(match self {
            Self::Root => true,
            Self::User {
                project: Some(only), ..
            } if only != project => false,
            Self::User { name, .. } => platform.rights(Some(name), project)?.include_project(),
        })
    }
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// To be known; the answer holds only what the caller may see.
    Known,
    /// A role on the environment that is named, or on production where a project is named.
    Role(Role),
    /// A role on the parent of the environment that is named.
    Parent(Role),
    /// A role on the project of the query, and an admin of all where none is named.
    Queried(Role),
    /// A role on the project of the activity that is named.
    Activity(Role),
    /// To be an admin of all projects.
    Everything,
}

/// What a request for a path needs.
fn need(method: &Method, path: &str) -> Need {
    let reads = method == Method::GET;
    match path {
        paths::STATUS if reads => Need::Known,
        paths::PROJECTS if reads => Need::Known,
        paths::TOKENS | paths::TOKEN => Need::Known,
        paths::AUTHORITY if reads => Need::Known,
        paths::CONTAINERS | paths::TRUTH | paths::DISK | paths::ACTIVITIES if reads => {
            Need::Queried(Role::Viewer)
        }
        paths::ACTIVITY | paths::ACTIVITY_STEPS | paths::ACTIVITY_LOG => Need::Activity(Role::Viewer),
        paths::ACTIVITY_CANCEL => Need::Activity(Role::Contributor),
        // Credentials and shells are for those who work on it.
        paths::APP | paths::EXEC | paths::LOGS => Need::Role(Role::Contributor),
        paths::MERGE => Need::Parent(Role::Contributor),
        // guised itself connects to where they lead, so that is not for everybody to say; and URLs may hold secrets.
        paths::WEBHOOKS | paths::WEBHOOK => {
            if reads {
                Need::Role(Role::Admin)
            } else {
                Need::Everything
            }
        }
        // These name files of the machine.
        paths::EXPORT | paths::IMPORT => Need::Everything,
        paths::HTTP_ACCESS if !reads => Need::Role(Role::Admin),
        paths::ENVIRONMENT | paths::DEACTIVATE | paths::RESTORE | paths::BACKUP if !reads => {
            Need::Role(Role::Admin)
        }
        path if path.starts_with(paths::ENVIRONMENT) => {
            Need::Role(if reads { Role::Viewer } else { Role::Contributor })
        }
        // Whoever may work on development environments may make one.
        paths::ENVIRONMENTS if !reads => Need::Role(Role::Contributor),
        path if path.starts_with(paths::PROJECT) => {
            Need::Role(if reads { Role::Viewer } else { Role::Admin })
        }
        _ => Need::Everything,
    }
}

/// Where requests come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The unix socket, which only the machine's root may open.
    Socket,
    /// Anywhere.
    Network,
}

/// Lets a request pass on behalf of whoever asks, or refuses it.
pub(super) async fn admit(
    State((app, origin)): State<(App, Origin)>,
    matched: MatchedPath,
    params: RawPathParams,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let caller = match origin {
        Origin::Socket => Caller::Root,
        Origin::Network => known(&app, request.headers()).await?,
    };
    if let Caller::User { read_only, .. } = &caller {
        if *read_only && request.method() != Method::GET {
            return Err(Failure::denied());
        }
        let needed = need(request.method(), matched.as_str());
        let named = Named::of(&params, request.uri().query());
        let caller = caller.clone();
        blocking(&app, move |platform| named.check(platform, &caller, needed)).await?;
    }
    let name = caller.user().map_or(ROOT, UserName::as_str).to_owned();
    request.extensions_mut().insert(caller);
    Ok(CALLER.scope(name, next.run(request)).await)
}

/// Whoever the current request is done for; the machine's root for what guised does by itself.
pub(super) fn caller_name() -> String {
    CALLER.try_with(Clone::clone).unwrap_or_else(|_| ROOT.into())
}

/// Whom the request's token stands for.
async fn known(app: &App, headers: &HeaderMap) -> Result<Caller, Failure> {
    let secret = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .map(str::to_owned);
    let token = match secret {
        Some(secret) => blocking(app, move |platform| Ok(platform.token_of(secret.trim())?)).await?,
        None => None,
    };
    let Some(token) = token else {
        // Nobody guesses a secret; whoever tries shall at least not keep the database busy.
        tokio::time::sleep(Duration::from_millis(500)).await;
        return Err(Failure::unknown_caller());
    };
    Ok(Caller::User {
        name: token.user,
        read_only: token.read_only,
        project: token.project,
    })
}

/// What a request names.
struct Named {
    project: Option<String>,
    environment: Option<String>,
    activity: Option<String>,
    queried: Option<String>,
}

impl Named {
    fn of(params: &RawPathParams, query: Option<&str>) -> Self {
        let param = |wanted: &str| {
            let found = params.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.to_owned())
        };
        Self {
            project: param("project"),
            environment: param("environment"),
            activity: param("activity"),
            queried: query.and_then(project_of_query),
        }
    }

    fn check(&self, platform: &Platform, caller: &Caller, needed: Need) -> Result<(), Failure> {
        let (project, role) = match needed {
            Need::Known => return Ok(()),
            Need::Role(role) | Need::Parent(role) => (self.project.clone(), role),
            Need::Queried(role) => (self.queried.clone(), role),
            Need::Activity(role) => {
                let activity = platform.activity(self.activity.as_deref().unwrap_or_default())?;
                (activity.project.map(String::from), role)
            }
            Need::Everything => (None, Role::Admin),
        };
        let Some(project) = project else {
            return everything(platform, caller);
        };
        // What exists must not be learned from how the refusal is worded.
        let project = platform.project(&project).map_err(|_| Failure::denied())?;
        if let Caller::User { name, .. } = caller
            && self.environment.is_none()
            && needed == Need::Role(Role::Contributor)
        {
            let rights = platform.rights(Some(name), &project.id)?;
            let works = rights.include(role, EnvironmentType::Development);
            return (works && caller.sees(platform, &project.id)?)
                .then_some(())
                .ok_or_else(Failure::denied);
        }
        let environment = |name: &str| {
            platform
                .environment(&project, name)
                .map_err(|_| Failure::denied())
        };
        let kind = match &self.environment {
            Some(name) if needed == Need::Parent(role) => {
                let parent = environment(name)?.parent.ok_or_else(Failure::denied)?;
                environment(&parent)?.kind
            }
            Some(name) => environment(name)?.kind,
            None => EnvironmentType::Production,
        };
        let enough = match needed {
            // Whoever sees one environment sees the project.
            Need::Role(Role::Viewer) if self.environment.is_none() => caller.sees(platform, &project.id)?,
            Need::Queried(_) | Need::Activity(Role::Viewer) => caller.sees(platform, &project.id)?,
            _ => caller.role_on(platform, &project.id, kind)? >= Some(role),
        };
        enough.then_some(()).ok_or_else(Failure::denied)
    }
}

fn everything(platform: &Platform, caller: &Caller) -> Result<(), Failure> {
    let may = match caller {
        Caller::Root => true,
        Caller::User { name, project, .. } => project.is_none() && platform.user(name.as_str())?.is_admin,
    };
    may.then_some(()).ok_or_else(Failure::denied)
}

/// The value of `project` in a query.
fn project_of_query(query: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Of {
        project: Option<String>,
    }
    let uri = format!("/?{query}").parse().ok()?;
    let of = axum::extract::Query::<Of>::try_from_uri(&uri).ok()?;
    of.0.project
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_needs_is_told_by_its_path() {
        let table = [
            (Method::GET, paths::STATUS, Need::Known),
            (Method::POST, paths::STOP, Need::Everything),
            (Method::GET, paths::PROJECTS, Need::Known),
            (Method::POST, paths::PROJECTS, Need::Everything),
            (Method::GET, paths::PROJECT, Need::Role(Role::Viewer)),
            (Method::DELETE, paths::PROJECT, Need::Role(Role::Admin)),
            (Method::POST, paths::ENVIRONMENTS, Need::Role(Role::Contributor)),
            (Method::POST, paths::REDEPLOY, Need::Role(Role::Contributor)),
            (Method::DELETE, paths::ENVIRONMENT, Need::Role(Role::Admin)),
            (Method::POST, paths::EXEC, Need::Role(Role::Contributor)),
            (Method::GET, paths::APP, Need::Role(Role::Contributor)),
            (Method::POST, paths::MERGE, Need::Parent(Role::Contributor)),
            (Method::POST, paths::EXPORT, Need::Everything),
            (Method::GET, paths::USERS, Need::Everything),
            (Method::POST, paths::IMAGES, Need::Everything),
            (Method::POST, paths::PRE_RECEIVE, Need::Everything),
            (Method::GET, "/v1/what/nobody/thought/of", Need::Everything),
        ];
        for (method, path, expected) in table {
            assert_eq!(need(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn the_project_of_a_query_is_read_as_it_is_meant() {
        assert_eq!(project_of_query("a=b&project=x%20y").as_deref(), Some("x y"));
        assert_eq!(project_of_query("limit=3"), None);
    }
}
