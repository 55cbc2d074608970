//! In the parent: taking trees from the host, detached, before the child exists.
//!
//! Nothing is mounted anywhere on the host. A detached tree is a descriptor, which the child inherits; the parent gives it the
//! child's ids (`idmap`) as soon as the child's user namespace has its maps.

use super::error::RootfsError;
use super::option::{self, Options};
use crate::config::Config;
use guise_sys::mount::{self, Attributes, MountAttrFlags, Propagation};
use guise_sys::path;
use oci_spec::runtime::{LinuxIdMapping, Mount};
use rustix::fs::{FileType, Mode, OFlags};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Annotation: the root directory is owned by ids as they are inside, and is to be id-mapped.
pub const IDMAP_ROOT: &str = "org.guise.rootfs.idmap";
/// Annotation: parts of bind mounts' source paths are controlled by containers.
pub const NO_SYMLINKS: &str = "org.guise.sources.no-symlinks";
/// Annotation: path of a tar archive for the tmpfs at /run.
pub const RAMDISK: &str = "org.guise.run.tar";

/// A tree from the host.
#[derive(Debug)]
pub struct HostTree {
    /// Where it came from.
    pub path: PathBuf,
    /// The detached tree.
    pub tree: OwnedFd,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether its files' owners are to be translated to the container's ids.
    pub idmap: bool,
}

/// One mount of the configuration.
#[derive(Debug)]
pub enum Planned {
    /// A tree from the host.
    Bind(HostTree),
    /// A filesystem that the child makes.
    New {
        /// Its type.
        filesystem: String,
        /// A tar archive to fill it with.
        archive: Option<(PathBuf, std::fs::File)>,
    },
}

/// One mount of the configuration and where it goes.
#[derive(Debug)]
pub struct PlannedMount {
    /// Its path inside.
    pub target: PathBuf,
    /// What.
    pub what: Planned,
    /// How.
    pub options: Options,
}

/// All that the child will mount.
#[derive(Debug)]
pub struct Plan {
    /// What becomes `/`.
    pub root: HostTree,
    /// The rest, in order.
    pub mounts: Vec<PlannedMount>,
}

impl Plan {
    /// Takes everything that comes from the host.
    ///
    /// # Errors
    /// [`RootfsError`].
    pub fn of(config: &Config) -> Result<Self, RootfsError> {
        let path = config.rootfs();
        let root = take(&path, true, config.is_annotated(IDMAP_ROOT), false)?;
        set(
            &root,
            Attributes {
                propagation: Some(Propagation::Private),
                recursive: true,
                ..Attributes::default()
            },
        )?;
        let mounts = config.spec.mounts().iter().flatten();
        let mounts = mounts
            .map(|mount| plan_mount(config, mount))
            .collect::<Result<_, _>>()?;
        Ok(Self { root, mounts })
    }

    /// Gives the trees that need it the ids of `user_namespace`.
    ///
    /// # Errors
    /// [`RootfsError::Idmap`].
    pub fn idmap(&self, user_namespace: BorrowedFd<'_>) -> Result<(), RootfsError> {
        let binds = self.mounts.iter().filter_map(|mount| match &mount.what {
            Planned::Bind(tree) => Some(tree),
            Planned::New { .. } => None,
        });
        for tree in binds.chain([&self.root]).filter(|tree| tree.idmap) {
            let change = Attributes {
                idmap: Some(user_namespace),
                ..Attributes::default()
            };
            mount::set_attributes(tree.tree.as_fd(), &change).map_err(|source| RootfsError::Idmap {
                path: tree.path.clone(),
                source,
            })?;
        }
        Ok(())
    }
}

fn plan_mount(config: &Config, mount: &Mount) -> Result<PlannedMount, RootfsError> {
    let options = option::parse(mount.options().as_deref().unwrap_or_default());
    let target = mount.destination().clone();
    let filesystem = mount.typ().as_deref().unwrap_or_default();
    let what = if options.bind || filesystem == "bind" {
        let source = config
            .bundle
            .join(mount.source().as_deref().unwrap_or(Path::new("")));
        let tree = take(
            &source,
            options.recursive,
            wants_idmap(config, mount),
            config.is_annotated(NO_SYMLINKS),
        )?;
        set_options(&tree, &options)?;
        Planned::Bind(tree)
    } else {
        let archive = match config.annotation(RAMDISK) {
            Some(archive) if target == Path::new("/run") => Some(open_archive(Path::new(archive))?),
            _ => None,
        };
        Planned::New {
            filesystem: filesystem.to_owned(),
            archive,
        }
    };
    Ok(PlannedMount {
        target,
        what,
        options,
    })
}

/// A mount's own maps ask for it. They can only be the container's: a mount that shows files as somebody else's has no use yet.
fn wants_idmap(config: &Config, mount: &Mount) -> bool {
    let asked = |map: &Option<Vec<LinuxIdMapping>>| map.iter().flatten().next().is_some();
    config.has_user_namespace() && (asked(mount.uid_mappings()) || asked(mount.gid_mappings()))
}

fn open_archive(archive: &Path) -> Result<(PathBuf, std::fs::File), RootfsError> {
    let file = std::fs::File::open(archive).map_err(|source| RootfsError::Ramdisk {
        archive: archive.into(),
        source,
    })?;
    Ok((archive.into(), file))
}

fn take(path: &Path, recursive: bool, idmap: bool, no_symlinks: bool) -> Result<HostTree, RootfsError> {
    let failed = |source| RootfsError::Source {
        path: path.into(),
        source,
    };
    let place = if no_symlinks {
        path::open_without_symlinks(path, OFlags::PATH)
    } else {
        rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
    };
    let place = place.map_err(failed)?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&place).map_err(failed)?.st_mode);
    let tree = mount::clone_tree(place.as_fd(), recursive).map_err(failed)?;
    Ok(HostTree {
        path: path.into(),
        tree,
        is_directory: kind == FileType::Directory,
        idmap,
    })
}

fn set_options(tree: &HostTree, options: &Options) -> Result<(), RootfsError> {
    let own = Attributes {
        set: options.set,
        clear: options.clear,
        ..Attributes::default()
    };
    set(tree, own)?;
    if options.set_below != MountAttrFlags::empty() {
        set(
            tree,
            Attributes {
                set: options.set_below,
                recursive: true,
                ..Attributes::default()
            },
        )?;
    }
    set(
        tree,
        Attributes {
            propagation: Some(options.propagation),
            recursive: true,
            ..Attributes::default()
        },
    )
}

fn set(tree: &HostTree, change: Attributes<'_>) -> Result<(), RootfsError> {
    mount::set_attributes(tree.tree.as_fd(), &change).map_err(|source| RootfsError::Attributes {
        path: tree.path.clone(),
        source,
    })
}
