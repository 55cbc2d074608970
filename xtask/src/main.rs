//! The chores of the repository: `cargo xtask CHORE`.
//!
//! Needs no C library, so that it can install the ones that the product needs. One file per chore.

#![forbid(unsafe_code)]

mod arrows;
mod bench;
mod bench_branch;
mod bench_build;
mod bench_clone;
mod bench_edge;
mod bench_environments;
mod bench_images;
mod bench_memory;
mod bench_ssh;
mod bench_swap;
mod clean;
mod compatibility;
mod conformance;
mod demo;
mod house;
mod options;
mod package;
mod packages;
mod programs;
mod stages;
mod test;
mod vm;

use anyhow::{Result, bail};
use options::Options;
use std::process::ExitCode;

const HELP: &str = "Chores of the guise repository

Usage: cargo xtask CHORE [OPTIONS]

  demo         Install what is missing, build guise, deploy examples/guestbook, print its URL
  clean        Remove everything that demo put on the machine
  package      Build a Debian package below target/package
  check        Format, rules of the house, clippy: no root, no test
  test         Everything that CI runs: check, unit tests, component tests and journeys as root, leftovers
  vm-test      Component tests on Debian's cloud kernel with cgroup v2 only, in an emulated machine: no root
  power-test   Cut the power of an emulated machine in the middle of deployments and backups
  conformance DIR
               Run youki's conformance suite, built in DIR, against runc and guise: docs/conformance.md
  bench push   Time pushes and weigh the daemon; prints a table for docs/performance.md
  bench branch Time branches of an environment with app, MariaDB and Redis
  bench edge   Compare the edge with nginx as a reverse proxy; needs nginx, wrk and openssl
  bench environments
               Make 100 environments of one project; their time and memory
  bench memory Weigh 1, 10 and 100 copies of a site of files
  bench build  Time builds with and without what earlier ones have left; time packing
  bench ssh    Compare the SSH gateway with sshd: throughput and connecting; installs openssh-server
  bench images Build base images from nothing; their size and time
  bench clone  Time clones of 10 MB, 1 GB and 20 GB while they are written to; needs 30 GB of disk

Options
  --state DIR       demo, clean: state directory [default: /var/lib/guise]
  --force           clean: also a state directory that demo did not make, or that has other projects
  --quick           test: neither component tests as root nor journeys
  --all             power-test: at every step. test: also what takes minutes, such as 50 deployments under load
  --filter WORD     test, vm-test: only tests whose name contains WORD. bench images: only such images
  --repetitions N   bench: how often [default: 5]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["demo", rest @ ..] => demo::demo(&Options::parse(rest)?),
        ["clean", rest @ ..] => clean::clean(&Options::parse(rest)?),
        ["conformance", directory] => conformance::conformance(directory),
        ["package", rest @ ..] => package::package(&Options::parse(rest)?),
        ["check", rest @ ..] => test::check(&Options::parse(rest)?),
        ["test", rest @ ..] => test::test(&Options::parse(rest)?),
        ["power-test", rest @ ..] => vm::power::test(&Options::parse(rest)?),
        ["vm-test", rest @ ..] => vm::test(&Options::parse(rest)?),
        ["bench", "clone", rest @ ..] => bench_clone::clone(&Options::parse(rest)?),
        ["bench", "branch", rest @ ..] => bench_branch::branch(&Options::parse(rest)?),
        ["bench", "edge", rest @ ..] => bench_edge::edge(&Options::parse(rest)?),
        ["bench", "environments", rest @ ..] => bench_environments::environments(&Options::parse(rest)?),
        ["bench", "memory", rest @ ..] => bench_memory::memory(&Options::parse(rest)?),
        ["bench", "build", rest @ ..] => bench_build::build(&Options::parse(rest)?),
        ["bench", "ssh", rest @ ..] => bench_ssh::ssh(&Options::parse(rest)?),
        ["bench", "images", rest @ ..] => bench_images::images(&Options::parse(rest)?),
        ["bench", "push", rest @ ..] => bench::push(&Options::parse(rest)?),
        [] | ["help" | "--help" | "-h", ..] => {
            println!("{HELP}");
            Ok(())
        }
        [unknown, ..] => bail!("there is no chore {unknown}: see cargo xtask help"),
    }
}
