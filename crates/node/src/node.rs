//! The node: what the layer above holds, and how it finds its containers again.

use crate::{
    AppImage, ContainerSpec, NodeError, adopt,
    container::Running,
    outbound::Domains,
    record::{Init, Record, Records},
    runtime::Runtime,
};
use guise_image::{Catalog, Store};
use guise_model::{ContainerId, IdRange, ImageDigest, Instance};
use guise_network::Network;
use guise_volume::Pool;
use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

/// Where a node keeps things and what it may use.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// The state directory, canonical: `/var/lib/guise`. The node owns `pool.btrfs`, `pool/`, `images/`,
    /// `containers/` and `runtime/` below it.
    pub state: PathBuf,
    /// Marks and ranges of this guise.
    pub instance: Instance,
    /// The program whose subcommand `runtime` is the container runtime.
    pub program: PathBuf,
    /// Arguments before the runtime's verb; `["runtime"]` for the `guise` binary.
    pub program_args: Vec<String>,
    /// Directories with image recipes; later ones win.
    pub recipes: Vec<PathBuf>,
    /// Built base images by recipe hash, shared between guises.
    pub image_cache: Option<PathBuf>,
    /// How large that may become, in bytes.
    pub image_cache_bytes: u64,
    /// Size of a new sparse pool file, in bytes.
    pub pool_bytes: u64,
    /// Who takes the containers' mail on port 25, if anybody does.
    pub mail_relay: Option<Ipv4Addr>,
}

/// One machine's executor. Cheap to clone; every method may be called from any thread at any time: calls for the
/// same container wait for each other, calls for different ones do not.
#[derive(Debug, Clone)]
pub struct Node {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones of a node share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub config: NodeConfig,
    pub runtime: Runtime,
    pub store: Store,
    pub catalog: Catalog,
    pub pool: Pool,
    pub network: Network,
    pub records: Records,
    /// The addresses of names that outbound rules name.
    pub domains: Domains,
    /// Numbers the files of processes that are started in containers.
    pub orders: AtomicU64,
    containers: Mutex<BTreeMap<ContainerId, Arc<Entry>>>,
    /// Held while images are attached for somebody, and while those that nobody uses are detached.
    images: Mutex<()>,
}

/// A container in memory.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Whose turn it is to change the container.
    pub turn: Mutex<()>,
    record: Mutex<Record>,
}

impl Entry {
    fn new(record: Record) -> Arc<Self> {
        Arc::new(Self {
            turn: Mutex::new(()),
            record: Mutex::new(record),
        })
    }

    /// The record as it is now.
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the record.
    pub fn set_record(&self, record: Record) {
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = record;
    }
}

impl Node {
    /// Prepares pool, image store and network, adopts the containers that live, and removes what carries this
    /// guise's mark and has no record.
    ///
    /// # Errors
    /// When one of the four mechanisms cannot be prepared.
    pub fn open(config: NodeConfig) -> Result<Self, NodeError> {
        let program = (config.program.clone(), config.program_args.clone());
        let node = Self {
            inner: Arc::new(Inner {
                runtime: Runtime::new(program.0, program.1, config.state.join("runtime")),
                store: Store::open_with(
                    &config.state,
                    config.image_cache.clone(),
                    config.image_cache_bytes,
                )?,
                catalog: Catalog::load(&config.recipes)?,
                pool: Pool::open(&config.state, config.pool_bytes)?,
                network: Network::open(&config.instance, config.mail_relay)?,
                records: Records::open(config.state.join("containers"))?,
                orders: AtomicU64::new(0),
                containers: Mutex::default(),
                domains: Domains::default(),
                images: Mutex::default(),
                config,
            }),
        };
        adopt::adopt(&node)?;
        node.follow_names();
        Ok(node)
    }

