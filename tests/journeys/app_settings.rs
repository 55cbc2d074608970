//! What an app has of the lesser keys of its configuration, looked at from inside.

use crate::site::{Site, says};
use anyhow::{Result, ensure};
use journeys::Guise;
use serde_json::{Value, json};

const SETTINGS: &str = r#"name: app
size: S
disk: 128
timezone: Asia/Tokyo
access: {ssh: viewer}
additional_hosts: {partner.example: 198.51.100.7}
mounts:
    files: {source: local}
    kept: {source: local, source_path: outer}
    kept/inner: {source: local, source_path: elsewhere}
crons:
    early: {spec: '0 6 * * *', commands: {start: 'true'}}
"#;

pub fn hold_inside(guise: &Guise) -> Result<()> {
    let site = Site::write(guise, "settings")?;
    site.repository
        .replace(".platform.app.yaml", "name: app\n", SETTINGS)?;
    site.repository.commit("Set")?;
    let up = guise.run(site.repository.root(), &["up"])?;
    let printed = format!("{}{}", up.stdout, up.stderr);
    up.ok()?;
    ensure!(
        printed.contains("W: The mount '/files' has a path that overlaps with a non-empty folder."),
        "{printed}"
    );
    names_and_roles(&site)?;
    mounts_in_mounts(&site)?;
    a_cron_goes_by_its_clock(&site)?;
    sizes_are_what_the_operator_says(&site)?;
    words_without_a_meaning_are_refused(&site)
}

fn inside(site: &Site<'_>, script: &str) -> Result<String> {
    let arguments = ["exec", "-c", "app", "--", "sh", "-c", script];
    site.guise.run(site.repository.root(), &arguments)?.ok()
}

fn names_and_roles(site: &Site<'_>) -> Result<()> {
    let found = inside(site, "getent hosts partner.example")?;
    ensure!(found.starts_with("198.51.100.7 "), "{found:?}");
    let access = inside(
        site,
        "echo $PLATFORM_APPLICATION | base64 -d | jq -c .access,.timezone",
    )?;
    ensure!(access == "{\"ssh\":\"viewer\"}\n\"Asia/Tokyo\"\n", "{access}");
    Ok(())
}

fn mounts_in_mounts(site: &Site<'_>) -> Result<()> {
    inside(
        site,
        "set -e; test ! -e files/kept.txt; echo 1 >kept/a; echo 2 >kept/inner/b",
    )?;
    let mounts = inside(site, "grep -c ' /app/kept' /proc/self/mountinfo")?;
    ensure!(mounts == "2\n", "{mounts:?} mounts");
    let kept = inside(site, "cat kept/a kept/inner/b")?;
    ensure!(kept == "1\n2\n", "{kept:?}");
    Ok(())
}

fn a_cron_goes_by_its_clock(site: &Site<'_>) -> Result<()> {
    let crons = site.guise.json(site.repository.root(), &["cron", "list"])?;
    let next = crons[0]["next_run"].as_str().unwrap_or_default();
    // Tokyo is nine hours ahead all year.
    ensure!(
        crons[0]["timezone"] == "Asia/Tokyo" && next.contains("T21:00:00"),
        "{crons}"
    );
    Ok(())
}

fn sizes_are_what_the_operator_says(site: &Site<'_>) -> Result<()> {
    let (guise, root) = (site.guise, site.repository.root());
    let memory = || -> Result<Value> {
        let text = inside(site, "jq -c .info.limits /run/config.json")?;
        Ok(serde_json::from_str(&text)?)
    };
    let by_size = memory()?;
    guise
        .run(
            root,
            &["resources", "set", "app", "--memory", "333", "--cpu", "0.75"],
        )?
        .ok()?;
    ensure!(
        memory()? == json!({"cpu": 0.75, "memory": 333}),
        "{} in place of {by_size}",
        memory()?
    );
    let listed = guise.json(root, &["resources", "get"])?;
    ensure!(
        listed[0]["memory"] == 333 && listed[0]["environment"]["cpu"] == 0.75,
        "{listed}"
    );
    let refused = guise.run(root, &["resources", "set", "ap", "--cpu", "1"])?;
    ensure!(refused.stderr.contains("app"), "{}", refused.stderr);
    guise.run(root, &["resources", "reset", "app"])?.ok()?;
    ensure!(memory()? == by_size, "{} after the reset", memory()?);
    site.serves("first")
}

fn words_without_a_meaning_are_refused(site: &Site<'_>) -> Result<()> {
    let file = ".platform.app.yaml";
    site.repository.replace(file, "Asia/Tokyo", "Asia/Tokio")?;
    site.repository.replace(file, "ssh: viewer", "ssh: viewr")?;
    site.repository
        .replace(file, "passthru: true", "passthru: index.php")?;
    let push = site.repository.push("Misspell")?;
    ensure!(!push.accepted, "the push is accepted:\n{}", push.output);
    says(
        &push,
        &[
            "did you mean `Asia/Tokyo`?",
            "did you mean `viewer`?",
            "the front controller's path: `/index.php`",
        ],
    )
}
