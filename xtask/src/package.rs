//! `package`: a Debian package of what this tree is.
//!
//! The program, its recipes, documentation, manual pages, completions and a systemd unit. What the maintainer's scripts do
//! is in `packaging/debian`.

use crate::{
    options::Options,
    programs::{build_guise, output, repository, run},
};
use anyhow::{Context, Result};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// Debian packages that the program runs or is linked with, besides libc6.
const DEPENDS: &[&str] = &[
    "btrfs-progs",
    "ca-certificates",
    "git",
    "iproute2",
    "libgcc-s1",
    "libseccomp2 (>= 2.5)",
    "mmdebstrap",
    "mount",
    "nftables",
    "squashfs-tools",
    "tar",
];

/// Builds the package below `target/package` and says where it is.
///
/// # Errors
/// When guise does not build, or dpkg-deb is not there.
pub fn package(_: &Options) -> Result<()> {
    let program = build_guise(true)?;
    let directory = repository().join("target/package");
    let stage = Stage::empty(&directory.join("root"))?;
    stage.program(&program)?;
    stage.recipes()?;
    stage.documentation()?;
    stage.generated(&program)?;
    stage.unit()?;
    let architecture = said(Command::new("dpkg").arg("--print-architecture"))?;
    stage.control(&architecture)?;
    let file = directory.join(format!("guise_{}_{architecture}.deb", version()));
    run(Command::new("dpkg-deb")
        .args(["--root-owner-group", "--build"])
        .arg(&stage.root)
        .arg(&file))?;
    println!("{}\nInstall it: ./install.sh {0}", file.display());
    Ok(())
}

fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The tree that becomes the package.
struct Stage {
    root: PathBuf,
}

impl Stage {
    fn empty(root: &Path) -> Result<Self> {
        if root.exists() {
            fs::remove_dir_all(root)?;
        }
        fs::create_dir_all(root)?;
        Ok(Self { root: root.into() })
    }

    /// A directory of the package.
    fn directory(&self, path: &str) -> Result<PathBuf> {
        let directory = self.root.join(path);
        fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(directory)
    }

    fn program(&self, program: &Path) -> Result<()> {
        let installed = self.directory("usr/bin")?.join("guise");
        run(Command::new("install")
            .args(["--mode=755", "--strip"])
            .arg(program)
            .arg(installed))
    }

    /// Where the installed program looks for them: beside itself, below `share`.
    fn recipes(&self) -> Result<()> {
        let share = self.directory("usr/share/guise")?;
        copy(&repository().join("images"), &share)
    }

    fn documentation(&self) -> Result<()> {
        let doc = self.directory("usr/share/doc/guise")?;
        copy(&repository().join("docs/."), &doc)?;
        for file in ["README.md", "SECURITY.md", "CHANGELOG.md"] {
            copy(&repository().join(file), &doc)?;
        }
        let copyright: String = ["LICENSE-MIT", "LICENSE-APACHE"]
            .iter()
            .map(|file| fs::read_to_string(repository().join(file)))
            .collect::<Result<Vec<_>, _>>()?
            .join("\n");
        Ok(fs::write(doc.join("copyright"), copyright)?)
    }

    /// What the program says of itself: manual pages and completions.
    fn generated(&self, program: &Path) -> Result<()> {
        let man = self.directory("usr/share/man/man1")?;
        run(Command::new(program).arg("man").arg(&man))?;
        run(Command::new("sh")
            .arg("-c")
            .arg("gzip --no-name --best \"$0\"/*.1")
            .arg(&man))?;
        for (shell, file) in [
            ("bash", "usr/share/bash-completion/completions/guise"),
            ("zsh", "usr/share/zsh/vendor-completions/_guise"),
            ("fish", "usr/share/fish/vendor_completions.d/guise.fish"),
        ] {
            let script = said(Command::new(program).args(["completion", shell]))?;
            let (directory, name) = file.rsplit_once('/').unwrap_or((".", file));
            let path = self.directory(directory)?.join(name);
            fs::write(path, script + "\n")?;
        }
        Ok(())
    }

    fn unit(&self) -> Result<()> {
        let units = self.directory("usr/lib/systemd/system")?;
        copy(&repository().join("packaging/guise.service"), &units)
    }

    fn control(&self, architecture: &str) -> Result<()> {
        // The program may need what the libc it was linked with has.
        let libc = said(Command::new("dpkg-query").args(["--show", "--showformat=${Version}", "libc6"]))?;
        let kilobytes = said(
            Command::new("du")
                .args(["--summarize", "--block-size=1K"])
                .arg(&self.root),
        )?;
        let kilobytes = kilobytes.split_whitespace().next().unwrap_or("0").to_owned();
        let debian = self.directory("DEBIAN")?;
        fs::write(debian.join("control"), control(architecture, &libc, &kilobytes))?;
        for script in ["postinst", "prerm", "postrm"] {
            let path = debian.join(script);
            fs::copy(repository().join("packaging/debian").join(script), &path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }
}

/// The package's description of itself (deb-control(5)).
fn control(architecture: &str, libc: &str, kilobytes: &str) -> String {
    let libc = libc.split('-').next().unwrap_or(libc);
    format!(
        "Package: guise
Version: {version}
Architecture: {architecture}
Maintainer: The guise developers <guise@localhost>
Installed-Size: {kilobytes}
Depends: libc6 (>= {libc}), {depends}
Suggests: rsync
Section: admin
Priority: optional
Description: self-hosted Platform.sh
 git push, and guise builds a project, freezes it into a read-only image and
 serves it from containers, with databases, branches of data, backups and TLS.
",
        version = version(),
        depends = DEPENDS.join(", "),
    )
}

/// Copies a file, or a directory with all it has, into a directory. Modes are the tree's, owners root.
fn copy(from: &Path, into: &Path) -> Result<()> {
    run(Command::new("cp")
        .args(["--recursive", "--no-dereference", "--preserve=mode"])
        .arg(from)
        .arg(into))
}

/// What a program prints, without the line end.
fn said(command: &mut Command) -> Result<String> {
    Ok(output(command)?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_needs_the_libc_it_was_built_with() {
        let text = control("amd64", "2.36-9+deb12u13", "1234");
        assert!(
            text.contains("\nDepends: libc6 (>= 2.36), btrfs-progs, "),
            "{text}"
        );
        assert!(text.contains("\nArchitecture: amd64\n"), "{text}");
    }

    #[test]
    fn the_service_has_no_mount_namespace_of_its_own() {
        let unit = fs::read_to_string(repository().join("packaging/guise.service")).unwrap();
        let settings: Vec<&str> = unit.lines().filter(|line| !line.starts_with('#')).collect();
        for forbidden in [
            "Protect",
            "Private",
            "ReadOnlyPaths",
            "RootDirectory",
            "MountFlags",
            "DynamicUser",
        ] {
            assert!(
                !settings.iter().any(|line| line.starts_with(forbidden)),
                "{forbidden}"
            );
        }
        assert!(settings.contains(&"KillMode=process"));
    }
}
