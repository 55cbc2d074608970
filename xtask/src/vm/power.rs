//! `cargo xtask power-test`: cuts the power of an emulated machine while guise deploys and while it backs up, and looks at
//! what is there after the next boot.
//!
//! The machine has a disk with a state directory, and a site that is written to all the time. guised is told to die at a
//! step (`GUISE_FAULT`), and in that moment QEMU is killed: what the machine's kernel has not written is lost. After the boot
//! guised goes on by itself; the site must have every number that it acknowledged, the new page, and nothing left behind.
//! What a disk loses of what it said it has written is not tried.

mod conversation;
mod disk;
mod trial;

use super::{kernel::Kernel, root};
use crate::{
    options::Options,
    packages,
    programs::{become_root, build_guise, repository, target_directory},
    stages::Stages,
};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Programs of this machine that guise and the site's person run, besides those of every machine.
const PROGRAMS: &[&str] = &["curl", "git", "git-receive-pack", "git-upload-pack", "sqlite3"];

/// Builds, boots, and cuts.
pub fn test(options: &Options) -> Result<()> {
    become_root("read base images in /var/cache/guise")?;
    let directory = target_directory()?.join("vm/power");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    packages::install(&[packages::PRODUCT, packages::TESTS, packages::MACHINE].concat())?;
    let kernel = Kernel::obtain(directory.parent().unwrap_or(&directory))?;
    let parts = Parts {
        initramfs: directory.join("initramfs"),
        disk: directory.join("disk"),
        kernel,
    };
    parts.write_root(&build_guise(false)?, &directory)?;
    disk::make(&parts.disk, &directory.join("content"))?;
    let mut stages = Stages::default();
    stages.run("power cuts", || trial::run(&parts, options.all));
    let _ = fs::remove_file(&parts.disk);
    stages.summary()
}

/// What the machine is made of.
pub struct Parts {
    kernel: Kernel,
    initramfs: PathBuf,
    disk: PathBuf,
}

impl Parts {
    fn write_root(&self, guise: &Path, directory: &Path) -> Result<()> {
        let mut files = recipes()?;
        let site = repository().join("xtask/src/vm/power/site");
        files.push(("/site/.platform.app.yaml".into(), site.join("app.yaml")));
        files.push(("/site/server.py".into(), site.join("server.py")));
        files.push(("/site/page.txt".into(), site.join("page.txt")));
        let content = root::Content {
            kernel: &self.kernel,
            programs: PROGRAMS,
            built: vec![("/usr/bin/guise".into(), guise.into())],
            files,
            task: include_str!("power/guest.sh"),
        };
        root::write(&content, directory, &self.initramfs)
    }
}

/// The shipped recipes, where an installed guise looks for them.
fn recipes() -> Result<Vec<(PathBuf, PathBuf)>> {
    let images = repository().join("images");
    let mut files = Vec::new();
    let mut directories = vec![images.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let place = Path::new("/usr/share/guise/images").join(path.strip_prefix(&images)?);
                files.push((place, path));
            }
        }
    }
    Ok(files)
}
