//! The reference in `docs/cli.md` is generated from the command line itself; this keeps it current.
//!
//! `GUISE_UPDATE_DOCS=1 cargo test -p guise-cli --test reference` writes it anew.

use clap::Command;
use std::path::Path;

const BEGIN: &str = "<!-- generated: reference -->\n";
const END: &str = "<!-- end of generated: reference -->\n";

#[test]
fn the_reference_in_the_documentation_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("docs/cli.md has the first mark");
    let (_, after) = rest.split_once(END).expect("docs/cli.md has the second mark");
    let current = format!("{before}{BEGIN}\n{}{END}{after}", reference());
    if std::env::var_os("GUISE_UPDATE_DOCS").is_some() {
        std::fs::write(&path, current).unwrap();
    } else {
        assert!(
            text == current,
            "docs/cli.md is out of date: GUISE_UPDATE_DOCS=1 cargo test -p guise-cli --test reference"
        );
    }
}

/// All commands with their options, as Markdown.
fn reference() -> String {
    let mut root = guise_cli::command().disable_help_subcommand(true).term_width(100);
    root.build();
    let mut text = String::from("### Global options\n\n");
    for argument in root.get_arguments().filter(|argument| argument.is_global_set()) {
        text.push_str(&entry(argument));
    }
    text.push('\n');
    for command in root.get_subcommands() {
        describe(command, "guise", &mut text);
    }
    text
}

fn describe(command: &Command, parent: &str, text: &mut String) {
    if command.is_hide_set() {
        return;
    }
    let name = format!("{parent} {}", command.get_name());
    let runs = !command.has_subcommands() || command.get_arguments().any(clap::Arg::is_positional);
    if runs || !command.is_subcommand_required_set() {
        text.push_str(&format!("### {name}\n\n"));
        let about = command
            .get_long_about()
            .or(command.get_about())
            .map(ToString::to_string)
            .unwrap_or_default();
        text.push_str(&format!("{}\n\n", sentence(&about)));
        for argument in command
            .get_arguments()
            .filter(|argument| !argument.is_global_set() && !argument.is_hide_set())
        {
            if !matches!(argument.get_id().as_str(), "help" | "version") {
                text.push_str(&entry(argument));
            }
        }
        if !text.ends_with("\n\n") {
            text.push('\n');
        }
    }
    for sub in command.get_subcommands() {
        describe(sub, &name, text);
    }
}

/// The first line of a help text has no full stop; in running text it needs one.
fn sentence(about: &str) -> String {
    match about.split_once("\n\n") {
        Some((first, rest)) => format!("{first}.\n\n{rest}"),
        None => format!("{about}."),
    }
}

fn entry(argument: &clap::Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let short = argument
        .get_short()
        .map(|short| format!("-{short}, "))
        .unwrap_or_default();
    let default = match argument.get_default_values() {
        [default] if argument.get_action().takes_values() => format!(" [default: {}]", default.display()),
        _ => String::new(),
    };
    let values: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|_| argument.get_action().takes_values())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let choice = if values.is_empty() {
        String::new()
    } else {
        format!(": {}", values.join(", "))
    };
    format!("* `{short}{argument}` {help}{choice}{default}\n")
}
