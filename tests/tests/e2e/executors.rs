//! Tasks that the operator's programs carry out.

use std::{fs, path::Path, process::Command, time::Duration};

use serde_json::{Value, json};
use tests::{Session, Workspace, extras};

/// A workspace whose roles file names executors, and a home in which it is trusted or not.
struct Office {
    workspace: Workspace,
    home: tempfile::TempDir,
}

impl Office {
    fn new(roles: &str) -> Self {
        let office = Self { workspace: Workspace::new(), home: tempfile::tempdir().unwrap() };
        fs::create_dir(office.workspace.path().join(".vespera")).unwrap();
        office.write(roles);
        office
    }

    fn trusted(roles: &str) -> Self {
        let office = Self::new(roles);
        let output = office.command().arg("trust").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        office
    }

    fn write(&self, roles: &str) {
        fs::write(self.workspace.path().join(".vespera/roles.toml"), roles).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = self.workspace.command();
        command.env("XDG_STATE_HOME", self.home.path());
        command
    }

    fn session(&self) -> Session {
        let mut session = Session::start(self.command());
        session.initialize();
        session
    }
}

/// A roles file whose one role runs `script` in a shell.
fn shell(protocol: &str, script: &str, more: &str) -> String {
    let command = json!(["sh", "-c", script]);
    format!(
        "[roles.clerk]\ndescription = \"Does paperwork.\"\n\
         executor = {{ command = {command}, protocol = \"{protocol}\"{more} }}\n"
    )
}

fn task(session: &mut Session, role: &str) -> String {
    let created = session.call("create_task", &json!({"title": "File the forms", "role": role}));
    created["task"]["id"].as_str().unwrap().to_owned()
}

fn read(session: &mut Session, id: &str) -> Value {
    session.call("get_task", &json!({"task_id": id, "include": ["notes", "executions"]}))["task"].clone()
}

/// Waits until the file is there and has a line, and returns it.
fn line_of(path: &Path) -> String {
    let read = || fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'));
    assert!(until(|| read().is_some()), "{} was not written", path.display());
    read().unwrap().trim().to_owned()
}

fn wait_until_gone(pid: &str) {
    assert!(until(|| !Path::new("/proc").join(pid).exists()), "process {pid} is still there");
}

/// Whether `condition` came true within twenty seconds.
fn until(mut condition: impl FnMut() -> bool) -> bool {
    (0..2000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        condition()
    })
}

#[test]
fn a_program_reads_the_task_and_its_output_becomes_the_notes() {
    let office = Office::trusted(&shell("stdin", "cat >got.json; echo; echo 'All filed.'", ""));
    let mut session = office.session();
    let id = task(&mut session, "clerk");
    let done = session.call("execute_task", &json!({"task_id": id}));
    assert_eq!(done["task"]["status"], "done");
    assert_eq!(done["task"]["completion_notes"], "All filed.");
    assert_eq!(done["execution"]["status"], "completed");
    assert_eq!(done["message"], "The executor of the role \"clerk\" finished the task.");
    let got = fs::read_to_string(office.workspace.path().join("got.json")).unwrap();
    let got: Value = serde_json::from_str(&got).unwrap();
    assert_eq!((&got["task"]["id"], &got["task"]["status"]), (&json!(id), &json!("doing")));
    assert_eq!(read(&mut session, &id)["executions"][0]["status"], "completed");
}

#[test]
fn a_python_tool_server_carries_out_a_task_and_reports_progress() {
    let python =
        Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !extras::available("python3", python) {
        return;
    }
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/python").canonicalize().unwrap();
    let command = json!(["python3", "-m", "bindery_tools", package.join("examples/task_executor.py")]);
    let environment = json!(package.join("src"));
    let office = Office::trusted(&format!(
        "[roles.counter]\ndescription = \"Counts.\"\nbrief = \"Count the words of this very sentence.\"\n\
         [roles.counter.executor]\ncommand = {command}\nenvironment = {{ set = {{ PYTHONPATH = {environment} }} }}\n"
    ));
    let mut session = office.session();
    let id = task(&mut session, "counter");
    let call = json!({
        "name": "execute_task", "arguments": {"next": true}, "_meta": {"progressToken": "p"},
    });
    let request = session.start_request("tools/call", call);
    let mut progress = Vec::new();
    let answer = loop {
        let message = session.receive();
        match message["id"] == request {
            true => break message,
            false => progress.push(message),
        }
    };
    let done = &answer["result"]["structuredContent"];
    assert_eq!(done["task"]["id"], json!(id), "{answer}");
    assert_eq!(done["task"]["completion_notes"], "File the forms: 7 words");
    assert_eq!(progress[0]["method"], "notifications/progress", "{progress:?}");
    assert_eq!(progress[0]["params"]["progressToken"], "p");
    assert_eq!(progress[0]["params"]["message"], "counting the brief");
}

