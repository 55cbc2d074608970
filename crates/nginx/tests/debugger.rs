//! Which of two servers of scripts gets a request: the app's, or the one that debugs.

#![allow(clippy::unwrap_used)]

mod real;

use guise_nginx::{Debugger, Upstream};
use real::{Nginx, client::ask, nginx_is_here, web};
use std::{
    io::Write,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Listens, counts who comes, and sends them away.
fn doorkeeper(directory: &Path, name: &str) -> (PathBuf, Arc<AtomicUsize>) {
    use std::os::unix::fs::PermissionsExt;
    let socket = directory.join(name);
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o777)).unwrap();
    let visitors = Arc::new(AtomicUsize::new(0));
    let counted = visitors.clone();
    thread::spawn(move || {
        for visitor in listener.incoming() {
            counted.fetch_add(1, Ordering::Relaxed);
            let _ = visitor.unwrap().write_all(b"no");
        }
    });
    (socket, visitors)
}

#[test]
fn a_request_is_debugged_only_with_the_key() {
    if !nginx_is_here() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (app, by_app) = doorkeeper(directory.path(), "app.sock");
    let (debugger, debugged) = doorkeeper(directory.path(), "debug.sock");
    let web = web(
        "php:8.4",
        "web: {locations: {/: {root: public, passthru: /index.php}}}",
    );
    let debugger = Debugger {
        key: "my.key",
        socket: debugger.to_str().unwrap(),
    };
    let upstream = Upstream::Unix(app.to_str().unwrap().into());
    let files = [("public/index.php", "")];
    let nginx = Nginx::start_beside(Some(debugger), &web, Some(upstream), &files);
    let mut expected = (0, 0);
    for (path, cookie, with_key) in [
        ("/", "", false),
        ("/", "a=b; XDEBUG_SESSION=my.key", true),
        ("/", "XDEBUG_SESSION=PHPSTORM", false),
        ("/", "XDEBUG_SESSION=my-key", false),
        ("/index.php", "XDEBUG_SESSION=my.keys", false),
        ("/page?XDEBUG_SESSION_START=my.key", "", true),
        ("/page?a=b&XDEBUG_TRIGGER=my.key", "XDEBUG_SESSION=other", true),
        ("/index.php?XDEBUG_SESSION=my.key", "", true),
        ("/index.php?xdebug=my.key", "", false),
    ] {
        ask(nginx.port, "GET", path, &[("Cookie", cookie)]);
        if with_key {
            expected.1 += 1;
        } else {
            expected.0 += 1;
        }
        let came = (by_app.load(Ordering::Relaxed), debugged.load(Ordering::Relaxed));
        assert_eq!(came, expected, "{path} with the cookie {cookie:?}");
    }
}
