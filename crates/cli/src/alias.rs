//! Other ways to write a command: `environment:list` as on Platform.sh, and short words such as `projects`.

use clap::Command;
use std::ffi::OsString;

/// The command line with the short words as commands of their own, for completion, which knows no [`expand`].
pub fn spelled_out(command: Command) -> Command {
    let target = |words: &[&str]| {
        words
            .iter()
            .try_fold(&command, |found, word| found.find_subcommand(word))
            .cloned()
    };
    let short: Vec<Command> = SHORT
        .iter()
        // Its aliases stay where they are: no two commands beside each other may share one.
        .filter_map(|(short, words)| Some(target(words)?.name(*short).alias(None::<&str>).hide(true)))
        .collect();
    command.subcommands(short)
}

/// Short words and what they stand for (spec 6).
const SHORT: &[(&str, &[&str])] = &[
    ("projects", &["project", "list"]),
    ("create", &["project", "create"]),
    ("get", &["project", "get"]),
    ("environments", &["environment", "list"]),
    ("branch", &["environment", "branch"]),
    ("push", &["environment", "push"]),
    ("checkout", &["environment", "checkout"]),
    ("merge", &["environment", "merge"]),
    ("sync", &["environment", "synchronize"]),
    ("redeploy", &["environment", "redeploy"]),
    ("httpaccess", &["environment", "http-access"]),
    ("apps", &["app", "list"]),
    ("workers", &["worker", "list"]),
    ("services", &["service", "list"]),
    ("routes", &["route", "list"]),
    ("backups", &["backup", "list"]),
    ("crons", &["cron", "list"]),
    ("deployments", &["deployment", "list"]),
    ("activities", &["activity", "list"]),
    ("images", &["image", "list"]),
    ("users", &["user", "list"]),
    ("environment:ssh", &["ssh"]),
    ("tunnels", &["tunnel", "list"]),
    ("ssh-keys", &["ssh-key", "list"]),
    ("log", &["logs"]),
    ("sql", &["db", "sql"]),
    ("var", &["variable", "list"]),
    ("variables", &["variable", "list"]),
    ("redis", &["db", "redis-cli"]),
    ("service:redis-cli", &["db", "redis-cli"]),
    ("valkey", &["db", "redis-cli"]),
    ("service:valkey-cli", &["db", "redis-cli"]),
    ("mounts", &["mount", "list"]),
    ("ops", &["operation", "list"]),
    ("source-ops", &["source-operation", "list"]),
    ("integrations", &["integration", "list"]),
    ("lint", &["validate"]),
    ("auth:api-token-login", &["login"]),
    ("auth:logout", &["logout"]),
    ("environment:url", &["url"]),
    ("environment:logs", &["logs"]),
    ("environment:relationships", &["relationships"]),
    ("app:config-validate", &["validate"]),
];

/// Replaces the first word that is neither an option nor an option's value by the command it stands for.
///
/// Later words are left alone: they may belong to a program that `guise exec` runs.
pub fn expand(command: &Command, mut args: Vec<OsString>) -> Vec<OsString> {
    let Some(position) = first_word(command, &args) else {
        return args;
    };
    let Some(word) = args[position].to_str() else {
        return args;
    };
    let words = SHORT
        .iter()
        .find(|(short, _)| *short == word)
        .map(|(_, words)| words.iter().map(OsString::from).collect())
        .or_else(|| split_group(command, word));
    if let Some(words) = words {
        let words: Vec<OsString> = words;
        args.splice(position..=position, words);
    }
    args
}

fn first_word(command: &Command, args: &[OsString]) -> Option<usize> {
    let mut position = 1;
    while let Some(arg) = args.get(position) {
        let arg = arg.to_string_lossy();
        if arg == "--" {
            return None;
        }
        if !arg.starts_with('-') {
            return Some(position);
        }
        position += if takes_next(command, &arg) { 2 } else { 1 };
    }
    None
}

fn takes_next(command: &Command, option: &str) -> bool {
    command.get_arguments().any(|argument| {
        argument.get_action().takes_values()
            && (argument
                .get_long()
                .is_some_and(|long| option.strip_prefix("--") == Some(long))
                || argument.get_short().is_some_and(|short| {
                    option
                        .strip_prefix('-')
                        .is_some_and(|rest| rest.chars().eq([short]))
                }))
    })
}

fn split_group(command: &Command, word: &str) -> Option<Vec<OsString>> {
    let (group, verb) = word.split_once(':')?;
    command.find_subcommand(group)?.find_subcommand(verb)?;
    Some(vec![group.into(), verb.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(line: &str) -> String {
        let args = line.split(' ').map(OsString::from).collect();
        expand(&crate::command(), args)
            .join(" ".as_ref())
            .into_string()
            .unwrap()
    }

    #[test]
    fn names_with_a_colon_become_two_words() {
        assert_eq!(expanded("guise environment:list"), "guise environment list");
        assert_eq!(
            expanded("guise -p shop --format=json activity:log x"),
            "guise -p shop --format=json activity log x"
        );
        assert_eq!(expanded("guise --yes projects"), "guise --yes project list");
        assert_eq!(
            expanded("guise environment:sync data"),
            "guise environment sync data"
        );
        assert_eq!(expanded("guise branch merge"), "guise environment branch merge");
    }

    #[test]
    fn every_short_word_stands_for_a_command() {
        let command = spelled_out(crate::command());
        command.clone().debug_assert();
        for (short, _) in SHORT {
            assert!(command.find_subcommand(short).is_some(), "{short}");
        }
    }

    #[test]
    fn words_of_the_program_that_exec_runs_stay() {
        assert_eq!(
            expanded("guise exec project:list projects"),
            "guise exec project:list projects"
        );
        assert_eq!(expanded("guise -p projects ps"), "guise -p projects ps");
        assert_eq!(expanded("guise nothing:here"), "guise nothing:here");
    }
}
