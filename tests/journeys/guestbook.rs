//! The whole way of an ordinary project: pushed, used, changed, pushed again.

use crate::example;
use anyhow::{Context, Result, ensure};
use journeys::{Guise, Push, Repository, http};
use serde_json::Value;

/// The smallest picture: 67 bytes, one pixel.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
    \0\0\0\nIDAT\x78\x9c\x63\x60\0\0\0\x02\0\x01\x48\xaf\xa4\x71\0\0\0\0IEND\xae\x42\x60\x82";

struct Guestbook<'a> {
    guise: &'a Guise,
    repository: Repository,
}

pub fn goes_its_whole_way(guise: &Guise) -> Result<()> {
    let root = guise.directory().join("guestbook");
    let guestbook = Guestbook {
        guise,
        repository: Repository::copy(&example("guestbook")?, &root)?,
    };
    guestbook.first_push_prints_the_url().context("the first push")?;
    guestbook
        .an_entry_with_a_picture_is_kept()
        .context("an entry with a picture")?;
    guestbook
        .static_files_never_reach_the_application()
        .context("static files")?;
    guestbook
        .the_inside_sees_a_machine_of_its_own()
        .context("the inside of the containers")?;
    guestbook
        .a_code_only_push_swaps_the_code_and_nothing_else()
        .context("a code-only push")?;
    guestbook
        .a_push_of_the_same_tree_does_nothing_and_says_so()
        .context("a push of the same tree")?;
    guestbook
        .the_log_of_the_last_activity_can_be_read_again()
        .context("the activity's log")
}

