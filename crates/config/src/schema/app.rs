//! An app and what stands below it (spec 1).

use super::{
    container::container,
    reference,
    shape::{Property, any_of, anything, map_of, number, object, one_of, text, texts, truth, with_required},
};
use crate::read::mount;
use serde_json::{Value, json};

/// The parts of an app by the names that `reference` takes.
pub fn definitions() -> Vec<(&'static str, Value)> {
    vec![
        ("app", app()),
        ("web", web()),
        ("worker", worker()),
        ("location", location()),
        ("rule", rule()),
        ("mount", mount()),
        ("relationship", relationship()),
        ("cron", cron()),
        ("operation", operation()),
        ("firewall", firewall()),
    ]
}

fn app() -> Value {
    let mut properties = vec![
        (
            "name",
            text(),
            "The app's name: lower case, and unique in the project.",
        ),
        ("type", text(), "Language and version: `python:3.13`."),
        (
            "toolstack",
            text(),
            "Former form of `type` with a flavor: `php:drupal`.",
        ),
        ("stack", anything(), "A composable image; not supported."),
        ("web", reference("web"), "How the app is served."),
        (
            "workers",
            map_of(reference("worker")),
            "The same code in containers that serve nothing.",
        ),
        ("crons", map_of(reference("cron")), "Commands by the clock."),
        (
            "hooks",
            hooks(),
            "Scripts around build and deployment, run by dash.",
        ),
        ("build", build(), "How the app is built."),
        (
            "dependencies",
            map_of(map_of(anything())),
            "Programs of package managers, by language.",
        ),
        ("source", source(), "Where the code is, and operations on it."),
        ("runtime", anything(), "Settings of PHP."),
        (
            "operations",
            map_of(reference("operation")),
            "Commands that people start in the running app.",
        ),
        (
            "preflight",
            anything(),
            "Checks at build; accepted and without effect.",
        ),
    ];
    properties.extend(instance());
    object(&properties)
}

/// What web and each worker may have for themselves.
fn instance() -> Vec<Property> {
    let mut properties = vec![
        ("disk", number(), "Disk in MB (10^6 bytes)."),
        (
            "mounts",
            map_of(reference("mount")),
            "Directories that can be written to.",
        ),
        ("timezone", text(), "Time zone of the crons."),
        (
            "variables",
            map_of(map_of(anything())),
            "Variables by prefix: `env`, `php` or one of your own.",
        ),
        (
            "additional_hosts",
            map_of(text()),
            "More lines of /etc/hosts: name and address.",
        ),
    ];
    properties.extend(container());
    properties
}

fn web() -> Value {
    let mut properties = vec![
        ("commands", commands(), "What is started."),
        ("upstream", upstream(), "How nginx reaches the app."),
        (
            "locations",
            map_of(reference("location")),
            "What is served where, by prefix of the path.",
        ),
        (
            "document_root",
            text(),
            "Former form: `root` of the location `/`.",
        ),
        (
            "passthru",
            passthru(),
            "Former form: `passthru` of the location `/`.",
        ),
        (
            "index_files",
            texts(),
            "Former form: `index` of the location `/`.",
        ),
        ("whitelist", texts(), "Former form: patterns of what is served."),
        (
            "blacklist",
            texts(),
            "Former form: patterns of what is not served.",
        ),
        ("expires", text(), "Former form: `expires` of the location `/`."),
        ("move_to_root", anything(), "Former form, without effect."),
    ];
    properties.extend(instance());
    object(&properties)
}

fn worker() -> Value {
    let mut properties = vec![("commands", commands(), "What is started.")];
    properties.extend(instance());
    with_required(object(&properties), &["commands"])
}

fn commands() -> Value {
    object(&[
        (
            "pre_start",
            text(),
            "Run before `start`, each time the container starts.",
        ),
        (
            "start",
            text(),
            "The program; it stays in the foreground and is started again when it ends.",
        ),
        (
            "post_start",
            text(),
            "Run after `start`; requests come when it has ended well.",
        ),
        ("stop", text(), "Accepted and without effect."),
    ])
}

fn upstream() -> Value {
    object(&[
        (
            "socket_family",
            one_of(["tcp", "unix"]),
            "`tcp`: listen on $PORT; `unix`: on $SOCKET.",
        ),
        ("protocol", one_of(["http", "fastcgi"]), "What is spoken there."),
    ])
}

fn location() -> Value {
    let mut properties = overrides();
    properties.extend([
        (
            "root",
            text(),
            "Directory below the app's root that files are served from.",
        ),
        ("index", texts(), "Files that stand for a directory."),
        (
            "rules",
            json!({"type": ["object", "null"], "additionalProperties": reference("rule")}),
            "Overrides by regular expression; the first that fits counts.",
        ),
        (
            "request_buffering",
            request_buffering(),
            "Whether bodies are read before the app sees them.",
        ),
    ]);
    object(&properties)
}

