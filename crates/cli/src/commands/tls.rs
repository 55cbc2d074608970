//! `guise tls`: the local certificate authority.

use crate::context::Context;
use crate::error::Error;
use clap::Subcommand;
use guise_api::{Authority, paths};

/// See the local certificate authority, and learn how to trust it
#[derive(Debug, Subcommand)]
pub enum Tls {
    /// Say how browsers and programs come to trust generated hosts; changes nothing
    Trust,
    /// Print the authority's certificate
    Authority,
}

impl Tls {
    pub async fn run(self, context: &Context) -> Result<u8, Error> {
        let authority: Authority = context.client.get(paths::AUTHORITY).await?;
        if context.output.is_json() {
            context.output.record(&authority, &[])?;
        } else {
            context.output.line(match self {
                Self::Trust => advice(&authority),
                Self::Authority => authority.certificate.trim_end().into(),
            })?;
        }
        if !authority.is_used {
            context.output.remark(
                "The edge does not speak TLS: set edge_listen_tls = \"127.0.0.1:8443\" in the daemon's config.toml.",
            );
        }
        Ok(0)
    }
}

fn advice(authority: &Authority) -> String {
    let Authority { domain, path, .. } = authority;
    format!(
        "This guise signs for hosts below {domain} with a certificate authority of its own. Whoever trusts it trusts
these hosts and no others. Its key stays on the daemon's machine. Its certificate is
  {path}

Debian, curl, most programs:
  sudo cp {path} /usr/local/share/ca-certificates/guise.crt && sudo update-ca-certificates
Firefox: Settings, Certificates, View Certificates, Authorities, Import
Chrome on Linux:
  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n guise -i {path}
macOS:
  sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {path}
Windows, as administrator:
  certutil -addstore Root {path}
Node.js:
  export NODE_EXTRA_CA_CERTS={path}
Once only, with curl:
  curl --cacert {path} https://…

On another machine, copy the file there first: guise tls authority > guise.crt"
    )
}

#[cfg(test)]
mod tests {
    use crate::fake_daemon::FakeDaemon;

    #[test]
    fn the_certificate_is_printed_for_a_file_and_explained_for_a_person() {
        let authority =
            r#"{"domain": "localhost", "path": "/a.pem", "certificate": "-----BEGIN\n", "is_used": true}"#;
        let daemon = FakeDaemon::answering(vec![FakeDaemon::json(authority); 2]);
        let (printed, code) = daemon.run("tls authority");
        assert_eq!((printed.as_str(), code.unwrap()), ("-----BEGIN\n", 0));
        let (printed, _) = daemon.run("tls trust");
        assert!(printed.contains("curl --cacert /a.pem"), "{printed}");
    }
}
