//! What each change disturbs, and what it leaves alone: the table of `docs/plan.md`, row by row.

use crate::echo_site::{APP, PAGE, write_echo_site};
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Push, Repository, machine};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

const SERVICES: &str = ".platform/services.yaml";
const DATABASE: &str = "db:\n  type: mariadb:11.8\n  disk: 256\n  size: L\n";
const ROUTES: &str = ".platform/routes.yaml";

/// A change, the words that its push prints and does not print, and all that is another one afterwards.
struct Row {
    change: &'static str,
    edit: fn(&Repository) -> Result<()>,
    says: &'static [&'static str],
    keeps_quiet_about: &'static [&'static str],
    changes: &'static [&'static str],
}

/// What a container anew changes; the same image is at its `/app`.
const WHOLE_APP: &[&str] = &[
    "app container",
    "app mounts",
    "nginx",
    "nginx worker",
    "start command",
];

const ROWS: &[Row] = &[
    Row {
        change: "nothing",
        edit: |_| Ok(()),
        says: &["Nothing to do"],
        keeps_quiet_about: &["Deploying"],
        changes: &[],
    },
    Row {
        change: "code only",
        edit: |site| site.write(PAGE, "page 1"),
        says: &["Swapping the code of app", "Restarting app"],
        keeps_quiet_about: &["Opening", "Reloading", "Setting routes", " db"],
        changes: &["/app", "start command"],
    },
    Row {
        change: "an environment variable",
        // Builds see it, and this one writes it to a file.
        edit: |site| {
            site.replace(
                APP,
                "  size: L",
                "  variables:\n    env:\n      COLOUR: blue\n  size: L",
            )
        },
        says: &[
            "Writing the configuration of app",
            "Swapping the code",
            "Restarting app",
        ],
        keeps_quiet_about: &["Opening", "Reloading", "Setting routes"],
        changes: &["/app", "start command"],
    },
    Row {
        change: "locations",
        edit: |site| site.append(APP, "      /files:\n        root: files\n"),
        says: &["Reloading nginx of app"],
        keeps_quiet_about: &["Holding", "Opening", "Swapping", "Restarting", "Setting routes"],
        changes: &["nginx worker"],
    },
    Row {
        change: "a cron",
        edit: |site| {
            site.replace(
                APP,
                "  size: L",
                "  crons:\n    tidy:\n      spec: \"0 4 * * *\"\n      commands: {start: \"true\"}\n  size: L",
            )
        },
        says: &["Writing the configuration of app"],
        keeps_quiet_about: &["Holding", "Opening", "Swapping", "Restarting", "Reloading"],
        changes: &[],
    },
    Row {
        change: "routes",
        edit: |site| {
            site.append(
                ROUTES,
                "\"http://www.{default}/\":\n  type: redirect\n  to: \"http://{default}/\"\n",
            )
        },
        says: &["Setting routes"],
        keeps_quiet_about: &["Holding", "Opening", "Swapping", "Restarting", "Reloading"],
        changes: &[],
    },
    Row {
        change: "a relationship",
        edit: |site| {
            site.replace(
                APP,
                "  size: L",
                "  relationships:\n    database: \"db:mysql\"\n  size: L",
            )
        },
        says: &["Connecting app", "Restarting app"],
        keeps_quiet_about: &["Opening", "Swapping", "Reloading", "Setting routes"],
        changes: &["start command"],
    },
    Row {
        change: "the app's size",
        edit: |site| site.replace(APP, "size: L", "size: XL"),
        says: &["Stopping app", "Opening app"],
        keeps_quiet_about: &["Swapping", "Opening db"],
        changes: WHOLE_APP,
    },
    Row {
        change: "a mount",
        edit: |site| {
            site.replace(
                APP,
                "  size: XL",
                "  disk: 128\n  mounts:\n    uploads: {source: local, source_path: uploads}\n  size: XL",
            )
        },
        says: &["Making a volume for app", "Stopping app", "Opening app"],
        keeps_quiet_about: &["Restarting", "Opening db"],
        // The mount point is part of the image.
        changes: &[
            "/app",
            "app container",
            "app mounts",
            "nginx",
            "nginx worker",
            "start command",
        ],
    },
    Row {
        change: "a service's disk",
        edit: |site| site.replace(SERVICES, "disk: 256", "disk: 512"),
        says: &["Limiting the volume of db"],
        keeps_quiet_about: &["Holding", "Opening", "Stopping", "Restarting"],
        changes: &[],
    },
    Row {
        change: "a service's endpoint",
        edit: |site| {
            site.append(
                SERVICES,
                "  configuration:\n    schemas: [main, reports]\n    endpoints:\n      mysql:\n        \
                 default_schema: main\n        privileges: {main: admin, reports: ro}\n",
            )
        },
        // The app is told of it in PLATFORM_RELATIONSHIPS.
        says: &["Configuring db", "Restarting app"],
        keeps_quiet_about: &["Opening", "Swapping", "Stopping"],
        changes: &["start command"],
    },
    Row {
        change: "a service's size",
        edit: |site| site.replace(SERVICES, "size: L", "size: XL"),
        says: &["Stopping db", "Opening db", "Waiting for db to answer"],
        keeps_quiet_about: &["Opening app", "Swapping", "Restarting app"],
        changes: &["database", "db container", "db mounts"],
    },
    Row {
        change: "a service that is removed",
        edit: |site| {
            fs::remove_file(site.root().join(SERVICES))?;
            site.replace(APP, "  relationships:\n    database: \"db:mysql\"\n", "")
        },
        says: &["Removing db", "is kept"],
        keeps_quiet_about: &["Opening", "Swapping"],
        changes: &["database", "db container", "db mounts", "start command"],
    },
    Row {
        change: "a new service",
        edit: |site| site.write(SERVICES, &DATABASE.replace("size: L", "size: XL")),
        says: &["Opening db", "Waiting for db to answer", "Configuring db"],
        keeps_quiet_about: &["Holding", "Opening app", "Stopping", "Restarting"],
        changes: &["database", "db container", "db mounts"],
    },
];

