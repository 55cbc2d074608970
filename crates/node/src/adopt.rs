//! At the start the node compares the machine with its records: containers that live are adopted, and what carries
//! this guise's mark and has no record is removed. Nothing else is touched.

use crate::{Node, NodeError, record::Record};
use guise_model::ContainerId;
use guise_runtime::cgroup;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Adopts and sweeps.
pub(crate) fn adopt(node: &Node) -> Result<(), NodeError> {
    for (id, record) in node.inner.records.all()? {
        match record {
            Some(record) if record.init.is_some() => take(node, record)?,
            // The daemon died while it made this one.
            _ => {
                tracing::info!(container = %id, "removing a container that was only half made");
                node.forget(&id)?;
            }
        }
    }
    sweep(node)
}

fn take(node: &Node, record: Record) -> Result<(), NodeError> {
    let lives = record.init.is_some_and(|init| init.lives());
    tracing::info!(container = %record.spec.id, name = record.spec.name, lives, "adopting a container");
    if lives {
        // A daemon that died while it cloned volumes let it stand still.
        cgroup::thaw(&node.cgroup(&record.spec.id))?;
    }
    node.insert(record);
    Ok(())
}

/// Removes what has this guise's mark and no record.
fn sweep(node: &Node) -> Result<(), NodeError> {
    let keep: BTreeSet<ContainerId> = node
        .entries()
        .iter()
        .map(|entry| entry.record().spec.id)
        .collect();
    let without_record = |ids: Vec<ContainerId>| ids.into_iter().filter(|id| !keep.contains(id));
    for id in without_record(node.inner.runtime.known()?) {
        tracing::info!(container = %id, "removing a container without a record");
        node.inner.runtime.delete(&id)?;
    }
    for id in without_record(cgroups(node)?) {
        let group = cgroup::open(&node.cgroup(&id))?;
        group.kill()?;
        group.remove()?;
    }
    node.inner.network.sweep(&keep)?;
    for id in without_record(node.inner.pool.scratch_list()?) {
        node.inner.pool.scratch_delete(&id)?;
    }
    node.release_images()
}

/// Removes the cgroup that holds all containers of this guise.
pub(crate) fn remove_cgroup(node: &Node) -> Result<(), NodeError> {
    Ok(cgroup::open(&root(node))?.remove()?)
}

fn root(node: &Node) -> PathBuf {
    Path::new("/").join(&node.instance().name)
}

/// The containers that have a cgroup in any hierarchy.
fn cgroups(node: &Node) -> Result<Vec<ContainerId>, NodeError> {
    let mut ids = BTreeSet::new();
    for (_, directory) in cgroup::open(&root(node))?.paths() {
        // A hierarchy in which nothing was ever made has no such directory.
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        ids.extend(names.filter_map(|name| ContainerId::new(name).ok()));
    }
    Ok(ids.into_iter().collect())
}
