//! Debian's cloud kernel, out of its package: fetched once, kept in the target directory.

use crate::programs::{output, run};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SUITE: &str = "trixie";
const MIRROR: &str = "http://deb.debian.org/debian";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The package that depends on the newest kernel.
const NEWEST: &str = "linux-image-cloud-amd64";

/// What the tests need that Debian builds as modules. Those that they need in turn come by themselves.
const MODULES: &[&str] = &[
    "btrfs",
    "dummy",
    "loop",
    "nf_tables",
    "nft_chain_nat",
    "nft_ct",
    "nft_fib_inet",
    "nft_fib_ipv4",
    "nft_limit",
    "nft_masq",
    "nft_nat",
    "nft_redir",
    "nft_reject_inet",
    "overlay",
    "squashfs",
    "veth",
    "virtio_blk",
];

/// A kernel to boot.
pub struct Kernel {
    /// Its compressed image.
    pub image: PathBuf,
    /// The modules, not compressed, in the order in which they can be loaded.
    pub modules: Vec<PathBuf>,
}

impl Kernel {
    /// The kernel that is in `directory`, else the newest of the suite.
    ///
    /// # Errors
    /// When it cannot be fetched or has not all that is needed.
    pub fn obtain(directory: &Path) -> Result<Self> {
        let tree = directory.join("kernel");
        if !tree.exists() {
            let package = fetch(directory)?;
            let unpacked = directory.join("kernel.new");
            run(Command::new("dpkg-deb")
                .arg("--extract")
                .args([&package, &unpacked]))?;
            index(&unpacked)?;
            fs::rename(&unpacked, &tree)?;
        }
        let modules = only_entry(&tree.join("usr/lib/modules"))?;
        let version = modules.file_name().unwrap_or_default().to_string_lossy();
        println!("Kernel {version}");
        Ok(Self {
            image: tree.join(format!("boot/vmlinuz-{version}")),
            modules: load_order(&modules)?
                .iter()
                .map(|module| decompress(&modules.join(module)))
                .collect::<Result<_>>()?,
        })
    }
}

/// Downloads the package with an apt that knows only the suite, and touches nothing of the machine's own.
fn fetch(directory: &Path) -> Result<PathBuf> {
    let state = directory.join("apt");
    fs::create_dir_all(state.join("lists/partial"))?;
    fs::create_dir_all(state.join("cache/archives/partial"))?;
    let sources = state.join("sources.list");
    fs::write(
        &sources,
        format!("deb [signed-by={KEYRING}] {MIRROR} {SUITE} main\n"),
    )?;
    let apt = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(directory).args([
            format!("--option=Dir::Etc::SourceList={}", sources.display()),
            "--option=Dir::Etc::SourceParts=/dev/null".into(),
            format!("--option=Dir::State::Lists={}", state.join("lists").display()),
            format!("--option=Dir::Cache={}", state.join("cache").display()),
            // Descriptions and software catalogues are larger than the list itself.
            "--option=Acquire::Languages=none".into(),
            "--option=Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into(),
            // The target directory may be one that apt's own user cannot enter.
            "--option=APT::Sandbox::User=root".into(),
        ]);
        command
    };
    run(apt("apt-get").args(["--quiet", "update"]))?;
    let depends = output(apt("apt-cache").args(["depends", NEWEST]))?;
    let name = depends
        .lines()
        .find_map(|line| line.trim().strip_prefix("Depends: "))
        .with_context(|| format!("{NEWEST} of {SUITE} depends on no kernel"))?;
    run(apt("apt-get").args(["--quiet", "download", name]))?;
    let packages = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path()));
    packages
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .find(|path| path.to_string_lossy().contains(name))
        .with_context(|| format!("apt-get download {name} left no package"))
}

/// Writes `modules.dep`, which the package makes only when it is installed.
fn index(tree: &Path) -> Result<()> {
    // depmod of Debian 12 looks below lib, the package of Debian 13 has usr/lib.
    std::os::unix::fs::symlink("usr/lib", tree.join("lib"))?;
    let modules = only_entry(&tree.join("usr/lib/modules"))?;
    let version = modules.file_name().unwrap_or_default();
    // An ordinary user's PATH lacks it.
    run(Command::new("/usr/sbin/depmod")
        .arg("--basedir")
        .arg(tree)
        .arg(version))
}

fn only_entry(directory: &Path) -> Result<PathBuf> {
    let found = fs::read_dir(directory)
        .ok()
        .and_then(|mut entries| entries.next());
    let entry = found.with_context(|| format!("{} is empty", directory.display()))??;
    Ok(entry.path())
}

fn load_order(modules: &Path) -> Result<Vec<String>> {
    let read = |name: &str| {
        let path = modules.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    closure(MODULES, &read("modules.dep")?, &read("modules.builtin")?)
}

/// The files of `wanted` and of what they need, each after what it needs. What is built in needs no file.
fn closure(wanted: &[&str], dependencies: &str, builtin: &str) -> Result<Vec<String>> {
    let mut order: Vec<String> = Vec::new();
    for name in wanted {
        if builtin.lines().any(|path| module_of(path) == *name) {
            continue;
        }
        let line = dependencies.lines().find_map(|line| {
            let (path, needed) = line.split_once(':')?;
            (module_of(path) == *name).then_some((path, needed))
        });
        let Some((path, needed)) = line else {
            bail!("the kernel has no module {name}");
        };
        // modules.dep(5) names all that is needed, the first to be loaded last.
        for path in needed.split_whitespace().rev().chain([path]) {
            if !order.iter().any(|known| known == path) {
                order.push(path.into());
            }
        }
    }
    Ok(order)
}

/// `kernel/fs/btrfs/btrfs.ko.xz` is btrfs. A file may have - where the module has _.
fn module_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

/// busybox's insmod hands the kernel what the file has, and the kernel takes no compressed one from it.
fn decompress(module: &Path) -> Result<PathBuf> {
    let plain = module.with_extension("");
    if !plain.exists() {
        run(Command::new("xz").args(["--decompress", "--keep"]).arg(module))?;
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_loaded_after_all_that_it_needs_and_once() {
        let dependencies = "kernel/a.ko.xz:\nkernel/b-b.ko.xz: kernel/a.ko.xz\nkernel/c.ko.xz: kernel/b-b.ko.xz kernel/a.ko.xz\n";
        let order = closure(&["c", "b_b", "built"], dependencies, "kernel/built.ko\n").unwrap();
        assert_eq!(order, ["kernel/a.ko.xz", "kernel/b-b.ko.xz", "kernel/c.ko.xz"]);
        assert!(closure(&["d"], dependencies, "").is_err());
    }
}