pub fn each_disturbs_what_it_must(guise: &Guise) -> Result<()> {
    let site = Repository::create(&guise.directory().join("changes"))?;
    write_echo_site(&site)?;
    site.write(SERVICES, DATABASE)?;
    site.write(
        ROUTES,
        "\"http://{default}/\":\n  type: upstream\n  upstream: \"app:http\"\n",
    )?;
    site.commit("Begin")?;
    guise.run(site.root(), &["up"])?.ok()?;
    let volumes = machine::directories(&guise.state().join("pool/volumes"));
    for row in ROWS {
        row.holds(guise, &site).with_context(|| row.change)?;
        println!("    {}: {}", row.change, row.told());
    }
    for volume in volumes {
        ensure!(volume.exists(), "the volume {} is gone", volume.display());
    }
    a_plan_is_only_shown(guise, &site).context("guise plan")
}

/// What going back to the first commit would do, and what a commit would do that nobody has pushed.
fn a_plan_is_only_shown(guise: &Guise, site: &Repository) -> Result<()> {
    let before = look(guise, site)?;
    let first = site.git(&["rev-list", "--max-parents=0", "HEAD"])?;
    let ran = guise.run(site.root(), &["plan", &first])?;
    let shown = format!("{}{}", ran.stdout, ran.stderr);
    ran.ok()?;
    for words in [
        "Opening db (container: a new one)",
        "Stopping app (container: makes room for a new one)",
        "Setting routes (edge: routes)",
        "Nothing of this was done.",
    ] {
        ensure!(shown.contains(words), "no {words:?} in\n{shown}");
    }
    ensure!(look(guise, site)? == before, "something was done:\n{shown}");
    site.commit("Stay here")?;
    let refused = guise.run(site.root(), &["plan", "HEAD"])?;
    ensure!(
        refused.code == Some(2) && refused.stderr.contains("push it first"),
        "{refused:?}"
    );
    Ok(())
}

