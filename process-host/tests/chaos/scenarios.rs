//! `process-host chaos`.

use std::fs;

use crate::host::{bounded, command};

#[test]
fn every_scenario_goes_as_expected() {
    let folder = tempfile::tempdir().unwrap();
    let said = bounded(command(folder.path(), &["chaos", "all"]));
    println!("{}", said.stdout);
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    for scenario in ["kill: ", "freeze: ", "flood: ", "noise: ", "hog: ", "storm: "] {
        assert!(said.stdout.lines().any(|line| line.starts_with(scenario)), "{scenario}");
    }
    assert!(said.stdout.ends_with(" expectations were met\n") && !said.stdout.contains("miss"));
    assert_eq!(said.stdout.matches("recovered in").count(), 2);
}

#[test]
fn what_does_not_recover_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("blind.toml"),
        "[[child]]\nname = \"blind\"\ncommand = [\"sleep\", \"1000\"]\n\
         health = { health_check = { command = [\"true\"] }, health_check_interval_ms = 20, \
         health_check_timeout_ms = 500, max_health_check_failures = 1 }\n",
    )
    .unwrap();
    let said = bounded(command(folder.path(), &["chaos", "freeze", "blind.toml"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("miss  expected: its health check fails"), "{}", said.stdout);
    let nobody =
        bounded(command(folder.path(), &["chaos", "kill", "blind.toml", "--child", "deaf"])).failed();
    assert_eq!(nobody, "error: there is no child deaf; there are: blind\n");
    let wrong = bounded(command(folder.path(), &["chaos", "flod"]));
    assert!(wrong.code == Some(2) && wrong.stderr.contains("flood"), "{wrong:?}");
}

#[test]
fn a_child_deep_in_a_tree_fails_its_own_supervisor() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("deep.toml"),
        "[[child]]\nname = \"outer\"\nmax_restart_attempts = 1\n\
         [[child.child]]\nname = \"inner\"\ncommand = [\"sleep\", \"1000\"]\n\
         [[child]]\nname = \"other\"\ncommand = [\"sleep\", \"1000\"]\n",
    )
    .unwrap();
    for scenario in ["storm", "kill"] {
        let said = bounded(command(folder.path(), &["chaos", scenario, "deep.toml"]));
        assert_eq!(said.code, Some(0), "{said:?}");
        assert!(said.stdout.contains("outer/inner"), "{}", said.stdout);
    }
}

#[test]
fn bench_measures_a_command_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let peer = [env!("CARGO_BIN_EXE_process-host"), "peer", "echo"];
    let bench = |arguments: &[&str]| {
        bounded(command(folder.path(), &[&["bench", "--seconds", "1", "--starts", "2"], arguments].concat()))
    };
    let said = bench(&[&["--json", "--"], &peer[..]].concat()).ok();
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["start_to_first_answer"]["starts"], 2);
    for part in ["sequential", "pipelined"] {
        assert!(report[part]["calls_per_second"].as_f64() > Some(100.0), "{said}");
        assert!(report[part]["p50_us"].as_u64() <= report[part]["p99_us"].as_u64(), "{said}");
    }
    let ended = bench(&["--", "sh", "-c", "echo no license >&2; exit 4"]).failed();
    assert!(ended.contains("exit code 4") && ended.contains("no license"), "{ended}");
}
