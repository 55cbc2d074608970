//! Whatever is pushed, reading it ends in a project or in findings that point into their file.

#![allow(clippy::unwrap_used)]

mod commit;

use commit::{Commit, types};
use guise_config::{Colour, load, render};
use proptest::prelude::*;
use std::path::Path;

/// Reads a commit and shows what was found, as a push does.
fn survives(commit: &Commit) {
    match load(commit, &types()) {
        Ok(loaded) => {
            for app in &loaded.project.apps {
                let _ = (app.normalised_json(), app.build_json());
            }
            let _ = render(&loaded.warnings, Colour::Always);
        }
        Err(findings) => {
            assert!(!findings.is_empty());
            assert!(!render(&findings, Colour::Never).is_empty());
            for label in findings.iter().flat_map(|finding| &finding.labels) {
                assert!(label.span.file.text.get(label.span.range.clone()).is_some());
                let _ = label.span.position();
            }
        }
    }
}

fn everywhere(bytes: &[u8]) -> Commit {
    let paths = [
        ".platform.app.yaml",
        ".platform/applications.yaml",
        ".platform/services.yaml",
        ".platform/routes.yaml",
    ];
    Commit(
        paths
            .into_iter()
            .map(|path| (path.to_owned(), bytes.to_vec()))
            .collect(),
    )
}

fn corpus() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut texts = Vec::new();
    for project in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(project.unwrap().path()).unwrap();
        texts.extend(
            text.split("--- ")
                .filter_map(|part| Some(part.split_once('\n')?.1.to_owned())),
        );
    }
    texts
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        survives(&everywhere(&bytes));
        survives(&Commit([(".upsun/config.yaml".to_owned(), bytes)].into()));
    }

    #[test]
    fn any_text_of_yaml_signs(text in "[-a:{}\\[\\]&*!|>'\"#,?%@` \n<.0~]{0,60}") {
        survives(&everywhere(text.as_bytes()));
        survives(&Commit([(".upsun/config.yaml".to_owned(), format!("applications:\n a: {text}").into_bytes())].into()));
    }

    #[test]
    fn right_files_with_a_piece_cut_out_or_put_in(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        length in 0usize..40,
        piece in prop::sample::select(vec!["", ": ", "\n", "- ", "{", "[", "*x", "&x ", "<<: ", "!include ", "!archive x", "ü", "\t", "null", "0", "'"]),
    ) {
        let texts = corpus();
        let text = &texts[which.index(texts.len())];
        let characters: Vec<char> = text.chars().collect();
        let start = at.index(characters.len().max(1));
        let end = (start + length).min(characters.len());
        let mutated: String =
            characters[..start].iter().copied().chain(piece.chars()).chain(characters[end..].iter().copied()).collect();
        survives(&everywhere(mutated.as_bytes()));
        survives(&Commit([(".upsun/config.yaml".to_owned(), mutated.into_bytes())].into()));
    }
}
