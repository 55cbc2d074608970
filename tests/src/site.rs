//! A site that is quick to push: Python's own web server, no package, no hook, no service.

use crate::Repository;
use anyhow::Result;

const APP: &str = r#"name: app
type: python:3.13
web:
    commands:
        start: python server.py
    locations:
        /:
            passthru: true
        /files:
            root: files
"#;

const SERVER: &str = r#"import http.server, os

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = open("page.txt", "rb").read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"#;

/// Writes the site's files; its page is what `page.txt` says: `first`.
///
/// # Errors
/// When they cannot be written.
pub fn write_plain_site(repository: &Repository) -> Result<()> {
    repository.write(".platform.app.yaml", APP)?;
    repository.write("server.py", SERVER)?;
    repository.write("page.txt", "first")?;
    repository.write("files/kept.txt", "kept")
}
