//! Containers on a real machine, asked from inside what they believe. Needs root.

#![allow(clippy::unwrap_used)]

mod machine;

use guise_node::{AppImage, ContainerState, ExecStdio, Listen, NodeError, VolumeMount};
use machine::{Machine, WEB, can_run, eventually, leftovers, sh};
use std::{
    fs::{self, File},
    io::{Read, Write},
    sync::atomic::AtomicBool,
    time::Duration,
};

/// PID 1 that reaps and waits.
const IDLE: &str = "trap exit TERM; while :; do sleep 60 & wait $!; done";

#[test]
fn a_container_believes_what_its_spec_says() {
    if !can_run() {
        return;
    }
    let machine = Machine::new(0);
    let node = machine.node();
    let spec = machine.spec("aaaaaaaaaaa1", 1, IDLE);
    node.create(&spec).unwrap();
    node.create(&spec).unwrap();
    let inside = |script: &str| machine.sh(&spec.id, script);

    assert_eq!(inside("hostname"), "host-1");
    assert_eq!(inside("id -u; id -g"), "10000\n10000");
    assert_eq!(inside("cat /proc/1/comm"), "sh");
    assert_eq!(inside("echo $MARK"), "seen");
    assert!(
        inside("cat /etc/hosts").contains("169.254.160.11\tdb.internal"),
        "{}",
        inside("cat /etc/hosts")
    );
    assert_eq!(inside("cat /run/guise/greeting"), "hello");
    assert_eq!(
        inside("touch /tmp/x && ls -ln /tmp/x | awk '{print $3}'"),
        "10000"
    );
    assert_eq!(inside("touch /x 2>/dev/null || echo refused"), "refused");
    assert!(inside("ls /proc | grep -c '^[0-9]'").parse::<u32>().unwrap() < 8);

    let ContainerState::Running { pid } = node.container(&spec.id).unwrap().state else {
        panic!("not running")
    };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let base = node.instance().id_base + 65_536;
    assert!(status.contains(&format!("Uid:\t{}", base + 10_000)), "{status}");
    assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");

    let processes = node.processes(&spec.id).unwrap();
    assert_eq!(
        (
            processes[0].host_pid,
            processes[0].inside_pid,
            processes[0].inside_uid
        ),
        (pid, 1, 10_000)
    );
    assert!(node.usage(&spec.id).unwrap().memory_bytes > 0);
    let cgroup = format!(
        "/sys/fs/cgroup/memory/{}/{}/memory.limit_in_bytes",
        node.instance().name,
        spec.id
    );
    if let Ok(limit) = fs::read_to_string(cgroup) {
        // Whole pages.
        assert_eq!(limit.trim().parse::<u64>().unwrap(), 64_000_000 / 4096 * 4096);
    }
    node.remove(&spec.id).unwrap();
    assert!(node.container(&spec.id).is_none());
    node.remove(&spec.id).unwrap();
}

#[test]
fn processes_inside_get_input_and_give_output_status_and_signals() {
    if !can_run() {
        return;
    }
    let machine = Machine::new(1);
    let node = machine.node();
    let spec = machine.spec("bbbbbbbbbbb1", 1, IDLE);
    node.create(&spec).unwrap();

    let output = node
        .exec(
            &spec.id,
            &sh("cat; echo oops >&2; exit 3"),
            b"in",
            Duration::from_secs(5),
        )
        .unwrap();
    assert_eq!(
        (output.status, output.stdout.as_slice(), output.stderr.as_slice()),
        (3, &b"in"[..], &b"oops\n"[..])
    );
    assert_eq!(
        node.exec(&spec.id, &sh("kill -9 $$"), b"", Duration::from_secs(5))
            .unwrap()
            .status,
        137
    );
    let late = node
        .exec(&spec.id, &sh("sleep 61"), b"", Duration::from_millis(300))
        .unwrap_err();
    assert!(matches!(late, NodeError::TimedOut { .. }), "{late}");
    eventually("the process that took too long is gone", || {
        node.processes(&spec.id)
            .unwrap()
            .iter()
            .all(|process| !process.command.contains("61"))
    });

    let mut lines = Vec::new();
    let go = AtomicBool::new(false);
    let script = sh("echo one; echo two >&2; printf three");
    let status = node.exec_stream(&spec.id, &script, b"", None, &go, &mut |line| {
        lines.push(line.to_owned())
    });
    assert_eq!(
        (status.unwrap(), lines),
        (0, vec!["one".into(), "two".into(), "three".into()])
    );
    let cancelled = node.exec_stream(
        &spec.id,
        &sh("sleep 60"),
        b"",
        None,
        &AtomicBool::new(true),
        &mut |_| (),
    );
    assert!(matches!(cancelled, Err(NodeError::Cancelled)));
    let mut nothing = sh("");
    nothing.argv = vec!["/bin/no-such-program".into()];
    let status = node
        .exec(&spec.id, &nothing, b"", Duration::from_secs(5))
        .unwrap()
        .status;
    assert_eq!(status, 127);

    let mut session = node
        .exec_interactive(&spec.id, &sh("read line; echo got $line; exit 4"), None)
        .unwrap();
    let Some(ExecStdio::Pipes { stdin, stdout, .. }) = session.take_stdio() else {
        panic!("no pipes")
    };
    File::from(stdin).write_all(b"text\n").unwrap();
    let mut said = String::new();
    File::from(stdout).read_to_string(&mut said).unwrap();
    assert_eq!((said.as_str(), session.wait().unwrap()), ("got text\n", 4));
}

