//! Which certificate a project's host is served with: one that was brought for it, else one that an authority has issued,
//! else one of the local authority.

use guise_certificate::{Authority, Brought, CertificateError, Certified, Issued};
use guise_model::ProjectId;
use std::path::{Path, PathBuf};

/// Where certificates come from.
pub struct Certificates {
    authority: Authority,
    issued: Issued,
    projects: PathBuf,
}

impl Certificates {
    /// Opens the local authority for `domain`, which is made at first.
    ///
    /// # Errors
    /// When its files cannot be read or made.
    pub fn open(state: &Path, domain: &str) -> Result<Self, CertificateError> {
        Ok(Self {
            authority: Authority::open(&state.join("authority"), domain)?,
            issued: Issued::at(&state.join("acme")),
            projects: state.join("projects"),
        })
    }

    /// The local authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The certificates that an authority has issued.
    pub fn issued(&self) -> &Issued {
        &self.issued
    }

    /// The certificates that were brought for a project. They are for its own hosts only: nobody can serve another's.
    pub fn of_project(&self, project: &ProjectId) -> Brought {
        self.below(project.as_str())
    }

    /// The certificate that a host of a project is served with.
    ///
    /// # Errors
    /// When the local authority cannot sign.
    pub fn for_host(&self, project: &str, host: &str) -> Result<Certified, CertificateError> {
        match self.below(project).find(host) {
            Ok(Some(brought)) => return Ok(brought),
            Ok(None) => {}
            // The site is served all the same; `guise certificate list` fails with the reason.
            Err(error) => tracing::warn!("the certificates of {project} are passed over: {error}"),
        }
        match self.issued.find(host) {
            Ok(Some(issued)) if !issued.remaining().is_zero() => return Ok(issued),
            Ok(_) => {}
            Err(error) => tracing::warn!("what was issued for {host} is passed over: {error}"),
        }
        self.authority.certify(host)
    }

    /// Whether a certificate was brought that serves a host of a project.
    pub fn is_brought(&self, project: &str, host: &str) -> bool {
        matches!(self.below(project).find(host), Ok(Some(_)))
    }

    fn below(&self, project: &str) -> Brought {
        Brought::at(&self.projects.join(project).join("certificates"))
    }
}
