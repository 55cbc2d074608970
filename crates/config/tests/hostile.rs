//! Files that are made to be expensive: each is read, or refused, within seconds and without filling the memory of
//! the daemon, which reads what anybody pushes.

#![allow(clippy::unwrap_used)]

mod commit;

use commit::{Commit, types};
use guise_config::{Colour, load, render, sarif};
use std::{
    iter::repeat_n,
    time::{Duration, Instant},
};

/// Measured in tenths of a second on an idle machine; the tests of all crates run at once.
const PATIENCE: Duration = Duration::from_secs(20);

const APP: &str = "name: app\ntype: python:3.13\n";

fn repeated(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

fn of(path: &str, text: String) -> Commit {
    let mut commit = Commit::of([(".platform.app.yaml", APP)]);
    commit.0.insert(path.into(), text.into_bytes());
    commit
}

fn app(text: String) -> Commit {
    of(".platform.app.yaml", format!("{APP}{text}"))
}

/// Ten times as many with each line: `each` makes a line's value of ten aliases to the line before.
fn bomb(each: impl Fn(&str) -> String) -> String {
    let lines = repeated(12, |level| {
        let alias = format!("*a{level}, ");
        format!(
            ".a{}: &a{} {}\n",
            level + 1,
            level + 1,
            each(alias.repeat(10).trim_end_matches(", "))
        )
    });
    format!(".a0: &a0 {{k: v}}\n{lines}")
}

/// Includes of all kinds of one file, many times.
fn includes(tag: &str, content: Vec<u8>) -> Commit {
    let list = vec![tag; 190].join(", ");
    let mut commit = app(format!("variables: {{x: {{y: [{list}]}}}}\n"));
    commit.0.insert("file".into(), content);
    commit
}

fn commits() -> Vec<(&'static str, Commit)> {
    let long = "x".repeat(4_000_000);
    vec![
        ("aliases of lists", app(bomb(|aliases| format!("[{aliases}]")))),
        (
            "aliases of mappings",
            app(bomb(|aliases| format!("{{l: [{aliases}]}}"))),
        ),
        (
            "merge keys",
            app(bomb(|aliases| format!("{{<<: [{aliases}], k: v}}"))),
        ),
        ("an alias in its anchor", app("a: &a [*a]\n".into())),
        (
            "anchors in anchors",
            app(repeated(60, |n| format!("{}.k: &a{n}\n", " ".repeat(n)))
                + &repeated(9_000, |n| format!("{}k{n}: 1\n", " ".repeat(60)))),
        ),
        (
            "aliases of a long text",
            app(format!(
                ".a: &a {long}\nvariables: {{x: {{y: [{}]}}}}\n",
                vec!["*a"; 20_000].join(", ")
            )),
        ),
        ("a long text", app(format!("hooks: {{build: '{long}'}}\n"))),
        ("a long key", app(format!("? '{long}'\n: 1\n"))),
        ("a long number", app(format!("disk: {}\n", "9".repeat(1_000_000)))),
        (
            "a long line of blanks",
            app(format!("a:{}1\n", " ".repeat(4_000_000))),
        ),
        ("a long anchor", app(format!("a: &{long} 1\n"))),
        (
            "many unknown keys",
            app(repeated(20_000, |n| format!("key{n}: 1\n"))),
        ),
        (
            "one key, many times",
            app(repeated(20_000, |_| "key: 1\n".into())),
        ),
        (
            "many variables",
            app(format!(
                "variables:\n  env:\n{}",
                repeated(24_000, |n| format!("    V{n}: {n}\n"))
            )),
        ),
        (
            "many mounts",
            app(format!(
                "disk: 256\nmounts:\n{}",
                repeated(5_000, |n| format!("  m{n}: {{source: local}}\n"))
            )),
        ),
        (
            "many workers that inherit much",
            app(format!(
                "variables:\n  env:\n{}workers:\n{}",
                repeated(4_000, |n| format!("    V{n}: {n}\n")),
                repeated(2_500, |n| format!("  w{n}: {{commands: {{start: x}}}}\n")),
            )),
        ),
        (
            "many services",
            of(
                ".platform/services.yaml",
                repeated(5_000, |n| format!("s{n}: {{type: 'redis:8.0'}}\n")),
            ),
        ),
        (
            "many routes",
            of(
                ".platform/routes.yaml",
                repeated(5_000, |n| {
                    format!("'https://a{n}.{{default}}/': {{type: upstream, upstream: app}}\n")
                }),
            ),
        ),
        (
            "many apps",
            of(
                ".platform/applications.yaml",
                repeated(5_000, |n| format!("a{n}: {{type: 'python:3.13'}}\n")),
            ),
        ),
        ("nested lists", app(format!("a: {}\n", "[".repeat(1_000_000)))),
        ("nested mappings", app(format!("a: {}\n", "{a: ".repeat(500_000)))),
        (
            "nested blocks",
            app(repeated(3_000, |n| format!("{}a:\n", " ".repeat(n)))),
        ),
        ("nested dashes", app(format!("a:\n  {}x\n", "- ".repeat(500_000)))),
        ("questions", app("? ".repeat(500_000))),
        ("many documents", app("---\n".repeat(500_000))),
        (
            "many tags",
            app(format!("a: [{}]\n", vec!["!t x"; 20_000].join(", "))),
        ),
        ("comments", app("# c\n".repeat(1_000_000))),
        (
            "includes of a large text",
            includes("!include {type: string, path: file}", vec![b'x'; 4_000_000]),
        ),
        (
            "includes of large bytes",
            includes("!include {type: binary, path: file}", vec![0; 4_000_000]),
        ),
        (
            "includes of aliases",
            includes(
                "!include file",
                bomb(|aliases| format!("[{aliases}]"))
                    .into_bytes()
                    .into_iter()
                    .take(200)
                    .chain(repeat_n(b'\n', 1))
                    .collect(),
            ),
        ),
        (
            "includes of many nodes",
            includes(
                "!include file",
                format!("[{}]", vec!["1"; 20_000].join(", ")).into_bytes(),
            ),
        ),
    ]
}

#[test]
fn no_file_costs_much_time_or_memory() {
    for (name, commit) in commits() {
        let begun = Instant::now();
        let findings = match load(&commit, &types()) {
            Ok(loaded) => {
                for app in &loaded.project.apps {
                    let _ = app.normalised_json();
                }
                loaded.warnings
            }
            Err(findings) => findings,
        };
        let told = render(&findings, Colour::Never).len() + sarif(&findings, "1").to_string().len();
        let taken = begun.elapsed();
        println!(
            "{name}: {} findings, {taken:.2?}, {} MB at most",
            findings.len(),
            peak_mb()
        );
        assert!(taken < PATIENCE, "{name} took {taken:?}");
        assert!(told < 100_000_000, "{name} is told in {told} bytes");
        assert!(peak_mb() < 1_500, "{name} took {} MB of memory", peak_mb());
    }
}

/// The most memory that this process ever had.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_000
}