#[test]
fn a_person_gets_a_terminal_of_the_right_size() {
    if !can_run() {
        return;
    }
    let machine = Machine::new(2);
    let node = machine.node();
    let spec = machine.spec("ccccccccccc1", 1, IDLE);
    node.create(&spec).unwrap();
    let script = sh("stty size; read go; stty size; tty; exit 5");
    let mut session = node.exec_interactive(&spec.id, &script, Some((100, 30))).unwrap();
    let Some(ExecStdio::Terminal(master)) = session.take_stdio() else {
        panic!("no terminal")
    };
    session.resize(120, 40).unwrap();
    let mut master = File::from(master);
    master.write_all(b"\n").unwrap();
    let mut said = Vec::new();
    // EIO when the last process has left the terminal.
    let _ = master.read_to_end(&mut said);
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("40 120") && said.contains("/dev/pts/0"), "{said}");
    assert_eq!(session.wait().unwrap(), 5);
}

#[test]
fn a_container_reaches_only_the_ports_it_may() {
    if !can_run() {
        return;
    }
    let machine = Machine::new(3);
    let node = machine.node();
    let server = machine.spec(
        "ddddddddddd1",
        1,
        "nc -ll -p 3306 -e echo database & nc -ll -p 22 -e echo shell & wait",
    );
    node.create(&server).unwrap();
    let mut client = machine.spec("ddddddddddd2", 2, IDLE);
    client.link.connect = vec![(server.link.address, 3306)];
    node.create(&client).unwrap();
    eventually("the server listens", || {
        node.listener(&server.id, &Listen::Tcp(22)).unwrap().is_some()
    });
    assert_eq!(node.listener(&server.id, &Listen::Tcp(80)).unwrap(), None);

    let address = server.link.address;
    let ask = |port: u16| {
        machine.sh(
            &client.id,
            &format!("nc -w 1 {address} {port} </dev/null || echo nothing"),
        )
    };
    assert_eq!(ask(3306), "database");
    assert_eq!(ask(22), "nothing");
    let mut link = client.link.clone();
    link.connect.push((address, 22));
    link.hosts[0].name = "other.internal".into();
    node.connect(&client.id, &link).unwrap();
    assert_eq!(ask(22), "shell");
    assert!(
        machine
            .sh(&client.id, "cat /etc/hosts")
            .contains("other.internal")
    );

    // What may be reached still may when it is made anew.
    node.remove(&server.id).unwrap();
    let again = machine.spec("ddddddddddd3", 1, "nc -ll -p 3306 -e echo again");
    node.create(&again).unwrap();
    eventually("the new server listens", || {
        node.listener(&again.id, &Listen::Tcp(3306)).unwrap().is_some()
    });
    assert_eq!(ask(3306), "again");
}

#[test]
fn code_is_swapped_under_a_running_process_and_volumes_stay() {
    if !can_run() {
        return;
    }
    let machine = Machine::new(4);
    let node = machine.node();
    let uploads = "uploads".parse().unwrap();
    node.volume_create(&uploads, None, WEB, 0o755).unwrap();
    let mut spec = machine.spec(
        "eeeeeeeeeee1",
        1,
        "while cat /app/version >/dev/null; do :; done; echo missing > /tmp/missing; sleep 60",
    );
    spec.app = Some(machine.app(&[("version", "one"), ("files/.keep", "")]));
    spec.mounts = vec![VolumeMount {
        volume: uploads.clone(),
        source_path: "a/b".into(),
        target: "/app/files".into(),
        read_only: false,
        owner: WEB,
    }];
    node.create(&spec).unwrap();
    machine.sh(&spec.id, "echo kept > /app/files/upload");
    let before = node.container(&spec.id).unwrap().state;
    let next = machine.app(&[("version", "two"), ("files/.keep", "")]);
    let AppImage::Frozen { image } = &next else {
        panic!("not frozen")
    };
    node.swap_app(&spec.id, image).unwrap();
    node.swap_app(&spec.id, image).unwrap();
    assert_eq!(
        machine.sh(&spec.id, "cat /app/version; cat /app/files/upload; ls /tmp"),
        "twokept"
    );
    assert_eq!(node.container(&spec.id).unwrap().state, before);
    assert_eq!(node.container(&spec.id).unwrap().spec.app, Some(next));
    assert!(matches!(
        node.volume_delete(&uploads),
        Err(NodeError::VolumeInUse { .. })
    ));
    assert!(node.volume_path(&uploads).unwrap().join("a/b/upload").exists());
}

