//! `cargo xtask demo`: from a fresh machine to a page in a browser.

use crate::{
    clean::CACHE,
    options::Options,
    packages,
    programs::{become_root, build_guise, output, repository, run},
};
use anyhow::{Context, Result, ensure};
use journeys::{Repository, http};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

/// What the demo keeps, below the state directory.
pub const DEMO: &str = "demo";
/// The packages that it installed.
pub const PACKAGES: &str = "demo/packages";
/// Is there when base images were kept on the machine before.
pub const CACHE_WAS_THERE: &str = "demo/cache-was-there";
/// The guestbook's work tree.
const GUESTBOOK: &str = "demo/guestbook";

/// The edge's port, unless another program has it.
const PORT: u16 = 8080;

/// Installs, builds, deploys, fetches, and says how to go on.
pub fn demo(options: &Options) -> Result<()> {
    become_root("make containers and to install packages")?;
    let state = &options.state;
    let installed = packages::install(packages::PRODUCT)?;
    println!("Building guise");
    let program = build_guise(true)?;
    prepare(state, &installed)?;
    let work_tree = work_tree(state)?;
    stop_outdated(&program, state)?;
    println!("Deploying {}", work_tree.display());
    run(guise(&program, state).arg("up").current_dir(&work_tree))?;
    let url = output(
        guise(&program, state)
            .args(["url", "--primary"])
            .current_dir(&work_tree),
    )?;
    let page = http::get(url.trim())?;
    ensure!(
        page.status == 200,
        "{} answers {}:\n{}",
        url.trim(),
        page.status,
        page.text()
    );
    report(&program, state, &work_tree, url.trim(), &page.text());
    Ok(())
}

/// Makes the state directory, remembers what was installed, and gets out of the way of whoever has our port.
fn prepare(state: &Path, installed: &[&str]) -> Result<()> {
    let is_first = !state.exists();
    fs::create_dir_all(state.join(DEMO)).with_context(|| format!("cannot make {}", state.display()))?;
    if is_first && Path::new(CACHE).exists() {
        fs::write(state.join(CACHE_WAS_THERE), "")?;
    }
    let earlier = fs::read_to_string(state.join(PACKAGES)).unwrap_or_default();
    fs::write(
        state.join(PACKAGES),
        format!("{earlier} {}", installed.join(" ")).trim(),
    )?;
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    if is_first && !free(&PORT) {
        let port = (PORT + 1..PORT + 100)
            .find(free)
            .context("no port from 8080 to 8179 is free")?;
        println!(
            "Port {PORT} is taken, so the site is served on {port} (edge_listen in {}/config.toml)",
            state.display()
        );
        fs::write(
            state.join("config.toml"),
            format!("edge_listen = \"127.0.0.1:{port}\"\n"),
        )?;
    }
    Ok(())
}

/// The guestbook as a repository of its own, outside of ours; kept, so that it can be changed and pushed again.
fn work_tree(state: &Path) -> Result<PathBuf> {
    let work_tree = state.join(GUESTBOOK);
    if work_tree.join(".git").is_dir() {
        return Ok(work_tree);
    }
    let repository = Repository::copy(&repository().join("examples/guestbook"), &work_tree)?;
    // So that a person without a name in git can commit right away.
    repository.git(&["config", "user.name", "Demo"])?;
    repository.git(&["config", "user.email", "demo@localhost"])?;
    Ok(work_tree)
}

/// A daemon whose program was built anew since it was started makes room for its successor; containers stay.
fn stop_outdated(program: &Path, state: &Path) -> Result<()> {
    let status = guise(program, state)
        .args(["--format", "json", "daemon", "status"])
        .output()?;
    let Ok(status) = serde_json::from_slice::<serde_json::Value>(&status.stdout) else {
        return Ok(());
    };
    let Some(pid) = status["pid"].as_u64() else {
        return Ok(());
    };
    let runs = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    if runs.to_string_lossy().ends_with(" (deleted)") {
        println!("Replacing the daemon by the new build");
        run(guise(program, state).args(["--quiet", "daemon", "stop"]))?;
    }
    Ok(())
}

fn guise(program: &Path, state: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--state").arg(state);
    command
}

fn report(program: &Path, state: &Path, work_tree: &Path, url: &str, page: &str) {
    let sudo = if std::env::var_os("SUDO_USER").is_some() {
        "sudo "
    } else {
        ""
    };
    let default = Options::default().state;
    let flag = if *state == default {
        String::new()
    } else {
        format!(" --state {}", state.display())
    };
    let guise = format!("{sudo}{}{flag}", program.display());
    println!("\nThe guest book is served at {url}\n");
    for line in visible(page) {
        println!("    {line}");
    }
    println!("\nTo change it:");
    println!("    cd {}", work_tree.display());
    println!("    {sudo}sed -i 's/>Sign</>Sign here</' templates/page.html");
    println!("    {sudo}git commit -am 'Say where' && {sudo}git push guise main");
    println!("\nTo look behind it, there:");
    println!("    {guise} ps --verbose");
    println!("    {guise} exec -c app -- ps axf");
    println!("    {guise} logs --follow");
    println!("\nTo stop it, and to remove everything:");
    println!("    {guise} daemon stop --teardown");
    println!("    cargo xtask clean{flag}");
}

/// The lines of text that a page shows.
fn visible(page: &str) -> Vec<String> {
    let mut text = String::new();
    for part in page
        .split_once("<body>")
        .map_or(page, |(_, body)| body)
        .split('<')
    {
        // What comes before the first `>` is the rest of a tag.
        text.push_str(part.split_once('>').map_or("", |(_, text)| text));
        text.push('\n');
    }
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_shown_without_its_tags() {
        let page =
            "<html><title>x</title><body>\n<h1><a href=\"/\">Guest book</a></h1>\n<p>Hello\n</body></html>";
        assert_eq!(visible(page), ["Guest book", "Hello"]);
    }
}
