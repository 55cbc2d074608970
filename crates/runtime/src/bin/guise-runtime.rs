//! The runtime as a program of its own: what `guise runtime` is, without the rest of guise. Tests and benchmarks use it.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    guise_runtime::run(std::env::args_os().skip(1)).into()
}
