//! `cargo xtask bench edge`: the edge beside Debian's nginx as a reverse proxy, both before the same origin.

mod idle;
mod load;
mod servers;

use crate::{
    bench::machine,
    options::Options,
    programs::{become_root, cargo, run, target_directory},
};
use anyhow::Result;
use load::Load;
use servers::{Server, Servers};

/// Connections at a time.
const CONNECTIONS: [u32; 2] = [1, 100];

/// What is asked for, and how.
#[derive(Debug, Clone, Copy)]
struct Case {
    is_large: bool,
    is_cached: bool,
    is_tls: bool,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        let both = [false, true];
        both.into_iter().flat_map(move |is_tls| {
            both.into_iter().flat_map(move |is_large| {
                both.into_iter().map(move |is_cached| Self {
                    is_large,
                    is_cached,
                    is_tls,
                })
            })
        })
    }

    fn path(self) -> &'static str {
        match (self.is_large, self.is_cached) {
            (false, false) => "/plain/small",
            (false, true) => "/kept/small",
            (true, false) => "/plain/large",
            (true, true) => "/kept/large",
        }
    }

    fn name(self) -> String {
        let size = if self.is_large { "1 MB" } else { "1 KB" };
        let kept = if self.is_cached { ", kept" } else { "" };
        let tls = if self.is_tls { ", TLS" } else { "" };
        format!("{size}{kept}{tls}")
    }
}

/// Measures with the release build, prints tables for docs/performance.md.
pub fn edge(options: &Options) -> Result<()> {
    become_root("let the edge become a user that owns nothing, as it does in earnest")?;
    run(cargo().args([
        "build",
        "--release",
        "--package",
        "guise-edge",
        "--example",
        "edge",
    ]))?;
    let program = target_directory()?.join("release/examples/edge");
    let servers = Servers::start(&program)?;
    throughput(&servers, options.repetitions)?;
    added(&servers, options.repetitions)?;
    memory(&servers)?;
    println!("\n{}", machine());
    Ok(())
}

fn throughput(servers: &Servers, repetitions: usize) -> Result<()> {
    println!("| answers | connections | edge | nginx | edge / nginx | p99 edge | p99 nginx | edge / nginx |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for case in Case::all() {
        for connections in CONNECTIONS {
            let (mut edge, mut nginx) = (Vec::new(), Vec::new());
            // In turns, so that what else the machine does falls on both.
            for _ in 0..repetitions {
                edge.push(Load::measure(&servers.url(Server::Edge, case), connections)?);
                nginx.push(Load::measure(&servers.url(Server::Nginx, case), connections)?);
            }
            let (edge, nginx) = (Load::median(edge), Load::median(nginx));
            println!(
                "| {} | {connections} | {:.0}/s | {:.0}/s | {:.2} | {:.2} ms | {:.2} ms | {:.2} |",
                case.name(),
                edge.a_second,
                nginx.a_second,
                edge.a_second / nginx.a_second,
                edge.p99_ms,
                nginx.p99_ms,
                edge.p99_ms / nginx.p99_ms,
            );
        }
    }
    Ok(())
}

/// What a request takes longer than without anything in front of the origin.
fn added(servers: &Servers, repetitions: usize) -> Result<()> {
    let case = Case {
        is_large: false,
        is_cached: false,
        is_tls: false,
    };
    let half = |server| -> Result<f64> {
        let loads = (0..repetitions).map(|_| Load::measure(&servers.url(server, case), 1));
        Ok(Load::median(loads.collect::<Result<_>>()?).p50_ms)
    };
    let origin = half(Server::Origin)?;
    println!("\n| added to a request, median | |\n| --- | --- |");
    for (name, server) in [("edge", Server::Edge), ("nginx", Server::Nginx)] {
        println!("| {name} | {:.0} µs |", (half(server)? - origin) * 1000.0);
    }
    Ok(())
}

fn memory(servers: &Servers) -> Result<()> {
    println!("\n| idle connections | edge (PSS) | nginx (PSS) |\n| --- | --- | --- |");
    let weigh = |server| servers.megabytes(server);
    let (edge, nginx) = (weigh(Server::Edge)?, weigh(Server::Nginx)?);
    println!("| 0 | {edge:.0} MB | {nginx:.0} MB |");
    let case = Case {
        is_large: false,
        is_cached: false,
        is_tls: false,
    };
    let with_idle = |server| -> Result<f64> {
        let _connections = idle::open(&servers.url(server, case), idle::MANY)?;
        weigh(server)
    };
    let (edge, nginx) = (with_idle(Server::Edge)?, with_idle(Server::Nginx)?);
    println!("| {} | {edge:.0} MB | {nginx:.0} MB |", idle::MANY);
    Ok(())
}
