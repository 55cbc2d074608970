//! Removing by hand what a guise left, as root.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use journeys::{Marks, machine};
use std::{
    fs,
    path::PathBuf,
    process::{Child, Command},
};

/// Puts one of each on the machine; what the sweep leaves is removed when this is dropped.
struct Left {
    marks: Marks,
    sleeper: Child,
    cgroups: Vec<PathBuf>,
}

const LINK: &str = "gqabcdefghijkl";

impl Left {
    fn behind() -> Self {
        let state = PathBuf::from(format!("/var/tmp/guise-test-sweep-{}", std::process::id()));
        let name = format!("guise-test-sweep-{}", std::process::id());
        fs::create_dir_all(state.join("pool/a b")).unwrap();
        let sleeper = Command::new("sleep").arg("1000").spawn().unwrap();
        let mut cgroups = Vec::new();
        for root in machine::cgroup_roots().unwrap() {
            let cgroup = root.join(&name).join("abcdefghijkl");
            fs::create_dir_all(&cgroup).unwrap();
            fs::write(cgroup.join("cgroup.procs"), sleeper.id().to_string()).unwrap_or_default();
            cgroups.push(root.join(&name));
        }
        for target in [state.join("pool"), state.join("pool/a b")] {
            fs::create_dir_all(&target).unwrap();
            run("mount", &["-t", "tmpfs", "none", target.to_str().unwrap()]);
        }
        run(
            "ip",
            &["link", "add", LINK, "type", "veth", "peer", "name", "gqpeer"],
        );
        run("nft", &["add", "table", "inet", &name]);
        Self {
            marks: Marks {
                state,
                name,
                link_prefix: "gq".into(),
            },
            sleeper,
            cgroups,
        }
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        self.sleeper.kill().unwrap_or_default();
        drop(self.sleeper.wait());
        for target in ["pool/a b", "pool"] {
            drop(Command::new("umount").arg(self.marks.state.join(target)).output());
        }
        drop(Command::new("ip").args(["link", "delete", LINK]).output());
        drop(
            Command::new("nft")
                .args(["delete", "table", "inet", &self.marks.name])
                .output(),
        );
        for cgroup in &self.cgroups {
            fs::remove_dir(cgroup.join("abcdefghijkl")).unwrap_or_default();
            fs::remove_dir(cgroup).unwrap_or_default();
        }
        fs::remove_dir_all(&self.marks.state).unwrap_or_default();
    }
}

fn run(program: &str, arguments: &[&str]) {
    assert!(
        Command::new(program).args(arguments).status().unwrap().success(),
        "{program} {arguments:?}"
    );
}

#[test]
fn what_carries_our_marks_is_removed_and_nothing_else() {
    if !fs::read_to_string("/proc/self/status")
        .unwrap()
        .contains("Uid:\t0\t")
    {
        assert!(std::env::var_os("GUISE_TEST_MUST_RUN").is_none(), "needs root");
        println!("skipped: it makes mounts, links and cgroups, which needs root");
        return;
    }
    let mut left = Left::behind();
    let others = Marks {
        name: "guise-test-other".into(),
        link_prefix: "gw".into(),
        ..left.marks.clone()
    };
    assert!(
        others
            .find()
            .unwrap()
            .iter()
            .all(|thing| matches!(thing, machine::Thing::Mount { .. }))
    );

    let found = left.marks.find().unwrap();
    assert!(
        found.len() >= 5,
        "a cgroup, two mounts, a link and a table were left, but found are {found:?}"
    );
    left.marks.sweep(&mut |_| ()).unwrap();

    assert_eq!(left.marks.find().unwrap(), []);
    assert!(
        !left.sleeper.wait().unwrap().success(),
        "the process in the cgroup was not killed"
    );
    assert!(
        left.marks.state.join("pool").is_dir(),
        "the state directory stays"
    );
}
