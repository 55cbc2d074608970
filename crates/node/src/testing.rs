//! A container spec for unit tests, with one of everything.

use crate::{AppImage, ContainerSpec, Egress, HostEntry, Link, Process, RunFile, Scratch, User, VolumeMount};
use guise_model::Limits;
use std::net::Ipv4Addr;

pub(crate) const WEB: User = User {
    uid: 10_000,
    gid: 10_000,
};

/// An app with two mounts (the second read-only and two levels deep), a `/tmp`, one generated file, one service.
pub(crate) fn spec() -> ContainerSpec {
    let mount = |source: &str, target: &str, read_only| VolumeMount {
        volume: "v".parse().unwrap(),
        source_path: source.into(),
        target: target.into(),
        read_only,
        owner: WEB,
    };
    ContainerSpec {
        id: "abcdefgh1234".parse().unwrap(),
        name: "guestbook/main/app".into(),
        hostname: "app".into(),
        slot: 1,
        base: "b".repeat(64).parse().unwrap(),
        app: Some(AppImage::Frozen {
            image: "a".repeat(64).parse().unwrap(),
        }),
        mounts: vec![
            mount("uploads", "/app/uploads", false),
            mount("deep", "/app/web/deep", true),
        ],
        scratch: vec![Scratch {
            name: "tmp".into(),
            target: "/tmp".into(),
            mode: 0o1777,
            owner: WEB,
        }],
        files: vec![RunFile {
            path: "guise/nginx.conf".into(),
            content: "events {}\n".into(),
            mode: 0o644,
        }],
        process: Process {
            argv: vec!["/usr/bin/runsvdir".into(), "-P".into(), "/run/service".into()],
            env: [("PATH".into(), "/usr/bin:/bin".into())].into(),
            cwd: "/".into(),
            user: WEB,
        },
        limits: Limits {
            cpu_millis: 400,
            memory_bytes: 256_000_000,
            pids: 512,
        },
        stop_grace_seconds: 0,
        link: Link {
            address: Ipv4Addr::new(169, 254, 64, 3),
            hosts: vec![HostEntry {
                name: "database.internal".into(),
                address: Ipv4Addr::new(169, 254, 64, 4),
            }],
            egress: Egress::Allow,
            mail: false,
            connect: vec![(Ipv4Addr::new(169, 254, 64, 4), 3306)],
        },
    }
}
