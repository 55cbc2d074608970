//! The built images of the other services get ready, are provisioned and stop.
//! Needs root, and the images in the default cache or Debian's mirror to build them, so it is run by name:
//! `cargo test -p guise-image --test services -- --ignored`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod running;

use running::{Running, catalog};
use serde_json::json;
use std::time::Duration;

#[test]
#[ignore = "needs built images"]
fn redis_answers_and_its_settings_cannot_be_changed() {
    let catalog = catalog();
    let redis = catalog.resolve("redis", "8.0").unwrap();
    let context = json!({"name": "cache", "memory_bytes": 256_000_000, "disk_bytes": null, "configuration": {}, "passwords": {}});
    let running = Running::start(redis.recipe, "8.0", &context, &[]);
    let ready: Vec<&str> = redis
        .recipe
        .service()
        .unwrap()
        .ready()
        .iter()
        .map(String::as_str)
        .collect();
    running.until(&ready, Duration::from_secs(20));
    let redis_cli = |command: &str| {
        running.until(
            &["sh", "-c", &format!("redis-cli {command}")],
            Duration::from_secs(5),
        )
    };
    assert_eq!(redis_cli("set a 1"), "OK\n");
    assert!(redis_cli("config get dir").contains("unknown command"));
    running.until(
        &["sv", "-w", "20", "stop", "/run/service/redis"],
        Duration::from_secs(20),
    );
}

/// Services whose readiness is enough to know that they run; each is also provisioned twice and stopped.
const PLAIN: [(&str, &str, &str); 7] = [
    ("valkey", "8.1", "redis"),
    ("valkey-persistent", "8.1", "redis"),
    ("memcached", "1.6", "memcached"),
    ("rabbitmq", "4.0", "rabbitmq"),
    ("influxdb", "1.6", "influxdb"),
    ("varnish", "7.7", "varnish"),
    ("chrome-headless", "156", "chrome"),
];

#[test]
#[ignore = "needs built images"]
fn every_plain_service_gets_ready_is_provisioned_and_stops() {
    let catalog = catalog();
    for (name, version, process) in PLAIN {
        let recipe = catalog.resolve(name, version).unwrap().recipe;
        let service = recipe.service().unwrap();
        let disk = service.data().map(|_| 512_000_000);
        let context = json!({
            "name": "it", "version": version, "memory_bytes": 1_000_000_000, "disk_bytes": disk,
            "configuration": {"vhosts": ["events"]}, "passwords": {"rabbitmq": "secret"},
            "address": "127.0.0.1", "relationships": {"app": {"ip": "127.0.0.1", "port": 80}},
        });
        let running = Running::start(
            recipe,
            version,
            &context,
            &[("run/hosts", "127.0.0.1 localhost\n")],
        );
        let ready: Vec<&str> = service.ready().iter().map(String::as_str).collect();
        running.until(&ready, Duration::from_secs(60));
        for _ in 0..2 {
            let Some(provision) = service.provision(&context).unwrap() else {
                break;
            };
            let output = running.exec(&provision.argv, &provision.stdin);
            assert!(output.status.success(), "{name}: {output:?}");
        }
        running.until(
            &["sv", "-w", "30", "stop", &format!("/run/service/{process}")],
            Duration::from_secs(40),
        );
    }
}
