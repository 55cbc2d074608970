//! Pushes that are wrong: refused or failed with a message that helps, and the site goes on.

use crate::site::{Site, says};
use anyhow::{Result, ensure};
use journeys::{Guise, Marked, http};
use std::{net::Ipv4Addr, os::unix::fs::symlink};

pub fn not_yaml(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "not-yaml")?;
    site.repository
        .write(".platform.app.yaml", "name: app\ntype: [python:3.13\n")?;
    site.refuses(&[".platform.app.yaml:"])
}

pub fn unknown_key(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "unknown-key")?;
    site.repository
        .replace(".platform.app.yaml", "name: app\n", "name: app\ndisc: 256\n")?;
    site.refuses(&[".platform.app.yaml:2:1", "disc", "disk"])
}

pub fn not_supported_yet(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "not-yet")?;
    let stack = "name: app\nstack: [python@3.13]\n";
    site.repository
        .replace(".platform.app.yaml", "name: app\n", stack)?;
    site.refuses(&[".platform.app.yaml:2:1", "stack", "not supported yet"])
}

pub fn unknown_version(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "unknown-version")?;
    site.repository
        .replace(".platform.app.yaml", "python:3.13", "python:9.9")?;
    site.refuses(&[".platform.app.yaml:2:7", "9.9", "3.13"])
}

pub fn failing_build_hook(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "failing-hook")?;
    site.repository.write("page.txt", "broken")?;
    let hook = "name: app\nhooks:\n    build: |\n        echo looking for a compiler\n        exit 3\n";
    site.repository
        .replace(".platform.app.yaml", "name: app\n", hook)?;
    site.fails(&["looking for a compiler", "build hook", "3"])
}

pub fn start_command_exits(guise: &Guise) -> Result<()> {
    let site = Site::deploy(guise, "exits")?;
    site.repository.write("page.txt", "broken")?;
    site.repository
        .write("server.py", "raise SystemExit('the moon is missing')\n")?;
    site.fails(&["start command", "the moon is missing", "what ran before goes on"])?;
    // Twice, since the first failure must not have become what is gone back to.
    site.repository.write("page.txt", "broken again")?;
    site.fails(&["start command", "the moon is missing"])?;
    site.repository.git(&["revert", "--no-edit", "HEAD~2..HEAD"])?;
    site.takes_a_push("mended")
}

pub fn strange_names(guise: &Guise) -> Result<()> {
    let secret = guise.directory().join("secret.txt");
    std::fs::write(&secret, "of the host")?;
    let site = Site::write(guise, "strange-names")?;
    let files = site.repository.root().join("files");
    std::fs::write(files.join("two\nlines"), "here")?;
    symlink(&secret, files.join("absolute"))?;
    symlink("../../../../../../../../etc/shadow", files.join("climbing"))?;
    symlink("kept.txt", files.join("honest"))?;
    site.repository.commit("Add strange names")?;
    guise.run(site.repository.root(), &["up"])?.ok()?;

    let url = guise.url(site.repository.root())?;
    let strange = http::get(&format!("{url}files/two%0Alines"))?;
    ensure!(
        strange.status == 200 && strange.text() == "here",
        "status {}",
        strange.status
    );
    let honest = http::get(&format!("{url}files/honest"))?;
    ensure!(
        honest.status == 200 && honest.text() == "kept",
        "status {}",
        honest.status
    );
    for link in ["absolute", "climbing"] {
        let answer = http::get(&format!("{url}files/{link}"))?;
        ensure!(
            answer.status != 200,
            "{link} leads out of the tree: {}",
            answer.text()
        );
    }
    Ok(())
}

/// On a guise with a small pool of its own, so that filling it hurts nobody.
pub fn full_disk(big: &Guise) -> Result<()> {
    const SMALL: Marked = Marked {
        name: "guise-test-small",
        link_prefix: "gs",
        network: Ipv4Addr::new(169, 254, 144, 0),
        id_base: 0x3800_0000,
        pool_bytes: 400_000_000,
    };
    let guise = Guise::prepare(big.program(), &SMALL)?;
    guise.start()?;
    let site = Site::deploy(&guise, "full-disk")?;
    // Random bytes, which no file system packs.
    let hook = "name: app\nhooks:\n    build: head -c 2000000000 /dev/urandom > large\n";
    site.repository
        .replace(".platform.app.yaml", "name: app\n", hook)?;
    let push = site.repository.push("Fill the disk")?;
    says(&push, &["no space left for the build of app"])?;
    site.serves("first")?;
    site.repository.git(&["revert", "--no-edit", "HEAD"])?;
    site.takes_a_push("second")?;
    guise.close()
}
