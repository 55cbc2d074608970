//! Connections that are open and say nothing.

use crate::programs::run;
use anyhow::{Context, Result, ensure};
use std::{
    io::{Read, Write},
    net::TcpStream,
    process::Command,
};

/// As many as the aim names.
pub const MANY: usize = 10_000;

/// Opens connections, each of which has asked for `url` once.
pub fn open(url: &str, count: usize) -> Result<Vec<TcpStream>> {
    let limit = format!("--nofile={0}:{0}", count + 1000);
    run(Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limit]))?;
    let rest = url
        .strip_prefix("http://")
        .context("only http can be idle here")?;
    let (authority, path) = rest.split_once('/').context("a URL without a path")?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let mut answer = [0; 8192];
    let mut connect = || -> Result<TcpStream> {
        let mut stream = TcpStream::connect(authority)?;
        stream.write_all(request.as_bytes())?;
        ensure!(
            stream.read(&mut answer)? > 0,
            "{authority} closed an idle connection"
        );
        Ok(stream)
    };
    (0..count).map(|_| connect()).collect()
}
