//! Services that may outlive their starter.

use std::{fs, time::Duration};

use process_host::{
    Detached, Exit, LogFile,
    spec::{Command, Environment},
};

use crate::{exists, soon};

#[tokio::test]
async fn a_service_has_its_own_session_and_log_and_is_stopped_with_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogFile::new(folder.path().join("service.log"));
    let script = "echo $$ $(cut -d' ' -f6 /proc/$$/stat) >&2; sleep 1000 & echo $! >&2; wait";
    let command = Command::new("sh").args(["-c", script]);
    let service = Detached::spawn(&command, &Environment::everything(), folder.path(), &log).unwrap();
    soon(async {
        while log.tail(2).len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let numbers: Vec<u32> =
        log.tail(2).join(" ").split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [pid, session, sleeper] = numbers[..] else { panic!("{numbers:?}") };
    assert_eq!(pid, session);
    soon(service.stop(Duration::from_secs(10))).await;
    assert!(!exists(pid));
    soon(async {
        while exists(sleeper)
            && !fs::read_to_string(format!("/proc/{sleeper}/stat")).is_ok_and(|stat| stat.contains(") Z"))
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_end_of_a_service_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogFile::new(folder.path().join("service.log"));
    let command = Command::new("sh").args(["-c", "exit 3"]);
    let mut service = Detached::spawn(&command, &Environment::everything(), folder.path(), &log).unwrap();
    assert_eq!(soon(service.ended()).await, Exit::Code(3));
    assert_eq!(service.has_ended(), Some(Exit::Code(3)));
}
