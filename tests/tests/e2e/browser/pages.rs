//! Our own pages, opened in Chromium over a store full of payloads.

use std::process::Command;

use serde_json::{Value, json};
use tests::{Session, Workspace};

use super::{breakouts, corpus, harness};

/// Hand-written breakouts, and with the corpora some hundreds of payloads.
fn payloads() -> Vec<String> {
    let mut texts: Vec<String> =
        [breakouts::HTML, breakouts::MARKDOWN].concat().into_iter().map(str::to_owned).collect();
    if let Some(rows) = corpus("xss_payloads.jsonl", "payload") {
        texts.extend(rows.into_iter().step_by(20).map(|row| row.text));
    }
    texts
}

#[test]
fn nothing_stored_runs_on_our_own_pages() {
    let Some(harness) = harness() else { return };
    // What the guard lets in as it is must be as harmless here as what it has neutralized.
    for policy in ["neutralize", "flag"] {
        let workspace = Workspace::new();
        let mut command = workspace.command();
        command.env("BINDERY_TEXT_GUARD", policy);
        let mut session = Session::start(command);
        session.initialize();
        let tasks: Vec<Value> = payloads()
            .iter()
            .map(|text| {
                let title: String = text.chars().take(400).collect();
                json!({"title": format!("x {title}"), "description": text, "tags": ["<b>"], "labels": {"x": text}})
            })
            .collect();
        let written = session.call("create_task", &json!({"tasks": tasks}));
        let ids = written["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap());
        let output = Command::new("node")
            .current_dir(&harness)
            .arg("pages.mjs")
            .arg(workspace.backend()["url"].as_str().unwrap())
            .args(ids.step_by(50))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("ok pages"), "{policy}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}
