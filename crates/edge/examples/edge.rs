//! The edge alone, without the rest of guise: `cargo xtask bench edge` measures it, and so can test suites of others.

fn main() -> anyhow::Result<()> {
    guise_edge::main(std::env::args_os().skip(1).collect())
}
