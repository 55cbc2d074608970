//! The whole file.

use crate::{
    block::Block,
    front, locations,
    quote::{DOLLAR, literal, pattern_of, value},
    site::{Debugger, Site, Upstream},
};
use guise_config::Protocol;

/// Types that are worth packing (spec 1.5); `text/html` always is.
const GZIP_TYPES: [&str; 10] = [
    "application/javascript",
    "text/javascript",
    "application/json",
    "application/pdf",
    "application/postscript",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/plain",
    "text/xml application/xml",
];

/// nginx's `combined`, with the client that the edge names.
const LOG_FORMAT: &str = r#"'$guise_client - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'"#;

/// A complete `nginx.conf` for a master without privileges that is started with `-g 'daemon off;'`.
pub fn configuration(site: &Site<'_>) -> String {
    let mut file = Block::default();
    file.line("worker_processes 1");
    file.line(format!("pid {}", value(site.pid)));
    file.line(format!("error_log {} warn", value(site.error_log)));
    file.block("events", |events| events.line("worker_connections 1024"));
    file.block("http", |http| {
        files(http, site);
        answers(http);
        http.line(format!("log_format guise {LOG_FORMAT}"));
        variables(http);
        if let Some(upstream) = &site.upstream {
            app(http, upstream, site.protocol);
        }
        if let Some(debugger) = &site.debugger {
            apart(http, debugger);
        }
        http.block("server", |server| {
            server.line(format!("listen {} default_server", site.listen));
            server.line(format!("access_log {} guise", value(site.access_log)));
            locations::write(server, site);
        });
    });
    file.finish()
}

fn files(http: &mut Block, site: &Site<'_>) {
    http.line(format!("include {}", value(site.mime_types)));
    // Types that nginx's own list lacks.
    http.block("types", |types| types.line("text/csv csv"));
    http.line("default_type application/octet-stream");
    // nginx makes the directories of all of its modules when it starts, whether they are used or not.
    for module in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        http.line(format!(
            "{module}_temp_path {}",
            value(&format!("{}/nginx-{module}", site.temp_dir))
        ));
    }
    http.line("sendfile on");
    http.line("tcp_nopush on");
}

fn answers(http: &mut Block) {
    http.line("server_tokens off");
    http.line("absolute_redirect off");
    http.line("port_in_redirect off");
    // Headers with underscores are the app's business.
    http.line("underscores_in_headers on");
    http.line("large_client_header_buffers 8 32k");
    http.line("gzip off");
    http.line("gzip_vary on");
    http.line("gzip_proxied any");
    http.line(format!("gzip_types {}", GZIP_TYPES.join(" ")));
}

fn variables(http: &mut Block) {
    http.block(format!("geo ${DOLLAR}"), |geo| geo.line("default \"$\""));
    http.block("map $http_upgrade $guise_connection", |map| {
        map.line("default upgrade");
        map.line("'' ''");
    });
    // The edge in front is the only client; it says who the real one is (spec 3.8).
    http.block("map $http_x_client_ip $guise_client", |map| {
        map.line("default $http_x_client_ip");
        map.line("'' $remote_addr");
    });
    http.block("map $http_x_forwarded_proto $guise_https", |map| {
        map.line("default ''");
        map.line("https on");
    });
}

fn app(http: &mut Block, upstream: &Upstream, protocol: Protocol) {
    let address = match upstream {
        Upstream::Tcp(port) => format!("127.0.0.1:{port}"),
        Upstream::Unix(path) => format!("unix:{path}"),
    };
    http.block("upstream guise_app", |block| {
        // There is no other server to try: a failure must not make nginx stop asking for a while.
        block.line(format!("server {} max_fails=0", value(&address)));
        if protocol == Protocol::Http {
            block.line("keepalive 16");
            // Shorter than that of any app server (gunicorn 2 s, Node.js 5 s): when the app closes first, a POST that
            // is just sent is lost, since nginx must not send it again.
            block.line("keepalive_timeout 1s");
        }
    });
    if protocol == Protocol::Http {
        http.line("proxy_http_version 1.1");
        http.line("proxy_redirect off");
        http.line("proxy_read_timeout 600s");
        http.line("proxy_set_header Host $http_host");
        http.line("proxy_set_header Upgrade $http_upgrade");
        http.line("proxy_set_header Connection $guise_connection");
        http.line("proxy_set_header Proxy ''");
    } else {
        http.line("fastcgi_read_timeout 600s");
        http.line("fastcgi_buffers 16 16k");
        http.line("fastcgi_buffer_size 32k");
    }
}

/// Chooses the server of scripts by what starts a session of Xdebug's (xdebug.org, "Step Debugging").
fn apart(http: &mut Block, debugger: &Debugger<'_>) {
    http.block("upstream guise_debugger", |block| {
        let socket = format!("unix:{}", debugger.socket);
        block.line(format!("server {} max_fails=0", value(&socket)));
    });
    let key = literal(&format!("~^{}$", pattern_of(debugger.key)));
    let starts = [
        ("$cookie_XDEBUG_SESSION", "$guise_scripts_by_cookie"),
        ("$arg_XDEBUG_SESSION", "$guise_scripts_by_session"),
        ("$arg_XDEBUG_SESSION_START", "$guise_scripts_by_start"),
        ("$arg_XDEBUG_TRIGGER", front::SCRIPTS_BY_KEY),
    ];
    let mut otherwise = front::SCRIPTS;
    for (start, chosen) in starts {
        http.block(format!("map {start} {chosen}"), |map| {
            map.line(format!("default {otherwise}"));
            map.line(format!("{key} guise_debugger"));
        });
        otherwise = chosen;
    }
}
