//! The plain site, and what must be true of it before and after a push.

use anyhow::{Result, ensure};
use journeys::{Guise, Push, Repository, write_plain_site};

/// A site and its work tree.
pub struct Site<'a> {
    pub guise: &'a Guise,
    pub repository: Repository,
}

impl<'a> Site<'a> {
    /// Writes, commits and deploys it; its page says `first`.
    pub fn deploy(guise: &'a Guise, name: &str) -> Result<Self> {
        let site = Self::write(guise, name)?;
        guise.run(site.repository.root(), &["up"])?.ok()?;
        site.serves("first")?;
        Ok(site)
    }

    /// Writes and commits it.
    pub fn write(guise: &'a Guise, name: &str) -> Result<Self> {
        let repository = Repository::create(&guise.directory().join(name))?;
        write_plain_site(&repository)?;
        repository.commit("Begin")?;
        Ok(Self { guise, repository })
    }

    /// That its page says `text`.
    pub fn serves(&self, text: &str) -> Result<()> {
        let page = self.guise.page(self.repository.root())?;
        ensure!(page == text, "the page says {page:?} instead of {text:?}");
        Ok(())
    }

    /// That a push of a changed page arrives.
    pub fn takes_a_push(&self, text: &str) -> Result<()> {
        self.repository.write("page.txt", text)?;
        let push = self.repository.push("Change the page")?;
        ensure!(push.accepted, "the push is refused:\n{}", push.output);
        self.serves(text).map_err(|error| error.context(push.output))
    }

    /// That a push is refused by a message with all of `words`, and that the site goes on as if nothing had been.
    pub fn refuses(&self, words: &[&str]) -> Result<()> {
        let push = self.repository.push("Break the configuration")?;
        ensure!(!push.accepted, "the push is accepted:\n{}", push.output);
        says(&push, words)?;
        self.repository.take_back()?;
        self.serves("first")
    }

    /// That a push is accepted, its deployment fails with all of `words`, and the old one goes on serving.
    pub fn fails(&self, words: &[&str]) -> Result<()> {
        let push = self.repository.push("Break the deployment")?;
        ensure!(push.accepted, "the push is refused:\n{}", push.output);
        says(&push, words)?;
        self.serves("first")?;
        let failed = self.guise.json(self.repository.root(), &["activity", "get"])?;
        ensure!(failed["result"] == "failure", "the activity is {failed}");
        Ok(())
    }
}

/// That a push prints all of `words`.
pub fn says(push: &Push, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(
            push.output.contains(word),
            "the push does not say {word:?}:\n{}",
            push.output
        );
    }
    Ok(())
}
