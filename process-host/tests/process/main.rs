//! Real children: how they start, what they inherit, how they end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod control_group;
mod port;
mod service;

use std::{fs, path::Path, time::Duration};

use process_host::{
    Exit, Process, SpawnError,
    process::{Reaper, Streams},
    spec::{ChildSpec, Command, Sandbox},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

fn child(program: &str, arguments: &[&str]) -> ChildSpec {
    ChildSpec::new("child", Command::new(program).args(arguments))
}

fn sh(script: &str) -> ChildSpec {
    child("sh", &["-c", script])
}

/// What `spec` writes to standard output, and how it ends.
async fn output(spec: &ChildSpec) -> (String, Exit) {
    let (mut process, mut pipes) = Process::spawn(spec).await.unwrap();
    drop(pipes.stdin);
    let mut text = String::new();
    pipes.stdout.read_to_string(&mut text).await.unwrap();
    (text, process.ended().await)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.expect("it should have happened by now")
}

/// How many children of `parent` are dead and not reaped.
fn zombies(parent: u32) -> usize {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| stat.contains(&format!(") Z {parent} "))).count()
}

/// Whether there is a process with `argument` in its command line.
fn is_running(argument: &str) -> bool {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let mut lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
}

fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn it_reads_writes_and_ends() {
    let (mut process, mut pipes) = Process::spawn(&child("/bin/cat", &[])).await.unwrap();
    pipes.stdin.write_all(b"hello\n").await.unwrap();
    let mut answer = [0; 6];
    pipes.stdout.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hello\n");
    drop(pipes.stdin);
    assert_eq!(soon(process.ended()).await, Exit::Code(0));
    assert_eq!(process.ended().await, Exit::Code(0));
    assert!(!exists(process.pid()));
}

#[tokio::test]
async fn how_it_ended_is_told() {
    assert_eq!(output(&sh("exit 7")).await.1, Exit::Code(7));
    assert_eq!(output(&sh("kill -ABRT $$")).await.1, Exit::Signal(libc::SIGABRT));
}

#[tokio::test]
async fn arguments_directory_and_environment_arrive_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let mut spec = sh("printf '%s|' \"$@\"; pwd; env");
    spec.command = spec.command.args(["name", "a b", "$HOME", "", "ünï"]);
    spec.cwd = Some(directory.path().canonicalize().unwrap());
    spec.environment.inherit = vec!["PATH".into()];
    spec.environment.set.insert("COLOUR".into(), "blue = green".into());
    let (text, exit) = output(&spec).await;
    assert_eq!(exit, Exit::Code(0));
    let (arguments, rest) = text.split_once(spec.cwd.as_ref().unwrap().to_str().unwrap()).unwrap();
    assert_eq!(arguments, "a b|$HOME||ünï|");
    let mut names: Vec<_> =
        rest.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.retain(|name| !["_", "SHLVL", "OLDPWD"].contains(name));
    assert_eq!(names, ["COLOUR", "PATH", "PWD"]);
    assert!(rest.contains("COLOUR=blue = green\n"));
}

#[tokio::test]
async fn what_cannot_run_is_refused_with_the_step() {
    let refused = async |spec: ChildSpec| Process::spawn(&spec).await.unwrap_err();
    let missing = refused(child("no-such-program", &[])).await;
    assert_eq!(missing.to_string(), "there is no program no-such-program on the child's PATH");
    let missing = refused(child("/no/such/program", &[])).await;
    assert_eq!(missing.to_string(), "the system refused to run it: No such file or directory (os error 2)");
    let mut nowhere = child("true", &[]);
    nowhere.cwd = Some("/no/such/directory".into());
    assert!(refused(nowhere).await.to_string().contains("enter its directory: No such file"));
    assert!(matches!(refused(child("true", &["a\0b"])).await, SpawnError::Invalid(_)));
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    fs::write(&text, "not a program").unwrap();
    assert!(refused(child(text.to_str().unwrap(), &[])).await.to_string().contains("Permission denied"));
}

#[tokio::test]
async fn nothing_but_the_standard_streams_is_inherited() {
    // Without CLOEXEC, as careless libraries open files.
    let leaked =
        rustix::fs::open("/dev/null", rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty()).unwrap();
    let (text, _) = output(&child("ls", &["/proc/self/fd"])).await;
    drop(leaked);
    // 3 is what `ls` reads the directory with.
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn signals_and_their_mask_are_as_a_program_expects() {
    let (text, _) = output(&sh("grep -E '^Sig(Blk|Ign)' /proc/self/status")).await;
    // The low 31 bits: above are signals that the C library keeps to itself.
    let masks: Vec<u64> =
        text.split_whitespace().filter_map(|word| u64::from_str_radix(word, 16).ok()).collect();
    assert_eq!(masks.iter().map(|mask| mask & 0x7fff_ffff).collect::<Vec<_>>(), [0, 0], "{text}");
}

#[tokio::test]
async fn a_descriptor_is_handed_on_as_number_3() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let streams = Streams { extra: Some(theirs.into()), ..Streams::null().unwrap() };
    let mut process = Process::spawn_on(&sh("echo hello >&3"), streams).await.unwrap();
    assert_eq!(soon(process.ended()).await, Exit::Code(0));
    assert_eq!(std::io::read_to_string(ours).unwrap(), "hello\n");
}

