//! Every environment's routes and gate, and the index made of them.

use crate::{
    cache::Shelf,
    gate::Gate,
    index::{Index, Target},
    table_file::TableFile,
};
use guise_api::edge::{Action, Command, Route};
use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddrV4,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

/// The routes of each environment by its key.
type Routes = BTreeMap<String, Vec<Route>>;

#[derive(Debug)]
struct Environment {
    routes: Vec<Route>,
    gate: Arc<Gate>,
    shelf: Arc<Shelf>,
}

/// The table. Requests read the index; commands change the environments and put a new index in its place.
#[derive(Debug)]
pub struct Table {
    environments: Mutex<BTreeMap<String, Environment>>,
    index: RwLock<Arc<Index>>,
    file: Option<TableFile>,
}

impl Table {
    /// The table as `file` has it. A file that cannot be read is no reason not to serve: guised tells everything again.
    pub fn load(file: Option<TableFile>) -> Self {
        let routes = file.as_ref().map_or_else(Routes::new, |file| {
            file.load().unwrap_or_else(|error| {
                tracing::warn!("starting without routes: {error:#}");
                Routes::new()
            })
        });
        let environments = routes
            .into_iter()
            .map(|(key, routes)| (key, Environment::with(routes)))
            .collect();
        Self {
            index: RwLock::new(Arc::new(index_of(&environments))),
            environments: Mutex::new(environments),
            file,
        }
    }

    /// The index as it is now.
    pub fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many environments there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// The environment's gate; it need not have routes yet.
    pub fn gate(&self, environment: &str) -> Arc<Gate> {
        Arc::clone(&self.lock().entry(environment.to_owned()).or_default().gate)
    }

    /// Each environment's gate by its key.
    pub fn gates(&self) -> Vec<(String, Arc<Gate>)> {
        let environments = self.lock();
        let gates = environments.iter();
        gates
            .map(|(key, environment)| (key.clone(), Arc::clone(&environment.gate)))
            .collect()
    }

    /// Where the environment's requests go.
    pub fn upstreams(&self, environment: &str) -> HashSet<SocketAddrV4> {
        let environments = self.lock();
        let routes = environments
            .get(environment)
            .map(|environment| environment.routes.as_slice());
        let address = |route: &Route| match route.action {
            Action::Upstream { address, .. } => Some(address),
            Action::Redirect { .. } | Action::Proxy { .. } => None,
        };
        routes.unwrap_or_default().iter().filter_map(address).collect()
    }

    /// Where an environment's answers are kept.
    pub fn shelf(&self, environment: &str) -> Option<Arc<Shelf>> {
        let environments = self.lock();
        environments
            .get(environment)
            .map(|environment| Arc::clone(&environment.shelf))
    }

    /// Replaces an environment's routes. Answers that were kept by others are on a shelf that nobody looks at any more.
    pub fn set(&self, environment: &str, routes: Vec<Route>) {
        self.change(|environments| {
            let environment = environments.entry(environment.to_owned()).or_default();
            if environment.routes != routes {
                environment.routes = routes;
                environment.shelf = Arc::default();
            }
        });
    }

    /// Replaces an environment's routes, and its gate by an open one. Answers the old gate, which all have passed that
    /// go by the old routes; those that were held there look again.
    pub fn switch(&self, environment: &str, routes: Vec<Route>) -> Arc<Gate> {
        let old = self.gate(environment);
        self.change(|environments| {
            environments.insert(environment.to_owned(), Environment::with(routes));
        });
        old.release();
        old
    }

    /// Forgets every environment for which `keep` is false; their held requests go on and find nothing.
    pub fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut gone = Vec::new();
        self.change(|environments| {
            environments.retain(|key, environment| {
                let kept = keep(key);
                if !kept {
                    gone.push(Arc::clone(&environment.gate));
                }
                kept
            });
        });
        for gate in gone {
            gate.release();
        }
    }

    /// The commands that close the gates of another table as they are closed here.
    pub fn closings(&self) -> Vec<Command> {
        let gates = self.gates().into_iter();
        gates
            .filter_map(|(environment, gate)| gate.closing(environment))
            .collect()
    }

    /// Leaves the file to another edge.
    pub fn give_up_file(&self) {
        // Under the lock: nobody is half-way through writing it.
        let _environments = self.lock();
        if let Some(file) = &self.file {
            file.give_up();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Environment>> {
        // No change panics half-way.
        self.environments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Environment>)) {
        let mut environments = self.lock();
        change(&mut environments);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index_of(&environments));
        if let Some(file) = &self.file {
            let routes = environments
                .iter()
                .map(|(key, environment)| (key.clone(), environment.routes.clone()));
            if let Err(error) = file.store(&routes.collect::<Routes>()) {
                tracing::warn!("the routes are in force, but would not survive a restart: {error:#}");
            }
        }
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::with(Vec::new())
    }
}

impl Environment {
    fn with(routes: Vec<Route>) -> Self {
        Self {
            routes,
            gate: Gate::open(),
            shelf: Arc::default(),
        }
    }
}

fn index_of(environments: &BTreeMap<String, Environment>) -> Index {
    Index::new(environments.values().flat_map(|environment| {
        let Environment { routes, gate, shelf } = environment;
        routes.iter().map(|route| Target::new(route.clone(), gate, shelf))
    }))
}
