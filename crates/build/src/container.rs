//! The container in which a build's scripts run.

use crate::{certificates, stage::Stage};
use guise_model::{ContainerId, ImageDigest, Limits, VolumeId};
use guise_node::{
    AppImage, ContainerSpec, Egress, Link, Process, RunFile, Scratch, User, VolumeMount, WritableApp,
};
use std::{collections::BTreeMap, iter, net::Ipv4Addr};

/// Where what builds keep for the next one is mounted: `PLATFORM_CACHE_DIR`.
pub(crate) const CACHE_DIRECTORY: &str = "/tmp/cache";

/// Where what the apps of a project keep in common is mounted.
pub(crate) const SHARED_CACHE_DIRECTORY: &str = "/tmp/shared-cache";

/// Where package installers keep what they downloaded: below the cache, so that the next build of the app, on any
/// branch, need not download it again.
const DOWNLOADS: [(&str, &str); 4] = [
    ("PIP_CACHE_DIR", "/tmp/cache/.pip"),
    ("npm_config_cache", "/tmp/cache/.npm"),
    ("YARN_CACHE_FOLDER", "/tmp/cache/.yarn"),
    ("COMPOSER_CACHE_DIR", "/tmp/cache/.composer"),
];

/// What a build container is made from.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub id: ContainerId,
    pub slot: u32,
    pub address: Ipv4Addr,
    pub app: &'a str,
    pub base: ImageDigest,
    pub checkout: VolumeId,
    pub cache: VolumeId,
    pub shared_cache: Option<VolumeId>,
    pub user: User,
    pub limits: Limits,
    pub env: BTreeMap<String, String>,
    pub files: &'a [RunFile],
    pub stages: &'a [Stage],
}

/// A container that runs nothing but a supervisor of nothing, which reaps what the scripts leave behind; and the
/// environment of the scripts.
pub(crate) fn spec(parts: Parts<'_>) -> (ContainerSpec, BTreeMap<String, String>) {
    let mut env = parts.env;
    env.insert("PLATFORM_CACHE_DIR".into(), CACHE_DIRECTORY.into());
    for (variable, directory) in DOWNLOADS {
        env.entry(variable.into()).or_insert_with(|| directory.into());
    }
    env.entry("PATH".into())
        .or_insert_with(|| "/usr/local/bin:/usr/bin:/bin".into());
    // A directory, so that the supervisor finds one.
    let mut files = vec![RunFile {
        path: "service/.empty".into(),
        content: String::new(),
        mode: 0o644,
    }];
    files.extend(parts.files.iter().cloned());
    files.extend(parts.stages.iter().map(|stage| RunFile {
        path: script_path(stage),
        content: stage.script.clone(),
        mode: 0o755,
    }));
    if let Some((bundle, variables)) = certificates::of_the_host() {
        files.push(bundle);
        // What the project sets itself it means.
        env = variables.into_iter().chain(env).collect();
    }
    let cache = |volume, target: &str| VolumeMount {
        volume,
        source_path: String::new(),
        target: target.into(),
        read_only: false,
        owner: parts.user,
    };
    let shared = parts
        .shared_cache
        .map(|volume| cache(volume, SHARED_CACHE_DIRECTORY));
    let mounts = iter::once(cache(parts.cache, CACHE_DIRECTORY))
        .chain(shared)
        .collect();
    let spec = ContainerSpec {
        id: parts.id,
        name: format!("build of {}", parts.app),
        hostname: "build".into(),
        slot: parts.slot,
        base: parts.base,
        app: Some(AppImage::Writable(WritableApp {
            volume: parts.checkout,
        })),
        mounts,
        scratch: vec![
            scratch("tmp", "/tmp", 0o1777, parts.user),
            scratch("log", "/var/log", 0o755, parts.user),
        ],
        files,
        process: Process {
            argv: ["/usr/bin/runsvdir", "-P", "/run/service"]
                .map(str::to_owned)
                .into(),
            env: BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())]),
            cwd: "/".into(),
            user: parts.user,
        },
        limits: parts.limits,
        stop_grace_seconds: 0,
        link: Link {
            address: parts.address,
            hosts: Vec::new(),
            egress: Egress::Allow,
            mail: false,
            connect: Vec::new(),
        },
    };
    (spec, env)
}

/// The process of one script. It is given as a file, since there is a limit to the length of an argument.
pub(crate) fn process(stage: &Stage, env: &BTreeMap<String, String>, user: User) -> Process {
    Process {
        argv: vec!["/bin/dash".into(), format!("/run/{}", script_path(stage))],
        env: env.clone(),
        cwd: "/app".into(),
        user,
    }
}

fn script_path(stage: &Stage) -> String {
    format!("guise/build/{}", stage.name)
}

fn scratch(name: &str, target: &str, mode: u32, owner: User) -> Scratch {
    Scratch {
        name: name.into(),
        target: target.into(),
        mode,
        owner,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_files_and_what_a_project_sets_itself_wins() {
        let web = User {
            uid: 10_000,
            gid: 10_000,
        };
        let stages = [Stage {
            name: "hook".into(),
            announcement: String::new(),
            script: "make; it's".into(),
        }];
        let (spec, env) = spec(Parts {
            id: "abcdefgh1234".parse().unwrap(),
            slot: 3,
            address: Ipv4Addr::new(169, 254, 64, 5),
            app: "app",
            base: "b".repeat(64).parse().unwrap(),
            checkout: "build-1".parse().unwrap(),
            cache: "cache-1".parse().unwrap(),
            shared_cache: None,
            user: web,
            limits: guise_model::Size::Auto.limits(guise_model::Profile::HighCpu),
            env: BTreeMap::from([("PIP_CERT".into(), "/app/own.crt".into())]),
            files: &[],
            stages: &stages,
        });
        assert_eq!(env["PIP_CERT"], "/app/own.crt");
        assert_eq!(env["PLATFORM_CACHE_DIR"], "/tmp/cache");
        let script = spec
            .files
            .iter()
            .find(|file| file.path == "guise/build/hook")
            .unwrap();
        assert_eq!(script.content, "make; it's");
        assert_eq!(
            process(&stages[0], &env, web).argv,
            ["/bin/dash", "/run/guise/build/hook"]
        );
        assert_eq!(spec.link.connect, []);
    }
}
