//! Control groups, where the tests may make one to be delegated.

use std::{env, fs, path::PathBuf, process::Command as Plain};

use process_host::{
    Exit, Process,
    spec::{ChildSpec, Command},
};
use rustix::process::Signal;
use tokio::io::AsyncReadExt;

use crate::{exists, soon};

/// Set in the run that happens inside the group.
const INSIDE: &str = "PROCESS_HOST_TEST_GROUP";

#[test]
fn what_hides_from_its_process_group_dies_with_its_control_group() {
    if env::var_os(INSIDE).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(inside());
    }
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2"));
    let Some(mount) = mount.and_then(|line| line.split(' ').nth(1)) else {
        return eprintln!("skipped: no cgroup2 is mounted");
    };
    let group = PathBuf::from(mount).join(format!("process-host-test.{}", std::process::id()));
    if let Err(error) = fs::create_dir(&group) {
        return eprintln!("skipped: no control group can be made here: {error}");
    }
    let name = "control_group::what_hides_from_its_process_group_dies_with_its_control_group";
    let join = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", group.display());
    let status = Plain::new("sh")
        .args(["-c", &join, "sh"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .status();
    // What was killed last may still be leaving, and then so is its group.
    let removed = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        for inner in fs::read_dir(&group).into_iter().flatten().flatten() {
            let _ = fs::remove_dir(inner.path());
        }
        fs::remove_dir(&group).is_ok()
    });
    assert!(status.unwrap().success());
    assert!(removed, "{} is left", group.display());
}

async fn inside() {
    let script = "setsid sleep 1000 & echo $!; cat /proc/self/cgroup; wait";
    let spec = ChildSpec::new("hider", Command::new("sh").args(["-c", script]));
    let (mut process, mut pipes) = Process::spawn(&spec).await.unwrap();
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains("0::") {
        pipes.stdout.read_buf(&mut text).await.unwrap();
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(&format!("/process-host-{}-", std::process::id())), "{text}");
    let hidden = text.lines().next().unwrap().parse().unwrap();
    process.signal(Signal::KILL);
    assert_eq!(soon(process.ended()).await, Exit::Signal(9));
    soon(async {
        while exists(hidden) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
