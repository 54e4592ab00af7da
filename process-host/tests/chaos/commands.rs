//! The commands for people, beside a real host.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use process_host::{CallError, CallOptions, Closed, Connection, ConnectionOptions, EventKind, Exit};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use crate::{
    PATIENCE,
    host::{Host, bounded, command, send},
};

const TREE: &str = r#"
[[child]]
name = "web"
command = ["sh", "-c", "echo listening; echo careful >&2; exec sleep 1000"]
shutdown = { graceful_shutdown_timeout_ms = 500 }
backoff = { restart_delay_ms = 5, max_restart_delay_ms = 20 }

[[child]]
name = "workers"
[[child.child]]
name = "one"
command = ["sleep", "1000"]
"#;

/// A child that reports that it is half done, and then answers.
const REPORTING: &str = r#"
[[child]]
name = "sh"
stdio = "jsonrpc"
command = ["sh", "-c", '''
while read -r line; do
    head="${line%%\"method\"*}"
    id="${head#*\"id\":}"
    echo "{\"jsonrpc\":\"2.0\",\"method\":\"$/progress\",\"params\":{\"id\":${id%,},\"value\":0.5}}"
    echo "$head\"result\":\"done\"}"
done''']
"#;

#[test]
fn ps_shows_every_child_in_columns_and_as_json() {
    let host = Host::up(TREE);
    let table = host.command(&["ps"]).ok();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0][..3], ["CHILD", "STATE", "PID"]);
    let names: Vec<_> = lines[1..].iter().map(|words| words[0]).collect();
    assert_eq!(names, ["web", "workers/", "workers/one"]);
    assert_eq!(lines[1][1..3], ["running", &host.last_pid("web").to_string()]);
    assert!(!table.contains('\u{1b}'), "no colour in a pipe");
    assert_eq!(host.command(&["top"]).ok().lines().next(), table.lines().next(), "no terminal, no live view");
    let status: Value = serde_json::from_str(&host.command(&["ps", "tree.toml", "--json"]).ok()).unwrap();
    assert_eq!(
        (&status["pid"], &status["tree"]["children"][0]["state"]),
        (&json!(host.pid()), &json!("running"))
    );
}

#[test]
fn logs_shows_what_was_written_and_goes_on_through_a_restart() {
    let mut host = Host::up(TREE);
    let following = host.follow(&["logs", "-f"]);
    // The two outputs of a child are read side by side.
    let mut lines = following.until_all(["listening", "careful"]);
    lines.sort();
    assert_eq!(lines, ["web         | careful", "web         | listening"]);
    let mut kept: Vec<_> = host.command(&["logs", "web"]).ok().lines().map(str::to_owned).collect();
    kept.sort();
    assert_eq!(kept, ["careful", "listening"]);
    send(host.last_pid("web"), Signal::KILL);
    following.until_all(["listening", "careful"]);
    host.running("web");
    let last: Value =
        serde_json::from_str(host.command(&["logs", "web", "-n", "1", "--json"]).ok().trim()).unwrap();
    assert_eq!((&last["path"], last["sequence"].as_u64() > Some(2)), (&json!("web"), true));
    host.command(&["stop"]).ok();
    assert_eq!(following.end(), Vec::<String>::new(), "it ends with the host, and says nothing twice");
}

#[test]
fn events_are_lines_for_people_and_json_for_programs() {
    let mut host = Host::up(TREE);
    let following = host.follow(&["events", "-f"]);
    let running = format!("web running as process {}", host.last_pid("web"));
    following.until(&running);
    let objects = host.command(&["events", "--json"]).ok();
    let first: process_host::Event = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert_eq!((first.sequence, first.kind), (1, EventKind::Starting));
    send(host.last_pid("web"), Signal::KILL);
    following.until("its last words \"careful\"");
    host.running("web");
    host.command(&["stop"]).ok();
    following.until("(all) stopped");
    assert!(following.end().is_empty());
}

#[test]
fn restart_and_stop_wait_until_it_is_done() {
    let mut host = Host::up(TREE);
    let before = host.last_pid("web");
    let told = host.command(&["restart", "web"]).ok();
    let now = host.running("web");
    assert_eq!(told, format!("web runs as process {now} instead of {before}\n"));
    assert_eq!(host.command(&["stop", "tree.toml", "workers/one"]).ok(), "workers/one is stopped\n");
    let stopped = host.event("workers/one", |kind| matches!(kind, EventKind::Stopped { .. }));
    assert_eq!(stopped.kind, EventKind::Stopped { exit: Some(Exit::Signal(15)) });
    let up = host.command(&["restart", "workers/one"]).ok();
    assert!(up.ends_with(", which was down\n"), "{up}");
    let told = host.command(&["restart", "wbe"]).failed();
    assert_eq!(
        told,
        "error: there is no child wbe. Did you mean web? There are: web, workers, workers/one\n"
    );
    let file = host.folder().canonicalize().unwrap().join("tree.toml");
    assert_eq!(host.command(&["stop"]).ok(), format!("the host of {} is stopped\n", file.display()));
    assert_eq!(host.end().code(), Some(0));
    assert_eq!(host.socket(), None, "it takes its socket along");
    assert!(host.command(&["ps"]).failed().contains("no host of this user runs"));
}