fn rule() -> Value {
    object(&overrides())
}

/// What a location has and a rule may override.
fn overrides() -> Vec<Property> {
    vec![
        (
            "allow",
            truth(),
            "Whether files are served that no rule is about.",
        ),
        (
            "passthru",
            passthru(),
            "Whether, or where in the app, requests go that no file answers.",
        ),
        (
            "expires",
            text(),
            "How long browsers keep files: `5m`; -1 is not at all.",
        ),
        ("scripts", truth(), "Whether PHP files are run."),
        (
            "headers",
            map_of(text()),
            "Headers of files, not of the app's answers.",
        ),
    ]
}

fn passthru() -> Value {
    any_of(&[truth(), text()])
}

fn request_buffering() -> Value {
    object(&[
        ("enabled", truth(), "Whether bodies are buffered."),
        ("max_request_size", text(), "Largest body: `250m`."),
    ])
}

fn mount() -> Value {
    let fields = object(&[
        ("source", one_of(mount::SOURCES), "Where the files are."),
        (
            "source_path",
            text(),
            "Directory in the volume; the mount's own path if not given.",
        ),
        ("service", text(), "The service, or app, whose volume it is."),
    ]);
    any_of(&[
        with_required(fields, &["source"]),
        json!({"type": "string", "pattern": "^shared:files"}),
    ])
}

fn relationship() -> Value {
    let fields = object(&[
        (
            "service",
            text(),
            "The service or app; the relationship's own name if not given.",
        ),
        ("endpoint", text(), "Its endpoint; the default one if not given."),
    ]);
    any_of(&[fields, json!({"type": "string"})])
}

fn cron() -> Value {
    let fields = object(&[
        (
            "spec",
            text(),
            "Minute, hour, day, month, weekday; `H` is a fixed value chosen for you.",
        ),
        ("commands", start_and_stop(), "What is run."),
        ("cmd", text(), "Former form of `commands.start`."),
        (
            "shutdown_timeout",
            number(),
            "Seconds between `stop` and the kill.",
        ),
        ("timeout", number(), "Seconds that it may take."),
    ]);
    with_required(fields, &["spec"])
}

fn operation() -> Value {
    let fields = object(&[
        ("commands", start_and_stop(), "What is run."),
        ("timeout", number(), "Seconds that it may take."),
        (
            "role",
            one_of(["viewer", "contributor", "admin"]),
            "Who may start it.",
        ),
    ]);
    with_required(fields, &["commands"])
}

fn start_and_stop() -> Value {
    object(&[
        ("start", text(), "The command, run by dash."),
        ("stop", text(), "Run to end it early; SIGTERM if not given."),
    ])
}

fn hooks() -> Value {
    object(&[
        ("build", text(), "Run when the image is built, without services."),
        ("deploy", text(), "Run before requests are answered again."),
        ("post_deploy", text(), "Run when requests are answered again."),
    ])
}

fn build() -> Value {
    object(&[
        (
            "flavor",
            text(),
            "What is run before the build hook: `composer`, `default`, `none`.",
        ),
        (
            "caches",
            map_of(with_required(
                object(&[
                    (
                        "directory",
                        text(),
                        "The directory below the app's root; without it, the cache's name.",
                    ),
                    (
                        "watch",
                        texts(),
                        "Patterns of files; when they are as they were, the directory is used again.",
                    ),
                    (
                        "allow_stale",
                        truth(),
                        "Whether the last one is used when they are not.",
                    ),
                    (
                        "share_between_apps",
                        truth(),
                        "Whether all apps of the project have it in common.",
                    ),
                ]),
                &["watch"],
            )),
            "Directories that are kept between builds.",
        ),
    ])
}

fn source() -> Value {
    object(&[
        ("root", text(), "The app's directory in the repository."),
        (
            "operations",
            map_of(object(&[(
                "command",
                text(),
                "The command that changes the code.",
            )])),
            "Commands that change the code and commit.",
        ),
    ])
}

fn firewall() -> Value {
    let rule = object(&[
        ("protocol", one_of(["tcp"]), "Only `tcp`."),
        ("ips", texts(), "Networks: `192.0.2.0/24`."),
        ("domains", texts(), "Host names."),
        (
            "ports",
            json!({"type": ["array", "null"], "items": {"type": "integer", "minimum": 1, "maximum": 65535}}),
            "Ports; all if not given.",
        ),
    ]);
    object(&[(
        "outbound",
        json!({"type": ["array", "null"], "items": rule}),
        "What is allowed; all else is not.",
    )])
}
