//! Certificates that people bring, and the local authority.

use super::{App, Failure, blocking};
use crate::{acme::HostStatus, view};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use guise_api::{AddCertificate, Authority, Certificate, CertificateSource, ErrorKind, paths};
use guise_certificate::{CertificateError, Certified};
use std::time::UNIX_EPOCH;

/// List the certificates of a project: those that were brought, and those of an authority.
#[utoipa::path(
    get,
    path = paths::CERTIFICATES,
    operation_id = "certificate_list",
    responses((status = 200, body = Vec<Certificate>))
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path(project): Path<String>,
) -> Result<Json<Vec<Certificate>>, Failure> {
    let (certificates, acme) = (app.certificates.clone(), app.acme.clone());
    blocking(&app, move |platform| {
        let project = platform.project(&project)?.id;
        let mut all: Vec<Certificate> = certificates
            .of_project(&project)
            .list()?
            .into_iter()
            .map(certificate)
            .collect();
        if let Some(acme) = acme {
            all.extend(acme.of_project(&project).into_iter().map(of_authority));
        }
        Ok(Json(all))
    })
    .await
}

/// Add a certificate, which is served at once.
#[utoipa::path(
    post,
    path = paths::CERTIFICATES,
    operation_id = "certificate_add",
    request_body = AddCertificate,
    responses((status = 201, body = Certificate))
)]
pub(crate) async fn add(
    State(app): State<App>,
    Path(project): Path<String>,
    Json(wanted): Json<AddCertificate>,
) -> Result<(StatusCode, Json<Certificate>), Failure> {
    let (certificates, edge) = (app.certificates.clone(), app.edge.clone());
    blocking(&app, move |platform| {
        let brought = certificates.of_project(&platform.project(&project)?.id);
        let added = brought.add(&wanted.chain, &wanted.key)?;
        if let Err(refused) = edge.renew() {
            // What the edge cannot serve would be tried again and again.
            brought.delete(&added.id)?;
            return Err(guise_platform::PlatformError::from(refused).into());
        }
        Ok((StatusCode::CREATED, Json(certificate(added))))
    })
    .await
}

/// Show a certificate.
#[utoipa::path(
    get,
    path = paths::CERTIFICATE,
    operation_id = "certificate_get",
    responses((status = 200, body = Certificate))
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Certificate>, Failure> {
    let certificates = app.certificates.clone();
    blocking(&app, move |platform| {
        let brought = certificates.of_project(&platform.project(&project)?.id).list()?;
        let found = brought.into_iter().find(|certified| certified.id == id);
        found
            .map(|found| Json(certificate(found)))
            .ok_or_else(|| unknown(&id))
    })
    .await
}

/// Delete a certificate.
#[utoipa::path(
    delete,
    path = paths::CERTIFICATE,
    operation_id = "certificate_delete",
    responses((status = 200, body = Certificate))
)]
pub(crate) async fn delete(
    State(app): State<App>,
    Path((project, id)): Path<(String, String)>,
) -> Result<Json<Certificate>, Failure> {
    let (certificates, edge) = (app.certificates.clone(), app.edge.clone());
    blocking(&app, move |platform| {
        let brought = certificates.of_project(&platform.project(&project)?.id);
        let deleted = brought.delete(&id)?.ok_or_else(|| unknown(&id))?;
        edge.renew().map_err(guise_platform::PlatformError::from)?;
        Ok(Json(certificate(deleted)))
    })
    .await
}

/// Show the local certificate authority.
#[utoipa::path(
    get,
    path = paths::AUTHORITY,
    operation_id = "authority_get",
    responses((status = 200, body = Authority))
)]
pub(crate) async fn authority(State(app): State<App>) -> Json<Authority> {
    let authority = app.certificates.authority();
    Json(Authority {
        domain: app.config.domain.clone(),
        path: authority.path().display().to_string(),
        certificate: authority.certificate().into(),
        is_used: app.config.edge_listen_tls.is_some(),
    })
}

/// Without a certificate yet, all that is known is the host, and what is wrong.
fn of_authority(host: HostStatus) -> Certificate {
    let none = || Certificate {
        id: String::new(),
        hosts: vec![host.host],
        source: CertificateSource::Acme,
        issuer: String::new(),
        expires_at: String::new(),
        problem: None,
        chain: String::new(),
    };
    Certificate {
        source: CertificateSource::Acme,
        problem: host.problem,
        ..host.certified.map_or_else(none, certificate)
    }
}

fn certificate(certified: Certified) -> Certificate {
    let expires = certified.expires.duration_since(UNIX_EPOCH).unwrap_or_default();
    Certificate {
        expires_at: view::time(u64::try_from(expires.as_millis()).unwrap_or(u64::MAX)),
        id: certified.id,
        hosts: certified.hosts,
        source: CertificateSource::Brought,
        problem: None,
        issuer: certified.issuer,
        chain: certified.chain,
    }
}

fn unknown(id: &str) -> Failure {
    Failure::new(
        ErrorKind::User,
        "certificate.unknown",
        format!("the project has no certificate {id:?}"),
        vec!["`guise certificate list` shows those it has.".into()],
    )
}

impl From<CertificateError> for Failure {
    fn from(error: CertificateError) -> Self {
        let (kind, code) = match &error {
            CertificateError::File { .. } | CertificateError::Make { .. } => {
                (ErrorKind::Machine, "certificate.file")
            }
            CertificateError::Unreadable { .. }
            | CertificateError::OtherKey
            | CertificateError::NoHost
            | CertificateError::OtherHost { .. }
            | CertificateError::Expired => (ErrorKind::User, "certificate.refused"),
        };
        Self::new(kind, code, error.to_string(), vec![])
    }
}
