//! A machine's root: first process, modules, programs with their libraries, and what it is to do.

use super::{archive::Archive, kernel::Kernel};
use crate::programs::run;
use anyhow::{Context, Result};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Programs of this machine that guise and its tests run. busybox stands in for the rest.
const PROGRAMS: &[&str] = &[
    "btrfs",
    "busybox",
    "ip",
    "losetup",
    "mkfs.btrfs",
    "mksquashfs",
    "mount",
    "nft",
    "nsenter",
    "sh",
    "umount",
    "unshare",
];

const DIRECTORIES: &[&str] = &[
    "/again", "/applets", "/dev", "/etc", "/modules", "/proc", "/run", "/sys", "/tmp", "/var/lib", "/var/tmp",
];

/// What is in a root besides what every machine has.
pub struct Content<'a> {
    /// Whose modules are loaded.
    pub kernel: &'a Kernel,
    /// Names of programs of this machine.
    pub programs: &'a [&'a str],
    /// Programs that cargo built: where they are to be, and where they are now.
    pub built: Vec<(PathBuf, PathBuf)>,
    /// Other files: where they are to be, and where they are now.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// What the machine does, as a shell script.
    pub task: &'a str,
}

/// Writes a root to `path`. `directory` is for what is made meanwhile.
///
/// # Errors
/// When a program is missing, or a file cannot be read or written.
pub fn write(content: &Content<'_>, directory: &Path, path: &Path) -> Result<()> {
    let mut archive = Archive::create(path)?;
    for directory in DIRECTORIES {
        archive.directory(Path::new(directory))?;
    }
    // As on this machine, so that the paths of libraries hold.
    for name in ["bin", "sbin", "lib", "lib64"] {
        archive.directory(&Path::new("/usr").join(name))?;
        archive.link(&Path::new("/").join(name), &format!("usr/{name}"))?;
    }
    archive.script(Path::new("/init"), include_str!("init.sh"))?;
    archive.script(Path::new("/task.sh"), content.task)?;
    for (number, module) in content.kernel.modules.iter().enumerate() {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        archive.file(&PathBuf::from(format!("/modules/{number:03}-{name}")), module)?;
    }
    let stripped_programs = directory.join("programs");
    // Those of earlier builds have other names.
    let _ = fs::remove_dir_all(&stripped_programs);
    fs::create_dir_all(&stripped_programs)?;
    let mut libraries = BTreeSet::new();
    for name in PROGRAMS.iter().chain(content.programs) {
        let program = find(name)?;
        libraries.extend(libraries_of(&program)?);
        archive.file(&program, &program)?;
    }
    for (place, program) in &content.built {
        libraries.extend(libraries_of(program)?);
        archive.file(place, &stripped(program, &stripped_programs)?)?;
    }
    for library in libraries {
        archive.file(&library, &library)?;
    }
    for (place, file) in &content.files {
        archive.file(place, file)?;
    }
    archive.finish()
}

/// A program's file, its directories without links.
fn find(name: &str) -> Result<PathBuf> {
    let places = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(|place| Path::new(place).join(name));
    let found = places.into_iter().find(|path| path.exists());
    placed(&found.with_context(|| format!("{name} is not installed"))?)
}

/// The path with the links in its directories followed, but not the last one: programs and libraries go by that name.
fn placed(path: &Path) -> Result<PathBuf> {
    let directory = path.parent().unwrap_or(path);
    let real = fs::canonicalize(directory).with_context(|| format!("cannot find {}", directory.display()))?;
    Ok(real.join(path.file_name().unwrap_or_default()))
}

/// The shared libraries that a program is linked with, and its loader.
fn libraries_of(program: &Path) -> Result<BTreeSet<PathBuf>> {
    // ldd fails for a static program.
    let listed = Command::new("ldd")
        .arg(program)
        .output()
        .context("cannot run ldd")?;
    libraries_in(&String::from_utf8_lossy(&listed.stdout))
        .into_iter()
        .map(placed)
        .collect()
}

/// The absolute paths in ldd's lines: `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld.so (0x…)`.
fn libraries_in(listing: &str) -> Vec<&Path> {
    let words = listing
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    words.map(Path::new).collect()
}

/// A copy without debug information, which is most of a test program and would be in the machine's memory twice.
fn stripped(program: &Path, directory: &Path) -> Result<PathBuf> {
    let small = directory.join(program.file_name().unwrap_or_default());
    run(Command::new("strip")
        .arg("--strip-debug")
        .arg("-o")
        .arg(&small)
        .arg(program))?;
    Ok(small)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_in_what_ldd_prints() {
        let listing =
            "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x2)\n\t/lib64/ld.so.2 (0x3)\n";
        assert_eq!(
            libraries_in(listing),
            [Path::new("/lib/x/libc.so.6"), Path::new("/lib64/ld.so.2")]
        );
        assert!(libraries_in("\tstatically linked\n").is_empty());
    }
}
