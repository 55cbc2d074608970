//! A build trusts the certificate authorities that its host trusts: behind a company's proxy, packages come with
//! that company's certificates, which no base image knows.

use guise_node::RunFile;
use std::collections::BTreeMap;

/// Debian's bundle of all authorities that the machine's administrator trusts (update-ca-certificates(8)).
const HOST_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where it is in the build container, below `/run`.
const BUNDLE: &str = "guise/ca-certificates.crt";

/// How the tools of the languages that guise has images for are told of a bundle.
const VARIABLES: [&str; 9] = [
    "CARGO_HTTP_CAINFO",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "HEX_CACERTS_PATH",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
];

/// The host's bundle as a file of the container, and the variables that lead to it. Without a bundle on the host
/// the base image's own is used.
pub(crate) fn of_the_host() -> Option<(RunFile, BTreeMap<String, String>)> {
    let content = std::fs::read_to_string(HOST_BUNDLE).ok()?;
    let file = RunFile {
        path: BUNDLE.into(),
        content,
        mode: 0o644,
    };
    let variables = VARIABLES.map(|name| (name.to_owned(), format!("/run/{BUNDLE}")));
    Some((file, variables.into()))
}
