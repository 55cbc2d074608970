//! A site that answers with what it gets, for journeys that look closely at what a deployment disturbs.
//!
//! The configuration stands outside of the app's directory, so that it can change while the code stays the same.

use anyhow::Result;
use journeys::Repository;

/// The app's configuration. Its last lines are the locations, to which more can be appended.
pub const APP: &str = ".platform/applications.yaml";
/// The page, read when the app starts.
pub const PAGE: &str = "site/page.txt";

const CONFIGURATION: &str = "- name: app
  type: python:3.13
  source:
    root: site
  size: L
  hooks:
    build: echo \"$COLOUR\" > colour.txt
  operations:
    read-page:
      role: admin
      commands:
        start: cat page.txt
  web:
    commands:
      start: python server.py
    locations:
      /:
        passthru: true
";

/// Answers GET with a page, POST with what it got, a WebSocket's messages with themselves; dies at once when it is told to stop: no request may be with it then.
const SERVER: &str = r#"import base64, hashlib, http.server, os, time

PAGE = open("page.txt", "rb").read()

class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.headers.get("Upgrade"):
            self.echo_messages()
        else:
            self.answer(PAGE)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/slow":
            time.sleep(0.4)
        self.answer(body)

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def echo_messages(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while len(head := self.rfile.read(2)) == 2:
            length = head[1] & 0x7F
            mask = self.rfile.read(4)
            message = bytes(byte ^ mask[n % 4] for n, byte in enumerate(self.rfile.read(length)))
            self.wfile.write(bytes([0x81, length]) + message)
            self.wfile.flush()

    def log_message(self, *arguments):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256

Server(("127.0.0.1", int(os.environ["PORT"])), Site).serve_forever()
"#;

/// Writes the site's files; its page is `page 0`.
///
/// # Errors
/// When they cannot be written.
pub fn write_echo_site(repository: &Repository) -> Result<()> {
    repository.write(APP, CONFIGURATION)?;
    repository.write("site/server.py", SERVER)?;
    repository.write("site/files/kept.txt", "kept")?;
    repository.write(PAGE, "page 0")
}
