//! In the parent: taking trees from the host, detached, before the child exists.
//!
//! Nothing is mounted anywhere on the host. A detached tree is a descriptor, which the child inherits; the parent gives it the
//! child's ids (`idmap`) as soon as the child's user namespace has its maps.

use super::control::Groups;
use super::error::RootfsError;
use super::idmap;
use super::option::{self, Options};
use crate::cgroup::Group;
use crate::config::Config;
use guise_sys::mount::{self, Attributes, Propagation};
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

impl HostTree {
    fn idmap(&self, user_namespace: BorrowedFd<'_>, recursive: bool) -> Result<(), RootfsError> {
        let change = Attributes {
            idmap: Some(user_namespace),
            recursive,
            ..Attributes::default()
        };
        mount::set_attributes(self.tree.as_fd(), &change).map_err(|source| RootfsError::Idmap {
            path: self.path.clone(),
            source,
        })
    }
}

/// One mount of the configuration.
#[derive(Debug)]
pub enum Planned {
    /// A tree from the host.
    Bind(HostTree),
    /// The container's control groups.
    Groups(Groups),
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
    /// Propagation of `/` once it is the root, if it is not to be private or a slave of the host's.
    pub propagation: Option<Attributes<'static>>,
    /// The rest, in order.
    pub mounts: Vec<PlannedMount>,
}

impl Plan {
    /// Takes everything that comes from the host.
    ///
    /// # Errors
    /// [`RootfsError`].
    pub fn of(config: &Config, cgroup: &Group) -> Result<Self, RootfsError> {
        let path = config.rootfs();
        let root = take(&path, true, config.is_annotated(IDMAP_ROOT), false)?;
        let wanted = option::propagation(config.linux.rootfs_propagation().as_deref().unwrap_or("private"));
        let (wanted, recursive) = wanted.unwrap_or((Propagation::Private, false));
        // pivot_root(2) takes no root that is shared: that comes later, and then shares with nobody outside.
        let before = match wanted {
            Propagation::Slave => Propagation::Slave,
            _ => Propagation::Private,
        };
        set(
            &root,
            Attributes {
                propagation: Some(before),
                recursive: true,
                ..Attributes::default()
            },
        )?;
        let later = Attributes {
            propagation: Some(wanted),
            recursive,
            ..Attributes::default()
        };
        let mounts = config.spec.mounts().iter().flatten();
        let mounts = mounts
            .map(|mount| plan_mount(config, cgroup, mount))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            root,
            propagation: (wanted != before).then_some(later),
            mounts,
        })
    }

    /// Gives the trees that need it the ids of `user_namespace`.
    ///
    /// # Errors
    /// [`RootfsError::Idmap`].
    pub fn idmap(&self, user_namespace: BorrowedFd<'_>) -> Result<(), RootfsError> {
        let binds = self.mounts.iter().filter_map(|mount| match &mount.what {
            Planned::Bind(tree) => Some(tree),
            Planned::New { .. } | Planned::Groups(_) => None,
        });
        for tree in binds.chain([&self.root]).filter(|tree| tree.idmap) {
            tree.idmap(user_namespace, false)?;
        }
        Ok(())
    }
}

fn plan_mount(config: &Config, cgroup: &Group, mount: &Mount) -> Result<PlannedMount, RootfsError> {
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
            wants_idmap(config, mount, &options),
            config.is_annotated(NO_SYMLINKS),
        )?;
        if let Some((uids, gids)) = own_maps(config, mount) {
            tree.idmap(
                idmap::user_namespace(&target, uids, gids)?.as_fd(),
                options.recursive_idmap,
            )?;
        }
        set_options(&tree, &options)?;
        Planned::Bind(tree)
    } else if matches!(filesystem, "cgroup" | "cgroup2") {
        Planned::Groups(Groups::take(cgroup, &options)?)
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

/// Whether a mount shows the container's ids: it says so, or has the container's own maps.
fn wants_idmap(config: &Config, mount: &Mount, options: &Options) -> bool {
    let (uids, gids) = config.id_maps();
    let asked = (options.idmap && maps(mount).is_none()) || maps(mount) == Some((uids, gids));
    config.has_user_namespace() && asked
}

/// A mount's maps, if they are not the container's.
fn own_maps<'a>(config: &Config, mount: &'a Mount) -> Option<(&'a [LinuxIdMapping], &'a [LinuxIdMapping])> {
    maps(mount).filter(|maps| !config.has_user_namespace() || *maps != config.id_maps())
}

fn maps(mount: &Mount) -> Option<(&[LinuxIdMapping], &[LinuxIdMapping])> {
    let uids = mount.uid_mappings().as_deref().unwrap_or_default();
    let gids = mount.gid_mappings().as_deref().unwrap_or_default();
    (!uids.is_empty() || !gids.is_empty()).then_some((uids, gids))
}

fn open_archive(archive: &Path) -> Result<(PathBuf, std::fs::File), RootfsError> {
    let file = std::fs::File::open(archive).map_err(|source| RootfsError::Ramdisk {
        archive: archive.into(),
        source,
    })?;
    Ok((archive.into(), file))
}

pub(super) fn take(
    path: &Path,
    recursive: bool,
    idmap: bool,
    no_symlinks: bool,
) -> Result<HostTree, RootfsError> {
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

pub(super) fn set_options(tree: &HostTree, options: &Options) -> Result<(), RootfsError> {
    let own = Attributes {
        set: options.set,
        clear: options.clear,
        ..Attributes::default()
    };
    set(tree, own)?;
    if !(options.set_below | options.clear_below).is_empty() {
        set(
            tree,
            Attributes {
                set: options.set_below,
                clear: options.clear_below,
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