impl Guestbook<'_> {
    fn first_push_prints_the_url(&self) -> Result<()> {
        let printed = self.guise(&["up"])?;
        let url = self.guise.url(self.repository.root())?;
        ensure!(
            printed.trim_end().ends_with(&url),
            "`guise up` does not end with {url}:\n{printed}"
        );
        let page = http::get(&url)?;
        ensure!(
            page.status == 200 && page.text().contains("Nobody has signed yet"),
            "{}",
            page.text()
        );
        Ok(())
    }

    fn an_entry_with_a_picture_is_kept(&self) -> Result<()> {
        let url = self.guise.url(self.repository.root())?;
        let entry: [http::Part<'_>; 3] = [
            ("author", None, "Ada".as_bytes()),
            ("message", None, "Ein schöner Ort".as_bytes()),
            ("picture", Some("pixel.png"), PICTURE),
        ];
        let answer = http::post_form(&url, &entry)?;
        ensure!(
            answer.status == 303,
            "status {}: {}",
            answer.status,
            answer.text()
        );
        let page = self.guise.page(self.repository.root())?;
        ensure!(
            page.contains("Ein schöner Ort"),
            "the entry is not shown:\n{page}"
        );
        let (_, rest) = page
            .split_once("src=\"/uploads/")
            .context("the picture is not shown")?;
        let (name, _) = rest.split_once('"').context("the picture's name does not end")?;
        let picture = http::get(&format!("{url}uploads/{name}"))?;
        ensure!(
            picture.status == 200 && picture.body == PICTURE,
            "status {}",
            picture.status
        );
        ensure!(
            picture.header("content-type") == Some("image/png"),
            "{:?}",
            picture.headers
        );
        Ok(())
    }

    fn static_files_never_reach_the_application(&self) -> Result<()> {
        let url = self.guise.url(self.repository.root())?;
        let style = http::get(&format!("{url}static/style.css"))?;
        ensure!(
            style.status == 200 && style.text().contains("color-scheme"),
            "{}",
            style.text()
        );
        ensure!(
            style.header("cache-control") == Some("max-age=86400"),
            "{:?}",
            style.headers
        );
        let source = http::get(&format!("{url}app.py"))?;
        ensure!(
            source.status == 404,
            "the source is served: status {}",
            source.status
        );
        Ok(())
    }

    fn the_inside_sees_a_machine_of_its_own(&self) -> Result<()> {
        let commands = self.inside("app", &["ps", "-eo", "comm="])?;
        for command in commands.lines() {
            let known = ["runsvdir", "runsv", "dash", "nginx", "gunicorn", "python", "ps"];
            ensure!(
                known.iter().any(|known| command.starts_with(known)),
                "{command} runs inside:\n{commands}"
            );
        }
        let first = self.inside("app", &["cat", "/proc/1/comm"])?;
        ensure!(first.trim() == "runsvdir", "PID 1 is {first}");
        let read_only = self.guise.run(
            self.repository.root(),
            &["exec", "-c", "app", "--", "touch", "/app/x"],
        )?;
        ensure!(read_only.code != Some(0), "/app can be written");
        self.inside("app", &["touch", "/app/uploads/x"])?;
        let status = self.inside("app", &["cat", "/proc/self/status"])?;
        ensure!(
            status.contains("NoNewPrivs:\t1"),
            "new privileges can be had:\n{status}"
        );
        ensure!(
            status.contains("CapEff:\t0000000000000000"),
            "there are capabilities:\n{status}"
        );
        let seen = self.containers()?;
        ensure!(
            seen.iter()
                .all(|container| !container["lies"].as_array().is_none_or(Vec::is_empty)),
            "no lies"
        );
        Ok(())
    }

    fn a_code_only_push_swaps_the_code_and_nothing_else(&self) -> Result<()> {
        let before = self.containers()?;
        self.repository
            .replace("templates/page.html", ">Sign</button>", ">Sign here</button>")?;
        let push = self.repository.push("Say where")?;
        ensure!(push.accepted, "{}", push.output);
        let page = self.guise.page(self.repository.root())?;
        ensure!(
            page.contains("Sign here"),
            "the new code does not serve:\n{}\n{page}",
            push.output
        );
        ensure!(page.contains("Ein schöner Ort"), "the entries are gone");
        let after = self.containers()?;
        same(&before, &after, "id", &push)?;
        same(&before, &after, "pid", &push)?;
        let database = |containers: &[Value]| process(containers, "mariadbd");
        ensure!(
            database(&before)? == database(&after)?,
            "MariaDB is another process:\n{}",
            push.output
        );
        Ok(())
    }

    fn a_push_of_the_same_tree_does_nothing_and_says_so(&self) -> Result<()> {
        let before = self.containers()?;
        let push = self.repository.push("Change nothing")?;
        ensure!(
            push.accepted && push.output.contains("Nothing to do"),
            "{}",
            push.output
        );
        let after = self.containers()?;
        same(&before, &after, "id", &push)?;
        ensure!(
            process(&before, "gunicorn")? == process(&after, "gunicorn")?,
            "the application was restarted"
        );
        Ok(())
    }

    fn the_log_of_the_last_activity_can_be_read_again(&self) -> Result<()> {
        let log = self.guise(&["activity", "log"])?;
        ensure!(log.contains("Nothing to do"), "{log}");
        Ok(())
    }

    fn guise(&self, arguments: &[&str]) -> Result<String> {
        self.guise.run(self.repository.root(), arguments)?.ok()
    }

    fn inside(&self, container: &str, command: &[&str]) -> Result<String> {
        let mut arguments = vec!["exec", "-c", container, "--"];
        arguments.extend(command);
        self.guise(&arguments)
            .with_context(|| format!("{} in {container}", command.join(" ")))
    }

    fn containers(&self) -> Result<Vec<Value>> {
        let containers = self.guise.json(self.repository.root(), &["ps"])?;
        let containers = containers
            .as_array()
            .context("`guise ps` lists no containers")?
            .clone();
        ensure!(
            containers.len() == 2,
            "there are not two containers: {containers:?}"
        );
        Ok(containers)
    }
}

/// That every container has the same `field` as before.
fn same(before: &[Value], after: &[Value], field: &str, push: &Push) -> Result<()> {
    let values = |containers: &[Value]| {
        containers
            .iter()
            .map(|one| one[field].clone())
            .collect::<Vec<_>>()
    };
    ensure!(
        values(before) == values(after),
        "{field}: {before:?} became {after:?}\n{}",
        push.output
    );
    Ok(())
}

/// The host's number of the first process whose command line contains `name`.
fn process(containers: &[Value], name: &str) -> Result<Value> {
    let processes = containers
        .iter()
        .filter_map(|container| container["processes"].as_array())
        .flatten();
    let is_it = |process: &&Value| {
        process["command"]
            .as_str()
            .is_some_and(|command| command.contains(name))
    };
    Ok(processes
        .filter(|process| {
            !process["command"]
                .as_str()
                .unwrap_or_default()
                .starts_with("runsv")
        })
        .find(is_it)
        .with_context(|| format!("no process is called {name}: {containers:?}"))?["host_pid"]
        .clone())
}