#[test]
fn a_live_socket_is_refused_and_a_stale_one_replaced() {
    let host = Host::up(TREE);
    let socket = host.socket().unwrap();
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(socket.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let refused = host.command(&["run", "tree.toml"]).failed();
    assert!(refused.contains(&format!("held by a host that runs: process {}, ", host.pid())), "{refused}");
    host.signal(Signal::KILL);
    let mut host = host;
    assert!(!host.end().success());
    assert!(socket.exists(), "nobody could remove it");
    assert!(host.command(&["ps"]).failed().contains("no host of this user runs"));
    let mut again = command(host.folder(), &["run", "tree.toml"]);
    let mut again =
        again.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    while host.command(&["ps"]).code != Some(0) {
        assert!(std::time::Instant::now() < deadline, "the place is not taken");
    }
    host.command(&["stop"]).ok();
    assert!(again.wait().unwrap().success());
}

#[test]
fn when_several_hosts_run_they_are_listed() {
    let host = Host::up(TREE);
    fs::write(host.folder().join("other.toml"), TREE).unwrap();
    let other = host.follow(&["run", "other.toml"]);
    other.until("(all) running");
    let told = host.command(&["ps"]).failed();
    assert!(told.contains("tree.toml") && told.contains("other.toml"), "{told}");
    assert!(host.command(&["ps", "tree.toml"]).ok().contains("web"));
    assert!(host.command(&["stop", "other.toml"]).ok().contains("other.toml"));
    other.end();
    let told = host.command(&["ps", "other.toml"]).failed();
    assert!(told.contains("no host runs other.toml") && told.contains("tree.toml"), "{told}");
}

#[test]
fn another_user_is_not_let_in() {
    let host = Host::up(TREE);
    let socket = host.socket().unwrap();
    // All that permissions could do against it is taken away.
    for (path, mode) in [(host.folder(), 0o755), (socket.parent().unwrap(), 0o755), (&socket, 0o666)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let as_other = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--clear-groups", program]).args(arguments);
        command
    };
    let program = env!("CARGO_BIN_EXE_process-host");
    let may = as_other(program, &["--version"]).output();
    if !rustix::process::getuid().is_root() || !may.is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: only root can be somebody else, and the program must be within reach");
    }
    let refused = bounded(as_other(program, &["ps", "--socket", socket.to_str().unwrap()])).failed();
    assert_eq!(refused, "error: the host has ended\n");
    assert!(host.command(&["ps"]).ok().contains("web"));
}

#[test]
fn mistakes_are_told_on_one_line_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| bounded(command(folder.path(), arguments));
    let unknown = said(&["strat"]);
    assert_eq!((unknown.code, unknown.stderr.lines().count()), (Some(2), 1), "{unknown:?}");
    fs::write(folder.path().join("typo.toml"), "[[child]]\nname = \"a\"\ncommand = [\"x\"]\nrestrat = 1\n")
        .unwrap();
    let told = said(&["run", "typo.toml"]).failed();
    assert!(told.starts_with("error: typo.toml: ") && told.contains("restrat"), "{told}");
    fs::write(folder.path().join("empty.toml"), "").unwrap();
    assert!(said(&["run", "empty.toml"]).failed().contains("describes no child"));
    assert!(said(&["run", "gone.toml"]).failed().starts_with("error: gone.toml: No such file"));
    assert!(said(&["ps", "gone.toml"]).failed().contains("there is no file gone.toml"));
    assert!(said(&["call", "x"]).failed().contains("--child NAME of a running host, or a command after --"));
}

#[tokio::test]
async fn programs_may_ask_the_control_socket_themselves() {
    let tree = format!("{TREE}{}", REPORTING);
    let host = Host::up(&tree);
    let (reader, writer) = UnixStream::connect(host.socket().unwrap()).await.unwrap().into_split();
    let options = ConnectionOptions::default();
    let (connection, _incoming) = Connection::open(reader, writer, options, async { Closed::Ended });
    let ask = async |method: &str, params: Value| {
        let answer = connection.call(method, &params, CallOptions::within(PATIENCE)).await;
        answer.map(|answer| serde_json::from_str::<Value>(answer.get()).unwrap())
    };
    assert_eq!(ask("status", Value::Null).await.unwrap()["pid"], host.pid());
    let (progress, mut reports) = tokio::sync::mpsc::channel(4);
    let call = json!({"path": "sh", "method": "work", "params": {"a": 1}, "timeout_ms": 20_000});
    let answer = connection.call("call", &call, CallOptions::within(PATIENCE).with_progress(progress)).await;
    assert_eq!(answer.unwrap().get(), "\"done\"");
    assert_eq!(reports.recv().await.unwrap().get(), "0.5");
    let refused = async |method: &str, params: Value| match ask(method, params).await {
        Err(CallError::Remote { code, message, .. }) => (code, message),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused("dance", Value::Null).await, (-32601, "there is no method dance".to_owned()));
    assert_eq!(refused("log", json!({"after": 1})).await.0, -32602);
    assert_eq!(refused("restart", json!({"path": "x"})).await, (-32000, "there is no child x".to_owned()));
    let (code, words) = refused("call", json!({"path": "web", "method": "x"})).await;
    assert!(code == -32000 && words.contains("its stdio is \"log\""), "{words}");
}

#[test]
fn the_readme_names_commands_that_exist() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let named: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("process-host ")?.split_whitespace().next())
        .collect();
    assert!(named.contains(&"run") && named.contains(&"doctor"), "{named:?}");
    for name in named.into_iter().chain(["top", "logs", "events", "restart", "stop"]) {
        let program = env!("CARGO_BIN_EXE_process-host");
        let help = Command::new(program).args([name, "--help"]).output().unwrap();
        assert!(help.status.success(), "{name}");
    }
}
