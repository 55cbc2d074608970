//! What can be said after a chore's name.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// The options of all chores.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    pub state: PathBuf,
    pub force: bool,
    pub quick: bool,
    pub all: bool,
    pub filter: Option<String>,
    pub repetitions: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            state: "/var/lib/guise".into(),
            force: false,
            quick: false,
            all: false,
            filter: None,
            repetitions: 5,
        }
    }
}

impl Options {
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word {
                "--state" => options.state = std::path::absolute(value()?)?,
                "--force" => options.force = true,
                "--quick" => options.quick = true,
                "--all" => options.all = true,
                "--filter" => options.filter = Some(value()?.into()),
                "--repetitions" => {
                    options.repetitions = value()?.parse().context("--repetitions needs a number")?
                }
                _ => bail!("there is no option {word}: see cargo xtask help"),
            }
        }
        if options.repetitions == 0 {
            bail!("--repetitions needs a number from 1");
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_option_is_refused() {
        assert_eq!(Options::parse(&[]).unwrap(), Options::default());
        assert!(Options::parse(&["--quick", "--filter", "swap"]).unwrap().quick);
        for wrong in [
            &["--quik"][..],
            &["--filter"],
            &["--repetitions", "0"],
            &["--repetitions", "x"],
        ] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
