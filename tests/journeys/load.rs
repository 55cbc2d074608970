//! No request is lost: constant load while the site is deployed again and again.

use crate::echo_site::{APP, PAGE, write_echo_site};
use anyhow::{Result, ensure};
use journeys::{Guise, Load, Repository, Seen, http};
use std::{thread::sleep, time::Duration};

/// The least that counts as load, in requests per second.
const LEAST_RATE: f64 = 500.0;
/// Between two pushes, as with people: runit waits a second before it restarts what it started within the last one.
const PAUSE: Duration = Duration::from_millis(1200);

/// Each strategy, and what the push of new code and of another size show with it.
const STRATEGIES: [(&str, &str, &str); 2] = [
    ("stopstart", "Swapping the code", "Holding requests"),
    ("rolling", "Switching requests", "Switching requests"),
];

pub fn no_request_is_lost(guise: &Guise) -> Result<()> {
    let all = std::env::var_os("GUISE_TEST_ALL").is_some();
    let (swaps, reloads, recreations) = if all { (50, 10, 5) } else { (5, 2, 1) };
    let repository = Repository::create(&guise.directory().join("load"))?;
    write_echo_site(&repository)?;
    repository.commit("Begin")?;
    guise.run(repository.root(), &["up"])?.ok()?;
    let url = guise.url(repository.root())?;
    let quiet = under_load(&url, || {
        sleep(Duration::from_secs(3));
        Ok(())
    })?;
    println!("    undisturbed: {}", told(&quiet));
    ensure!(
        rate(&quiet) >= LEAST_RATE,
        "that is no load: {LEAST_RATE} requests a second are"
    );

    let reloaded = under_load(&url, || {
        (1..=reloads).try_for_each(|n| change_locations(&repository, n))
    })?;
    println!("    {reloads} reloads of nginx: {}", told(&reloaded));
    for (turn, (strategy, swap, recreation)) in (0..).zip(STRATEGIES) {
        let words = ["environment", "info", "deployment_strategy", strategy];
        guise.run(repository.root(), &words)?.ok()?;
        let of_turn = |count: u32| turn * count + 1..=(turn + 1) * count;
        let swapped = under_load(&url, || {
            of_turn(swaps).try_for_each(|n| change_code(&repository, &url, n, swap))
        })?;
        println!(
            "    {strategy}, {swaps} code-only deployments: {}",
            told(&swapped)
        );
        let recreated = under_load(&url, || {
            of_turn(recreations).try_for_each(|n| change_size(&repository, n, recreation))
        })?;
        println!(
            "    {strategy}, {recreations} new containers: {}",
            told(&recreated)
        );
    }
    Ok(())
}

/// Does something while visitors come; fails when one of them was not served.
pub fn under_load(url: &str, act: impl FnOnce() -> Result<()>) -> Result<(Seen, Duration)> {
    let load = Load::on(url)?;
    let acted = act();
    let took = load.elapsed();
    let seen = load.end()?;
    acted?;
    ensure!(
        seen.failed == 0,
        "{} requests failed:\n  {}",
        seen.failed,
        seen.failures.join("\n  ")
    );
    ensure!(seen.messages > 0, "no message came back on a WebSocket");
    Ok((seen, took))
}

fn rate((seen, took): &(Seen, Duration)) -> f64 {
    seen.answered as f64 / took.as_secs_f64()
}

fn told(load: &(Seen, Duration)) -> String {
    let (seen, _) = load;
    format!(
        "{} requests, {:.0} a second, none failed, longest {} ms; {} messages, {} WebSockets opened again",
        seen.answered,
        rate(load),
        seen.longest.as_millis(),
        seen.messages,
        seen.reopened
    )
}

fn change_code(repository: &Repository, url: &str, n: u32, step: &str) -> Result<()> {
    let page = format!("page {n}");
    repository.write(PAGE, &page)?;
    push(repository, &page, step)?;
    let served = http::get(url)?.text();
    ensure!(served == page, "{served:?} is served instead of {page:?}");
    Ok(())
}

fn change_locations(repository: &Repository, n: u32) -> Result<()> {
    repository.append(APP, &format!("      /files-{n}:\n        root: files\n"))?;
    push(repository, "Serve files", "Reloading nginx")
}

fn change_size(repository: &Repository, n: u32, step: &str) -> Result<()> {
    let (old, new) = if n % 2 == 1 { ("L", "XL") } else { ("XL", "L") };
    repository.replace(APP, &format!("size: {old}"), &format!("size: {new}"))?;
    push(repository, &format!("Be of size {new}"), step)
}

/// A push whose deployment does `step`.
fn push(repository: &Repository, message: &str, step: &str) -> Result<()> {
    sleep(PAUSE);
    let push = repository.push(message)?;
    ensure!(
        push.accepted && push.output.contains(step),
        "{message}: no {step:?} in\n{}",
        push.output
    );
    Ok(())
}
