//! Locations and rules as nginx locations.
//!
//! Each location is a regular expression over its prefix, the longest prefix first: nginx takes the first that
//! matches, so that the longest wins, and only where a path segment ends. The rest of the path is kept in
//! `$guise_path`. Rules are nested in file order, which is again the order in which nginx tries them.

use crate::{
    block::Block,
    front,
    leaf::{self, Leaf},
    quote::{literal, pattern_of},
    site::Site,
};
use guise_config::{Location, Protocol};

/// Writes all locations of the server.
pub fn write(server: &mut Block, site: &Site<'_>) {
    let mut longest_first: Vec<&Location> = site.locations.iter().collect();
    longest_first.sort_by_key(|location| std::cmp::Reverse(prefix(location).len()));
    for location in &longest_first {
        let head = format!("location ~ {}", literal(&pattern(location)));
        server.block(head, |block| within(block, site, location));
    }
    server.block("location /", |block| block.line("return 404"));
    for (index, location) in site.locations.iter().enumerate() {
        server.block(format!("location {}", front::app_name(index)), |block| {
            front::app(block, site, location);
        });
    }
    for front in front::all(site) {
        server.block(format!("location {}", front.name), |block| {
            front.write(block, site)
        });
    }
}

/// A location's prefix without a slash at its end; empty for `/`.
pub fn prefix(location: &Location) -> &str {
    location.path.trim_end_matches('/')
}

/// The location that a path belongs to, and the rest of the path.
pub fn find<'a, 'p>(locations: &'a [Location], path: &'p str) -> Option<(&'a Location, &'p str)> {
    let matching = locations.iter().filter_map(|location| {
        let rest = path.strip_prefix(prefix(location))?;
        (rest.is_empty() || rest.starts_with('/')).then_some((location, rest))
    });
    matching.max_by_key(|(location, _)| prefix(location).len())
}

fn pattern(location: &Location) -> String {
    // A decoded path may hold a line break, which a plain dot does not match.
    format!("(?s)^{}(?<guise_path>/.*)?$", pattern_of(prefix(location)))
}

fn within(block: &mut Block, site: &Site<'_>, location: &Location) {
    for rule in &location.rules {
        block.block(format!("location ~ {}", literal(&rule.pattern)), |block| {
            branch(block, site, &Leaf::of_rule(site, location, rule));
        });
    }
    branch(block, site, &Leaf::of_location(site, location));
}

/// A leaf with its scripts apart.
fn branch(block: &mut Block, site: &Site<'_>, leaf: &Leaf<'_>) {
    if site.protocol == Protocol::Fastcgi && leaf.scripts && leaf.root.is_some() {
        block.block(r#"location ~ "\.php$""#, |block| leaf::script(block, site, leaf));
    }
    leaf::write(block, site, leaf);
}
