//! The README's examples work as they stand.

use std::process::Command;

use serde_json::Value;
use tests::{Workspace, binaries::root, binary, extras};

/// The `sh` blocks of the README that contain `word`.
fn blocks(word: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.filter(|block| block.contains(word)).map(str::to_owned).collect()
}

#[test]
fn the_curl_examples_are_answered() {
    if !extras::available("curl", Command::new("curl").arg("--version").output().is_ok()) {
        return;
    }
    let workspace = Workspace::new();
    workspace.session().call("health_check", &serde_json::json!({}));
    let _keeps_the_backend = workspace.session();
    let url = workspace.backend()["url"].as_str().unwrap().trim_end_matches('/').to_owned();
    let blocks = blocks("curl");
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let script = block.replace("http://127.0.0.1:3000", &url);
        let output = Command::new("bash").args(["-euc", &script]).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
        let answers: Vec<Value> =
            serde_json::Deserializer::from_str(&said).into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(answers.len(), block.matches("curl").count());
        assert!(!said.contains("\"error\""), "{said}");
    }
}

#[test]
fn every_tool_and_variable_is_named() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let tools = Command::new(binary("bindery-mcp")).args(["tools", "--json"]).output().unwrap();
    let tools: Value = serde_json::from_slice(&tools.stdout).unwrap();
    for tool in tools.as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        assert!(readme.contains(&format!("| `{name}` |")), "{name}");
    }
}