#[test]
fn what_the_operator_has_not_allowed_does_not_run() {
    let office = Office::new(&shell("stdin", "touch ran", ""));
    let mut session = office.session();
    let id = task(&mut session, "clerk");
    let claim = session.call("execute_task", &json!({"task_id": id}));
    assert_eq!(claim["task"]["status"], "doing");
    assert!(claim["message"].as_str().unwrap().contains("do the task yourself"), "{claim}");
    session.call("execute_task", &json!({"execution_id": claim["execution"]["id"], "release": true}));

    // Allowed as it is; changed afterwards, it is no longer what was allowed.
    assert!(office.command().arg("trust").output().unwrap().status.success());
    office.write(&shell("stdin", "touch ran; touch more", ""));
    let claim = session.call("execute_task", &json!({"task_id": id}));
    assert_eq!(claim["task"]["status"], "doing");
    assert!(!office.workspace.path().join("ran").exists());

    let output = office.command().arg("doctor").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("not allowed to run (bindery-mcp trust): clerk: sh -c touch ran"), "{said}");
}

#[test]
fn a_program_that_fails_gives_the_task_back_and_says_why() {
    let failing = "echo 'no ink: password=hunter2' >&2; exit 3";
    let office = Office::trusted(&shell("stdin", failing, ""));
    let mut session = office.session();
    let id = task(&mut session, "clerk");
    let error = session.fail("execute_task", &json!({"task_id": id}));
    assert_eq!(error["error_code"], "executor_failed");
    let told = error["error"].as_str().unwrap();
    assert!(told.contains("exit code 3: no ink") && !told.contains("hunter2"), "{error}");
    let task = read(&mut session, &id);
    assert_eq!((&task["status"], &task["executions"][0]["status"]), (&json!("todo"), &json!("released")));
    assert!(task["notes"][0]["text"].as_str().unwrap().contains("exit code 3"), "{task}");

    for (script, more, why) in [
        ("exec sleep 1000", ", timeout_ms = 200", "longer than 200 ms"),
        ("exec no-such-program", "", "exit code 127"),
    ] {
        office.write(&shell("stdin", script, more));
        assert!(office.command().arg("trust").output().unwrap().status.success());
        let error = session.fail("execute_task", &json!({"task_id": id}));
        assert!(error["error"].as_str().unwrap().contains(why), "{error}");
        assert_eq!(read(&mut session, &id)["status"], "todo");
    }
}

#[test]
fn a_cancelled_call_stops_the_program_and_gives_the_task_back() {
    let office = Office::trusted(&shell("stdin", "echo $$ >pid; exec sleep 1000", ""));
    let mut session = office.session();
    let id = task(&mut session, "clerk");
    let call = json!({"name": "execute_task", "arguments": {"task_id": id}});
    let request = session.start_request("tools/call", call);
    let pid = line_of(&office.workspace.path().join("pid"));
    session.send(&json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": request},
    }));
    wait_until_gone(&pid);
    let released = until(|| read(&mut session, &id)["executions"][0]["status"] == "released");
    assert!(released, "{}", read(&mut session, &id));
}

#[test]
fn a_killed_server_takes_its_programs_along() {
    let office = Office::trusted(&shell("stdin", "sleep 1000 & echo $! >pid; wait", ""));
    let mut session = office.session();
    let id = task(&mut session, "clerk");
    session.start_request("tools/call", json!({"name": "execute_task", "arguments": {"task_id": id}}));
    let pid = line_of(&office.workspace.path().join("pid"));
    session.kill();
    wait_until_gone(&pid);
}

#[test]
fn the_command_line_carries_out_tasks_as_well() {
    let office = Office::trusted(&shell("stdin", "echo done by hand", ""));
    let call = |arguments: &[&str]| {
        let output = office.command().arg("call").args(arguments).arg("--json").output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    let created = call(&["create_task", "title=x", "role=clerk"]);
    let done = call(&["execute_task", &format!("task_id={}", created["task"]["id"].as_str().unwrap())]);
    assert_eq!(done["task"]["completion_notes"], "done by hand", "{done}");
    let output = office.command().args(["trust", "--revoke"]).output().unwrap();
    assert!(output.status.success());
    let created = call(&["create_task", "title=y", "role=clerk"]);
    let claim = call(&["execute_task", &format!("task_id={}", created["task"]["id"].as_str().unwrap())]);
    assert_eq!(claim["task"]["status"], "doing");
}
