//! The binary finds out by its first word which process it is.
//!
//! (That it has a test here also makes `cargo test --workspace` build the binary, which the journeys then use.)

#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn guise(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_guise"))
        .args(words)
        .output()
        .unwrap()
}

#[test]
fn each_process_answers_to_its_word() {
    let words: [(&[&str], &str); 3] = [
        (&["runtime", "--help"], "create"),
        (&["daemon", "--help"], "status"),
        (&["--help"], "environment"),
    ];
    for (words, expected) in words {
        let help = guise(words);
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(
            help.status.success(),
            "{words:?}: {}",
            String::from_utf8_lossy(&help.stderr)
        );
        assert!(text.contains(expected), "{words:?}: {text}");
    }
}

#[test]
fn an_unknown_word_is_a_users_mistake() {
    let refused = guise(&["enviroment"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("environment"),
        "it says what was meant"
    );
}

#[test]
fn a_configuration_is_checked_without_a_daemon() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/guestbook");
    let checked = guise(&["--state", "/nonexistent", "validate", example]);
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
}
