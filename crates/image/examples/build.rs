//! Builds base images into the default cache: `cargo run -p guise-image --example build -- python:3.13 mariadb`.

use guise_image::{Catalog, Store};
use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Instant,
};

fn main() -> Result<(), Box<dyn Error>> {
    let catalog = Catalog::load(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images")])?;
    let state = tempfile::tempdir_in("/var/tmp")?;
    let store = Store::open(state.path(), Some(PathBuf::from("/var/cache/guise/images")))?;
    for wanted in std::env::args().skip(1) {
        let (name, version) = wanted.split_once(':').unwrap_or((&wanted, ""));
        let resolved = catalog.resolve(name, version)?;
        let begun = Instant::now();
        let mut say = |line: &str| println!("{:6.1} {line}", begun.elapsed().as_secs_f32());
        let digest = store.build(
            resolved.recipe,
            &resolved.version,
            false,
            &AtomicBool::new(false),
            &mut say,
        )?;
        println!(
            "{name}:{} is {digest} after {:.1} s",
            resolved.version,
            begun.elapsed().as_secs_f32()
        );
    }
    Ok(())
}
