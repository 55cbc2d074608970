//! `cargo xtask bench memory`: what one more copy of a site weighs, when the first one runs already.

use crate::{
    bench::{MARKED, machine},
    bench_environments::{branch, containers_memory},
    options::Options,
    programs::{become_root, build_guise, repository},
};
use anyhow::{Context, Result};
use journeys::{Guise, Repository};

/// How many copies there are when they are weighed.
const WEIGHED: [usize; 3] = [1, 10, 100];

/// Branches a site of files again and again, and prints a table.
pub fn memory(_: &Options) -> Result<()> {
    become_root("make containers")?;
    // All that is weighed comes from the images: how guise itself was built does not matter.
    let guise = Guise::prepare(&build_guise(false)?, &MARKED)?;
    guise.start()?;
    let site = repository().join("examples/static");
    let tree = Repository::copy(&site, &guise.directory().join("static"))?;
    guise.run(tree.root(), &["up"])?.ok()?;
    println!("\n| copies | memory of all (PSS) | of one | of one more than the first | of the first's |");
    println!("| --- | --- | --- | --- | --- |");
    let mut first = None;
    for copies in 1..=WEIGHED[2] {
        if copies > 1 {
            branch(&guise, &tree, copies)?;
        }
        if WEIGHED.contains(&copies) {
            let all = containers_memory(&guise, &tree)?;
            let first = *first.get_or_insert(all);
            println!("{}", row(copies, all, first));
        }
    }
    println!(
        "\nSeen by the kernel, which counts page cache too (memory.current), in one of the last copies:"
    );
    println!("{}", charged(&guise, &tree)?);
    println!("\n{}", machine());
    Ok(())
}

fn row(copies: usize, all: f64, first: f64) -> String {
    let more = match copies {
        1 => "| |".into(),
        _ => {
            let more = (all - first) / (copies - 1) as f64;
            format!("{more:.2} MB | {:.0} % |", more / first * 100.0)
        }
    };
    format!(
        "| {copies} | {all:.1} MB | {:.2} MB | {more}",
        all / copies as f64
    )
}

fn charged(guise: &Guise, tree: &Repository) -> Result<String> {
    let name = format!("branch-{}", WEIGHED[2]);
    let containers = guise.json(tree.root(), &["--environment", &name, "ps"])?;
    let bytes = containers[0]["memory_bytes"]
        .as_u64()
        .context("`guise ps` says no memory")?;
    Ok(format!("{:.2} MB", bytes as f64 / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_copy_weighs_is_compared_with_the_first() {
        assert_eq!(row(1, 10.0, 10.0), "| 1 | 10.0 MB | 10.00 MB | | |");
        assert_eq!(row(11, 30.0, 10.0), "| 11 | 30.0 MB | 2.73 MB | 2.00 MB | 20 % |");
    }
}