    /// Removes everything this node has on the machine but its files: containers, mounts, links, rules, cgroups.
    ///
    /// # Errors
    /// The first thing that could not be removed, after all have been tried.
    pub fn close_machine(&self) -> Result<(), NodeError> {
        let ids: Vec<ContainerId> = self.lock().keys().cloned().collect();
        let removed = std::thread::scope(|scope| {
            let stops: Vec<_> = ids.iter().map(|id| scope.spawn(|| self.remove(id))).collect();
            // A thread that panicked removed nothing; what is left is found by the sweep of the next start.
            stops
                .into_iter()
                .filter_map(|stop| stop.join().ok())
                .fold(Ok(()), Result::and)
        });
        let network = self.inner.network.close().map_err(NodeError::from);
        let images = self.inner.store.detach_unused(&[]).map_err(NodeError::from);
        let pool = self.inner.pool.close().map_err(NodeError::from);
        let cgroup = adopt::remove_cgroup(self);
        removed.and(network).and(images).and(pool).and(cgroup)
    }

    /// Marks and ranges of this guise.
    pub fn instance(&self) -> &Instance {
        &self.inner.config.instance
    }

    /// All containers in memory.
    pub(crate) fn entries(&self) -> Vec<Arc<Entry>> {
        self.lock().values().cloned().collect()
    }

    /// A container in memory.
    pub(crate) fn entry(&self, id: &ContainerId) -> Option<Arc<Entry>> {
        self.lock().get(id).cloned()
    }

    /// The entry of a container that is there, or a new one for a container that is to be made.
    pub(crate) fn entry_for(&self, spec: &ContainerSpec) -> Arc<Entry> {
        let record = || Record {
            spec: spec.clone(),
            created_unix_ms: 0,
            init: None,
        };
        self.lock()
            .entry(spec.id.clone())
            .or_insert_with(|| Entry::new(record()))
            .clone()
    }

    /// Puts a container that was found into memory.
    pub(crate) fn insert(&self, record: Record) {
        self.lock().insert(record.spec.id.clone(), Entry::new(record));
    }

    /// Takes a container out of memory.
    pub(crate) fn remove_entry(&self, id: &ContainerId) {
        self.lock().remove(id);
    }

    /// A container and its living PID 1.
    pub(crate) fn running(&self, id: &ContainerId) -> Result<Running, NodeError> {
        let entry = self
            .entry(id)
            .ok_or_else(|| NodeError::NoSuchContainer { id: id.clone() })?;
        let init: Option<Init> = entry.record().init.filter(|init| init.lives());
        let init = init.ok_or_else(|| NodeError::NotRunning { id: id.clone() })?;
        Ok((entry, init))
    }

    /// The host ids of a container.
    pub(crate) fn ids(&self, spec: &ContainerSpec) -> Result<IdRange, NodeError> {
        let base = self.inner.config.instance.id_base;
        IdRange::of_slot(base, spec.slot).ok_or(NodeError::NoIds {
            id: spec.id.clone(),
            slot: spec.slot,
        })
    }

    /// Keeps images from being detached while somebody attaches one.
    pub(crate) fn images_lock(&self) -> MutexGuard<'_, ()> {
        self.inner.images.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The images that containers are made from.
    fn images_in_use(&self) -> Vec<ImageDigest> {
        let mut used = Vec::new();
        for entry in self.entries() {
            let spec = entry.record().spec;
            used.push(spec.base);
            if let Some(AppImage::Frozen { image }) = spec.app {
                used.push(image);
            }
        }
        used
    }

    /// Detaches the images that no container uses, behind the caller's back: an unmount waits for all processors,
    /// and nobody needs to wait for that.
    pub(crate) fn release_images_later(&self) {
        let node = self.clone();
        std::thread::spawn(move || {
            if let Err(error) = node.release_images() {
                tracing::warn!(%error, "an image that no container uses stays attached");
            }
        });
    }

    /// Detaches the images that no container uses.
    pub(crate) fn release_images(&self) -> Result<(), NodeError> {
        let _images = self.images_lock();
        Ok(self.inner.store.detach_unused(&self.images_in_use())?)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ContainerId, Arc<Entry>>> {
        // Each change of the map is one call of the map's own.
        self.inner
            .containers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