#[tokio::test]
async fn a_signal_reaches_the_whole_group_and_the_rest_ends_with_the_leader() {
    let script = "sleep 1000 & echo $!; trap '' TERM; sleep 1001 & echo $!; wait; echo no";
    let (mut process, mut pipes) = Process::spawn(&sh(script)).await.unwrap();
    let mut text = Vec::new();
    while text.iter().filter(|byte| **byte == b'\n').count() < 2 {
        pipes.stdout.read_buf(&mut text).await.unwrap();
    }
    let sleepers: Vec<u32> =
        String::from_utf8(text).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert!(sleepers.iter().all(|pid| exists(*pid)));
    process.signal(Signal::KILL);
    assert_eq!(soon(process.ended()).await, Exit::Signal(libc::SIGKILL));
    soon(async {
        while sleepers.iter().any(|pid| exists(*pid)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_dropped_process_is_killed_and_so_is_one_dropped_while_it_starts() {
    let (process, mut pipes) = Process::spawn(&child("sleep", &["1000"])).await.unwrap();
    drop(process);
    let mut nothing = Vec::new();
    soon(pipes.stdout.read_to_end(&mut nothing)).await.unwrap();

    let directory = tempfile::tempdir().unwrap();
    let lock = directory.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &lock,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let script = format!("exec sleep 1000 > {}", lock.display());
    for _ in 0..20 {
        let spec = sh(&script);
        let mut start = Box::pin(Process::spawn(&spec));
        assert!(futures::poll!(&mut start).is_pending());
        drop(start);
    }
    soon(async {
        while is_running(&script) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[test]
fn a_child_outlives_the_thread_and_the_runtime_that_asked_for_it() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let spawned = std::thread::spawn(move || {
        let runtime = runtime();
        let spawned = runtime.block_on(Process::spawn(&child("/bin/cat", &[]))).unwrap();
        (spawned, runtime)
    });
    let ((process, pipes), runtime) = spawned.join().unwrap();
    assert!(exists(process.pid()));
    runtime.block_on(async {
        let mut pipes = pipes;
        pipes.stdin.write_all(b"x").await.unwrap();
        assert_eq!(pipes.stdout.read_u8().await.unwrap(), b'x');
    });
}

#[tokio::test]
async fn resource_limits_hold() {
    let mut spec = sh("ulimit -n; ulimit -v; ulimit -t");
    spec.limits.open_files = Some(32);
    spec.limits.address_space_mb = Some(512);
    spec.limits.cpu_seconds = Some(7);
    assert_eq!(output(&spec).await.0, "32\n524288\n7\n");
}

#[tokio::test]
async fn a_sandboxed_child_reaches_only_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let (open, closed) = (directory.path().join("open"), directory.path().join("closed"));
    fs::create_dir(&open).unwrap();
    fs::write(&closed, "secret").unwrap();
    let script = format!(
        "cat {c}; echo x > {o}/file && cat {o}/file; echo x > /tmp/no",
        c = closed.display(),
        o = open.display()
    );
    let mut spec = sh(&script);
    let readonly = ["/bin", "/usr", "/lib", "/lib64", "/etc"]
        .map(Into::into)
        .into_iter()
        .filter(|path: &std::path::PathBuf| path.exists());
    spec.sandbox = Some(Sandbox { readonly: readonly.collect(), readwrite: vec![open] });
    let outcome = Process::spawn(&spec).await;
    if let Err(error @ SpawnError::Sandbox(_)) = &outcome
        && error.to_string().contains("no Landlock")
    {
        return eprintln!("skipped: {error}");
    }
    let (mut process, mut pipes) = outcome.unwrap();
    let mut text = String::new();
    pipes.stdout.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "x\n");
    let mut complaints = String::new();
    pipes.stderr.read_to_string(&mut complaints).await.unwrap();
    assert_eq!(complaints.matches("Permission denied").count(), 2, "{complaints}");
    assert_ne!(process.ended().await, Exit::Code(0));
}

#[tokio::test]
async fn thousands_of_children_leave_nothing_behind() {
    let count = if std::env::var_os("CI").is_some() { 10_000 } else { 1_000 };
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let spec = child("true", &[]);
    let round = async |count: usize| {
        for _ in 0..count / 20 {
            let spawn = async || Process::spawn(&spec).await.unwrap().0.ended().await;
            let exits = futures::future::join_all((0..20).map(|_| spawn())).await;
            assert!(exits.iter().all(|exit| exit.is_success()));
        }
    };
    round(40).await;
    let before = descriptors();
    round(count).await;
    // Other tests of this process may hold some for a moment, or just have a child that died.
    assert!(descriptors() < before + 100, "{before} before, {} after", descriptors());
    assert!(zombies(Reaper::shared().unwrap().pid()) < 10);
}
