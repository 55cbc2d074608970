//! Root file systems made of Debian's packages, by mmdebstrap.

use crate::{ImageError, archive::Archive, progress::Progress, recipe::UserTable, tool};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
};

const MIRROR: &str = "http://deb.debian.org/debian";
const SECURITY: &str = "http://security.debian.org/debian-security";

/// Nobody reads these in a container, and they are a fifth of it.
const LEFT_OUT: [&str; 5] = [
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/lintian/*",
    "/usr/share/man/*",
];

/// What to install.
pub(crate) struct Installation<'a> {
    pub suite: &'a str,
    /// What packages may come from besides.
    pub more_suites: &'a [String],
    pub packages: Vec<&'a str>,
    /// Exists before the packages do, so that those which would make it find it with its fixed ids.
    pub user: &'a UserTable,
    /// Archives and the files that were fetched of them, unpacked before the scripts run.
    pub archives: Vec<(&'a Archive, PathBuf)>,
    /// Scripts that run inside afterwards, in order.
    pub setup: Vec<&'a str>,
}

/// Installs into `<work>/root`. Packages that were downloaded are kept in `packages` for the next time.
pub(crate) fn install(
    what: &Installation<'_>,
    work: &Path,
    packages: &Path,
    cancel: &AtomicBool,
    progress: &mut Progress<'_>,
) -> Result<(), ImageError> {
    fs::create_dir_all(packages).map_err(ImageError::file("create", packages))?;
    let UserTable { name, uid, gid, home } = what.user;
    let mut command = Command::new("mmdebstrap");
    command.args([
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        "--verbose",
    ]);
    command.arg(format!("--include={}", what.packages.join(",")));
    command.args([
        "--aptopt=APT::Install-Recommends \"false\"",
        "--aptopt=Acquire::Languages \"none\"",
    ]);
    // fsync after each package protects what is thrown away on any failure.
    command.arg("--dpkgopt=force-unsafe-io");
    command.args(LEFT_OUT.map(|path| format!("--dpkgopt=path-exclude={path}")));
    // mmdebstrap(1) has this recipe for keeping downloaded packages; hard links save the copying. A package that is pruned
    // meanwhile is downloaded again.
    command.args(["--skip=download/empty", "--skip=essential/unlink"]);
    command.arg(concat!(
        r#"--setup-hook=mkdir -p "$1/var/cache/apt/archives" && "#,
        r#"{ find "$GUISE_PACKAGES" -name '*.deb' -exec cp --link --force --target-directory="$1/var/cache/apt/archives" {} + || true; }"#,
    ));
    command.arg(concat!(
        r#"--customize-hook=find "$1/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -links 1 "#,
        r#"-exec cp --link --force --target-directory="$GUISE_PACKAGES" {} +"#,
    ));
    // Paths and lines go in by the environment, so that nothing has to be quoted for the hooks' shell.
    command.env("GUISE_PACKAGES", packages);
    command.arg(concat!(
        r#"--essential-hook=printf '%s\n' "$GUISE_PASSWD" >>"$1/etc/passwd"; "#,
        // update-alternatives(1) fails where it would put the manual pages of a JDK that are left out.
        r#"mkdir -p "$1/usr/share/man/man1"; "#,
        r#"printf '%s\n' "$GUISE_GROUP" >>"$1/etc/group""#,
    ));
    command.env("GUISE_PASSWD", format!("{name}:x:{uid}:{gid}::{home}:/bin/bash"));
    command.env("GUISE_GROUP", format!("{name}:x:{gid}:"));
    for (number, (archive, file)) in what.archives.iter().enumerate() {
        command.env(format!("GUISE_ARCHIVE_{number}"), file);
        command.env(format!("GUISE_INTO_{number}"), &archive.into);
        command.arg(format!(
            concat!(
                r#"--customize-hook=mkdir -p "$1/$GUISE_INTO_{number}" && tar --extract --no-same-owner "#,
                r#"--file "$GUISE_ARCHIVE_{number}" --directory "$1/$GUISE_INTO_{number}" --strip-components={strip}"#,
            ),
            number = number,
            strip = archive.strip,
        ));
    }
    command.env("GUISE_SETUP", work);
    for (number, script) in what.setup.iter().enumerate() {
        let path = work.join(format!("setup-{number}"));
        fs::write(&path, script).map_err(ImageError::file("write", &path))?;
        command.arg(format!(
            r#"--customize-hook=chroot "$1" dash -eu <"$GUISE_SETUP/setup-{number}""#
        ));
    }
    let base = base_suite(what.suite);
    command.arg(base).arg(work.join("root"));
    command.args(sources(base));
    if base != what.suite {
        command.arg(format!("deb {MIRROR} {} main", what.suite));
    }
    command.args(what.more_suites.iter().flat_map(|suite| sources(suite)));
    tool::run(command, work, cancel, &mut |line| progress.line(line))
}

/// The suite that a backports suite adds to; any other suite itself.
fn base_suite(suite: &str) -> &str {
    suite.strip_suffix("-backports").unwrap_or(suite)
}

fn sources(suite: &str) -> Vec<String> {
    let mut sources = vec![format!("deb {MIRROR} {suite} main")];
    // Unstable has neither: what is fixed there is just the next version.
    // What is not released yet has no security team; its lists there are empty, and expire.
    if suite != "sid" && suite != "forky" {
        sources.push(format!("deb {MIRROR} {suite}-updates main"));
        sources.push(format!("deb {SECURITY} {suite}-security main"));
    }
    sources
}