impl Row {
    fn holds(&self, guise: &Guise, site: &Repository) -> Result<()> {
        let before = look(guise, site)?;
        (self.edit)(site)?;
        let push = site.push(&format!("Change {}", self.change))?;
        ensure!(push.accepted, "refused:\n{}", push.output);
        self.is_said_by(&push)?;
        let after = look(guise, site)?;
        let expected: BTreeSet<&str> = self.changes.iter().copied().collect();
        ensure!(
            differences(&before, &after) == expected,
            "{:?} changed instead of {expected:?}:\n{}",
            differences(&before, &after),
            push.output
        );
        Ok(())
    }

    fn is_said_by(&self, push: &Push) -> Result<()> {
        for words in self.says {
            ensure!(push.output.contains(words), "no {words:?} in\n{}", push.output);
        }
        // After the steps comes a summary that names everything.
        let steps = push
            .output
            .lines()
            .take_while(|line| *line != "Environment configuration");
        for step in steps {
            for words in self.keeps_quiet_about {
                ensure!(!step.contains(words), "{words:?} in\n{}", push.output);
            }
        }
        Ok(())
    }

    fn told(&self) -> String {
        if self.changes.is_empty() {
            "nothing is another one".into()
        } else {
            self.changes.join(", ")
        }
    }
}

/// The identity of everything that a deployment could disturb.
fn look(guise: &Guise, site: &Repository) -> Result<BTreeMap<&'static str, String>> {
    let containers = guise.json(site.root(), &["ps"])?;
    let containers = containers.as_array().context("`guise ps` prints no list")?;
    let named = |name: &str| containers.iter().find(|container| container["name"] == name);
    let app = named("app").context("there is no app")?;
    let pid = app["pid"].as_u64().context("the app does not run")?;
    let mut seen = BTreeMap::from([
        ("app container", app["id"].to_string()),
        ("start command", process(app, "python server.py")?),
        ("nginx", process(app, "nginx: master")?),
        ("nginx worker", process(app, "nginx: worker")?),
        ("/app", image(pid)?),
        ("app mounts", other_mounts(app, pid)?),
    ]);
    if let Some(db) = named("db") {
        seen.insert("db container", db["id"].to_string());
        seen.insert("database", process(db, "mariadbd")?);
        let pid = db["pid"].as_u64().context("the database does not run")?;
        seen.insert("db mounts", other_mounts(db, pid)?);
    }
    Ok(seen)
}

/// The host's number of the container's process whose command line begins with `command`.
fn process(container: &Value, command: &str) -> Result<String> {
    let processes = container["processes"].as_array().context("no processes")?;
    let found = processes.iter().find(|process| {
        process["command"]
            .as_str()
            .is_some_and(|line| line.starts_with(command) && !line.contains("shutting down"))
    });
    let found = found.with_context(|| format!("no process is called {command:?}: {processes:?}"))?;
    Ok(found["host_pid"].to_string())
}

/// Fields of a line of mountinfo (proc_pid_mountinfo(5)).
const MOUNT: usize = 0;
const DEVICE: usize = 2;
const PLACE: usize = 4;

/// The file of the image that a process has at `/app`. Its device may be another one each time it is attached.
fn image(pid: u64) -> Result<String> {
    let device = mounted(pid, DEVICE, |place| place == "/app")?;
    let file = format!("/sys/dev/block/{device}/loop/backing_file");
    fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))
}

/// All other mounts of a container. The kernel gives the number of one that is gone to another.
fn other_mounts(container: &Value, pid: u64) -> Result<String> {
    let mounts = mounted(pid, MOUNT, |place| place != "/app")?;
    Ok(format!("{} {mounts}", container["id"]))
}

/// A field of what is mounted at these places for a process.
fn mounted(pid: u64, field: usize, is_meant: fn(&str) -> bool) -> Result<String> {
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo"))?;
    let lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let meant = lines.filter(|fields| fields.get(PLACE).is_some_and(|place| is_meant(place)));
    let found: Vec<&str> = meant.map(|fields| fields[field]).collect();
    ensure!(!found.is_empty(), "nothing is mounted for {pid}");
    Ok(found.join(" "))
}

fn differences(
    before: &BTreeMap<&'static str, String>,
    after: &BTreeMap<&'static str, String>,
) -> BTreeSet<&'static str> {
    let names = before.keys().chain(after.keys()).copied();
    names.filter(|name| before.get(name) != after.get(name)).collect()
}
