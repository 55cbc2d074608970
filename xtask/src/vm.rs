//! `cargo xtask vm-test`: the component tests on Debian's stable cloud kernel and on nothing but cgroup v2, which a
//! developer's machine seldom is both.
//!
//! The machine is emulated, not virtualized: `-accel kvm` hangs where the developer's machine is a virtual one itself.
//! Its root is in its memory, it has an empty disk and no network card. Needs no root.

mod archive;
mod kernel;
mod machine;
pub mod power;
mod report;
mod root;
mod suite;

use crate::{
    options::Options,
    packages,
    programs::{build_guise, target_directory},
    stages::Stages,
};
use anyhow::{Context, Result};
use kernel::Kernel;
use std::{fs, path::PathBuf};
use suite::Program;

/// Builds, boots, and judges what the machine said.
pub fn test(options: &Options) -> Result<()> {
    let directory = target_directory()?.join("vm");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let mut stages = Stages::default();
    let mut parts = None;
    stages.run("parts", || {
        parts = Some(Parts::obtain(directory.clone())?);
        Ok(())
    });
    if let Some(parts) = parts {
        stages.run("machine", || parts.run(options.filter.as_deref()));
    }
    stages.summary()
}

/// What the machine is made of.
struct Parts {
    kernel: Kernel,
    guise: PathBuf,
    tests: Vec<Program>,
    directory: PathBuf,
}

impl Parts {
    fn obtain(directory: PathBuf) -> Result<Self> {
        packages::install(&[packages::PRODUCT, packages::TESTS, packages::MACHINE].concat())?;
        Ok(Self {
            kernel: Kernel::obtain(&directory)?,
            guise: build_guise(false)?,
            tests: suite::build()?,
            directory,
        })
    }

    fn run(&self, filter: Option<&str>) -> Result<()> {
        let archive = self.directory.join("initramfs");
        let content = root::Content {
            kernel: &self.kernel,
            programs: &[],
            built: self.built(),
            files: Vec::new(),
            task: &suite::script(&self.guise, &self.tests, filter),
        };
        root::write(&content, &self.directory, &archive)?;
        let disk = self.directory.join("disk");
        machine::make_disk(&disk, None)?;
        let said = machine::boot(&self.kernel.image, &archive, &disk)?;
        report::judge(&said, &self.tests)
    }

    /// Everything that cargo built, which the tests look for where it is now.
    fn built(&self) -> Vec<(PathBuf, PathBuf)> {
        let runtime = self.guise.with_file_name("guise-runtime");
        let tests = self.tests.iter().map(|test| test.path.clone());
        let programs = [self.guise.clone(), runtime].into_iter().chain(tests);
        programs.map(|program| (program.clone(), program)).collect()
    }
}
