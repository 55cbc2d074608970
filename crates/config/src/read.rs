//! From what the files say to what they mean.

pub mod app;
mod build_cache;
mod cron;
mod duration;
mod extensions;
mod firewall;
pub mod instance;
pub mod legacy;
pub mod location;
pub mod mount;
mod names;
pub mod operation;
pub mod redirect;
mod relationship;
pub mod route;
pub mod service;
mod text;
pub mod tls;
mod version;
mod web;

use crate::{
    diagnostic::Report,
    files::{Flavour, Written},
    model::Project,
    source::Span,
    types::Types,
};
use names::Names;
use std::collections::BTreeMap;

/// Reads a whole project; what is wrong is reported and left out.
pub fn project(written: &Written, types: &dyn Types, report: &mut Report) -> Project {
    let names = Names::gather(written, types, report);
    let mut reader = Reader {
        types,
        flavour: written.flavour,
        names,
        report,
        places: BTreeMap::new(),
    };
    let mut services: Vec<_> = written
        .services
        .iter()
        .filter_map(|entry| reader.service(entry))
        .collect();
    let mut apps: Vec<_> = written.apps.iter().filter_map(|app| reader.app(app)).collect();
    reader.skip_cycles(&mut services, &mut apps);
    let routes = reader.routes(&written.routes, &apps);
    Project {
        apps,
        services,
        routes,
    }
}

/// What reading needs at every step.
struct Reader<'a> {
    types: &'a dyn Types,
    flavour: Flavour,
    names: Names,
    report: &'a mut Report,
    /// Where each relationship stands: owner and name to place.
    places: BTreeMap<(String, String), Span>,
}
