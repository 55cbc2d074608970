//! One run of wrk, read.

use crate::programs::output;
use anyhow::{Context, Result};
use std::process::Command;

/// How long one run takes, in seconds.
const SECONDS: u32 = 5;

/// What came out of a run.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Answers a second.
    pub a_second: f64,
    /// Half of the requests took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of a hundred took no longer, in milliseconds.
    pub p99_ms: f64,
}

impl Load {
    /// Asks for `url` over so many connections, all the time.
    pub fn measure(url: &str, connections: u32) -> Result<Self> {
        let mut wrk = Command::new("wrk");
        wrk.args(["--threads", "1", "--latency", "--duration"])
            .arg(format!("{SECONDS}s"))
            .args(["--connections", &connections.to_string(), url]);
        let printed = output(&mut wrk).context("running wrk (Debian package wrk)")?;
        read(&printed).with_context(|| format!("wrk measured nothing of {url}:\n{printed}"))
    }

    /// The run of middle throughput.
    pub fn median(mut loads: Vec<Self>) -> Self {
        loads.sort_by(|one, other| one.a_second.total_cmp(&other.a_second));
        loads[loads.len() / 2]
    }
}

/// `None` if a figure is missing, or an answer was not a good one.
fn read(printed: &str) -> Option<Load> {
    let after = |word: &str| {
        let line = printed
            .lines()
            .map(str::trim)
            .find(|line| line.starts_with(word))?;
        line[word.len()..].split_whitespace().next()
    };
    let is_bad = printed.contains("Non-2xx") || printed.contains("Socket errors");
    (!is_bad).then_some(())?;
    Some(Load {
        a_second: after("Requests/sec:")?.parse().ok()?,
        p50_ms: milliseconds(after("50%")?)?,
        p99_ms: milliseconds(after("99%")?)?,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let (unit, factor) = units.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let printed = "  Latency Distribution\n     50%   39.00us\n     75%   43.00us\n     90%    1.20ms\n     99%    2.50s\n  120 requests in 5.00s, 1MB read\nRequests/sec:  24000.5\n";
        let load = read(printed).unwrap();
        assert_eq!(
            (load.a_second, load.p50_ms, load.p99_ms),
            (24000.5, 0.039, 2500.0)
        );
        assert!(read(&format!("{printed}  Non-2xx or 3xx responses: 3\n")).is_none());
    }
}