#[test]
fn generated_files_are_replaced_and_removed_while_it_runs() {
    if !can_run() {
        return;
    }
    let mut machine = Machine::new(5);
    let spec = machine.spec("fffffffffff1", 1, IDLE);
    machine.node().create(&spec).unwrap();
    let mut file = spec.files[0].clone();
    file.content = "changed\n".into();
    let mut new = file.clone();
    new.path = "deep/er/it's a $file".into();
    new.mode = 0o755;
    machine
        .node()
        .write_files(&spec.id, &[file.clone(), new.clone()], &[])
        .unwrap();
    assert_eq!(machine.sh(&spec.id, "cat /run/guise/greeting"), "changed");
    assert_eq!(
        machine.sh(
            &spec.id,
            "test -x \"/run/deep/er/it's a \\$file\" && ls -A /run | grep -c new || true"
        ),
        "0"
    );
    machine
        .node()
        .write_files(&spec.id, &[], &[file.path.clone()])
        .unwrap();
    assert_eq!(
        machine.sh(&spec.id, "cat /run/guise/greeting 2>/dev/null || echo gone"),
        "gone"
    );
    machine.reopen();
    assert_eq!(machine.node().container(&spec.id).unwrap().spec.files, [new]);
    let refused = machine
        .node()
        .write_files(&spec.id, &[], &["../etc/passwd".into()]);
    assert!(matches!(refused, Err(NodeError::InvalidSpec(_))));
}

#[test]
fn a_node_that_was_killed_is_succeeded_by_one_that_adopts_and_sweeps() {
    if !can_run() {
        return;
    }
    let mut machine = Machine::new(6);
    let lives = machine.spec("ggggggggggg1", 1, IDLE);
    // It is still there when its node looks at it, on a slow machine too.
    let ends = machine.spec("ggggggggggg2", 2, "sleep 0.5");
    let lost = machine.spec("ggggggggggg3", 3, IDLE);
    for spec in [&lives, &ends, &lost] {
        machine.node().create(spec).unwrap();
    }
    let before = machine.node().container(&lives.id).unwrap();
    eventually("one ends", || {
        machine.node().container(&ends.id).unwrap().state == ContainerState::Exited
    });
    // The state of a daemon that died between making a container and noting it.
    let ContainerState::Running { pid } = machine.node().container(&lost.id).unwrap().state else {
        panic!()
    };
    fs::remove_dir_all(machine.state.join("containers").join(lost.id.as_str())).unwrap();
    machine.reopen();
    assert_eq!(machine.node().container(&lives.id), Some(before));
    assert_eq!(machine.sh(&lives.id, "hostname"), "host-1");
    assert_eq!(
        machine.node().container(&ends.id).unwrap().state,
        ContainerState::Exited
    );
    assert!(machine.node().container(&lost.id).is_none());
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    assert!(status.is_empty() || status.contains("State:\tZ"), "{status}");
}

#[test]
fn nothing_is_left_after_a_failure_or_a_removal() {
    if !can_run() {
        return;
    }
    let machine = Machine::new(7);
    let node = machine.node();
    let mut broken = machine.spec("hhhhhhhhhhh1", 1, IDLE);
    broken.process.argv = vec!["/no/such/program".into()];
    let mut missing = machine.spec("hhhhhhhhhhh2", 2, IDLE);
    missing.scratch[0].target = "/not/in/the/image".into();
    for spec in [&broken, &missing] {
        let error = node.create(spec).unwrap_err().to_string();
        assert!(error.contains(spec.id.as_str()), "{error}");
        assert!(node.containers().is_empty());
        assert!(!machine.state.join("containers").join(spec.id.as_str()).exists());
        assert!(!machine.state.join("runtime").join(spec.id.as_str()).exists());
    }
    let good = machine.spec("hhhhhhhhhhh3", 1, IDLE);
    node.create(&good).unwrap();
    assert!(node.log(&good.id, "console.log").unwrap().is_some());
    machine.sh(&good.id, "ln -s /etc/passwd /var/log/link; mkfifo /var/log/pipe");
    assert!(node.log(&good.id, "link").is_err());
    assert!(node.log(&good.id, "pipe").is_err());
    assert!(node.log(&good.id, "none").unwrap().is_none());
    node.remove(&good.id).unwrap();
    let (state, instance) = (machine.state.clone(), node.instance().clone());
    drop(machine);
    let left = || leftovers(&state, &instance.name, &instance.link_prefix);
    eventually(&format!("nothing is left: {:?}", left()), || left().is_empty());
}
