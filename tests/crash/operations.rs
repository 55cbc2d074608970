//! What the daemon is killed in: what is done, and what must have come of it.

use crate::site::CrashSite;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, machine};
use std::{
    cell::{Cell, RefCell},
    fs,
    path::PathBuf,
    process::Command,
};

/// What is there while the operations are tried: a project with `main` and its branch `dev`, and what they must say.
pub struct Scene<'a> {
    pub guise: &'a Guise,
    pub site: CrashSite<'a>,
    /// URL of `main`, asked for while there was a daemon.
    pub production: String,
    /// Makes each page and row another one.
    count: Cell<u32>,
    /// What `main` says.
    page: RefCell<String>,
    /// What `main` said before the last push.
    page_before: RefCell<String>,
    /// The rows and files that an environment must have afterwards.
    data: RefCell<String>,
    /// What the backup holds.
    backed_up: RefCell<Option<String>>,
    /// How many volumes there are without another project.
    volumes: Cell<usize>,
    /// Whether services take part, whose images take their time.
    with_services: bool,
}

/// Something that guised does in one activity.
pub struct Operation {
    pub name: &'static str,
    /// The activity's type.
    pub activity: &'static str,
    /// Whether the activity succeeds.
    pub succeeds: bool,
    /// Whether `main` must not notice.
    pub spares_production: bool,
    pub prepare: fn(&Scene<'_>) -> Result<()>,
    pub command: fn(&Scene<'_>) -> Result<Command>,
    /// What must be so once the activity has ended.
    pub arrived: fn(&Scene<'_>) -> Result<()>,
}

/// Operations that are tried by turns: one undoes the other.
pub struct Pair {
    pub sentence: &'static str,
    pub operations: &'static [Operation],
}

pub const PAIRS: &[Pair] = &[
    Pair {
        sentence: "code is pushed and rolled back",
        operations: &[
            Operation {
                name: "push of code",
                activity: "environment.push",
                succeeds: true,
                spares_production: false,
                prepare: |scene| scene.change_page(),
                command: |scene| Ok(scene.site.repository.push_command()),
                arrived: |scene| scene.main_is_right(),
            },
            Operation {
                name: "rollback",
                activity: "environment.rollback",
                succeeds: true,
                spares_production: false,
                prepare: |scene| {
                    scene.page.swap(&scene.page_before);
                    Ok(())
                },
                command: |scene| Ok(scene.guise(&["rollback"])),
                arrived: |scene| scene.main_is_right(),
            },
        ],
    },
    Pair {
        sentence: "a project is deleted",
        operations: &[Operation {
            name: "deletion of a project",
            activity: "project.delete",
            succeeds: true,
            spares_production: true,
            prepare: |scene| scene.deploy_and_back_up_another(),
            command: |scene| {
                let words = ["--yes", "project", "delete"];
                Ok(scene.guise.command(&scene.another(), &words))
            },
            arrived: |scene| scene.another_is_gone(),
        }],
    },
    Pair {
        sentence: "a new project is pushed",
        operations: &[Operation {
            name: "first push",
            activity: "environment.push",
            succeeds: true,
            spares_production: true,
            prepare: |scene| scene.begin_another(),
            command: |scene| {
                Ok(scene
                    .guise
                    .command(&scene.guise.directory().join(ANOTHER), &["up"]))
            },
            arrived: |scene| {
                let site = CrashSite::at(scene.guise, ANOTHER);
                site.says("main", "first")?;
                scene.main_is_right()
            },
        }],
    },
    Pair {
        sentence: "a mount is pushed, and taken away again",
        operations: &[
            Operation {
                name: "push of a mount",
                activity: "environment.push",
                succeeds: true,
                spares_production: false,
                prepare: |scene| scene.change_app("mounts:\n", MOUNTS),
                command: |scene| Ok(scene.site.repository.push_command()),
                arrived: |scene| scene.main_is_right(),
            },
            Operation {
                name: "push without the mount",
                activity: "environment.push",
                succeeds: true,
                spares_production: false,
                prepare: |scene| scene.change_app(MOUNTS, "mounts:\n"),
                command: |scene| Ok(scene.site.repository.push_command()),
                arrived: |scene| scene.main_is_right(),
            },
        ],
    },
    Pair {
        sentence: "a mount is pushed by rolling, and taken away again",
        operations: &[
            Operation {
                name: "rolling push of a mount",
                activity: "environment.push",
                succeeds: true,
                spares_production: false,
                prepare: |scene| scene.change_app("mounts:\n", MOUNTS),
                command: |scene| Ok(scene.rolling_push()),
                arrived: |scene| scene.main_is_right(),
            },
            Operation {
                name: "rolling push without the mount",
                activity: "environment.push",
                succeeds: true,
                spares_production: false,
                prepare: |scene| scene.change_app(MOUNTS, "mounts:\n"),
                command: |scene| Ok(scene.rolling_push()),
                arrived: |scene| scene.main_is_right(),
            },
        ],
    },
    Pair {
        sentence: "a branch is pushed and deleted in git",
        operations: &[
            Operation {
                name: "push of a branch",
                activity: "environment.push",
                succeeds: true,
                spares_production: true,
                prepare: |scene| {
                    scene.add_to_main()?;
                    scene.site.repository.write("page.txt", &scene.page.borrow())?;
                    scene.site.repository.commit("Begin a branch")
                },
                command: |scene| Ok(scene.push("HEAD:refs/heads/pushed")),
                arrived: |scene| scene.is_as_main("pushed"),
            },
            Operation {
                name: "deletion of a branch",
                activity: "environment.delete",
                succeeds: true,
                spares_production: true,
                prepare: |_| Ok(()),
                command: |scene| Ok(scene.push(":refs/heads/pushed")),
                arrived: |scene| scene.is_unknown("pushed"),
            },
        ],
    },
    Pair {
        sentence: "code that does not start is pushed, and repaired",
        operations: &[
            Operation {
                name: "failing push",
                activity: "environment.push",
                succeeds: false,
                spares_production: false,
                prepare: |scene| scene.change_app("start: python server.py", "start: exit 3"),
                command: |scene| Ok(scene.site.repository.push_command()),
                arrived: |scene| scene.main_is_right(),
            },
            Operation {
                name: "repairing push",
                activity: "environment.push",
                succeeds: true,
                spares_production: false,
                prepare: |scene| scene.change_app("start: exit 3", "start: python server.py"),
                command: |scene| Ok(scene.site.repository.push_command()),
                arrived: |scene| scene.main_is_right(),
            },
        ],
    },
    Pair {
        sentence: "a branch is made and deleted",
        operations: &[
            Operation {
                name: "branch",
                activity: "environment.branch",
                succeeds: true,
                spares_production: true,
                prepare: |scene| scene.add_to_main(),
                command: |scene| Ok(scene.guise(&["environment", "branch", "gone", "main"])),
                arrived: |scene| scene.is_as_main("gone"),
            },
            Operation {
                name: "delete",
                activity: "environment.delete",
                succeeds: true,
                spares_production: true,
                prepare: |_| Ok(()),
                command: |scene| Ok(scene.guise(&["--yes", "environment", "delete", "gone"])),
                arrived: |scene| scene.is_unknown("gone"),
            },
        ],
    },
    Pair {
        sentence: "an environment is deactivated and activated",
        operations: &[
            Operation {
                name: "deactivate",
                activity: "environment.deactivate",
                succeeds: true,
                spares_production: true,
                prepare: |_| Ok(()),
                command: |scene| Ok(scene.guise(&["--yes", "environment", "deactivate", "dev"])),
                arrived: |scene| scene.nothing_runs_in("dev"),
            },
            Operation {
                name: "activate",
                activity: "environment.activate",
                succeeds: true,
                spares_production: true,
                prepare: |scene| scene.add_to_main(),
                command: |scene| Ok(scene.guise(&["environment", "activate", "dev"])),
                arrived: |scene| {
                    ensure!(
                        scene.site.data("dev")? == scene.data(),
                        "dev has other data than main"
                    );
                    scene.main_is_right()
                },
            },
        ],
    },
    Pair {
        sentence: "an environment is paused and resumed",
        operations: &[
            Operation {
                name: "pause",
                activity: "environment.pause",
                succeeds: true,
                spares_production: true,
                prepare: |scene| scene.add_to("dev"),
                command: |scene| Ok(scene.guise(&["environment", "pause", "dev"])),
                arrived: |scene| scene.nothing_runs_in("dev"),
            },
            Operation {
                name: "resume",
                activity: "environment.resume",
                succeeds: true,
                spares_production: true,
                prepare: |_| Ok(()),
                command: |scene| Ok(scene.guise(&["environment", "resume", "dev"])),
                arrived: |scene| {
                    let data = scene.site.data("dev")?;
                    ensure!(
                        data == scene.data(),
                        "dev has {data:?} instead of {:?}",
                        scene.data()
                    );
                    Ok(())
                },
            },
        ],
    },
    Pair {
        sentence: "an environment is put to sleep and woken",
        operations: &[
            Operation {
                name: "sleep",
                activity: "environment.sleep",
                succeeds: true,
                spares_production: true,
                prepare: |scene| scene.add_to("dev"),
                command: |scene| Ok(scene.guise(&["environment", "sleep", "dev"])),
                arrived: |scene| scene.nothing_runs_in("dev"),
            },
            Operation {
                name: "wake",
                activity: "environment.wake",
                succeeds: true,
                spares_production: true,
                prepare: |_| Ok(()),
                command: |scene| Ok(scene.guise(&["environment", "wake", "dev"])),
                arrived: |scene| {
                    let (data, expected) = (scene.site.data("dev")?, scene.data());
                    ensure!(data == expected, "dev has {data:?} instead of {expected:?}");
                    Ok(())
                },
            },
        ],
    },
    Pair {
        sentence: "data is synchronized",
        operations: &[Operation {
            name: "synchronize data",
            activity: "environment.synchronize",
            succeeds: true,
            spares_production: true,
            prepare: |scene| {
                scene.add_to("dev")?;
                scene.add_to_main()
            },
            command: |scene| {
                let words = [
                    "--environment",
                    "dev",
                    "--yes",
                    "environment",
                    "synchronize",
                    "data",
                ];
                Ok(scene.guise(&words))
            },
            arrived: |scene| {
                ensure!(
                    scene.site.data("dev")? == scene.data(),
                    "dev has other data than main"
                );
                scene.main_is_right()
            },
        }],
    },
    Pair {
        sentence: "a branch is merged",
        operations: &[Operation {
            name: "merge",
            activity: "environment.merge",
            succeeds: true,
            spares_production: false,
            prepare: |scene| {
                scene.change_page()?;
                let words = [
                    "push",
                    "--quiet",
                    "--push-option=environment.status=inactive",
                    "guise",
                    "HEAD:refs/heads/feature",
                ];
                scene.site.repository.git(&words).map(drop)
            },
            command: |scene| Ok(scene.guise(&["environment", "merge", "feature"])),
            arrived: |scene| scene.main_is_right(),
        }],
    },
    Pair {
        sentence: "a backup is made and deleted",
        operations: &[
            Operation {
                name: "backup",
                activity: "environment.backup",
                succeeds: true,
                spares_production: true,
                prepare: |scene| scene.add_to_main(),
                command: |scene| Ok(scene.guise(&["backup", "create"])),
                arrived: |scene| scene.main_is_right(),
            },
            Operation {
                name: "delete backup",
                activity: "environment.backup.delete",
                succeeds: true,
                spares_production: true,
                prepare: |_| Ok(()),
                command: |scene| {
                    let newest = scene.newest_backup()?;
                    Ok(scene.guise(&["--yes", "backup", "delete", &newest]))
                },
                arrived: |scene| scene.main_is_right(),
            },
        ],
    },
    Pair {
        sentence: "a backup is exported and imported",
        operations: &[
            Operation {
                name: "export",
                activity: "environment.backup.export",
                succeeds: true,
                spares_production: true,
                prepare: |scene| {
                    scene.add_to_main()?;
                    scene.begin_archive()
                },
                command: |scene| Ok(scene.guise(&["backup", "export", &scene.archive()])),
                arrived: |scene| {
                    ensure!(
                        scene.archive_is_alone()?,
                        "something lies beside the exported backup"
                    );
                    scene.main_is_right()
                },
            },
            Operation {
                name: "import",
                activity: "environment.backup.import",
                succeeds: true,
                spares_production: true,
                prepare: |scene| scene.delete_backups(),
                command: |scene| Ok(scene.guise(&["backup", "import", &scene.archive()])),
                arrived: |scene| scene.main_is_right(),
            },
        ],
    },
    Pair {
        sentence: "a backup is restored",
        operations: &[Operation {
            name: "restore",
            activity: "environment.restore",
            succeeds: true,
            spares_production: false,
            prepare: |scene| {
                scene.add_to_main()?;
                let backed_up = scene.backed_up.borrow().clone();
                let backed_up = match backed_up {
                    Some(backed_up) => backed_up,
                    None => {
                        let words = ["backup", "create"];
                        scene.guise.run(scene.site.repository.root(), &words)?.ok()?;
                        scene.data()
                    }
                };
                scene.backed_up.replace(Some(backed_up.clone()));
                scene.add_to_main()?;
                scene.data.replace(backed_up);
                Ok(())
            },
            command: |scene| Ok(scene.guise(&["--yes", "backup", "restore", "--no-code"])),
            arrived: |scene| scene.main_is_right(),
        }],
    },
];

/// Another mount makes another container.
const MOUNTS: &str = "mounts:\n    more: { source: local, source_path: more }\n";

const SERVICES: &str = "cache:\n    type: redis-persistent:8.0\n    disk: 128\n    size: S\n";

/// The project that is pushed for the first time again and again.
const ANOTHER: &str = "another";

impl<'a> Scene<'a> {
    pub fn set(guise: &'a Guise, with_services: bool) -> Result<Self> {
        let site = CrashSite::write(guise, "crash")?;
        let root = site.repository.root();
        guise.run(root, &["up"])?.ok()?;
        guise.run(root, &["environment", "branch", "dev", "main"])?.ok()?;
        let scene = Self {
            guise,
            production: site.url("main")?,
            site,
            count: Cell::default(),
            page: RefCell::new("first".into()),
            page_before: RefCell::default(),
            data: RefCell::default(),
            backed_up: RefCell::default(),
            volumes: Cell::default(),
            with_services,
        };
        scene.add_to_main()?;
        Ok(scene)
    }

    fn guise(&self, arguments: &[&str]) -> Command {
        self.guise.command(self.site.repository.root(), arguments)
    }

    /// `git push` of one ref.
    fn push(&self, what: &str) -> Command {
        self.site.repository.push_of(&["guise", what])
    }

    fn rolling_push(&self) -> Command {
        let words = [
            "--push-option=deploy.strategy=rolling",
            "guise",
            "HEAD:refs/heads/main",
        ];
        self.site.repository.push_of(&words)
    }

    fn data(&self) -> String {
        self.data.borrow().clone()
    }

    fn next(&self, what: &str) -> String {
        self.count.set(self.count.get() + 1);
        format!("{what}-{}", self.count.get())
    }

    fn add_to(&self, environment: &str) -> Result<()> {
        self.site.add(environment, &self.next("row"))?;
        self.data.replace(self.site.data(environment)?);
        Ok(())
    }

    fn add_to_main(&self) -> Result<()> {
        self.add_to("main")
    }

    fn change_page(&self) -> Result<()> {
        self.data.replace(self.site.data("main")?);
        let page = self.next("page");
        self.site.repository.write("page.txt", &page)?;
        self.site.repository.commit("Change the page")?;
        self.page_before.replace(self.page.replace(page));
        Ok(())
    }

    fn change_app(&self, old: &str, new: &str) -> Result<()> {
        self.data.replace(self.site.data("main")?);
        // A rollback may have left another page than the work tree's.
        self.site.repository.write("page.txt", &self.page.borrow())?;
        self.site.repository.replace(".platform.app.yaml", old, new)?;
        self.site.repository.commit("Change the app")
    }

    fn begin_another(&self) -> Result<()> {
        self.data.replace(self.site.data("main")?);
        let root = self.another();
        if root.exists() {
            if self.knows_another()? {
                self.guise.run(&root, &["--yes", "project", "delete"])?.ok()?;
            }
            fs::remove_dir_all(&root)?;
        }
        CrashSite::write(self.guise, ANOTHER).map(drop)
    }

    /// A project with a service and a backup.
    fn deploy_and_back_up_another(&self) -> Result<()> {
        self.begin_another()?;
        self.volumes.set(self.count_volumes());
        let repository = CrashSite::at(self.guise, ANOTHER).repository;
        if self.with_services {
            repository.write(".platform/services.yaml", SERVICES)?;
            repository.append(".platform.app.yaml", "relationships:\n    cache: cache:redis\n")?;
            repository.commit("Use a service")?;
        }
        let said = |words: &[&str]| self.guise.run(repository.root(), words)?.ok().map(drop);
        said(&["up"])?;
        said(&["backup", "create"])
    }

    fn count_volumes(&self) -> usize {
        machine::directories(&self.guise.state().join("pool/volumes")).len()
    }

    fn another(&self) -> PathBuf {
        self.guise.directory().join(ANOTHER)
    }

    fn knows_another(&self) -> Result<bool> {
        let projects = self.guise.json(self.guise.directory(), &["project", "list"])?;
        let projects = projects.as_array().context("`guise project list` lists none")?;
        Ok(projects.iter().any(|project| project["title"] == ANOTHER))
    }

    fn another_is_gone(&self) -> Result<()> {
        ensure!(!self.knows_another()?, "the deleted project is still listed");
        let (left, expected) = (self.count_volumes(), self.volumes.get());
        ensure!(left == expected, "there are {left} volumes instead of {expected}");
        self.main_is_right()
    }

    fn main_is_right(&self) -> Result<()> {
        self.is_as_main("main")
    }

    fn is_as_main(&self, environment: &str) -> Result<()> {
        self.site.says(environment, &self.page.borrow())?;
        let (data, expected) = (self.site.data(environment)?, self.data());
        ensure!(
            data == expected,
            "{environment} has {data:?} instead of {expected:?}"
        );
        Ok(())
    }

    fn is_unknown(&self, environment: &str) -> Result<()> {
        let root = self.site.repository.root();
        let known = self.guise.json(root, &["environment", "list"])?;
        ensure!(
            !known.to_string().contains(&format!("\"{environment}\"")),
            "{environment} is still there: {known}"
        );
        self.main_is_right()
    }

    fn nothing_runs_in(&self, environment: &str) -> Result<()> {
        let containers = self.site.containers(environment)?;
        ensure!(containers.is_empty(), "{environment} still has {containers:?}");
        self.site.says("main", &self.page.borrow())
    }

    /// Where backups are exported to: a directory that holds nothing else.
    fn archive(&self) -> String {
        let directory = self.guise.directory().join("archives/backup");
        directory.display().to_string()
    }

    /// A backup, and no export of one.
    fn begin_archive(&self) -> Result<()> {
        let archives = self.guise.directory().join("archives");
        if archives.exists() {
            fs::remove_dir_all(&archives)?;
        }
        fs::create_dir(&archives)?;
        self.delete_backups()?;
        let root = self.site.repository.root();
        self.guise.run(root, &["backup", "create"])?.ok().map(drop)
    }

    fn archive_is_alone(&self) -> Result<bool> {
        let entries = fs::read_dir(self.guise.directory().join("archives"))?;
        Ok(entries.count() == 1)
    }

    fn delete_backups(&self) -> Result<()> {
        let root = self.site.repository.root();
        let backups = self.guise.json(root, &["backup", "list"])?;
        for backup in backups.as_array().context("`guise backup list` lists none")? {
            let id = backup["id"].as_str().context("a backup has an id")?;
            self.guise.run(root, &["--yes", "backup", "delete", id])?.ok()?;
        }
        Ok(())
    }

    fn newest_backup(&self) -> Result<String> {
        let backups = self
            .guise
            .json(self.site.repository.root(), &["backup", "list"])?;
        let newest = backups[0]["id"].as_str();
        Ok(newest.context("there is no backup")?.to_string())
    }
}
